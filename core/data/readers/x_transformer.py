"""X-Transformer's files: Y.trn.npz (labels, scipy CSR), X.trn.npz (TF-IDF features), train_raw_texts.txt (one document a
line), label_map.txt (one name a line); Y.tst.npz, X.tst.npz, test_raw_texts.txt likewise.

An .npz file is a zip of arrays that may hold pickles and may claim any size. No pickle is loaded, and each array's header is
checked against the bytes that really follow before any memory is taken.
"""

from __future__ import annotations

import math
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from scipy import sparse

from core.data.dataset import Dataset, Split
from core.data.readers.files import SPLIT_WORDS, companion, data_name, split_of
from core.data.readers.gather import MAX_FEATURES, MAX_LABELS, readable, unique
from core.data.readers.source import Source
from core.data.readers.xc import beside
from core.errors import DataError

MAX_ROWS = 50_000_000
_READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def _find(path: Path, stem: str, split: str, endings: tuple[str, ...]) -> Path | None:
    folder = path if path.is_dir() else path.parent
    return companion(folder, [f"{stem}{word}{ending}" for word in SPLIT_WORDS[split] for ending in endings])


def sniff(path: Path) -> float:
    """1 for a folder with Y.trn.npz or Y.tst.npz, or one of the .npz files."""
    if path.is_file():
        return float(path.name.startswith(("Y.", "X.")) and path.suffix == ".npz")
    return float(path.is_dir() and any(_find(path, "Y.", split, (".npz",)) for split in SPLIT_WORDS))


def read(path: Path, source: Source) -> Dataset:
    """Splits with truth and whatever is there of texts and features."""
    only = split_of(path) if path.is_file() else None
    splits: dict[str, Split] = {}
    for split in SPLIT_WORDS:
        file = _find(path, "Y.", split, (".npz",))
        if file is not None and only in (None, split):
            splits[split] = _split(path, split, file, source)
    if not splits:
        raise DataError("no label matrix like Y.trn.npz is here", path)
    for what, widths in (
        ("labels", {part.truth.shape[1] for part in splits.values()}),
        ("features", {part.features.shape[1] for part in splits.values() if part.features is not None}),
    ):
        if len(widths) > 1:
            raise DataError(f"the splits differ in their number of {what}: {' and '.join(f'{width:,}' for width in sorted(widths))}", path)
    count = next(iter(splits.values())).truth.shape[1]
    known = beside((path if path.is_dir() else path.parent) / "X.trn.npz", source)
    if known is not None and len(known) != count:
        raise DataError(f"{len(known):,} label names for {count:,} labels", path)
    return Dataset(data_name(path) if path.is_dir() else path.parent.name, tuple(unique(known or [str(i) for i in range(count)])), splits)


def _split(path: Path, split: str, labels: Path, source: Source) -> Split:
    truth = load_sparse(labels, source, MAX_LABELS)
    truth.eliminate_zeros()
    truth.data[:] = 1
    features_file = _find(path, "X.", split, (".npz",))
    features = load_sparse(features_file, source, MAX_FEATURES) if features_file is not None else None
    texts_file = _find(path, "", split, ("_raw_texts.txt", "_texts.txt")) or _find(path, "X.", split, (".txt",))
    texts = tuple(readable(line) for _, line in source.lines(texts_file)) if texts_file is not None else None
    for file, size in ((features_file, features.shape[0] if features is not None else 0), (texts_file, len(texts or ()))):
        if file is not None and size != truth.shape[0]:
            raise DataError(f"holds {size:,} documents, {labels.name} {truth.shape[0]:,}: the files do not belong together", file)
    return Split(tuple(str(i + 1) for i in range(truth.shape[0])), truth, texts, features)


def load_sparse(path: Path, source: Source, most_columns: int) -> sparse.csr_array:
    """A scipy .npz as float32 CSR [rows, columns] with sorted indices, duplicates summed. DataError for anything that is not
    exactly that: pickles, lying sizes, indices out of range, values that are not finite."""
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                source.spend(info.file_size, path)
                with archive.open(info) as entry:
                    _check_header(entry, info.file_size, info.filename, path)
        with np.load(path, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
        return _matrix(found, path, most_columns)
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, ValueError, KeyError, TypeError, RuntimeError, NotImplementedError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"is no sparse matrix that scipy.sparse.save_npz wrote ({error})", path) from error


def _check_header(entry: IO[bytes], size: int, name: str, path: Path) -> None:
    version = np.lib.format.read_magic(entry)
    if version not in _READERS:
        raise DataError(f"{name} has npy version {version}", path)
    shape, _, dtype = _READERS[version](entry)
    if dtype.hasobject:
        raise DataError(f"{name} holds pickled objects, which are never loaded; save the matrix with scipy.sparse.save_npz", path)
    if math.prod(shape) * dtype.itemsize != size - entry.tell():
        raise DataError(f"{name} claims the shape {shape} but holds {size - entry.tell():,} bytes", path)


def _matrix(arrays: dict[str, Any], path: Path, most_columns: int) -> sparse.csr_array:
    kind = arrays["format"].item()
    kind = kind.decode("ascii") if isinstance(kind, bytes) else str(kind)
    kinds = {"csr": sparse.csr_array, "csc": sparse.csc_array}
    if kind not in kinds:
        raise DataError(f"the matrix is '{kind}'; csr and csc are read: convert it with .tocsr()", path)
    rows, columns = (int(size) for size in arrays["shape"])
    if rows > MAX_ROWS or columns > most_columns:
        raise DataError(f"the matrix is {rows:,} x {columns:,}; at most {MAX_ROWS:,} x {most_columns:,} is read", path)
    if arrays["data"].dtype.kind not in "fiub" or arrays["indices"].dtype.kind not in "iu" or arrays["indptr"].dtype.kind not in "iu":
        raise DataError("the matrix' arrays are not numbers", path)
    found = kinds[kind]((arrays["data"].astype(np.float32), arrays["indices"], arrays["indptr"]), shape=(rows, columns))
    # scipy trusts indices unless asked: one out of range would read and write outside of the arrays.
    found.check_format(full_check=True)
    if not np.isfinite(found.data).all():
        raise DataError("the matrix holds values that are not finite", path)
    found = found.tocsr()
    found.sum_duplicates()
    return found
