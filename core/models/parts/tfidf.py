"""TF-IDF over a Document's case-folded words and pairs of adjacent words, with words taken away in token space.

A feature's value is (1 + ln tf) * idf, idf = ln((1 + n) / (1 + df)) + 1, and each document's vector is divided by its L2
norm (Salton and Buckley 1988, in scikit-learn's smoothed form). The columns are the words of the vocabulary, then the
pairs in the order of their keys `left id * size + right id`.

scikit-learn's TfidfVectorizer computes the same numbers (tests/unit/models/test_tfidf.py holds both together to 1e-6), but it
reads strings only, and explainers score thousands of maskings of one document: 1,000 maskings of 66 words take 8 ms here as
words' ids, and 160 ms as strings through TfidfVectorizer with the same words (57 ms with its own, simpler ones).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from core.checkpoint import Saved
from core.document import Document
from core.errors import CheckpointError, InputError
from core.models.parts.words import FIRST, UNKNOWN, Words
from core.types import BoolArray, Embedded, IntArray, MaskMode, Progress, silent

BLOCK = 4_000_000
"""Words held at a time while documents are masked: 100 MB of work space."""

MAX_SHARES = 100_000_000
"""Entries of the largest table of words' shares in features: 400 MB."""


@dataclass(frozen=True)
class Features(Embedded):
    """A document as its T active features, one value a row (d = 1); `columns` [T] are their places in the vector."""

    columns: IntArray


@dataclass(frozen=True)
class TfIdf:
    """words: the vocabulary; bigrams [b]: sorted keys of the kept pairs; idf [F], F = len(words.words) + b."""

    words: Words
    bigrams: IntArray
    idf: NDArray[np.float32]

    def __post_init__(self) -> None:
        if len(self.idf) != len(self):
            raise InputError(f"{len(self)} TF-IDF features but {len(self.idf)} idf values")
        if len(self.bigrams) and ((np.diff(self.bigrams) <= 0).any() or self.bigrams[0] < 0 or self.bigrams[-1] >= self.words.size**2):
            raise InputError("the pairs of words are not sorted, or name words outside the vocabulary")

    def __len__(self) -> int:
        """F, the number of features."""
        return len(self.words.words) + len(self.bigrams)

    @property
    def singles(self) -> int:
        """Columns that are words; the others are pairs."""
        return len(self.words.words)

    @classmethod
    def fit(cls, texts: Sequence[str], minimum: int = 2, maximum: int = 1_000_000, progress: Progress = silent) -> Self:
        """Keep the words and pairs that stand in at least `minimum` texts, at most `maximum` of them: words first, then pairs,
        the more frequent first. Raises InputError if no word is left."""
        words = Words.build(texts, minimum, maximum)
        if not words.words:
            raise InputError(f"no word stands in {minimum} of the {len(texts)} texts; lower the minimum")
        unigrams: list[IntArray] = []
        pairs: list[IntArray] = []
        for done, text in enumerate(texts, 1):
            ids = words.ids(Document.from_text(text).words)
            unigrams.append(np.unique(ids[ids >= FIRST]))
            pairs.append(np.unique(_keys(ids, words.size)[0]))
            progress(done, len(texts), "counting words")
        keys, counts = np.unique(np.concatenate(pairs), return_counts=True)
        kept = np.flatnonzero(counts >= minimum)
        kept = np.sort(kept[np.argsort(-counts[kept], kind="stable")][: maximum - len(words.words)])
        frequencies = np.concatenate([np.bincount(np.concatenate(unigrams), minlength=words.size)[FIRST:], counts[kept]])
        return cls(words, keys[kept], (np.log((1 + len(texts)) / (1 + frequencies)) + 1).astype(np.float32))

    def transform(self, texts: Sequence[str]) -> sparse.csr_array:
        """Texts -> [n, F] float32, sorted indices, rows of norm 1 (or 0 where no feature is known)."""
        rows = [self.words.ids(Document.from_text(text).words) for text in texts]
        owner = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
        return self._weigh(owner, np.concatenate(rows) if rows else np.zeros(0, np.int64), len(rows))

    def masked(self, document: Document, keep: BoolArray, mode: MaskMode = "delete") -> sparse.csr_array:
        """keep [n, w] -> [n, F]. "delete" equals `transform` of the texts with the words cut out, whose neighbours become
        adjacent; "mask" turns a word into an unknown one, which breaks the pairs it stood in."""
        if keep.ndim != 2 or keep.shape[1] != len(document):
            raise InputError(f"the masks have shape {keep.shape}, the document {len(document)} words")
        ids = self.words.ids(document.words)
        step = max(1, BLOCK // max(1, len(ids)))
        parts = [self._mask(ids, keep[start : start + step], mode) for start in range(0, len(keep), step)]
        return sparse.csr_array(sparse.vstack(parts, format="csr")) if parts else sparse.csr_array((0, len(self)), dtype=np.float32)

    def _mask(self, ids: IntArray, keep: BoolArray, mode: MaskMode) -> sparse.csr_array:
        if mode == "delete":
            owner, place = np.nonzero(keep)
            return self._weigh(owner, ids[place], len(keep))
        return self._weigh(np.repeat(np.arange(len(keep)), len(ids)), np.where(keep, ids, UNKNOWN).ravel(), len(keep))

    def _weigh(self, owner: IntArray, ids: IntArray, n: int) -> sparse.csr_array:
        """Word ids one after the other, with the row that each belongs to -> TF-IDF vectors [n, F]."""
        place, column = self.occurrences(owner, ids)
        rows = owner[place]
        counts = sparse.csr_array((np.ones(len(rows), np.float32), (rows, column)), shape=(n, len(self)))
        counts.sum_duplicates()
        data = (1 + np.log(counts.data)) * self.idf[counts.indices]
        lengths = np.diff(counts.indptr)
        squares = np.bincount(np.repeat(np.arange(n), lengths), weights=data.astype(np.float64) ** 2, minlength=n)
        norms = np.sqrt(np.where(squares > 0, squares, 1))
        counts.data = (data / np.repeat(norms, lengths)).astype(np.float32)
        return counts

    def occurrences(self, owner: IntArray, ids: IntArray) -> tuple[IntArray, IntArray]:
        """Every occurrence of a feature: the place of its (first) word in `ids`, and its column; words first, then pairs."""
        known = np.flatnonzero(ids >= FIRST)
        keys, first = _keys(ids, self.words.size)
        if not len(self.bigrams):
            return known, ids[known] - FIRST
        found = np.minimum(np.searchsorted(self.bigrams, keys), len(self.bigrams) - 1)
        hit = (self.bigrams[found] == keys) & (owner[first] == owner[first + 1])
        return np.concatenate([known, first[hit]]), np.concatenate([ids[known] - FIRST, found[hit] + len(self.words.words)])

    def embed(self, document: Document) -> Features:
        """The document's active features as rows, in the order of their columns. Raises InputError as `shares` does."""
        vector = self.transform([document.text])
        values, columns = vector.data[:, None], vector.indices.astype(np.int64)
        names = tuple(self.name(int(column)) for column in columns)
        return Features(values, np.zeros_like(values), self.shares(document), names, "absent features", columns)

    def shares(self, document: Document) -> NDArray[np.float32]:
        """Which share of each active feature a word owns: [T, w], rows in the order of the columns, summing to 1. An
        occurrence of a word belongs to its place, an occurrence of a pair half to each of its two places, and a feature's
        share is split evenly over its occurrences. Raises InputError for a document too long for the table."""
        w = len(document)
        place, column = self.occurrences(np.zeros(w, np.int64), self.words.ids(document.words))
        columns, row = np.unique(column, return_inverse=True)
        if len(columns) * w > MAX_SHARES:
            raise InputError(f"the document has {w:,} words and {len(columns):,} features, too many to explain word by word; cut it and try again")
        pair = column >= len(self.words.words)
        owner = np.zeros((len(columns), w), dtype=np.float32)
        np.add.at(owner, (row, place), np.where(pair, 0.5, 1.0))
        np.add.at(owner, (row[pair], place[pair] + 1), 0.5)
        owner /= owner.sum(axis=1, keepdims=True)
        return owner

    def name(self, column: int) -> str:
        """What a column stands for: "editor", or "text editor"."""
        words = self.words.words
        if column < len(words):
            return words[column]
        left, right = divmod(int(self.bigrams[column - len(words)]), self.words.size)
        return f"{words[left - FIRST]} {words[right - FIRST]}"

    @cached_property
    def _lefts(self) -> IntArray:
        return np.bincount(self.bigrams // self.words.size, minlength=self.words.size)

    def tensors(self) -> dict[str, NDArray[Any]]:
        """For a checkpoint: of the pairs the number for each left word and all right words, half the size of their keys."""
        return {
            "tfidf_idf": self.idf,
            "tfidf_lefts": self._lefts.astype(np.int32),
            "tfidf_rights": (self.bigrams % self.words.size).astype(np.int32),
        }

    def files(self) -> dict[str, str]:
        return self.words.files()

    @classmethod
    def load(cls, saved: Saved, tensors: str = "", files: str = "") -> Self:
        """From a checkpoint that holds `tensors` and `files`, each name after the prefix given here. Raises CheckpointError."""
        try:
            words = Words.load(saved, files)
            lefts = saved.ids(f"{tensors}tfidf_lefts", (words.size,), below=words.size + 1)
            rights = saved.ids(f"{tensors}tfidf_rights", (None,), below=words.size)
            if lefts.sum() != len(rights):
                raise InputError("the numbers of pairs for each left word do not add up to the pairs")
            keys = np.repeat(np.arange(words.size), lefts) * words.size + rights
            return cls(words, keys, saved.tensor(f"{tensors}tfidf_idf", (None,)).astype(np.float32))
        except InputError as error:
            raise CheckpointError(f"checkpoint '{saved.name}': {error}; train it again or fetch a whole copy") from error


def _keys(ids: IntArray, size: int) -> tuple[IntArray, IntArray]:
    """Keys of adjacent known words, and the place of each pair's first word."""
    known = ids >= FIRST
    first = np.flatnonzero(known[:-1] & known[1:])
    return ids[first] * size + ids[first + 1], first
