"""The one way in which files and folders are written: whole or not at all, so that a full disk, a kill or a power cut leaves the last
good state.

    write_atomically(folder / "status.json", text)      # the old content or the new one
    append(folder / "records.jsonl", line)              # the whole line or nothing of it
    with replacing(folder) as part: ...                 # the old folder or the new one

What could not be finished is taken away again, so that it neither fills the disk nor is mistaken for the result.
"""

from __future__ import annotations

import ctypes
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from core.errors import CoreError, InputError
from core.files import append_to

PART = ".part"
"""Ends the name of what is being written."""
OLD = ".old"
"""Ends the name of a folder that is being replaced, where the file system cannot exchange two."""
_EXCHANGE, _HERE = 2, -100
"""RENAME_EXCHANGE and AT_FDCWD of Linux's renameat2."""


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write beside, then rename: a reader sees the old file or the new one, never half of it."""
    data = content.encode("utf-8") if isinstance(content, str) else content
    with beside(path) as part:
        # A link under that name would have its target emptied; a pipe would be waited for.
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
        try:
            _write(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A file to write, which takes the name `path` when the block ends well and is deleted when it does not."""
    part = path.with_name(path.name + PART)
    with _unless_done(lambda: part.unlink(missing_ok=True)) as done:
        yield part
        part.replace(path)
        done()


def append(path: Path, data: bytes, error: type[CoreError] = InputError, sync: bool = True) -> None:
    """Add to a regular file, which is created where there is none; `error` for any other. Where not all of it can be added, nothing is.
    `sync`: it is on the disk when this returns."""
    with append_to(path, error) as stream:
        descriptor = stream.fileno()  # what is buffered would be tried again when the stream is closed
        end = os.fstat(descriptor).st_size
        with _unless_done(lambda: os.ftruncate(descriptor, end)) as done:
            _write(descriptor, data)
            if sync:
                os.fsync(descriptor)
            done()


@contextmanager
def replacing(folder: Path, mark: str) -> Iterator[Path]:
    """An empty folder to fill, which takes the place of `folder` as a whole when the block ends well and is deleted when it does not.
    At every instant `folder` is the old one or the new one; only where the file system cannot exchange two names is there a moment in
    which the old one is called folder.old. `mark`: the file by which such a folder is known, deleted first, so that nobody takes what
    is being deleted for one."""
    part = folder.with_name(folder.name + PART)
    _discard(part, mark)
    part.mkdir(parents=True)
    with _unless_done(lambda: _discard(part, mark)) as done:
        yield part
        for file in part.iterdir():
            sync(file)
        left = _exchange(part, folder)
        done()
    if left is not None:
        _discard(left, mark)


def sync(path: Path) -> None:
    """Wait until a file that something else has written is on the disk; that is also when a disk may say that it is full."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(descriptor: int, data: bytes) -> None:
    """All of it: a disk that is nearly full takes a part, and refuses at the next call."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


@contextmanager
def _unless_done(undo: Callable[[], object]) -> Iterator[Callable[[], object]]:
    """`undo` is called when the block ends, by an error or a signal too, unless what is yielded was called before."""

    def tidy() -> None:
        with suppress(OSError):  # what made the block fail is what is to be said
            undo()

    with ExitStack() as stack:
        stack.callback(tidy)
        yield stack.pop_all


def _exchange(new: Path, old: Path) -> Path | None:
    """Give `new` the name `old`. Where the old folder lies afterwards, if there was one."""
    if not old.exists():
        new.replace(old)
        return None
    if _exchanged(new, old):
        return new
    aside = old.with_name(old.name + OLD)
    shutil.rmtree(aside, ignore_errors=True)
    old.replace(aside)
    with _unless_done(lambda: aside.replace(old)) as done:
        new.replace(old)
        done()
    return aside


def _exchanged(one: Path, other: Path) -> bool:
    """Let two names change places in one step. False where this system or this file system cannot."""
    rename = getattr(ctypes.CDLL(None), "renameat2", None)
    return rename is not None and rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0


def _discard(folder: Path, mark: str) -> None:
    if folder.is_symlink():  # what it points at is somebody else's
        folder.unlink()
        return
    with suppress(OSError):
        (folder / mark).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
