"""What every reader returns: documents with their true labels, in splits, and a report of what was found."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy import sparse

from core.errors import InputError
from core.labels import LabelSpace
from core.types import IntArray


@dataclass(frozen=True)
class Split:
    """n documents. `texts` [n] or None where the format holds vectors only; `features` [n, F] or None where it holds
    text only; `truth` [n, L] of 0/1 with sorted indices; `ids` [n], the documents' names, unique where the source's are."""

    ids: tuple[str, ...]
    truth: sparse.csr_array
    texts: tuple[str, ...] | None = None
    features: sparse.csr_array | None = None

    def __post_init__(self) -> None:
        n = len(self.ids)
        if self.truth.shape[0] != n or (self.texts is not None and len(self.texts) != n):
            raise InputError(f"a split of {n} documents has {self.truth.shape[0]} rows of truth")
        if self.features is not None and self.features.shape[0] != n:
            raise InputError(f"a split of {n} documents has {self.features.shape[0]} feature vectors")

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Dataset:
    """Splits named train, dev and test (any may be missing) over one list of label names [L].

    A label that occurs only outside training stays in the list. `feature_names` [F] or None; `source` says where the
    data came from and under which terms; `notes` are sentences a reader wants said (tolerated faults, say).
    """

    name: str
    label_names: tuple[str, ...]
    splits: Mapping[str, Split]
    source: str = ""
    feature_names: tuple[str, ...] | None = None
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        if len(set(self.label_names)) != len(self.label_names):
            raise InputError(f"data set '{self.name}': label names repeat; each label needs a name of its own")
        for name, split in self.splits.items():
            if split.truth.shape[1] != len(self.label_names):
                raise InputError(f"data set '{self.name}': split {name} has {split.truth.shape[1]} label columns, not {len(self.label_names)}")

    def split(self, name: str) -> Split:
        if name not in self.splits:
            raise InputError(f"data set '{self.name}' has no split '{name}'; it has {', '.join(self.splits)}")
        return self.splits[name]

    @cached_property
    def counts(self) -> IntArray:
        """Training documents of each label [L]."""
        if "train" not in self.splits:
            return np.zeros(len(self.label_names), dtype=np.int64)
        return np.asarray(self.splits["train"].truth.astype(np.int64).sum(axis=0), dtype=np.int64).ravel()

    def label_space(self, minimum: int = 1) -> LabelSpace:
        """The labels with at least `minimum` training documents, in the data set's order: what a model is trained on."""
        kept = np.flatnonzero(self.counts >= minimum)
        return LabelSpace.of([self.label_names[i] for i in kept], self.counts[kept], len(self.splits["train"]) if "train" in self.splits else 0)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over names, texts, vectors and truth of all splits, 16 hexadecimal digits: what a checkpoint was trained on."""
        h = hashlib.sha256(b"\x00".join(map(_bytes, self.label_names)))
        for name in sorted(self.splits):
            split = self.splits[name]
            h.update(f"\x01{name}".encode())
            texts = split.texts or ("",) * len(split)
            for row, document in enumerate(split.ids):
                h.update(_bytes(document) + b"\x00" + _bytes(texts[row]) + b"\x00")
            for matrix in (split.truth, split.features):
                if matrix is not None:
                    h.update(matrix.indptr.astype("<i8").tobytes() + matrix.indices.astype("<i8").tobytes())
                    h.update(matrix.data.astype("<f4").tobytes())
            if split.features is not None:
                h.update(f"\x02{split.features.shape[1]}".encode())
        h.update(b"\x00".join(map(_bytes, self.feature_names or ())))
        return h.hexdigest()[:16]


def _bytes(text: str) -> bytes:
    """UTF-8 without null bytes, which part one text from the next in the digest; no two texts become alike."""
    return text.replace("\x1a", "\x1a1").replace("\x00", "\x1a0").encode("utf-8", "surrogatepass")


def truth_matrix(rows: Sequence[Sequence[int]], labels: int) -> sparse.csr_array:
    """Label ids of each document -> [n, labels] of 0/1, sorted, duplicates merged."""
    sets = [sorted(set(row)) for row in rows]
    indptr = np.concatenate([[0], np.cumsum([len(row) for row in sets])]).astype(np.int64)
    indices = np.fromiter((j for row in sets for j in row), dtype=np.int64, count=int(indptr[-1]))
    return sparse.csr_array((np.ones(len(indices), dtype=np.float32), indices, indptr), shape=(len(sets), labels))


def truth_for(split: Split, names: Sequence[str], labels: LabelSpace) -> tuple[sparse.csr_array, IntArray]:
    """A split's truth in a classifier's label order, label spaces meeting by name: [n, L + u] whose last u columns are
    labels that the classifier does not know (they stay in the truth as misses), and `origin` [L + u], the data set's id
    of each column or -1 for a classifier's label that the data set lacks."""
    place = {name: i for i, name in enumerate(names)}
    origin = [place.get(name, -1) for name in labels.names]
    known = set(origin)
    origin += [i for i in range(len(names)) if i not in known]
    target = np.full(len(names), -1, dtype=np.int64)
    for column, source in enumerate(origin):
        if source >= 0:
            target[source] = column
    truth = split.truth.tocoo()
    found = sparse.csr_array((truth.data, (truth.row, target[truth.col])), shape=(len(split), len(origin)))
    found.sort_indices()
    return found, np.asarray(origin, dtype=np.int64)
