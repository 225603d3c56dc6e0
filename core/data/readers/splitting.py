"""A split for data that comes without one."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from itertools import pairwise

import numpy as np
from scipy import sparse

from core.data.dataset import Dataset, Split
from core.errors import InputError
from core.types import IntArray

SHARES = (("train", 80), ("dev", 5), ("test", 15))


def folded(text: str) -> bytes:
    """A text with case and white space evened out: texts that agree so count as the same document."""
    return " ".join(text.casefold().split()).encode("utf-8", "replace")


def keys(split: Split) -> list[bytes]:
    """A 16-byte digest of each document's folded text, or of its features: equal for duplicates."""
    if split.texts is not None:
        return [hashlib.blake2b(folded(text), digest_size=16).digest() for text in split.texts]
    if split.features is None:
        return []
    ends, ids, values = split.features.indptr, split.features.indices.astype("<i8"), split.features.data.astype("<f4")
    rows = (slice(int(start), int(end)) for start, end in pairwise(ends))
    return [hashlib.blake2b(ids[row].tobytes() + values[row].tobytes(), digest_size=16).digest() for row in rows]


def hashed(dataset: Dataset) -> Dataset:
    """Divide the only split into train, dev and test (80/5/15) by a hash of each document, so that duplicates stay together and
    a document keeps its side when others come or go. InputError where there are several splits already."""
    if len(dataset.splits) != 1:
        raise InputError(f"data set '{dataset.name}' has splits already: {', '.join(dataset.splits)}")
    (whole,) = dataset.splits.values()
    sides = np.asarray([int.from_bytes(key[:4], "big") % 100 for key in keys(whole)], dtype=np.int64)
    splits = {}
    low = 0
    for name, share in SHARES:
        splits[name] = _rows(whole, np.flatnonzero((sides >= low) & (sides < low + share)))
        low += share
    note = "split 80/5/15 by a hash of each document: the data came without a split"
    return replace(dataset, splits=splits, notes=(*dataset.notes, note))


DEV_SHARE = 10
"""Percent of the training documents that `with_dev` holds out."""


def with_dev(dataset: Dataset) -> Dataset:
    """A data set that comes with training and test documents only, with a tenth of the former held out as "dev" by a hash of each document,
    so that an epoch is never chosen on the test documents; another is returned as it is."""
    if "dev" in dataset.splits or "train" not in dataset.splits:
        return dataset
    whole = dataset.splits["train"]
    held = np.asarray([int.from_bytes(key[:4], "big") % 100 < DEV_SHARE for key in keys(whole)], dtype=np.bool_)
    if not held.any() or held.all():
        return dataset
    splits = {**dataset.splits, "train": _rows(whole, np.flatnonzero(~held)), "dev": _rows(whole, np.flatnonzero(held))}
    return replace(dataset, splits=splits, notes=(*dataset.notes, f"{int(held.sum()):,} training documents were held out by a hash of each, as dev"))


def _rows(split: Split, rows: IntArray) -> Split:
    """Some documents of a split."""
    texts = None if split.texts is None else tuple(split.texts[i] for i in rows.tolist())
    features = None if split.features is None else sparse.csr_array(split.features[rows])
    return Split(tuple(split.ids[i] for i in rows.tolist()), sparse.csr_array(split.truth[rows]), texts, features)
