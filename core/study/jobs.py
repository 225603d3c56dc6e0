"""Studies that outlive the page that started them: `python -m core study` in a process of its own, one at a time.

What is running is read from the runs' status.json, so a study started on the command line counts, too. Linux: a lock on a file keeps
two visitors from starting one in the same moment; the study inherits it and holds it to its end.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from core import fields
from core.errors import InputError
from core.study import campaigns
from core.study.settings import Request
from core.training.runs import read_status

LOCK = ".study.lock"
NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,80}")
LOG = "log.txt"

_started: list[subprocess.Popen[bytes]] = []
"""Studies that this server started: they are asked for their end, or a dead one would look alive (a zombie has a process id)."""


def command(request: Request, folder: Path, workers: int) -> list[str]:
    """The command line of a study, every setting written out."""
    recipe, _, fidelity = request.recipe.partition(":")
    words = [
        sys.executable,
        "-m",
        "core",
        "study",
        "--out",
        str(folder),
        "--workers",
        str(workers),
        "--recipe",
        recipe,
        "--fidelity",
        fidelity or "fixed",
    ]
    for part in (request.study, request.switches):
        for name, value in fields.to_json(part).items():
            words.append(f"--{name.replace('_', '-')}={str(value).lower() if isinstance(value, bool) else value}")
    return words


def folder_for(name: str) -> Path:
    """Where a study of this name lies. InputError for a name that is no plain folder name."""
    if not NAME.fullmatch(name):
        raise InputError(
            f"'{name}' cannot be a study's name: letters, digits, dots, dashes and underscores, at most 81, the first a letter or a digit"
        )
    return campaigns.RUNS / name


def start(request: Request, folder: Path, workers: int = 1) -> None:
    """Start a study in a folder under runs/, or go on with the one that is there. InputError where another one is running."""
    campaigns.RUNS.mkdir(parents=True, exist_ok=True)
    with (campaigns.RUNS / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError("another study is running on this machine; wait for its end, or stop it") from None
        if busy := running():
            raise InputError(f"study '{busy.name}' is running; wait for its end, or stop it")
        folder.mkdir(parents=True, exist_ok=True)
        nice = ["nice", "-n", "5"] if shutil.which("nice") else []
        with (folder / LOG).open("ab") as log:
            process = subprocess.Popen(
                [*nice, *command(request, folder, workers)], cwd=campaigns.ROOT, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True, pass_fds=(lock.fileno(),), env={**os.environ, "OMP_NUM_THREADS": "1"},
            )  # fmt: skip
    _started.append(process)


def state(folder: Path) -> dict[str, Any] | None:
    """status.json of a run, None where it has not come to writing one; see core.training.runs.read_status."""
    for process in list(_started):
        if process.poll() is not None:
            _started.remove(process)
    return read_status(folder) if (folder / "status.json").is_file() else None


def running() -> Path | None:
    """The folder of the study that is running, if any."""
    for config in campaigns.under(campaigns.RUNS, "config.json"):
        found = state(config.parent) if campaigns.read_config(config.parent) is not None else None
        if found is not None and found["state"] == "running":
            return config.parent
    return None


def starting(folder: Path) -> bool:
    """Whether this server has started a process for the folder that has not ended."""
    return any(process.poll() is None and str(folder) in process.args for process in _started)  # type: ignore[operator] # a list, see start()


def stop(folder: Path) -> None:
    """Ask a running study to stop; what it has recorded stays."""
    (folder / "stop").touch()


def said(folder: Path, most: int = 600) -> str:
    """The end of what a study printed: the sentence of an error, after its progress bars."""
    path = folder / LOG
    if not path.is_file():
        return ""
    lines = re.split(r"[\r\n]+", path.read_bytes()[-20_000:].decode("utf-8", "replace"))
    return "\n".join(line for line in lines if line.strip() and "it/s]" not in line and "s/it]" not in line)[-most:]
