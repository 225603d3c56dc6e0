"""Stands in for `python -m core` in tests of jobs, with a command line that `train` would take:

    train --model linear --run FOLDER --dataset KIND --move-step SECONDS

works on a run folder as long, or ends as badly, as it is told.
"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from core.errors import InputError
from core.runs.run import Run

STEPS = 50


def works(run: Run, seconds: float) -> None:
    """Goes on from the last step that it logged, as a training does."""
    count = run.folder / "count"
    done = int(count.read_text()) if count.is_file() else 0
    for step in range(done + 1, STEPS + 1):
        time.sleep(seconds / STEPS)
        count.write_text(str(step))
        run.log({"step": step, "loss": 1 / step})
        run.progress(step, STEPS, "training")


def full(run: Run, seconds: float) -> None:
    """The disk is full until somebody gives something up."""
    from core.runs import run as runs

    write = runs.write_atomically

    def refuse(path: Path, content: str | bytes) -> None:
        if (run.folder / runs.RESERVE).exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        write(path, content)

    runs.write_atomically = refuse  # type: ignore[assignment] # a fake, for this process alone
    run.progress(1, 1, "training")


def memory(run: Run, seconds: float) -> None:
    raise MemoryError


def gpu(run: Run, seconds: float) -> None:
    import torch

    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.\nmore")


def killed(run: Run, seconds: float) -> None:
    run.progress(3, STEPS, "training")
    os.kill(os.getpid(), signal.SIGKILL)


def refused(run: Run, seconds: float) -> None:
    raise InputError("no such *data set*")


def lingers(run: Run, seconds: float) -> None:
    """A zombie: a child that has ended and is not asked for its end."""
    run.progress(1, STEPS, "training")
    child = subprocess.Popen(["true"])
    time.sleep(seconds)
    child.wait()


KINDS: dict[str, Any] = {
    "works": works, "full": full, "memory": memory, "gpu": gpu, "killed": killed, "refused": refused, "lingers": lingers,
}  # fmt: skip


def words(folder: Path, kind: str, seconds: float) -> list[str]:
    return ["train", "--model", "linear", "--run", str(folder), "--dataset", kind, "--move-step", str(seconds)]


def main() -> None:
    folder, kind, seconds = sys.argv[5], sys.argv[7], float(sys.argv[9])
    if kind == "early":
        sys.exit("it never came to a run")
    if kind == "loads":  # seconds before there is a run that could look at a request to stop
        time.sleep(seconds)
        kind = "works"
    with Run(Path(folder), device="cpu") as run:
        KINDS[kind](run, seconds)


if __name__ == "__main__":
    main()
