"""Shares with intervals, and differences of shares with and without matching. Pure functions of numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from core.types import BoolArray, FloatArray, IntArray

Z = 1.959963984540054
"""Two-sided 95 %."""
RESAMPLES = 2_000


@dataclass(frozen=True)
class Interval:
    """A value with a 95 % interval; all three are nan where there is nothing to say."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, float | None]:
        """nan is no JSON."""
        return {key: None if math.isnan(number) else number for key, number in vars(self).items()}


NOTHING = Interval(math.nan, math.nan, math.nan)


def wilson(successes: float, n: float) -> Interval:
    """The share of successes with Wilson's score interval (Wilson 1927)."""
    if n == 0:
        return NOTHING
    share, square = successes / n, Z * Z
    centre = (share + square / (2 * n)) / (1 + square / n)
    half = Z / (1 + square / n) * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    # At a share of 0 or 1 the interval ends there; rounding would leave it a hair beside.
    return Interval(share, 0.0 if successes == 0 else centre - half, 1.0 if successes == n else centre + half)


def newcombe(first: tuple[int, int], second: tuple[int, int]) -> Interval:
    """Difference of two independent shares, (successes, n) each, by Newcombe's hybrid score method (Newcombe 1998, method 10)."""
    if not first[1] or not second[1]:
        return NOTHING
    a, b = wilson(*first), wilson(*second)
    difference = a.value - b.value
    return Interval(
        difference, difference - math.hypot(a.value - a.low, b.high - b.value), difference + math.hypot(a.high - a.value, b.value - b.low)
    )


def newcombe_paired(both: float, first: float, second: float, neither: float) -> Interval:
    """The share of successes of the first minus that of the second on the same pairs: both, first only, second only, neither. Newcombe's
    square-and-add interval for paired data (Newcombe 1998, Statistics in Medicine 17:2635, method 10), which keeps its width where no pair
    differs, as a bootstrap does not. Counts need not be whole (see `paired_by_document`)."""
    n = both + first + second + neither
    if not n:
        return NOTHING
    one, other = wilson(both + first, n), wilson(both + second, n)
    margins = (both + first) * (second + neither) * (both + second) * (first + neither)
    product = float(both * neither - first * second)
    if product > 0:  # his continuity correction
        product = max(product - n / 2, 0.0)
    phi = product / math.sqrt(margins) if margins else 0.0
    value = (first - second) / n

    def reach(a: float, b: float) -> float:
        return math.sqrt(max(a * a - 2 * phi * a * b + b * b, 0.0))

    low = value - reach(one.value - one.low, other.high - other.value)
    return Interval(value, low, value + reach(one.high - one.value, other.value - other.low))


FEW = 10
"""Documents below which nothing is believed of how alike the pairs of one document are: then they count as one."""


def design_effect(values: FloatArray, documents: Sequence[object]) -> float:
    """By how much the variance of the mean of values [n] grows because pairs of one document hang together: 1 for independent pairs, at most
    sum(m^2) / sum(m) over documents of m pairs, where they are all alike (Kish 1965, section 5.4). Between those it is the variance over
    documents divided by that over pairs; the most where there are fewer than FEW documents, or where every value is the same, because then
    the data cannot tell."""
    place = np.unique(np.asarray([str(document) for document in documents]), return_inverse=True)[1]
    sizes = np.bincount(place).astype(np.float64)
    most = float((sizes**2).sum() / sizes.sum())
    centred = np.asarray(values, dtype=np.float64) - np.mean(values)
    alone, count = float((centred**2).sum()), len(sizes)
    if count < FEW or alone == 0:
        return most
    together = float((np.bincount(place, centred) ** 2).sum()) * count / (count - 1)
    return min(max(together / alone, 1.0), most)


def paired_by_document(first: BoolArray, second: BoolArray, documents: Sequence[object]) -> Interval:
    """The share of successes of the second minus that of the first on the same pairs [n], some of which share a document: Newcombe's paired
    interval with every count divided by the design effect of the differences. It never closes, however alike the pairs come out."""
    n = len(first)
    if not n:
        return NOTHING
    effect = design_effect(second.astype(np.float64) - first, documents)
    counts = (first & second, second & ~first, first & ~second, ~first & ~second)
    return newcombe_paired(*(float(each.sum()) / effect for each in counts))


def stratified(success: BoolArray, first: BoolArray, strata: IntArray, documents: Sequence[str], seed: int = 0) -> Interval:
    """Difference of two shares within strata: d = sum_s w_s (p_1s - p_2s) / sum_s w_s, w_s = n_1s n_2s / (n_1s + n_2s), the
    Mantel-Haenszel risk difference (Greenland and Robins 1985). `first` [n] says which pairs are of the first group. The interval is
    the percentile bootstrap over documents: pairs of one document are drawn together; where that has no width, Newcombe's of the two
    groups. With one stratum it is the plain difference.
    """
    groups = np.stack([first, ~first])
    shape = 2, int(strata.max(initial=0)) + 1
    place = np.unique(np.asarray(documents), return_inverse=True)[1]
    n = np.zeros((int(place.max(initial=-1)) + 1, *shape))
    hits = np.zeros_like(n)
    for group, member in enumerate(groups):
        np.add.at(n, (place[member], group, strata[member]), 1.0)
        np.add.at(hits, (place[member], group, strata[member]), success[member].astype(np.float64))
    value = float(_difference(n.sum(axis=0)[None], hits.sum(axis=0)[None])[0])
    if math.isnan(value):
        return NOTHING
    drawn = weights(len(n), RESAMPLES, seed)
    samples = _difference(np.tensordot(drawn, n, 1), np.tensordot(drawn, hits, 1))
    low, high = np.nanpercentile(samples, [2.5, 97.5])
    if low == high:  # every pair of a group comes out alike, so that resampling shows no doubt, however few there are
        found = newcombe(*((int(success[member].sum()), int(member.sum())) for member in groups))
        low, high = found.low, found.high
    return Interval(value, float(low), float(high))


@lru_cache(maxsize=32)
def draws(count: int, resamples: int, seed: int) -> NDArray[np.int16]:
    """How often each of `count` documents is drawn in each resample: [resamples, count], only to be read. The figures of a study all
    ask for the same, and drawing takes far longer than what is done with it."""
    found = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples).astype(np.int16)
    found.setflags(write=False)
    return found


@lru_cache(maxsize=1)
def weights(count: int, resamples: int, seed: int) -> FloatArray:
    """`draws` as numbers to multiply with. One study's only: four times as large."""
    found = draws(count, resamples, seed).astype(np.float64)
    found.setflags(write=False)
    return found


def _difference(n: FloatArray, hits: FloatArray) -> FloatArray:
    """[r, 2, strata] counts -> [r] differences; nan where no stratum holds both groups."""
    total = n.sum(axis=1)
    weight = np.divide(n[:, 0] * n[:, 1], total, out=np.zeros_like(total), where=total > 0)
    share = np.divide(hits, n, out=np.zeros_like(hits), where=n > 0)
    whole = weight.sum(axis=1)
    out: FloatArray = np.divide((weight * (share[:, 0] - share[:, 1])).sum(axis=1), whole, out=np.full(len(n), np.nan), where=whole > 0)
    return out


def quantile_strata(values: FloatArray, parts: int) -> IntArray:
    """[n] values -> [n] strata of about equal size, equal values together."""
    inner = np.quantile(values, np.arange(1, parts) / parts) if len(values) else np.zeros(0)
    return np.searchsorted(inner, values, side="left").astype(np.int64)


def area(costs: Sequence[float], success: Sequence[bool], horizon: float) -> float:
    """Area under the share of attacks that have succeeded by a cost, from 0 to `horizon`, as a share of the whole: the mean of
    1 - cost / horizon over successes within it, 0 for the others. 1 = every attack succeeds at once."""
    if not len(costs) or horizon <= 0:
        return math.nan
    return sum(1 - cost / horizon for cost, reached in zip(costs, success, strict=True) if reached and cost <= horizon) / len(costs)
