"""The files of an archive (zip, or tar whatever packs it), one after the other, unpacked in memory only while they are read.

Nothing of an archive is written to the disk. One whose members could lead elsewhere (links, absolute names, "..") or are no files is refused
as a whole: who packs such a thing has no data set in mind.
"""

from __future__ import annotations

import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from core.errors import DataError

MEMBERS = 200_000
"""EURLEX57K has 57,000 files; a list of a hundred million names is no data set."""
ZIP, TAR = (".zip",), (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2")
ENDINGS = (*ZIP, *TAR)


def is_archive(path: Path) -> bool:
    """By its name."""
    return path.is_file() and path.name.lower().endswith(ENDINGS)


def members(path: Path) -> Iterator[tuple[Path, IO[bytes]]]:
    """(path within the archive's own, its bytes) of every regular file, in the archive's order. Read each before asking for the next.
    DataError for what is damaged, encrypted or leads out."""
    with faults_of(path):
        yield from _zipped(path) if path.name.lower().endswith(ZIP) else _tarred(path)


@contextmanager
def faults_of(path: Path) -> Iterator[None]:
    """What an archive's own readers raise, also while a member is read, as a sentence."""
    try:
        yield
    except (OSError, EOFError, RuntimeError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError) as error:
        raise DataError(f"the archive cannot be read ({error}); fetch a whole copy", path) from error


def _zipped(path: Path) -> Iterator[tuple[Path, IO[bytes]]]:
    with zipfile.ZipFile(path) as archive:
        for number, member in enumerate(archive.infolist()):
            mode = member.external_attr >> 16
            kind = stat.S_IFMT(mode)
            _check(path, member.filename, number, kind in (0, stat.S_IFREG, stat.S_IFDIR))
            if not member.is_dir():
                with archive.open(member) as stream:
                    yield path / member.filename, stream


def _tarred(path: Path) -> Iterator[tuple[Path, IO[bytes]]]:
    with tarfile.open(path, "r|*") as archive:
        for number, member in enumerate(archive):
            _check(path, member.name, number, (member.isreg() and not member.issparse()) or member.isdir())
            if member.isreg():
                stream = archive.extractfile(member)
                assert stream is not None  # a regular file has content
                with stream:
                    yield path / member.name, stream


def _check(path: Path, name: str, number: int, plain: bool) -> None:
    place = PurePosixPath(name)
    shown = name[:100]
    if number >= MEMBERS:
        raise DataError(f"the archive holds more than {MEMBERS:,} files", path)
    if not plain:
        raise DataError(f"the archive holds {shown!r}, which is neither a file nor a folder; pack the files themselves", path)
    if place.is_absolute() or ".." in place.parts or "\\" in name or "\x00" in name:
        raise DataError(f"the archive holds {shown!r}, a name that leads out of its folder; pack the folder anew", path)
