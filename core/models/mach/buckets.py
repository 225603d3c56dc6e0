"""Labels and features in hashed buckets: MACH's lookups, its estimators of label scores, and the search for the best labels.

Medini et al., Extreme Classification in Log Memory using Count-Min Sketch, NeurIPS 2019. R repetitions hash L labels into B
buckets each: h_r(i) = murmur3_32(i, seed=r) mod B, with Python's non-negative remainder of the signed hash, as in the
authors' code. A network of each repetition scores its buckets; a label's score is estimated from its R buckets.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.errors import SettingsError
from core.labels import LabelSpace
from core.ranking import top_k
from core.types import IntArray, Scores

METHODS = ("evidence", "logit-sum", "mean", "unbiased", "min", "median", "noisy-or")

EVIDENCE = 2.0
"""As how many independent buckets the R buckets of a label count against its prior. On debtags' dev split, without a linear
part: 2: P@1 82.2, nDCG@5 79.6; 3: 81.1, 79.2; 4: 81.0, 78.8; logit-sum: 81.3, 78.9; mean: 81.4, 77.1."""
CHUNK = 64
"""Documents whose labels are ranked at a time."""

BLOCK = 16_000_000
"""Values gathered at a time: 64 MB, whatever the number of labels."""

OPENED = 50
"""Buckets of each repetition whose labels the approximate search looks at."""


def hashed(count: int, size: int, repetitions: int, offset: int = 0) -> NDArray[np.int32]:
    """murmur3_32(i, seed=offset + r) mod size for i in 0..count-1: [R, count]."""
    from sklearn.utils import murmurhash3_32

    numbers = np.arange(count, dtype=np.int32)
    return np.stack([murmurhash3_32(numbers, seed=offset + r) % size for r in range(repetitions)]).astype(np.int32)


def inseparable(labels: int, buckets: int, repetitions: int) -> float:
    """How many pairs of labels are expected to share their bucket in every repetition: no score can tell them apart."""
    return labels * (labels - 1) / 2 * float(buckets) ** -repetitions


def check_identifiable(labels: int, buckets: int, repetitions: int) -> None:
    """Raises SettingsError where scores of single labels would mean nothing: with one repetition, or with one pair or more
    that is expected to share every bucket."""
    pairs = inseparable(labels, buckets, repetitions)
    if repetitions > 1 and pairs < 1:
        return
    enough = 2
    while inseparable(labels, buckets, enough) >= 1:
        enough += 1
    raise SettingsError(
        f"{repetitions} repetition(s) of {buckets} buckets cannot tell {labels:,} labels apart: about {pairs:,.0f} pairs share every bucket; "
        f"use {enough} repetitions or more"
    )


@dataclass(frozen=True)
class Buckets:
    """lookup [R, L]: the bucket of each label in each repetition; size: B."""

    lookup: NDArray[np.int32]
    size: int

    @classmethod
    def of(cls, labels: int, size: int, repetitions: int) -> Buckets:
        return cls(hashed(labels, size, repetitions), size)

    @property
    def repetitions(self) -> int:
        return len(self.lookup)

    @cached_property
    def inverse(self) -> tuple[NDArray[np.int32], IntArray]:
        """Labels of each bucket: order [R, L], starts [R, B + 1]; bucket b of repetition r holds order[r, starts[r, b]:starts[r, b + 1]],
        ids rising."""
        order = np.argsort(self.lookup, axis=1, kind="stable").astype(np.int32)
        sizes = np.stack([np.bincount(row, minlength=self.size) for row in self.lookup])
        return order, np.concatenate([np.zeros((self.repetitions, 1), np.int64), np.cumsum(sizes, axis=1)], axis=1)

    def crowd(self, labels: LabelSpace) -> NDArray[np.float32]:
        """The share of training documents that would fire a label's bucket without the label, members taken as independent:
        [R, L], 1 - prod over the others of (1 - n_j / N)."""
        quiet = np.log1p(-np.minimum(labels.counts / max(labels.documents, 1), 1 - 1e-6))
        total = np.stack([np.bincount(row, weights=quiet, minlength=self.size)[row] for row in self.lookup])
        return np.asarray(-np.expm1(np.minimum(total - quiet, 0)), dtype=np.float32)

    def offset(self, labels: LabelSpace, rates: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the estimator "evidence" adds to the weighted sum of logits: [1, L]. rates [R, B]: log-odds of the base rates."""
        share = np.clip(labels.counts / max(labels.documents, 1), 1e-6, 1 - 1e-6)
        expected = np.take_along_axis(rates, self.lookup, axis=1).sum(axis=0, dtype=np.float64)
        return np.asarray(np.log(share / (1 - share)) - EVIDENCE / self.repetitions * expected, dtype=np.float32)[None]


def values(z: Tensor, method: str) -> Tensor:
    """What an estimator combines: the logits themselves, or their probabilities."""
    return z if method in ("logit-sum", "evidence") else torch.sigmoid(z)


def combine(v: Tensor, method: str, buckets: int, known: Tensor | None = None) -> Tensor:
    """The `values` of the R buckets of m labels, v [R, n, m] -> label scores [n, m]; differentiable. `buckets` is B.

    mean; min; median; unbiased: B / (B - 1) * (mean - 1 / B), exact for a softmax over one label a document, the same order as
    mean; logit-sum: the sum of the logits. noisy-or (experimental): the mean of 1 - (1 - v_r) / (1 - q_r), cut to [0, 1], with
    q = `known` [R, m] from `Buckets.crowd`. evidence (ours): the label's own log-odds, plus EVIDENCE times the mean by which its
    buckets' logits exceed the log-odds of their base rates, with everything constant in `known` [1, m] from `Buckets.offset`.
    """
    if method == "min":
        return v.amin(dim=0)
    if method == "median":
        middle = v.sort(dim=0).values
        return (middle[(len(v) - 1) // 2] + middle[len(v) // 2]) / 2
    if method == "noisy-or" and known is not None:
        v = (1 - (1 - v) / (1 - known[:, None])).clamp(0, 1)
    total = _sum(v)
    if method == "logit-sum":
        return total
    if method == "evidence" and known is not None:
        return total * (EVIDENCE / len(v)) + known
    mean = total / len(v)
    return (mean - 1 / buckets) * (buckets / (buckets - 1)) if method == "unbiased" else mean


def _sum(parts: Tensor) -> Tensor:
    """Over the first axis, always in its order: torch's own sum rounds differently for other shapes, which would break ties
    by the size of the batch."""
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def gather(v: Tensor, lookup: Tensor) -> Tensor:
    """v [R, n, B], lookup [R, m] -> the values of each label's buckets [R, n, m]."""
    return torch.stack([own.index_select(1, places) for own, places in zip(v, lookup, strict=True)])


def reconstruct(z: Tensor, lookup: Tensor, method: str, buckets: int, known: Tensor | None = None) -> Tensor:
    """Logits of all buckets, z [R, n, B], and the buckets of m labels, lookup [R, m] -> label scores [n, m], as `combine`."""
    return combine(gather(values(z, method), lookup), method, buckets, known)


@dataclass(frozen=True)
class Reader:
    """Reads label scores from bucket logits. known: what the estimator knows of each label, [R or 1, L], or None."""

    buckets: Buckets
    method: str
    known: Tensor | None = None

    @classmethod
    def of(cls, buckets: Buckets, method: str, labels: LabelSpace, rates: NDArray[np.float32]) -> Reader:
        """rates [R, B]: log-odds of the buckets' base rates."""
        known = {"noisy-or": lambda: buckets.crowd(labels), "evidence": lambda: buckets.offset(labels, rates)}.get(method)
        return cls(buckets, method, None if known is None else torch.from_numpy(known()))

    @cached_property
    def lookup(self) -> Tensor:
        with torch.inference_mode(False):  # scoring may ask first, and a tensor made there could never be differentiated through
            return torch.from_numpy(self.buckets.lookup)

    def chosen(self, z: Tensor, labels: IntArray) -> Tensor:
        """Logits of the R buckets of m labels, [R, n, m] -> scores [n, m]."""
        known = None if self.known is None else self.known[:, torch.from_numpy(labels)]
        return combine(values(z, self.method), self.method, self.buckets.size, known)

    def scores(self, v: Tensor, labels: slice | IntArray) -> Scores:
        """`values` of all buckets [R, n, B] -> scores of some labels [n, m]."""
        known = None if self.known is None else self.known[:, labels]
        found: Scores = combine(gather(v, self.lookup[:, labels]), self.method, self.buckets.size, known).numpy()
        return found

    def blocks(self, documents: int) -> Iterator[slice]:
        """All labels, so many at a time that BLOCK values are gathered."""
        repetitions, labels = self.buckets.lookup.shape
        step = max(1, BLOCK // max(1, documents * repetitions))
        return (slice(start, min(start + step, labels)) for start in range(0, labels, step))

    def dense(self, z: Tensor) -> Scores:
        """Scores of all labels [n, L]."""
        scores = np.empty((z.shape[1], self.buckets.lookup.shape[1]), dtype=np.float32)
        v = values(z, self.method)
        for part in self.blocks(z.shape[1]):
            scores[:, part] = self.scores(v, part)
        return scores

    def exact_top(self, z: Tensor, k: int) -> tuple[IntArray, Scores]:
        """The k best of all labels of at most CHUNK documents: ids and scores [n, min(k, L)]. All labels are scored, a block
        at a time, so that memory does not grow with L."""
        v = values(z, self.method)
        best = np.zeros((z.shape[1], 0), dtype=np.float32)
        ids = np.zeros((z.shape[1], 0), dtype=np.int64)
        for part in self.blocks(z.shape[1]):
            scores = self.scores(v, part)
            found = top_k(scores, k)
            best = np.concatenate([best, np.take_along_axis(scores, found, axis=1)], axis=1)
            ids = np.concatenate([ids, found + part.start], axis=1)
            chosen = top_k(best, k)  # earlier blocks stand first, so ties still fall to the lower label id
            best, ids = np.take_along_axis(best, chosen, axis=1), np.take_along_axis(ids, chosen, axis=1)
        return ids, best

    def approximate_top(self, z: Tensor, k: int) -> tuple[IntArray, Scores]:
        """As `exact_top`, but only among labels that lie in one of the 50 best buckets of two repetitions or more (of one,
        where that leaves fewer than k). The authors sum the scores of the opened buckets only, which is hard on a label
        with one weak bucket; we score the candidates exactly. Places left empty hold -1 and -inf."""
        ids = np.full((z.shape[1], min(k, self.buckets.lookup.shape[1])), -1, dtype=np.int64)
        best = np.full(ids.shape, -np.inf, dtype=np.float32)
        for row in range(z.shape[1]):
            labels = candidates(z[:, row].numpy(), self.buckets, k)
            scores = self.scores(values(z[:, [row]], self.method), labels)
            found = top_k(scores, ids.shape[1])
            ids[row, : found.shape[1]] = labels[found[0]]
            best[row, : found.shape[1]] = scores[0, found[0]]
        return ids, best


def candidates(z: NDArray[np.float32], buckets: Buckets, k: int) -> IntArray:
    """Labels, ids rising, that the best buckets of one document's logits [R, B] name twice, or else at least once."""
    order, starts = buckets.inverse
    opened = np.argpartition(-z, min(OPENED, z.shape[1]) - 1, axis=1)[:, :OPENED]
    seen = np.zeros(order.shape[1], dtype=np.int16)
    for r, places in enumerate(opened):
        for bucket in places:
            seen[order[r, starts[r, bucket] : starts[r, bucket + 1]]] += 1
    twice = np.flatnonzero(seen >= 2)
    return twice if len(twice) >= k else np.flatnonzero(seen)
