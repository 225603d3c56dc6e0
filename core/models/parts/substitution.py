"""One word of a document replaced in many ways: what of the TF-IDF vector stays, and what changes with each substitute.

A substitute changes one word feature and the two pairs it stands in, and through the L2 norm the scale of all others. So the
unscaled vector is taken once, and of each substitute only the difference (six entries at most) and the new norm: whatever is
linear in the vector is the document's own, plus the difference's, over the norm. Exact, to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from core.document import Document, is_word
from core.errors import InputError
from core.models.parts.tfidf import TfIdf
from core.types import FloatArray, IntArray


def check_words(document: Document, position: int, words: Sequence[str]) -> None:
    """InputError for a position outside the document, or for what is not one word: as `Document.replace`, without its copies."""
    if not 0 <= position < len(document):
        raise InputError(f"there is no word {position}: the document has {len(document)} words")
    wrong = next((word for word in words if not is_word(word)), None)
    if wrong is not None:
        raise InputError(f"{wrong!r} is not one word: give letters or digits without spaces or punctuation")


@dataclass(frozen=True)
class Changed:
    """n documents that differ in one word: row i of their TF-IDF vectors is (whole + difference[i]) / norms[i].

    whole [1, F]: the document's own vector before it is divided by its norm; difference [n, F]; norms [n], 1 where no feature
    is left."""

    whole: sparse.csr_array
    difference: sparse.csr_array
    norms: NDArray[np.float32]

    @classmethod
    def of(cls, tfidf: TfIdf, document: Document, position: int, words: Sequence[str]) -> Changed:
        """InputError as `check_words`."""
        check_words(document, position, words)
        ids = tfidf.words.ids(document.words)
        column, count = np.unique(tfidf.occurrences(np.zeros(len(ids), dtype=np.int64), ids)[1], return_counts=True)
        value = (1 + np.log(count)) * tfidf.idf[column].astype(np.float64)
        delta = _delta(tfidf, ids, position, tfidf.words.ids(words))
        own = np.repeat(np.arange(len(words)), np.diff(delta.indptr))
        before = _counts(column, count, delta.indices)
        old, new = (_values(number, tfidf.idf[delta.indices]) for number in (before, before + delta.data))
        squares = (value**2).sum() + np.bincount(own, weights=new**2 - old**2, minlength=len(words))
        kept = len(column) + np.bincount(own, weights=(new > 0).astype(np.float64) - (old > 0), minlength=len(words))
        whole = sparse.csr_array((value.astype(np.float32), column, [0, len(column)]), shape=(1, len(tfidf)))
        difference = sparse.csr_array(((new - old).astype(np.float32), delta.indices, delta.indptr), shape=(len(words), len(tfidf)))
        return cls(whole, difference, np.sqrt(np.where(kept > 0, squares, 1)).astype(np.float32))


def _delta(tfidf: TfIdf, ids: IntArray, position: int, substitutes: IntArray) -> sparse.csr_array:
    """By how much each substitute changes the count of each feature: [n, F], no zeros. The word's neighbours stand on both
    sides of the difference and cancel out."""
    start, end = max(0, position - 1), position + 2
    context, place = ids[start:end], position - start
    rows = np.tile(context, (len(substitutes), 1))
    rows[:, place] = substitutes
    entries = []
    for sign, own in ((1, rows), (-1, np.tile(context, (len(substitutes), 1)))):
        owner = np.repeat(np.arange(len(substitutes)), len(context))
        at, column = tfidf.occurrences(owner, own.ravel())
        entries.append((np.full(len(at), sign, dtype=np.int64), owner[at], column))
    data, row, columns = (np.concatenate(parts) for parts in zip(*entries, strict=True))
    delta = sparse.csr_array((data, (row, columns)), shape=(len(substitutes), len(tfidf)))
    delta.eliminate_zeros()
    return delta


def _counts(column: IntArray, count: IntArray, wanted: IntArray) -> IntArray:
    """The counts of `wanted` features, of which `column` (sorted) occur."""
    if not len(column):
        return np.zeros(len(wanted), dtype=np.int64)
    at = np.minimum(np.searchsorted(column, wanted), len(column) - 1)
    return np.where(column[at] == wanted, count[at], 0)


def _values(counts: IntArray, idf: NDArray[np.float32]) -> FloatArray:
    """(1 + ln tf) * idf, 0 where a feature does not occur."""
    return np.where(counts > 0, (1 + np.log(np.maximum(counts, 1))) * idf.astype(np.float64), 0.0)
