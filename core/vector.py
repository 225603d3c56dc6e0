"""Documents that are feature vectors: what the features of a data set are, and one document as its values that are not 0.

Four kinds of features, told from the training documents:
    bits     each is there or is not (a binary bag of words)
    counts   how often each is there (a bag of words)
    weights  real numbers that are never negative, most of them 0 (tf-idf)
    reals    any numbers (MediaMill's 120 measurements)

The names of bits and counts may be words; then a vector can be written as text, its words in the order of the file's
columns, and such a text read back as the same vector. That order is all that a file of bags knows.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from core.document import Document, is_word
from core.errors import InputError
from core.types import BoolArray, IntArray

FeatureKind = Literal["bits", "counts", "weights", "reals"]
KINDS: tuple[FeatureKind, ...] = ("bits", "counts", "weights", "reals")

FULL = 0.5
"""Features of which at least this share is not 0 count as measurements, not as weights of a bag."""

UNIT = 1e-3
"""How far a row's length may lie from 1 where the rows of a data set have length 1 (its files round to six digits)."""

MAX_COUNT = 10_000
"""The most often that one word is written into a text."""


@dataclass(frozen=True)
class FeatureVector:
    """One document: the columns [t], rising, of its values [t] that are not 0, out of `size` columns."""

    columns: IntArray
    values: NDArray[np.float32]
    size: int

    def __post_init__(self) -> None:
        if len(self.columns) != len(self.values):
            raise InputError(f"a vector with {len(self.columns)} columns has {len(self.values)} values")
        if len(self.columns) and (int(self.columns[0]) < 0 or int(self.columns[-1]) >= self.size or (np.diff(self.columns) <= 0).any()):
            raise InputError(f"the columns of a vector must rise from 0 to {self.size - 1}")
        if not np.isfinite(self.values).all():
            raise InputError("a vector's values must be finite")

    @classmethod
    def of(cls, row: sparse.csr_array) -> FeatureVector:
        """From one row [1, F]; values of 0 are dropped."""
        if row.shape[0] != 1:
            raise InputError(f"one row is expected, not {row.shape[0]}")
        own = sparse.csr_array(row, dtype=np.float32, copy=True)
        own.sum_duplicates()
        own.eliminate_zeros()
        return cls(own.indices.astype(np.int64), own.data, int(row.shape[1]))

    @cached_property
    def matrix(self) -> sparse.csr_array:
        """[1, F] float32."""
        return sparse.csr_array((self.values, self.columns, np.asarray([0, len(self.columns)])), shape=(1, self.size))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of columns and values, 16 hexadecimal digits."""
        h = hashlib.sha256(f"{self.size}".encode())
        h.update(self.columns.astype("<i8").tobytes() + self.values.astype("<f4").tobytes())
        return h.hexdigest()[:16]

    def __len__(self) -> int:
        """The number of values that are not 0."""
        return len(self.columns)


@dataclass(frozen=True)
class FeatureSpace:
    """What F features are: their kind, their names [F] if they have some, the least and the largest value that each has in a
    training document (`low` and `high` [F], where a feature that a document lacks counts as 0), and whether all rows have length 1."""

    kind: FeatureKind
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    names: tuple[str, ...] | None = None
    unit_rows: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"features are {', '.join(KINDS)}, not '{self.kind}'")
        if len(self.low) != len(self.high) or (self.names is not None and len(self.names) != len(self.low)):
            raise InputError(f"{len(self.low)} features have {len(self.high)} upper bounds and {len(self.names or ())} names")

    @classmethod
    def of(cls, features: sparse.csr_array, names: tuple[str, ...] | None = None) -> FeatureSpace:
        """Look at training documents [n, F]. InputError where there is none."""
        n, size = features.shape
        if not n or not size:
            raise InputError("there are no training vectors to tell the features from")
        columns = sparse.csc_array(features, dtype=np.float32)
        low, high = (np.asarray(getattr(columns, which)(axis=0).todense(), dtype=np.float32).ravel() for which in ("min", "max"))
        squares = np.asarray(columns.multiply(columns).sum(axis=1), dtype=np.float64).ravel()
        unit = bool((np.abs(np.sqrt(squares[squares > 0]) - 1) <= UNIT).all()) and bool((squares > 0).any())
        return cls(_kind(columns), low, high, names, unit and _kind(columns) in ("weights", "reals"))

    def __len__(self) -> int:
        return len(self.low)

    def name(self, column: int) -> str:
        return self.names[column] if self.names is not None else f"feature {column}"

    @property
    def whole(self) -> bool:
        """Whether values are whole numbers."""
        return self.kind in ("bits", "counts")

    @cached_property
    def _places(self) -> dict[str, int]:
        """Words that name a feature -> its column; none where no text can be made of these features."""
        if self.names is None or not self.whole:
            return {}
        return {name.casefold(): column for column, name in reversed(list(enumerate(self.names))) if is_word(name)}

    @cached_property
    def readable(self) -> BoolArray:
        """[F]: features whose name is a word of its own, so that a text can hold and show them."""
        found = np.zeros(len(self), dtype=np.bool_)
        found[list(self._places.values())] = True
        return found

    @property
    def words(self) -> bool:
        """Whether a vector can be read as text: most names are words."""
        return bool(self.readable.mean() > 0.5)

    def text(self, vector: FeatureVector) -> str:
        """The vector's words in the order of the columns, each as often as it counts. Features that no text can hold are left out.
        InputError where the features are no words."""
        if not self.words or self.names is None:
            raise InputError(f"{self.kind} {'without names' if self.names is None else 'whose names are no words'} cannot be written as text")
        pairs = zip(vector.columns.tolist(), vector.values.tolist(), strict=True)
        return " ".join(
            " ".join([self.names[column]] * min(int(value), MAX_COUNT)) for column, value in pairs if self.readable[column] and value >= 1
        )

    def bag(self, document: Document) -> FeatureVector:
        """A text's words as a vector; words that name no feature are not read. InputError where the features are no words."""
        if not self.words:
            raise InputError("these features are no words, so a text says nothing of them: give a document of the data set")
        places = [self._places[word] for one in document.words if (word := one.casefold()) in self._places]
        columns, counts = np.unique(np.asarray(places, dtype=np.int64), return_counts=True)
        values = np.ones(len(columns)) if self.kind == "bits" else counts
        return FeatureVector(columns, values.astype(np.float32), len(self))


def _kind(columns: sparse.csc_array) -> FeatureKind:
    values, cells = columns.data, columns.shape[0] * columns.shape[1]
    if np.isin(values, (0, 1)).all():
        return "bits"
    if (values < 0).any():
        return "reals"
    if (values == np.floor(values)).all():
        return "counts"
    return "reals" if np.count_nonzero(values) >= FULL * cells else "weights"
