"""Files from outside are read in one way: checkpoints, cards, runs, plans, records, progress, uploads. (`writing`: and written in one way.)

    status = read_json(folder / "status.json", Status)          # a msgspec.Struct, a TypedDict, or any type it can check
    for number, record in read_lines(folder / "records.jsonl", Record, unfinished=True): ...

A file is read only if it is a regular one (no device, pipe, socket, folder or link: a link could point at any of them, or at what
its reader must not show) and no larger than the caller allows; JSON only if it is of the expected shape, which the error names by
field. Nothing is executed, nothing is unpickled. Every fault is one sentence in the caller's class of error.
"""

from __future__ import annotations

import errno
import gzip
import io
import json
import math
import os
import re
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO, TypeVar

import msgspec
import numpy as np
from msgspec import Meta

from core.errors import CoreError, InputError

T = TypeVar("T")

JSON_BYTES = 16 * 2**20
"""Of a config.json, plan.json, status.json: the largest that is shipped has 1.2 MB."""
LINE_BYTES = 32 * 2**20
"""Of one line of JSONL: a record of an attack on a document of the greatest length that is read."""
LINES_BYTES = 4 * 2**30
"""Of a whole JSONL file: a record has some 10 kB, so 400,000 of them."""
SMALL, RATIO = 64 * 2**20, 100
DEPTH = 100
"""Of JSON within JSON. Python gives up at some 1,000, but what is read near there cannot be written, walked or compared in a deeper call."""
DIGITS = 300
"""Of a number: no float holds a longer one."""
_CHUNK = 2**20
_ZEROS, _LONG = bytes.maketrans(b"123456789", b"0" * 9), b"0" * (DIGITS + 1)
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)

Whole = Annotated[int, Meta(ge=-(2**53), le=2**53)]
"""A whole number that a float holds exactly: what a chart, a sum or numpy can do with it needs no further check."""
Count = Annotated[int, Meta(ge=0, le=2**53)]
Real = Annotated[float, Meta(ge=-1e300, le=1e300)]
"""Finite, and far enough from infinity for sums and squares of some."""
Share = Annotated[float, Meta(ge=0, le=1)]
Name = Annotated[str, Meta(max_length=1_000)]
Sentence = Annotated[str, Meta(max_length=100_000)]


@contextmanager
def opened(path: Path, error: type[CoreError] = InputError, follow: bool = False) -> Iterator[BinaryIO]:
    """A regular file to read from; `error` for every other. `follow`: a link to a regular file will do, where a person has named it."""
    links = 0 if follow else os.O_NOFOLLOW
    try:
        # O_NONBLOCK: a pipe without a writer is opened, and refused, instead of waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | links)
    except (OSError, ValueError) as fault:  # ValueError: a null byte in the name
        raise error(f"{path} {_unopened(path, fault)}") from fault
    try:
        if not stat.S_ISREG(mode := os.fstat(descriptor).st_mode):
            raise error(f"{path} is {_kind(mode)}, not a regular file")
        with os.fdopen(descriptor, "rb", closefd=False) as stream:
            yield stream
    finally:
        os.close(descriptor)


def read_bytes(path: Path, most: int = JSON_BYTES, error: type[CoreError] = InputError, follow: bool = False) -> bytes:
    """The content of a regular file of at most `most` bytes. `error` for every other, or one that cannot be read."""
    with opened(path, error, follow) as stream:
        try:
            content = stream.read(most + 1)  # not st_size: a file can grow, and those of /proc say 0
        except OSError as fault:
            raise error(f"{path} cannot be read: {fault.strerror}") from fault
    if len(content) > most:
        raise error(f"{path} is larger than {size(most)}, the most that is read of such a file")
    return content


@contextmanager
def append_to(path: Path, error: type[CoreError] = InputError) -> Iterator[BinaryIO]:
    """A regular file to add to, made where there is none. `error` for every other: a link would have its target written to."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW, 0o644)
    except OSError as fault:
        if fault.errno not in (errno.ELOOP, errno.ENXIO, errno.EISDIR):  # a link, a pipe that nobody reads, a folder
            raise  # what the machine refuses: core.exhaustion has the sentence
        raise error(f"{path} {_unopened(path, fault)}") from fault
    with os.fdopen(descriptor, "ab", buffering=0) as stream:
        if not stat.S_ISREG(mode := os.fstat(descriptor).st_mode):
            raise error(f"{path} is {_kind(mode)}, not a regular file")
        yield stream


def refuse_links(folder: Path, error: type[CoreError] = InputError, deep: bool = True) -> None:
    """`error` where a folder that is about to be written to holds anything else than folders and regular files (`deep`: at any depth)."""
    for place, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(place, name)
            try:
                mode = path.lstat().st_mode
            except FileNotFoundError:
                continue  # it was in use until now
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                raise error(f"{path} is {'a link' if stat.S_ISLNK(mode) else _kind(mode)}; remove it before anything is written here")
        if not deep:
            return


def read_text(path: Path, most: int = JSON_BYTES, error: type[CoreError] = InputError) -> str:
    """The same as text in UTF-8, every character kept (no line ending is changed)."""
    try:
        return read_bytes(path, most, error).decode("utf-8")
    except UnicodeDecodeError as fault:
        raise error(f"{path} is not UTF-8 text: {fault.reason} at byte {fault.start:,}") from fault


def read_json(path: Path, kind: type[T], most: int = JSON_BYTES, error: type[CoreError] = InputError) -> T:
    """One JSON value of a type that msgspec can check."""
    return parse_json(read_bytes(path, most, error), kind, str(path), error)


def parse_json(content: bytes, kind: type[T], what: str, error: type[CoreError] = InputError, own: bool = False) -> T:
    """JSON of a type. The error names the field: "runs/a/status.json: field 'total': Expected `int`, got `str`".

    `own`: also take what Python's json module writes although it is no JSON, a NaN or half of a surrogate pair, as our own records of
    strange documents may hold. Never an infinite number, nor one too long for a float.
    """
    try:
        found = msgspec.json.decode(content, type=kind)
    except msgspec.ValidationError as fault:
        raise error(f"{what}: {_field(fault)}") from fault
    except RecursionError as fault:
        raise error(f"{what} cannot be read: it is nested too deep") from fault
    except msgspec.DecodeError as fault:
        if not own:
            raise error(f"{what} cannot be read as JSON: {fault}") from fault
        found = _pythons(content, kind, what, error)
    if depth(content) > DEPTH:
        raise error(f"{what} cannot be read: it is nested too deep, {DEPTH} levels are the most")
    if _LONG in content.translate(_ZEROS) and _LONG in _STRING.sub(b"", content).translate(_ZEROS):  # ten times as fast as a pattern
        raise error(f"{what} cannot be read as JSON: a number has more than {DIGITS} digits")
    return found


def _pythons(content: bytes, kind: type[T], what: str, error: type[CoreError]) -> T:
    """The same of what Python's json module takes."""
    try:
        found = json.loads(content.decode("utf-8", "surrogatepass"), parse_float=_finite, parse_int=_whole, parse_constant=_constant)
        return msgspec.convert(found, kind)
    except msgspec.ValidationError as fault:
        raise error(f"{what}: {_field(fault)}") from fault
    except (ValueError, RecursionError) as fault:
        raise error(f"{what} cannot be read as JSON: {fault}") from fault


def depth(content: bytes) -> int:
    """Levels of brackets within brackets, those in strings left out."""
    if content.count(b"[") + content.count(b"{") <= DEPTH:
        return 0  # not worth a look
    bare = np.frombuffer(_STRING.sub(b"", content), dtype=np.uint8)
    opening, closing = (bare == ord("[")) | (bare == ord("{")), (bare == ord("]")) | (bare == ord("}"))
    return int(np.cumsum(opening.astype(np.int32) - closing).max(initial=0))


def read_lines(
    path: Path, kind: type[T], most: int = LINES_BYTES, error: type[CoreError] = InputError, unfinished: bool = False
) -> Iterator[tuple[int, T]]:
    """The values of a JSONL file (or .jsonl.gz), each with its line's number from 1; empty lines are passed over. `unfinished`: a last line
    without its end, as a kill leaves it, is left out. Lines are taken as our own (`parse_json`)."""
    content = read_gzip(path, most, error) if path.suffix == ".gz" else read_bytes(path, most, error)
    start, number = 0, 0
    while start < len(content):
        end = content.find(b"\n", start)
        whole = end >= 0
        line = content[start : end if whole else len(content)]
        start, number = (end + 1 if whole else len(content)), number + 1
        if not line.strip():
            continue
        if len(line) > LINE_BYTES:
            raise error(f"{path}, line {number} is longer than {size(LINE_BYTES)}")
        try:
            value = parse_json(line, kind, f"{path}, line {number}", error, own=True)
        except error:
            if unfinished and not whole:
                return
            raise
        yield number, value


def read_gzip(path: Path, most: int, error: type[CoreError] = InputError) -> bytes:
    """The content of a gzip file, of which neither the packed nor the unpacked size may pass `most`, nor the unpacked SMALL bytes or RATIO
    times the packed, whichever is more: text packs to a tenth, so a small file from a stranger cannot ask for gigabytes."""
    content = read_bytes(path, most, error)
    packed, found, most = io.BytesIO(content), io.BytesIO(), min(most, max(SMALL, RATIO * len(content)))
    try:
        with gzip.GzipFile(fileobj=packed) as stream:
            while piece := stream.read(_CHUNK):
                found.write(piece)
                if found.tell() > most:
                    raise error(f"{path} unpacks to more than {size(most)}, the most that is read of such a file")
    except (EOFError, zlib.error, gzip.BadGzipFile) as fault:
        raise error(f"{path} cannot be unpacked: {fault}") from fault
    return found.getvalue()


def size(count: int) -> str:
    """Bytes in words: '16 MiB'."""
    for unit, each in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= each:
            return f"{count / each:.3g} {unit}"
    return f"{count} bytes"


def _unopened(path: Path, fault: Exception) -> str:
    if path.is_symlink():
        return "is a link; put the file itself there"
    if isinstance(fault, FileNotFoundError):
        return "is missing"
    if isinstance(fault, PermissionError):
        return "may not be read by this user; change its permissions"
    return f"cannot be read: {getattr(fault, 'strerror', None) or fault}"


def _kind(mode: int) -> str:
    kinds = (
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
    )
    return next((name for test, name in kinds if test(mode)), "something else")


def _field(fault: msgspec.ValidationError) -> str:
    """'Expected `int`, got `str` - at `$.total`' -> "field 'total': Expected `int`, got `str`"."""
    said, _, place = str(fault).partition(" - at `$")
    place = place.rstrip("`").removeprefix(".")
    return f"field '{place}': {said}" if place else said


def _whole(digits: str) -> int:
    if len(digits) > 309:
        raise ValueError(f"a number of {len(digits):,} digits")
    return int(digits)


def _finite(digits: str) -> float:
    found = float(digits)
    if math.isinf(found):
        raise ValueError(f"{digits[:40]} is larger than any number of 64 bits")
    return found


def _constant(name: str) -> Any:
    if name != "NaN":
        raise ValueError(f"{name} is no number")
    return math.nan
