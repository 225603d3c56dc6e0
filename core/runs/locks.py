"""Locks that end with their holders, and the devices of this machine, each of which works on one run at a time.

A lock is a flock on a file. It belongs to the open file, so that a child that inherits the file holds the lock with its parent, and it
ends when the last of them ends, however that comes about: whether a run is alive is asked of its lock, which no zombie, no process number
given anew and no server that was started again can make wrong. Linux.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
import subprocess
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from core import checkpoint
from core.errors import InputError

Kind = Literal["cpu", "cuda"]

PATIENCE = 0.3
"""Seconds: whoever asks whether a lock is held holds it for a moment."""


def hold(path: Path, patience: float = PATIENCE) -> int | None:
    """The descriptor of the file, locked, or None where somebody else holds it. The lock ends when the descriptor, and every copy that a
    child has inherited, is closed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = _opened(path, os.O_RDWR | os.O_CREAT)
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            if time.monotonic() >= until:
                os.close(descriptor)
                return None
            time.sleep(0.01)
        except BaseException:
            os.close(descriptor)
            raise


def _opened(path: Path, mode: int) -> int:
    """The descriptor of a regular file. InputError for a folder, a pipe, a device or a link under that name: none is a lock of ours."""
    try:
        descriptor = os.open(path, mode | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EISDIR, errno.ENXIO):
            raise InputError(f"{path} is no lock of a run but a link, a folder or a socket; remove it") from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise InputError(f"{path} is no lock of a run but no regular file; remove it")
    return descriptor


def held(path: Path) -> bool:
    """Whether somebody holds the lock."""
    try:
        descriptor = _opened(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@dataclass(frozen=True)
class Device:
    """One device: "cpu" or "cuda:0", what it is called, its memory in bytes, and by which identity CUDA_VISIBLE_DEVICES names it."""

    name: str
    title: str
    memory: int
    identity: str = ""

    @property
    def lock(self) -> Path:
        """The lock of the device: whoever holds it works there."""
        return checkpoint.RUNS / ".slots" / f"{self.name.replace(':', '-')}.lock"

    @property
    def environment(self) -> dict[str, str]:
        """What a process that works here must be told: a GPU's number 0 is this one, and the CPU's process sees none."""
        return {"CUDA_VISIBLE_DEVICES": self.identity}


def _cpu() -> Device:
    return Device("cpu", f"CPU, {os.cpu_count()} cores", os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


@cache
def gpus() -> tuple[Device, ...]:
    """The GPUs that nvidia-smi lists, of which CUDA_VISIBLE_DEVICES may leave some out. Asked without torch: a page asks, too."""
    program = shutil.which("nvidia-smi")
    if program is None or not Path(program).is_absolute():  # one that lies in the folder where somebody stands is none of the machine's
        return ()
    asked = [program, "--query-gpu=index,uuid,name,memory.total", "--format=csv,noheader,nounits"]
    answer = subprocess.run(asked, capture_output=True, text=True, timeout=30, check=False)
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return _parsed(answer.stdout, None if visible is None else visible.split(",")) if answer.returncode == 0 else ()


def _parsed(listed: str, visible: list[str] | None) -> tuple[Device, ...]:
    """nvidia-smi's lines "index, uuid, name, MiB" as devices, numbered by their index."""
    rows = [[cell.strip() for cell in line.split(",")] for line in listed.splitlines() if line.count(",") == 3]
    kept = [row for row in rows if visible is None or row[0] in visible or any(one and row[1].startswith(one) for one in visible)]
    return tuple(Device(f"cuda:{index}", title, int(mib) << 20 if mib.isdigit() else 0, identity) for index, identity, title, mib in kept)


def devices(kind: str) -> tuple[Device, ...]:
    """The devices of a kind: the CPU, or every GPU; "auto" is the GPUs where there are some."""
    return (_cpu(),) if kind == "cpu" or (kind == "auto" and not gpus()) else gpus()


def take(kind: str) -> tuple[Device, int] | None:
    """The first free device of a kind, with the descriptor that holds it; None where all are at work."""
    for device in devices(kind):
        if (descriptor := hold(device.lock)) is not None:
            return device, descriptor
    return None
