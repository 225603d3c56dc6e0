"""One linear support vector machine a label: L2-regularised squared hinge, solved in the dual by LIBLINEAR (Fan et al. 2008).

Used by the linear model over all documents and by X-Transformer's ranker, where a label's negatives are only the documents
that are routed to its cluster (methods.md 2.3). Labels are solved one by one and stored in chunks, so that a killed
training goes on from its last chunk with the same result.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from core.checkpoint import write_atomically
from core.errors import CheckpointError, InputError
from core.files import opened
from core.types import FloatArray, IntArray, Progress, silent

CHUNK = 16
"""Labels solved between two saved states: seconds for debtags."""

SMALLEST = 1e-4
"""Weights nearer to 0 are not kept: the dual solution has one for every feature of every support vector. On T features of a
unit vector they could change a score by 1e-4 * sqrt(T) at most, 0.001 for 100 features."""

ONE_ROW = 1_000_000
"""Weights of one document's features that are multiplied as a table of their own: 4 MB."""

Rows = Callable[[int], IntArray | None]
"""The documents that a label is trained on; None for all."""


def fit_one_vs_rest(
    features: sparse.csr_array,
    truth: sparse.csr_array,
    c: float = 1.0,
    rows: Rows | None = None,
    progress: Progress = silent,
    store: Path | None = None,
    seed: int = 0,
    tolerance: float = 0.1,
    log: Callable[[Mapping[str, Any]], None] | None = None,
) -> tuple[sparse.csr_array, FloatArray]:
    """features [n, F], truth [n, L] -> weights [L, F] (float32) and bias [L].

    `c` weighs the errors against the margin; `tolerance` is LIBLINEAR's stopping criterion, at its own default. A label
    with no positive document among its rows gets weights 0 and bias -1, with no negative one bias 1. With `store`,
    finished chunks are written there and read again by the next call with the same data and settings. `log` is given a
    record of each chunk that was solved.
    """
    if features.shape[0] != truth.shape[0]:
        raise InputError(f"{features.shape[0]} documents have features, {truth.shape[0]} have labels")
    matrix = _double(features)
    columns = sparse.csc_array(truth)
    identity = _identity(matrix, columns, c, seed, tolerance)
    labels = truth.shape[1]
    parts = []
    for start in range(0, labels, CHUNK):
        chosen = range(start, min(start + CHUNK, labels))
        routed = [None if rows is None else rows(label) for label in chosen]
        path = None if store is None else store / f"{start:07d}-{_name(identity, routed)}.safetensors"
        if path is not None and path.is_file():
            parts.append(_read(path))
            progress(chosen[-1] + 1, labels, "support vector machines")
            continue
        found, before = [], perf_counter()
        for label, own in zip(chosen, routed, strict=True):
            found.append(_solve(matrix, _positives(columns, label), own, c, seed, tolerance))
            progress(label + 1, labels, "support vector machines")
        parts.append(_pack(found))
        if path is not None:
            _write(path, parts[-1])
        if log is not None:
            documents = float(np.mean([matrix.shape[0] if own is None else len(own) for own in routed]))
            speed = round(len(chosen) / max(perf_counter() - before, 1e-9), 2)
            log({"kind": "machines", "step": chosen[-1] + 1, "total": labels, "documents": documents, "labels_per_second": speed})
    return _join(parts, features.shape[1])


def prune(weights: sparse.csr_array, threshold: float) -> sparse.csr_array:
    """The weights whose absolute value is at least `threshold`; the others become 0 and take no room."""
    kept = sparse.csr_array(weights, copy=True)
    kept.data[np.abs(kept.data) < threshold] = 0
    kept.eliminate_zeros()
    return kept


def dense_rows(weights: sparse.csr_array, columns: IntArray, labels: IntArray | None) -> NDArray[np.float32]:
    """Weights [F, L], kept by feature, of some features for some labels: [u, L or m]."""
    rows = weights[columns]
    return np.asarray((rows if labels is None else rows[:, labels]).toarray(), dtype=np.float32)


def margins(features: sparse.csr_array, weights: sparse.csr_array, labels: IntArray | None) -> NDArray[np.float32]:
    """features [n, F] times weights [F, L] -> [n, L or m]. Only the weights of the features that occur are touched."""
    if features.shape[0] == 1 and features.nnz * weights.shape[1] <= ONE_ROW:
        # Added up in the order in which the product below does, and to the same bits; for one document, making matrices costs more.
        summands = features.data[:, None] * dense_rows(weights, features.indices, labels)
        return np.asarray(np.add.reduce(summands, axis=0, dtype=np.float32)[None], dtype=np.float32)
    columns, place = np.unique(features.indices, return_inverse=True)
    own = sparse.csr_array((features.data, place, features.indptr), shape=(features.shape[0], len(columns)))
    return np.asarray(own @ dense_rows(weights, columns, labels), dtype=np.float32)


def _double(features: sparse.csr_array) -> sparse.csr_matrix:
    """What LIBLINEAR's wrapper reads without a further copy for each label: float64 values, 32-bit indices."""
    if features.nnz >= 2**31:
        raise InputError(f"{features.nnz:,} feature values are more than LIBLINEAR can address (2,147,483,647); keep fewer features")
    parts = (features.data.astype(np.float64), features.indices.astype(np.int32), features.indptr.astype(np.int32))
    return sparse.csr_matrix(parts, shape=features.shape)


def _positives(columns: sparse.csc_array, label: int) -> NDArray[np.bool_]:
    own = np.zeros(columns.shape[0], dtype=np.bool_)
    span = slice(columns.indptr[label], columns.indptr[label + 1])
    own[columns.indices[span]] = columns.data[span] > 0
    return own


Solution = tuple[IntArray, NDArray[np.float32], float]
"""Features with a weight, their weights, and the bias."""


def _solve(matrix: sparse.csr_matrix, positive: NDArray[np.bool_], rows: IntArray | None, c: float, seed: int, tolerance: float) -> Solution:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import LinearSVC

    if rows is not None:
        matrix, positive = matrix[rows], positive[rows]
    if not positive.any() or positive.all():
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32), 1.0 if len(positive) and positive.all() else -1.0
    machine = LinearSVC(C=c, tol=tolerance, dual=True, random_state=seed)
    with warnings.catch_warnings():
        # Stopping after 1,000 passes over the documents is LIBLINEAR's own limit; the solution ranks well before it.
        warnings.simplefilter("ignore", ConvergenceWarning)
        machine.fit(matrix, positive)
    weights = machine.coef_[0]
    kept = np.flatnonzero(np.abs(weights) >= SMALLEST)
    return kept, weights[kept].astype(np.float32), float(machine.intercept_[0])


# -- chunks of solutions: counts [labels], indices and values [sum of counts], bias [labels]

Chunk = dict[str, NDArray[Any]]


def _pack(found: list[Solution]) -> Chunk:
    return {
        "counts": np.asarray([len(indices) for indices, _, _ in found], dtype=np.int64),
        "indices": np.concatenate([indices for indices, _, _ in found]).astype(np.int32),
        "values": np.concatenate([values for _, values, _ in found]),
        "bias": np.asarray([bias for _, _, bias in found], dtype=np.float64),
    }


def _join(parts: list[Chunk], width: int) -> tuple[sparse.csr_array, FloatArray]:
    if not parts:
        return sparse.csr_array((0, width), dtype=np.float32), np.zeros(0)
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    indptr = np.concatenate([[0], np.cumsum(whole["counts"])])
    return sparse.csr_array((whole["values"], whole["indices"], indptr), shape=(len(whole["counts"]), width)), whole["bias"]


def _write(path: Path, part: Chunk) -> None:
    from safetensors.numpy import save

    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, save(part))


def _read(path: Path) -> Chunk:
    from safetensors.numpy import load_file

    with opened(path, CheckpointError):  # a regular file, no link
        part: Chunk = load_file(path)
    return part


def _identity(matrix: sparse.csr_matrix, columns: sparse.csc_array, c: float, seed: int, tolerance: float) -> bytes:
    """What a stored chunk is a solution of, apart from its rows."""
    h = hashlib.sha256(repr((matrix.shape, columns.shape, c, seed, tolerance)).encode())
    for part in (matrix.indptr, matrix.indices, matrix.data, columns.indptr, columns.indices):
        h.update(np.ascontiguousarray(part).tobytes())
    return h.digest()


def _name(identity: bytes, routed: list[IntArray | None]) -> str:
    h = hashlib.sha256(identity)
    for own in routed:
        h.update(b"all" if own is None else np.asarray(own, dtype=np.int64).tobytes() + b"|")
    return h.hexdigest()[:16]
