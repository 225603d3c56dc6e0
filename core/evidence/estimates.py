"""Figures with intervals, from lists of numbers: shares (Wilson), means and medians (bootstrap by document), slopes (least squares)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.study.statistics import Interval, newcombe, newcombe_paired, weights, wilson
from core.types import FloatArray

RESAMPLES = 1_000


@dataclass(frozen=True)
class Measured:
    """A figure with its 95 % interval and the number of attacks, documents, ... behind it. Fractions are in [0, 1] whatever they are
    shown as. An interval of nan to nan: the figure is counted, not estimated."""

    value: float
    low: float
    high: float
    n: int

    @property
    def exact(self) -> bool:
        return math.isnan(self.low)

    @property
    def empty(self) -> bool:
        return math.isnan(self.value)


NOTHING = Measured(math.nan, math.nan, math.nan, 0)


def of(interval: Interval, n: int) -> Measured:
    return Measured(interval.value, interval.low, interval.high, n)


def counted(value: float, n: int) -> Measured:
    """A figure that was counted and has no sampling error."""
    return Measured(value, math.nan, math.nan, n)


def share(hits: int, n: int) -> Measured:
    """Wilson's interval."""
    return of(wilson(hits, n), n)


def share_difference(first: tuple[int, int], second: tuple[int, int]) -> Measured:
    """(hits, n) each, of independent samples; Newcombe's interval."""
    return of(newcombe(first, second), first[1] + second[1])


def paired_share_difference(both: int, first: int, second: int, neither: int) -> Measured:
    """The share of successes of the first minus that of the second on the same pairs: both, first only, second only, neither. Newcombe's
    square-and-add interval for paired data (Newcombe 1998, Statistics in Medicine 17:2635, method 10), which keeps its width where no pair
    differs, as a bootstrap does not."""
    return of(newcombe_paired(both, first, second, neither), both + first + second + neither)


def mean(values: Sequence[float], documents: Sequence[object], seed: int = 0) -> Measured:
    """The mean of values [n] with the percentile bootstrap over documents: values of one document are drawn together."""
    return ratio(values, [1.0] * len(values), documents, seed)


def ratio(tops: Sequence[float], bottoms: Sequence[float], documents: Sequence[object], seed: int = 0) -> Measured:
    """sum of tops / sum of bottoms, both [n], with the percentile bootstrap over documents."""
    if not len(tops) or not sum(bottoms):
        return NOTHING
    places = np.unique(np.asarray([str(document) for document in documents]), return_inverse=True)[1]
    sums = np.zeros((2, int(places.max()) + 1))
    np.add.at(sums[0], places, np.asarray(tops, dtype=np.float64))
    np.add.at(sums[1], places, np.asarray(bottoms, dtype=np.float64))
    count = sums.shape[1]
    drawn = weights(count, RESAMPLES, seed)
    top, bottom = drawn @ sums[0], drawn @ sums[1]
    samples = np.divide(top, bottom, out=np.full(RESAMPLES, np.nan), where=bottom > 0)
    low, high = np.nanpercentile(samples, [2.5, 97.5])
    return Measured(float(sums[0].sum() / sums[1].sum()), float(low), float(high), len(tops))


def median(values: Sequence[float], seed: int = 0) -> Measured:
    """The median of values [n], one a document, with the percentile bootstrap over documents; NOTHING for none."""
    if not len(values):
        return NOTHING
    own = np.asarray(values, dtype=np.float64)
    drawn = np.random.default_rng(seed).integers(len(own), size=(RESAMPLES, len(own)))
    low, high = np.percentile(np.median(own[drawn], axis=1), [2.5, 97.5])
    return Measured(float(np.median(own)), float(low), float(high), len(own))


def slope(x: FloatArray, y: FloatArray) -> Measured:
    """Least squares of y on x, both [n], with Student's interval of n - 2 degrees of freedom; NOTHING for fewer than three points."""
    from scipy.special import stdtrit  # Student's quantile; scipy.stats has the same one and takes a second to import

    n = len(x)
    if n < 3 or np.ptp(x) == 0:
        return NOTHING
    spread = float(((x - x.mean()) ** 2).sum())
    value = float(((x - x.mean()) * (y - y.mean())).sum() / spread)
    residual = y - y.mean() - value * (x - x.mean())
    half = float(stdtrit(n - 2, 0.975)) * math.sqrt(float((residual**2).sum()) / (n - 2) / spread)
    return Measured(value, value - half, value + half, n)
