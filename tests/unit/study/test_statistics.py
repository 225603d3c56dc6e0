"""Intervals and matched differences against values worked by hand or printed in the papers that define them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.study.statistics import area, newcombe, quantile_strata, stratified, wilson


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998a, table I, method 3
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (10, 10, 0.7225, 1.0),
    ],
)
def test_wilson(successes: int, n: int, low: float, high: float) -> None:
    found = wilson(successes, n)
    assert (found.value, found.low, found.high) == (pytest.approx(successes / n), pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share_and_stays_in_range(counts: tuple[int, int]) -> None:
    found = wilson(*counts)
    assert 0 <= found.low <= found.value <= found.high <= 1
    mirror = wilson(counts[1] - counts[0], counts[1])
    assert (mirror.low, mirror.high) == (pytest.approx(1 - found.high), pytest.approx(1 - found.low))


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),  # Newcombe 1998b, table II, method 10
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_newcombe(first: tuple[int, int], second: tuple[int, int], low: float, high: float) -> None:
    found = newcombe(first, second)
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_nothing_is_nothing() -> None:
    assert math.isnan(wilson(0, 0).value) and math.isnan(newcombe((1, 2), (0, 0)).low)
    assert wilson(0, 0).to_json() == {"value": None, "low": None, "high": None}


def case(rows: list[tuple[int, int, int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """(group, stratum, successes, n) -> success, first, strata, documents (one each)."""
    success, first, strata = [], [], []
    for group, stratum, hits, n in rows:
        success += [True] * hits + [False] * (n - hits)
        first += [group == 1] * n
        strata += [stratum] * n
    return np.asarray(success), np.asarray(first), np.asarray(strata), [str(i) for i in range(len(success))]


def test_the_mantel_haenszel_difference_by_hand() -> None:
    """Strata (8/10 - 2/5) and (3/6 - 6/12): weights 50/15 and 72/18, so 0.4 * (10/3) / (10/3 + 4)."""
    success, first, strata, documents = case([(1, 0, 8, 10), (2, 0, 2, 5), (1, 1, 3, 6), (2, 1, 6, 12)])
    assert stratified(success, first, strata, documents).value == pytest.approx(0.4 * (10 / 3) / (10 / 3 + 4))


def test_matching_takes_away_what_strata_explain() -> None:
    """Simpson: within each stratum both groups succeed alike, but the first group lies mostly in the easy one."""
    success, first, strata, documents = case([(1, 0, 72, 80), (2, 0, 18, 20), (1, 1, 4, 20), (2, 1, 16, 80)])
    plain = stratified(success, first, np.zeros_like(strata), documents)
    matched = stratified(success, first, strata, documents)
    assert plain.value == pytest.approx(0.76 - 0.34) and plain.low > 0.2
    assert matched.value == pytest.approx(0, abs=1e-12) and matched.low < 0 < matched.high


def test_a_stratum_of_one_group_says_nothing() -> None:
    success, first, strata, documents = case([(1, 0, 5, 10), (2, 1, 5, 10)])
    assert math.isnan(stratified(success, first, strata, documents).value)


def test_pairs_of_one_document_are_drawn_together() -> None:
    """The same outcomes, each ten times in a document: the interval must not shrink as if they were a hundred."""
    success, first, strata, documents = case([(1, 0, 6, 10), (2, 0, 4, 10)])
    once = stratified(success, first, strata, documents)
    many = stratified(np.repeat(success, 10), np.repeat(first, 10), np.repeat(strata, 10), [d for d in documents for _ in range(10)])
    assert (many.value, many.low, many.high) == (pytest.approx(once.value), pytest.approx(once.low), pytest.approx(once.high))
    assert once.high - once.low > 0.6


def test_the_bootstrap_agrees_with_newcombe_where_both_hold() -> None:
    success, first, strata, documents = case([(1, 0, 140, 200), (2, 0, 100, 200)])
    boot, closed = stratified(success, first, strata, documents), newcombe((140, 200), (100, 200))
    assert (boot.low, boot.high) == (pytest.approx(closed.low, abs=0.01), pytest.approx(closed.high, abs=0.01))


def test_strata_of_equal_size_keep_equal_values_together() -> None:
    assert quantile_strata(np.arange(10.0), 5).tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    tied = quantile_strata(np.asarray([1.0, 1, 1, 1, 2, 3]), 3)
    assert len(set(tied[:4].tolist())) == 1


def test_area_by_hand() -> None:
    """Horizon 100: successes at 20 and 60, a failure, a success past the horizon: (0.8 + 0.4 + 0 + 0) / 4."""
    assert area([20, 60, 90, 150], [True, True, False, True], 100) == pytest.approx(0.3)
    assert math.isnan(area([], [], 100)) and area([0], [True], 10) == 1


def test_groups_that_all_succeed_are_not_certain_to() -> None:
    """50 of 50 on both sides: no resample differs, and yet Newcombe's interval, from Wilson's [0.929, 1], reaches 7 points to either side."""
    success, first = np.ones(100, dtype=np.bool_), np.arange(100) < 50
    found = stratified(success, first, np.zeros(100, dtype=np.int64), [str(i) for i in range(100)])
    closed = newcombe((50, 50), (50, 50))
    assert found.value == 0 and (found.low, found.high) == (closed.low, closed.high)
    assert found.high == pytest.approx(0.0713, abs=1e-3) and found.low == -found.high
