"""The weights of a checkpoint: model.safetensors, or in its place the same file gzipped, model.safetensors.gz.

The recorded SHA-256 is that of the unpacked file, so packing changes no digest, and `gunzip` gives the standard file back.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from core.errors import CheckpointError

PLAIN = "model.safetensors"
PACKED = PLAIN + ".gz"
MAX_BYTES = 8 * 2**30
SMALL, RATIO = 64 * 2**20, 100
"""A packed file may unpack to SMALL bytes or to RATIO times its size, whichever is more. Deflate reaches 1,032 times on
zeros, half-precision weights 2 times or less, so 8 MB sent by a stranger cannot ask for 8 GB of memory."""
_CHUNK = 2**20


def file_sum(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@dataclass(frozen=True)
class Weights:
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


def find_weights(folder: Path) -> Weights:
    """The weights of a checkpoint folder, unpacked but not checked against any sum. CheckpointError where there are none, two
    files of them, a link, or more than this version reads."""
    found = [path for name in (PLAIN, PACKED) if (path := folder / name).is_symlink() or path.exists()]
    if not found:
        raise CheckpointError(f"checkpoint '{folder.name}': {PLAIN} is missing, and {PACKED} too; fetch a whole copy")
    if len(found) == 2:
        raise CheckpointError(f"checkpoint '{folder.name}' holds both {PLAIN} and {PACKED}; core.checkpoint.pack leaves the packed one only")
    path = found[0]
    if path.is_symlink() or not path.is_file():
        raise CheckpointError(f"checkpoint '{folder.name}' names the file '{path.name}', which is not a plain file inside its folder")
    if path.stat().st_size > MAX_BYTES:
        raise CheckpointError(f"checkpoint '{folder.name}': {path.name} is larger than {MAX_BYTES >> 30} GiB")
    return Weights(folder.name, path, _unpack(path, folder.name) if path.name == PACKED else None)


def _unpack(path: Path, name: str) -> bytes:
    """The content of a gzip file, read piece by piece so that no more than the bound is ever held."""
    bound = min(MAX_BYTES, max(SMALL, RATIO * path.stat().st_size))
    content = io.BytesIO()
    try:
        with gzip.open(path) as stream:
            while piece := stream.read(_CHUNK):
                content.write(piece)
                if content.tell() > bound:
                    raise CheckpointError(
                        f"checkpoint '{name}': {path.name} unpacks to more than {bound >> 20:,} MiB, which no weights of its size do; "
                        f"use the plain {PLAIN} if you trust it"
                    )
    except (EOFError, zlib.error, OSError) as error:
        raise CheckpointError(f"checkpoint '{name}': {path.name} cannot be unpacked ({error}); fetch a whole copy") from error
    return content.getvalue()


def pack_weights(folder: Path, expected: str) -> None:
    """Put the packed file in the place of the plain one; `expected` is the SHA-256 of the plain one. See `core.checkpoint.pack`."""
    plain, packed = folder / PLAIN, folder / PACKED
    if not plain.exists():
        if find_weights(folder).sum() != expected:
            raise CheckpointError(f"checkpoint '{folder.name}': {PACKED} is not the file that was saved; fetch a whole copy")
        return
    part = packed.with_name(PACKED + ".part")
    try:
        with plain.open("rb") as source, part.open("wb") as target:
            with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=target, mtime=0) as stream:
                shutil.copyfileobj(source, stream, _CHUNK)
            target.flush()
            os.fsync(target.fileno())
        # Read back before the plain file goes: what is left behind is what `load` accepts.
        if hashlib.sha256(_unpack(part, folder.name)).hexdigest() != expected:
            raise CheckpointError(f"checkpoint '{folder.name}': {PLAIN} is not the file that was saved; fetch a whole copy")
        part.replace(packed)
    finally:
        part.unlink(missing_ok=True)
    plain.unlink()
