"""What the machine refuses, said as a sentence: a disk or a memory that is full, a place that may not be written, too many open files.

    with as_sentence():          # an OSError, a MemoryError, torch's or safetensors' word for either -> the CoreError that says it
        ...

Python, the operating system, torch, pyarrow and safetensors say the same thing in different ways; here alone they are told apart. An
error that says nothing of the machine goes through unchanged: it is a bug and is shown as one.
"""

from __future__ import annotations

import errno
import os
import re
from types import TracebackType

from core.errors import CoreError, Exhausted, Unwritable

AGAIN = "what was saved before is still there"
_FREE = f"free some space, then resume or do it again; {AGAIN}"
FULL = {
    errno.ENOSPC: f"the disk is full{{where}}: {_FREE}",
    errno.EDQUOT: f"this user's share of the disk is used up{{where}}: {_FREE}",
    errno.EFBIG: f"a file may not grow that large here{{where}}: raise the limit (ulimit -f) or write to another disk; {AGAIN}",
    errno.EMFILE: "this process has as many files open as it may: raise the limit (ulimit -n), or end some of its work, then do it again",
    errno.ENFILE: "this machine has as many files open as it can: end other programs, then do it again",
    errno.ENOMEM: f"the memory is full: start again with less at once, or once other programs have ended; {AGAIN}",
    errno.EAGAIN: f"this user may start no more processes: end other programs, or raise the limit (ulimit -u), then do it again; {AGAIN}",
}
"""Of what there is too little."""
REFUSED = {
    errno.EROFS: "it lies on a file system that can only be read: choose a place that can be written",
    errno.EACCES: "this user may not: change the permissions, or choose another place",
    errno.EPERM: "this user may not: change the permissions, or choose another place",
    errno.ENAMETOOLONG: "its name is too long for this file system: choose a shorter one",
    errno.ENOTDIR: "a file stands where a folder is needed: choose another place",
    errno.EISDIR: "a folder stands where a file is needed: choose another name",
    errno.EEXIST: "something of that name is there already: choose another name",
    errno.ENOENT: "it, or the folder it belongs in, is not there (any more): make it, or choose another place",
    errno.ELOOP: "its links lead round in a circle: choose the folder itself",
    errno.EIO: "the disk fails: look after it, then do it again",
    errno.ESTALE: "the network's file system has lost it: mount it again, then do it again",
}
"""What cannot be done with a place, and what to do instead."""
_OF_RUST = re.compile(r"\(os error (\d+)\)")
"""How safetensors, written in Rust, names the operating system's error: its own class is no OSError."""


def exhausted(error: BaseException) -> CoreError | None:
    """The sentence for an error by which the machine refuses; None for any other, a CoreError among them unless it is such a sentence."""
    if isinstance(error, Exhausted | Unwritable):
        return error
    if isinstance(error, CoreError):
        return None
    text = str(error).split("\n")[0]
    if isinstance(error, OSError):
        return _of_number(error.errno, _place(error))
    if found := _OF_RUST.search(text):
        return _of_number(int(found[1]), "")
    if type(error).__name__ == "OutOfMemoryError":  # torch's, of a GPU; torch need not be loaded to ask
        return Exhausted(f"the GPU's memory is full: start again with a smaller batch size, or resume once other programs have left it ({text})")
    if isinstance(error, MemoryError) or "can't allocate memory" in text or "not enough memory" in text:
        return Exhausted("the memory is full: start again with a smaller batch size or a shorter text, or resume once other programs have ended")
    if isinstance(error, RuntimeError) and "can't start new thread" in text:
        return _of_number(errno.EAGAIN, "")
    return None


def _place(error: OSError) -> str:
    name = error.filename2 or error.filename
    return os.fsdecode(name) if isinstance(name, str | bytes | os.PathLike) else ""


def _of_number(number: int | None, place: str) -> CoreError | None:
    if number in FULL:
        return Exhausted(FULL[number].format(where=f" ({place})" if place else ""))
    if number in REFUSED:
        return Unwritable(f"{place or 'a file'} cannot be used: {REFUSED[number]}")
    return None


class as_sentence:  # a context manager reads as a verb, like contextlib's
    """Turns what the machine refuses inside the block into its sentence; everything else goes on as it is."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        said = None if error is None else exhausted(error)
        if said is not None and said is not error:
            raise said from error
