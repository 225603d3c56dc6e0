"""The features of a data set of vectors, in the place that TF-IDF has for texts: columns with a weight each.

    bits and counts      value * idf, idf = ln((1 + n) / (1 + df)) + 1, each document divided by its L2 norm
    weights and reals    as they are given; divided by the norm where the rows of the training data have length 1

So a model of bags reads what the models of texts read (Salton and Buckley 1988), but for the logarithm of counts: an attack
moves a value through numbers below 1, where it has none. Where the features are words, a text is read as its bag.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from core.checkpoint import Saved
from core.document import Document
from core.errors import CapabilityError, CheckpointError, InputError
from core.models.parts.tfidf import Features, TfIdf
from core.text.normalisation import CURRENT, Normaliser
from core.types import BoolArray, IntArray, MaskMode
from core.vector import KINDS, FeatureSpace, FeatureVector

NAMES = "features.txt"
"""The file of a checkpoint that names the features, one a line; empty where they have no names."""

NOTHING = 1e-300
"""A length that only a document of zeros is below, which stays one."""


@dataclass(frozen=True)
class Columns:
    """space: what the F features are; weight [F]: what each value is multiplied with, 0 for features that are not read; unit: whether
    each document is divided by its norm after that; normaliser: how a text is read."""

    space: FeatureSpace
    weight: NDArray[np.float32]
    unit: bool
    normaliser: Normaliser = CURRENT

    def __post_init__(self) -> None:
        if len(self.weight) != len(self.space):
            raise InputError(f"{len(self.space)} features but {len(self.weight)} weights")

    def __len__(self) -> int:
        """F, the number of features."""
        return len(self.space)

    @property
    def singles(self) -> int:
        """Columns that are single features, no pairs: all."""
        return len(self)

    @classmethod
    def fit(cls, features: sparse.csr_array, names: tuple[str, ...] | None, minimum: int = 1, maximum: int = 100_000_000) -> Self:
        """From training vectors [n, F]. Features that fewer than `minimum` documents have are not read, nor those past the `maximum`
        most frequent. InputError where none is left."""
        space = FeatureSpace.of(features, names)
        n = features.shape[0]
        frequency = np.bincount(features.indices[features.data != 0], minlength=len(space))
        weight = (np.log((1 + n) / (1 + frequency)) + 1 if space.whole else np.ones(len(space))).astype(np.float32)
        weight[frequency < minimum] = 0
        weight[np.argsort(-frequency, kind="stable")[maximum:]] = 0
        if not weight.any():
            raise InputError(f"no feature is in {minimum} of the {n} training vectors; lower the minimum")
        return cls(space, weight, space.whole or space.unit_rows)

    def weigh(self, vectors: sparse.csr_array) -> sparse.csr_array:
        """Raw vectors [n, F] -> what the model reads [n, F]. InputError for vectors of another width."""
        if vectors.shape[1] != len(self):
            raise InputError(f"the vectors have {vectors.shape[1]:,} features; the model reads {len(self):,}")
        data = vectors.data.astype(np.float64) * self.weight[vectors.indices]
        if self.unit:
            lengths = np.diff(vectors.indptr)
            squares = np.bincount(np.repeat(np.arange(len(lengths)), lengths), weights=data**2, minlength=len(lengths))
            data /= np.repeat(np.sqrt(np.where(squares > 0, squares, 1)), lengths)
        return sparse.csr_array((data.astype(np.float32), vectors.indices, vectors.indptr), shape=vectors.shape)

    def weigher(self, columns: IntArray) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
        """`weigh` for vectors that have nothing but these columns [m]: a function of their values [n, m], as a table, that gives [n, m]."""
        weight = self.weight[columns].astype(np.float64)

        def weigh(values: NDArray[np.float32]) -> NDArray[np.float32]:
            data = values.astype(np.float64) * weight
            if self.unit:
                data /= np.maximum(np.sqrt(np.einsum("nm,nm->n", data, data)), NOTHING)[:, None]
            return data.astype(np.float32)

        return weigh

    def rows(self, vector: FeatureVector) -> Features:
        """One document as rows: a value that is read each, in the order of the columns; row and feature are the same (owner [t, t])."""
        weighed = self.weigh(vector.matrix)
        values = weighed.data[:, None]
        names = tuple(self.space.name(int(column)) for column in vector.columns)
        return Features(values, np.zeros_like(values), np.eye(len(values), dtype=np.float32), names, "absent features", vector.columns)

    # -- texts, where the features are words

    def transform(self, texts: Sequence[str]) -> sparse.csr_array:
        """Texts, each read as a bag -> [n, F]. CapabilityError where the features are no words."""
        self._need_words()
        bags = [self._bag(Document.from_text(text)).matrix for text in texts]
        return self.weigh(sparse.csr_array(sparse.vstack(bags, format="csr")) if bags else sparse.csr_array((0, len(self)), dtype=np.float32))

    def masked(self, document: Document, keep: BoolArray, mode: MaskMode = "delete") -> sparse.csr_array:
        """keep [n, w] -> [n, F]. A bag has no place for a mask: both modes leave the word out."""
        if keep.ndim != 2 or keep.shape[1] != len(document):
            raise InputError(f"the masks have shape {keep.shape}, the document {len(document)} words")
        words, columns = self._occurrences(document)
        ones = np.ones(len(words), dtype=np.float32)
        counts = sparse.csr_array(
            sparse.csr_array(keep.astype(np.float32)) @ sparse.csr_array((ones, (words, columns)), shape=(len(document), len(self)))
        )
        counts.sort_indices()
        counts.eliminate_zeros()
        if self.space.kind == "bits":
            counts.data[:] = 1
        return self.weigh(counts)

    def embed(self, document: Document) -> Features:
        """A text's features as rows; each belongs in equal shares to the words that name it."""
        words, columns = self._occurrences(document)
        found = self.rows(self._bag(document))
        owner = np.zeros((len(found.columns), len(document)), dtype=np.float32)
        owner[np.searchsorted(found.columns, columns), words] = 1
        owner /= np.maximum(owner.sum(axis=1, keepdims=True), 1)
        return Features(found.vectors, found.baseline, owner, found.tokens, found.baseline_name, found.columns)

    def _occurrences(self, document: Document) -> tuple[IntArray, IntArray]:
        """The places of the words that name a feature, and its column."""
        self._need_words()
        bags = [self._bag(Document(("", word, ""))).columns for word in document.words]
        found = [(place, int(bag[0])) for place, bag in enumerate(bags) if len(bag)]
        table = np.asarray(found, dtype=np.int64).reshape(-1, 2)
        return table[:, 0], table[:, 1]

    def _bag(self, document: Document) -> FeatureVector:
        return self.space.bag(self.normaliser.document(document))

    def _need_words(self) -> None:
        if not self.space.words:
            raise CapabilityError("this model reads feature vectors that are no words, so it cannot read a text: open a document of its data set")

    def name(self, column: int) -> str:
        return self.space.name(column)

    # -- saving

    def tensors(self) -> dict[str, NDArray[Any]]:
        kind = np.asarray([KINDS.index(self.space.kind), int(self.space.unit_rows), int(self.unit)], dtype=np.int32)
        return {"columns_kind": kind, "columns_low": self.space.low, "columns_high": self.space.high, "columns_weight": self.weight}

    def files(self) -> dict[str, str]:
        return {NAMES: "".join(f"{' '.join(name.split())}\n" for name in self.space.names or ()), **self.normaliser.files()}

    @classmethod
    def load(cls, saved: Saved) -> Self:
        """Raises CheckpointError for what does not fit together."""
        kind, unit_rows, unit = saved.ids("columns_kind", (3,), below=len(KINDS)).tolist()
        weight, low, high = (saved.tensor(f"columns_{name}", (None,)).astype(np.float32) for name in ("weight", "low", "high"))
        names = tuple(saved.file(NAMES).splitlines()) or None
        try:
            return cls(FeatureSpace(KINDS[kind], low, high, names, bool(unit_rows)), weight, bool(unit), Normaliser.of(saved.files))
        except InputError as error:
            raise CheckpointError(f"checkpoint '{saved.name}': {error}; train it again or fetch a whole copy") from error


def reads_columns(saved: Saved) -> bool:
    """Whether a checkpoint's model reads feature vectors of a data set, not TF-IDF of texts."""
    return "columns_kind" in saved.tensors


def columns_of(features: TfIdf | Columns) -> Columns:
    """The columns of a model over vectors. InputError for a model of texts."""
    if not isinstance(features, Columns):
        raise InputError("this model was made of TF-IDF of texts: a model over vectors needs the columns of a data set")
    return features
