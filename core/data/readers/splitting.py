"""A split for data that comes without one."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from scipy import sparse

from core.data.dataset import Dataset, Split
from core.errors import InputError
from core.types import IntArray

SHARES = (("train", 80), ("dev", 5), ("test", 15))


HASHED, HELD_OUT = "split 80/5/15 by a hash of each document", "training documents were held out by a hash of each"
"""How the notes of held-out documents read."""


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
    sides = _sides(whole, [share for _, share in SHARES])
    splits = {name: _rows(whole, np.flatnonzero(sides == side)) for side, (name, _) in enumerate(SHARES)}
    note = f"{HASHED}: the data came without a split"
    return replace(dataset, splits=splits, notes=(*dataset.notes, note))


DEV_SHARE, TEST_SHARE = 10, 15
"""Percent of the training documents that `completed` holds out where a split is missing."""


def _sides(split: Split, shares: Sequence[int]) -> IntArray:
    """The side of each document [n], by its hash: `shares` in percent, the first one's documents first. A side that so few documents leave
    empty gets one of the largest side, if there are as many different documents as sides."""
    found = keys(split)
    places = np.searchsorted(np.cumsum(shares), [int.from_bytes(key[:4], "big") % 100 for key in found], side="right").astype(np.int64)
    side_of = {key: int(place) for key, place in zip(found, places, strict=True)}
    for side in range(len(shares) - 1, -1, -1) if len(side_of) >= len(shares) else ():
        if side not in side_of.values():
            sizes = Counter(side_of.values())
            spare = max((key for key in side_of if sizes[side_of[key]] > 1), key=lambda key: (sizes[side_of[key]], key))
            side_of[spare] = side
    return np.asarray([side_of[key] for key in found], dtype=np.int64)


def with_test(dataset: Dataset) -> Dataset:
    """A data set with training and development documents only, with some of the former held out as "test" by a hash of each."""
    if "test" in dataset.splits or not {"train", "dev"} <= dataset.splits.keys():
        return dataset
    return _held_out(dataset, "test", TEST_SHARE)


def with_dev(dataset: Dataset) -> Dataset:
    """A data set that comes with training and test documents only, with a tenth of the former held out as "dev" by a hash of each document,
    so that an epoch is never chosen on the test documents; another is returned as it is."""
    if "dev" in dataset.splits or "train" not in dataset.splits:
        return dataset
    return _held_out(dataset, "dev", DEV_SHARE)


def _held_out(dataset: Dataset, name: str, share: int) -> Dataset:
    """`share` percent of the training documents as the split `name`: those with the lowest hashes, at least one where two differ."""
    whole = dataset.splits["train"]
    found = keys(whole)
    held = np.asarray([int.from_bytes(key[:4], "big") % 100 < share for key in found], dtype=np.bool_)
    if len(set(found)) > 1 and (held.all() or not held.any()):
        lowest = min(set(found), key=lambda key: (int.from_bytes(key[:4], "big") % 100, key))
        held = np.asarray([key == lowest for key in found], dtype=np.bool_)
    if not held.any() or held.all():
        return dataset
    splits = {**dataset.splits, "train": _rows(whole, np.flatnonzero(~held)), name: _rows(whole, np.flatnonzero(held))}
    note = f"{int(held.sum()):,} {HELD_OUT}, as {name}"
    return replace(dataset, splits=splits, notes=(*dataset.notes, note))


def _rows(split: Split, rows: IntArray) -> Split:
    """Some documents of a split."""
    texts = None if split.texts is None else tuple(split.texts[i] for i in rows.tolist())
    features = None if split.features is None else sparse.csr_array(split.features[rows])
    return Split(tuple(split.ids[i] for i in rows.tolist()), sparse.csr_array(split.truth[rows]), texts, features)
