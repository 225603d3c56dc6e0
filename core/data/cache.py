"""Built data sets as they are kept: packed JSON lines, whole or not at all, checked by their digest when they are read."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from core.data.dataset import Dataset, Split, truth_matrix
from core.errors import DataError
from core.files import opened
from core.files.writing import beside, sync
from core.types import Progress, silent


class _Head(msgspec.Struct):
    """The first line of the file."""

    labels: tuple[str, ...]
    source: str
    notes: tuple[str, ...]
    digest: str
    splits: tuple[str, ...] = ("train", "dev", "test")


class _Row(NamedTuple):
    split: str
    document: str
    truth: list[int]
    text: str


def cache_folder() -> Path:
    """Where built data sets are kept: $TREMOR_CACHE, or cache/ beside the project."""
    return Path(os.environ.get("TREMOR_CACHE", Path(__file__).resolve().parents[2] / "cache"))


def store(dataset: Dataset, path: Path, progress: Progress = silent) -> None:
    """Keep a data set of texts under `path`: the old file or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    total = sum(map(len, dataset.splits.values()))
    with beside(path) as part:
        part.unlink(missing_ok=True)  # a link under that name would have its target written to
        with part.open("xb") as plain, gzip.GzipFile("", "wb", compresslevel=6, fileobj=plain, mtime=0) as stream:
            for number, line in enumerate(_lines(dataset)):
                stream.write(line + b"\n")
                if number % 1_000 == 0 or number == total:
                    progress(number, total, f"writing {path.name}")
        sync(part)


def _lines(dataset: Dataset) -> Iterator[bytes]:
    """The head, then a line a document."""
    encode = msgspec.json.encode
    yield encode(_Head(dataset.label_names, dataset.source, dataset.notes, dataset.digest, tuple(dataset.splits)))
    for name, split in dataset.splits.items():
        for row, document in enumerate(split.ids):
            truth = split.truth.indices[split.truth.indptr[row] : split.truth.indptr[row + 1]].tolist()
            yield encode([name, document, truth, (split.texts or ())[row]])


def restore(name: str, path: Path, command: str) -> Dataset:
    """The data set that was kept under `path` by `command`. DataError, naming that, for a file that is damaged in any way."""
    remedy = f"delete it and build it again: `{command}`"
    try:
        dataset, digest = _read(name, path)
    except (OSError, EOFError, zlib.error, msgspec.MsgspecError, ValueError, ArithmeticError, LookupError) as error:
        raise DataError(f"the cached data set is damaged ({error}); {remedy}", path) from error
    if dataset.digest != digest:
        raise DataError(f"the cached data set is damaged (its digest differs); {remedy}", path)
    return dataset


def _read(name: str, path: Path) -> tuple[Dataset, str]:
    """What `store` wrote, and the digest that it recorded."""
    decode = msgspec.json.Decoder(_Row).decode
    with opened(path, DataError) as plain, gzip.open(plain) as stream:
        head = msgspec.json.decode(stream.readline(), type=_Head)
        rows: dict[str, list[_Row]] = {split: [] for split in head.splits}
        for line in stream:
            row = decode(line)
            rows[row.split].append(row)
    splits = {split: _split(part, len(head.labels)) for split, part in rows.items()}
    return Dataset(name, head.labels, splits, head.source, notes=head.notes), head.digest


def _split(rows: list[_Row], labels: int) -> Split:
    ids: tuple[Any, ...] = tuple(row.document for row in rows)
    return Split(ids, truth_matrix([row.truth for row in rows], labels), tuple(row.text for row in rows))
