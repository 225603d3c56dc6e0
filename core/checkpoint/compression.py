"""The weights of a checkpoint: model.safetensors, or in its place the same file packed, model.safetensors.gz or model.safetensors.xz.

The recorded SHA-256 is that of the unpacked file, so packing changes no digest, and `gunzip` or `unxz` gives the standard file back.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import os
import shutil
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from numpy.typing import NDArray

from core.errors import CheckpointError
from core.files import opened

PLAIN = "model.safetensors"
GZIPPED, XZIPPED = PLAIN + ".gz", PLAIN + ".xz"
PACKED = (GZIPPED, XZIPPED)
XZ_MEMORY = 64 * 2**20
"""What an xz file may ask of its reader beside its content: its header names the size of a dictionary, up to 4 GB. Preset 6 asks for 9 MB."""
XZ_SAVES = 0.1
"""Share of the gzipped size that xz must save to be taken: it takes five to ten times as long to read, a second for 20 MB."""
MAX_BYTES = 8 * 2**30
SMALL, RATIO = 64 * 2**20, 100
"""A packed file may unpack to SMALL bytes or to RATIO times its size, whichever is more. Deflate reaches 1,032 times on
zeros, LZMA more, half-precision weights 3 times or less, so 8 MB sent by a stranger cannot ask for 8 GB of memory."""
_CHUNK = 2**20


def file_sum(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with opened(path, CheckpointError) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]  # any binary stream is read the same


@dataclass(frozen=True)
class WeightsFile:
    """The weights file of checkpoint `name`, not parsed yet. `unpacked` is the content of a packed one, None of a plain one."""

    name: str
    path: Path
    unpacked: bytes | None

    def sum(self) -> str:
        return file_sum(self.path) if self.unpacked is None else hashlib.sha256(self.unpacked).hexdigest()

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Every tensor by its name. CheckpointError where the file is no safetensors file that numpy can hold."""
        from safetensors import SafetensorError
        from safetensors.numpy import load, load_file

        try:
            return load_file(self.path) if self.unpacked is None else load(self.unpacked)  # type: ignore[no-any-return]  # safetensors is untyped
        # A tensor type that numpy lacks is a TypeError of load_file and a KeyError of load.
        except (SafetensorError, KeyError, TypeError, ValueError, OSError) as error:
            raise CheckpointError(f"checkpoint '{self.name}' cannot be read: {error}; train it again or fetch a whole copy") from error


def find_weights(folder: Path) -> WeightsFile:
    """The weights of a checkpoint folder, unpacked but not checked against any sum. CheckpointError where there are none, two
    files of them, a link, or more than this version reads."""
    found = [path for name in (PLAIN, *PACKED) if (path := folder / name).is_symlink() or path.exists()]
    if not found:
        raise CheckpointError(f"checkpoint '{folder.name}': {PLAIN} is missing, and {' and '.join(PACKED)} too; fetch a whole copy")
    if len(found) > 1:
        both = " and ".join(path.name for path in found)
        raise CheckpointError(f"checkpoint '{folder.name}' holds both {both}; core.checkpoint.pack leaves the packed one only")
    path = found[0]
    if path.is_symlink() or not path.is_file():
        raise CheckpointError(f"checkpoint '{folder.name}' names the file '{path.name}', which is not a plain file inside its folder")
    if path.stat().st_size > MAX_BYTES:
        raise CheckpointError(f"checkpoint '{folder.name}': {path.name} is larger than {MAX_BYTES >> 30} GiB")
    return WeightsFile(folder.name, path, _unpack(path, folder.name) if path.name in PACKED else None)


def _unpack(path: Path, name: str) -> bytes:
    """The content of a packed file, read piece by piece so that no more than the bound is ever held."""
    bound = min(MAX_BYTES, max(SMALL, RATIO * path.stat().st_size))
    content = io.BytesIO()
    try:
        for piece in _pieces(path):
            content.write(piece)
            if content.tell() > bound:
                raise CheckpointError(
                    f"checkpoint '{name}': {path.name} unpacks to more than {bound >> 20:,} MiB, which no weights of its size do; "
                    f"use the plain {PLAIN} if you trust it"
                )
    except (EOFError, zlib.error, lzma.LZMAError, OSError) as error:
        raise CheckpointError(f"checkpoint '{name}': {path.name} cannot be unpacked ({error}); fetch a whole copy") from error
    return content.getvalue()


def _pieces(path: Path) -> Iterator[bytes]:
    """What a packed file, or a part of one, holds, piece by piece."""
    if XZIPPED not in path.name:
        with opened(path, CheckpointError) as plain, gzip.open(plain) as stream:
            while piece := stream.read(_CHUNK):
                yield piece
        return
    decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY)  # lzma.open takes no limit
    with opened(path, CheckpointError) as packed:
        while not decoder.eof:
            fed = packed.read(_CHUNK) if decoder.needs_input else b""
            if decoder.needs_input and not fed:
                raise EOFError("it ends too early")
            yield decoder.decompress(fed, _CHUNK)


def pack_weights(folder: Path, expected: str) -> None:
    """Put the packed file in the place of the plain one; `expected` is the SHA-256 of the plain one. See `core.checkpoint.pack`."""
    plain = folder / PLAIN
    if not plain.exists():
        weights = find_weights(folder)
        if weights.sum() != expected:
            raise CheckpointError(f"checkpoint '{folder.name}': {weights.path.name} is not the file that was saved; fetch a whole copy")
        return
    parts = [folder / (name + ".part") for name in PACKED]
    try:
        for part, write in zip(parts, (_gzipped, _xzipped), strict=True):
            with plain.open("rb") as source, part.open("wb") as target:
                with write(target) as stream:
                    shutil.copyfileobj(source, stream, _CHUNK)
                target.flush()
                os.fsync(target.fileno())
        small = parts[1].stat().st_size < (1 - XZ_SAVES) * parts[0].stat().st_size
        part, packed = parts[small], folder / PACKED[small]
        # Read back before the plain file goes: what is left behind is what `load` accepts.
        if hashlib.sha256(_unpack(part, folder.name)).hexdigest() != expected:
            raise CheckpointError(f"checkpoint '{folder.name}': {PLAIN} is not the file that was saved; fetch a whole copy")
        part.replace(packed)
        (folder / PACKED[not small]).unlink(missing_ok=True)
    finally:
        for part in parts:
            part.unlink(missing_ok=True)
    plain.unlink()


def _gzipped(target: IO[bytes]) -> IO[bytes]:
    return gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=target, mtime=0)  # type: ignore[return-value]  # a binary stream, though no IO by its class


def _xzipped(target: IO[bytes]) -> IO[bytes]:
    return lzma.open(target, "wb", preset=6)
