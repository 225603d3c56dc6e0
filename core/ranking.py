"""Ranking with one order everywhere: higher score first, then the lower label id."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from core.errors import InputError
from core.types import Classifier, FeatureClassifier, IntArray, Scores

BLOCK = 16_000_000
"""Scores held at a time while watching a batch: 64 MB."""

AT_ONCE = 250_000
"""Comparisons of two scores made in one go for ranks: above that, one label after the other is no slower and needs less memory."""


def top_k(scores: Scores, k: int) -> IntArray:
    """Ids of the k best labels of each row: [n, L] -> [n, min(k, L)]. Raises InputError for NaN: it has no rank.

    Partition, then sort: O(L) a row. Among labels that tie with the k-th best the lowest ids are taken.
    """
    n, width = scores.shape
    k = min(k, width)
    if np.isnan(scores).any():
        raise InputError("a score is not a number, so it has no rank")
    if k <= 0:
        return np.zeros((n, 0), dtype=np.int64)
    kth = np.partition(scores, width - k, axis=1)[:, width - k]
    best = np.empty((n, k), dtype=np.int64)
    for row in range(n):
        above = np.flatnonzero(scores[row] > kth[row])
        tied = np.flatnonzero(scores[row] == kth[row])[: k - len(above)]
        chosen = np.concatenate([above, tied])
        best[row] = chosen[np.lexsort((chosen, -scores[row, chosen]))]
    return best


def ranks(scores: Scores, labels: IntArray) -> IntArray:
    """Ranks (1 = best) of chosen labels in each row: [n, L], [m] -> [n, m]."""
    if scores.size * len(labels) <= AT_ONCE:
        return _ranks_at_once(scores, labels)
    found = np.empty((len(scores), len(labels)), dtype=np.int64)
    for column, label in enumerate(labels):
        own = scores[:, [label]]
        found[:, column] = 1 + (scores > own).sum(axis=1) + (scores[:, :label] == own).sum(axis=1)
    return found


def _ranks_at_once(scores: Scores, labels: IntArray) -> IntArray:
    """All comparisons in one table [n, m, L], and ties looked at only where there are any: a search asks about one vector a time, and
    then the calls cost more than the comparisons."""
    own, wide = scores[:, labels][:, :, None], scores[:, None, :]
    found = 1 + np.asarray((wide > own).sum(axis=2), dtype=np.int64)
    tied = (wide == own).sum(axis=2) > 1
    if tied.any():
        rows, columns = np.nonzero(tied)
        before = np.arange(scores.shape[1]) < np.asarray(labels)[columns][:, None]
        found[rows, columns] += ((scores[rows] == own[rows, columns]) & before).sum(axis=1)
    return found


@dataclass(frozen=True)
class Watched:
    """What a batch of n texts does to m labels: scores and ranks [n, m], and the k best labels with scores [n, k].
    All from the dense score, so that a label outside a beam has a rank too."""

    scores: Scores
    ranks: IntArray
    top: IntArray
    top_scores: Scores


def watch(classifier: Classifier, texts: Sequence[str], labels: IntArray, k: int = 5) -> Watched:
    """Score a batch and keep only what is watched. Texts go through in blocks of BLOCK / L, so that n x L scores are
    never held: 1,000 texts with 670,091 labels would be 2.7 GB."""
    step = max(1, BLOCK // max(1, len(classifier.labels)))
    if not texts:
        return look(np.zeros((0, len(classifier.labels)), dtype=np.float32), labels, k)
    parts = [look(classifier.score(texts[start : start + step]), labels, k) for start in range(0, len(texts), step)]
    return Watched(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("scores", "ranks", "top", "top_scores")))


def watch_features(classifier: FeatureClassifier, vectors: sparse.csr_array, labels: IntArray, k: int = 5) -> Watched:
    """The same of feature vectors [n, F]."""
    n = vectors.shape[0]

    def score(start: int, stop: int) -> Scores:
        return classifier.score_features(vectors if stop - start >= n else sparse.csr_array(vectors[start:stop]))

    return watch_scored(score, n, len(classifier.labels), labels, k)


def watch_scored(score: Callable[[int, int], Scores], n: int, width: int, labels: IntArray, k: int) -> Watched:
    """The same of n documents, of which `score(start, stop)` gives the scores [.., width] of those from start to before stop."""
    step = max(1, BLOCK // max(1, width))
    if n <= step:
        return look(score(0, n), labels, k)
    parts = [look(score(start, start + step), labels, k) for start in range(0, n, step)]
    return Watched(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("scores", "ranks", "top", "top_scores")))


def look(scores: Scores, labels: IntArray, k: int) -> Watched:
    """What scores [n, L] say of labels [m] and of the k best."""
    top = top_k(scores, k)
    if not k:
        return Watched(scores[:, labels], ranks(scores, labels), top, np.zeros((len(scores), 0), dtype=np.float32))
    return Watched(scores[:, labels], ranks(scores, labels), top, np.take_along_axis(scores, top, axis=1))


def best_of_all(classifier: Classifier, texts: Sequence[str], k: int) -> tuple[IntArray, Scores]:
    """Retrieval without a beam: the k best of all labels by the dense score, [n, k] each, in blocks as `watch`. Places past L
    hold -1 and -inf."""
    return best_scored(lambda start, stop: classifier.score(texts[start:stop]), len(texts), len(classifier.labels), k)


def best_scored(score: Callable[[int, int], Scores], n: int, labels: int, k: int) -> tuple[IntArray, Scores]:
    """As `best_of_all`, of n documents of which `score(start, stop)` gives the scores of those from start to before stop."""
    ids = np.full((n, k), -1, dtype=np.int64)
    best = np.full((n, k), -np.inf, dtype=np.float32)
    step = max(1, BLOCK // max(1, labels))
    for start in range(0, n, step):
        scores = score(start, start + step)
        found = top_k(scores, k)
        ids[start : start + step, : found.shape[1]] = found
        best[start : start + step, : found.shape[1]] = np.take_along_axis(scores, found, axis=1)
    return ids, best
