"""`python -m core.runs.supervisor FOLDER LOCK PROGRAM...`: the process that core.runs.jobs.launch leaves behind. It waits until the device is
free and nobody stands before it, runs the program there, and writes how it ended where the program could not: killed, or refused.

LOCK is the descriptor of the run's lock, inherited; the program inherits it in turn, and the device's: killing the supervisor alone
neither frees the device nor makes the run look dead.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from core.exhaustion import exhausted
from core.files import read_json
from core.runs import jobs, locks
from core.runs.run import DEVICE, JOB, STATUS, STOP, Status, write_status

LOOK_SECONDS = 0.5
"""Between two looks at the line."""
NICE = 5
"""Pages come first."""


def wait_for_turn(folder: Path) -> tuple[locks.Device, int] | None:
    """A device of the kind that status.json names, and the descriptor that holds it; None when someone asked to stop first."""
    kind = str(_status(folder)["device"])
    while not (folder / STOP).exists():
        if next(iter(jobs.line(kind)), folder) == folder and (taken := locks.take(kind)) is not None:
            return taken
        time.sleep(LOOK_SECONDS)
    return None


def work(folder: Path, lock: int, program: list[str]) -> None:
    """Wait, run, and leave a status that says how it ended."""
    taken = wait_for_turn(folder)
    if taken is None:
        write_status(folder, state="stopped", message="left the line before its turn came; resume puts it at the end of the line")
        return
    device, device_lock = taken
    before = _killed_for_memory()
    write_status(folder, state="running", device=device.name, what="starting", pid=os.getpid())
    environment = {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1", **os.environ, **device.environment, JOB: str(folder), DEVICE: device.name}
    code = subprocess.run(program, env=environment, stdin=subprocess.DEVNULL, pass_fds=(lock, device_lock), check=False).returncode
    conclude(folder, code, _killed_for_memory() > before)


def conclude(folder: Path, code: int, memory: bool = False) -> None:
    """Write the end that the program has not written itself. `code` is its exit status, negative where a signal ended it; `memory` says
    that the system has killed a process for want of memory meanwhile."""
    state = _status(folder)["state"]
    if state in ("stopped", "crashed") or (state == "done" and code == 0):
        return
    if code == 0:
        write_status(folder, state="done", eta=0)
    else:
        write_status(folder, state="crashed", eta=None, message=_why(folder, code, memory))


def _why(folder: Path, code: int, memory: bool) -> str:
    if code == -signal.SIGKILL and memory:
        return "the memory was full and the system ended it: start again with a smaller batch size, or resume once other programs have ended"
    if code == -signal.SIGKILL:
        return "it was killed (signal 9), by hand or by a system short of memory; resume goes on from its last saved state"
    if code < 0:
        return f"it was ended by {signal.Signals(-code).name}; resume goes on from its last saved state"
    return jobs.said(folder) or f"it ended with status {code} and did not say why"


def _status(folder: Path) -> dict[str, Any]:
    return {**read_json(folder / STATUS, Status)}


def _killed_for_memory() -> int:
    """How many processes the system has killed for want of memory since it started; 0 where it does not count."""
    path = Path("/proc/vmstat")
    lines = path.read_text(encoding="ascii").splitlines() if path.is_file() else []
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


def main(words: list[str]) -> None:
    folder, lock, *program = words
    os.nice(NICE)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: (Path(folder) / STOP).touch())  # asked to end, it asks the program to
    try:
        work(Path(folder), int(lock), program)
    except OSError as error:
        raise SystemExit(str(exhausted(error) or error)) from error


if __name__ == "__main__":
    main(sys.argv[1:])
