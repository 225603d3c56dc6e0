"""Do explainers agree? Kendall's tau between word values and the overlap of the top ten words, per label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import InputError
from core.explainers.attribution import Attribution
from core.types import FloatArray

TOP = 10

NOISE = 1e-6
"""Values below this share of the largest are rounding, and equal: ranking them would compare noise."""


def without_noise(values: FloatArray) -> FloatArray:
    """values [w], rounded to NOISE of the largest |value|."""
    step = NOISE * max(float(np.abs(values).max(initial=0)), 1e-300)
    return np.asarray(np.round(values / step) * step)


def top_words(values: FloatArray, count: int = TOP) -> frozenset[int]:
    """Positions of the `count` words with the largest |value|, earlier words first among equals. values [w]."""
    return frozenset(np.argsort(-np.abs(without_noise(values)), kind="stable")[:count].tolist())


def jaccard(one: frozenset[int], other: frozenset[int]) -> float:
    """|both| / |either|; 1 for two empty sets."""
    return len(one & other) / len(one | other) if one | other else 1.0


def kendall_tau(one: FloatArray, other: FloatArray) -> float:
    """Kendall's tau-b of two rankings of the same words; NaN where one of them ranks nothing (all values equal)."""
    from scipy.stats import kendalltau

    one, other = without_noise(one), without_noise(other)
    if len(one) < 2 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return float("nan")
    return float(kendalltau(one, other).statistic)


@dataclass(frozen=True)
class Agreement:
    """a attributions against each other, for m labels: tau [m, a, a] in [-1, 1] over signed values, and overlap [m, a, a],
    the share of the top ten words (by |value|) that two have in common. Symmetric; tau is NaN where a method ranks nothing."""

    methods: tuple[str, ...]
    tau: FloatArray
    overlap: FloatArray


def agreement(attributions: Sequence[Attribution]) -> Agreement:
    """Compare attributions of the same document and labels by the same weights, over the words that the model reads."""
    if not attributions:
        raise InputError("there is nothing to compare: give at least one explanation")
    first = attributions[0]
    for other in attributions[1:]:
        same = other.document == first.document and other.digest == first.digest and np.array_equal(other.labels, first.labels)
        if not same:
            raise InputError(f"explanations by {first.method} and {other.method} are not of the same document, labels and weights")
    values = np.array([each.values[:, : first.words_read] for each in attributions])
    count, labels = values.shape[:2]
    tau, overlap = np.ones((labels, count, count)), np.ones((labels, count, count))
    for label in range(labels):
        tops = [top_words(row) for row in values[:, label]]
        for i in range(count):
            for j in range(i, count):
                tau[label, i, j] = tau[label, j, i] = kendall_tau(values[i, label], values[j, label])
                overlap[label, i, j] = overlap[label, j, i] = len(tops[i] & tops[j]) / max(1, len(tops[i]))
    return Agreement(tuple(each.method for each in attributions), tau, overlap)
