"""Metrics by hand, at their edges, and under what must not change them (methods.md, section 8)."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from core.data.dataset import truth_matrix
from core.errors import InputError
from core.metrics import METRICS, difference, estimate, find_hits, recall_by_bin, value
from core.ranking import top_k
from tests import strategies

INVERSE = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 3.0])

# Three documents, six labels. Hits:      x . x . .          . x . . .           x x . . (a beam left one place empty)
PREDICTED = np.array([[0, 1, 2, 3, 4], [5, 4, 3, 2, 1], [1, 3, 0, 2, -1]])
TRUTH = truth_matrix([[0, 2, 5], [4], [1, 3]], 6)
D = [1 / log2(place + 1) for place in range(1, 6)]


def measure(predicted: np.ndarray, truth: sparse.csr_array, inverse: np.ndarray = INVERSE) -> dict[str, float]:
    ranked = find_hits(predicted, truth, inverse)
    return {name: value(metric(ranked, k)) for name, (metric, k) in METRICS.items()}


def test_three_documents_by_hand() -> None:
    expected = {
        "P@1": (1 + 0 + 1) / 3,
        "P@3": (2 / 3 + 1 / 3 + 2 / 3) / 3,
        "P@5": (2 / 5 + 1 / 5 + 2 / 5) / 3,
        "R@1": (1 / 3 + 0 + 1 / 2) / 3,
        "R@3": (2 / 3 + 1 + 1) / 3,
        "R@5": (2 / 3 + 1 + 1) / 3,
        "nDCG@1": (1 + 0 + 1) / 3,
        "nDCG@3": ((D[0] + D[2]) / sum(D[:3]) + D[1] / D[0] + 1) / 3,
        "nDCG@5": ((D[0] + D[2]) / sum(D[:3]) + D[1] / D[0] + 1) / 3,
        # Best reachable: {4, 3, 1}, {16}, {8, 2}; a ratio of sums.
        "PSP@1": (1 + 0 + 2) / (4 + 16 + 8),
        "PSP@3": (1 + 4 + 16 + 2 + 8) / (4 + 3 + 1 + 16 + 8 + 2),
        "PSP@5": (1 + 4 + 16 + 2 + 8) / (4 + 3 + 1 + 16 + 8 + 2),
        "PSnDCG@1": (1 + 0 + 2) / (4 + 16 + 8),
        "PSnDCG@3": ((1 * D[0] + 4 * D[2]) / sum(D[:3]) + 16 * D[1] / D[0] + (2 * D[0] + 8 * D[1]) / sum(D[:2]))
        / ((4 * D[0] + 3 * D[1] + 1 * D[2]) / sum(D[:3]) + 16 + (8 * D[0] + 2 * D[1]) / sum(D[:2])),
    }
    found = measure(PREDICTED, TRUTH)
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-12)
    assert found["PSnDCG@5"] == pytest.approx(expected["PSnDCG@3"])


def test_documents_without_truth_are_left_out_and_counted() -> None:
    predicted = np.vstack([PREDICTED, [[0, 1, 2, 3, 4]]])
    ranked = find_hits(predicted, truth_matrix([[0, 2, 5], [4], [1, 3], []], 6), INVERSE)
    assert (len(ranked), ranked.excluded) == (3, 1)
    assert measure(predicted, truth_matrix([[0, 2, 5], [4], [1, 3], []], 6)) == measure(PREDICTED, TRUTH)


def test_no_truth_at_all_cannot_be_measured() -> None:
    ranked = find_hits(PREDICTED, truth_matrix([[], [], []], 6), INVERSE)
    assert ranked.excluded == 3
    with pytest.raises(InputError, match="no document has a true label"):
        estimate(ranked)


def test_missing_places_are_misses_with_the_same_denominator() -> None:
    """A beam that found one label, a classifier with only two, and a row filled with -1 count alike."""
    truth, inverse = truth_matrix([[0, 1, 2]], 3), np.array([1.0, 2.0, 4.0])
    filled = measure(np.array([[0, -1, -1, -1, -1]]), truth, inverse)
    short = measure(np.array([[0]]), truth, inverse)
    assert short == filled
    assert short["P@5"] == pytest.approx(1 / 5)
    assert short["PSP@5"] == pytest.approx(1 / 7)
    assert short["nDCG@3"] == pytest.approx(1 / sum(D[:3]))


def test_true_labels_that_the_classifier_does_not_know_stay_misses() -> None:
    known = measure(np.array([[0, 1]]), truth_matrix([[0]], 2), np.array([1.0, 1.0]))
    wider = measure(np.array([[0, 1]]), truth_matrix([[0, 2]], 3), np.array([1.0, 1.0, 9.0]))
    assert (known["R@5"], wider["R@5"]) == (1, 0.5)
    assert (known["PSP@5"], wider["PSP@5"]) == (1, 0.1)


def test_labels_named_twice_count_once() -> None:
    twice = sparse.csr_array((np.ones(3), np.array([4, 4, 0]), np.array([0, 3])), shape=(1, 6))
    assert measure(PREDICTED[1:2], twice) == measure(PREDICTED[1:2], truth_matrix([[0, 4]], 6))


@pytest.mark.slow
@given(strategies.scores(rows=4, labels=7), strategies.truths(4, 7))
def test_every_metric_lies_in_0_to_1_and_p1_is_ndcg1(scores: np.ndarray, truth: sparse.csr_array) -> None:
    ranked = find_hits(top_k(scores, 5), truth, np.arange(1.0, 8.0))
    found = {name: value(metric(ranked, k)) for name, (metric, k) in METRICS.items()}
    assert all(0 <= figure <= 1 + 1e-12 for figure in found.values())
    assert found["P@1"] == pytest.approx(found["nDCG@1"])
    assert found["R@1"] <= found["R@3"] <= found["R@5"]
    assert 5 * found["P@5"] >= 3 * found["P@3"] - 1e-9 >= found["P@1"] - 2e-9


@pytest.mark.slow
@given(strategies.scores(rows=3, labels=6), strategies.truths(3, 6, empty=False))
def test_increasing_transforms_change_nothing(scores: np.ndarray, truth: sparse.csr_array) -> None:
    stretched = np.arctan(scores).astype(np.float32)
    assert measure(top_k(scores, 5), truth) == measure(top_k(stretched, 5), truth)


@pytest.mark.slow
@given(strategies.truths(4, 7, empty=False))
def test_the_truth_itself_is_perfect(truth: sparse.csr_array) -> None:
    weights = np.arange(1.0, 8.0)
    found = measure(top_k((truth.toarray() * weights).astype(np.float32), 5), truth, weights)
    assert all(found[name] == pytest.approx(1) for name in found if name.startswith(("nDCG", "PS")))


@pytest.mark.slow
@given(strategies.truths(5, 6), st.randoms())
def test_the_order_of_labels_and_documents_is_nothing(truth: sparse.csr_array, random: object) -> None:
    rng = np.random.default_rng(random.randrange(2**32))  # type: ignore[attr-defined] # Hypothesis's own random.Random
    predicted = np.array([rng.permutation(6)[:5] for _ in range(5)])
    names, rows = rng.permutation(6), rng.permutation(5)
    renamed = sparse.csr_array(truth.toarray()[rows][:, np.argsort(names)])
    assert measure(names[predicted][rows], renamed, INVERSE[np.argsort(names)]) == pytest.approx(measure(predicted, truth))


def sample(n: int, quality: float, seed: int) -> tuple[np.ndarray, sparse.csr_array]:
    """n documents of which a share of `quality` has its one true label predicted first."""
    hits = np.random.default_rng(seed).random(n) < quality
    return np.where(hits[:, None], [[0, 1, 2, 3, 4]], [[5, 1, 2, 3, 4]]), truth_matrix([[0]] * n, 6)


def test_bootstrap_intervals_have_the_binomial_width() -> None:
    """P@1 of n documents has the standard error sqrt(p (1 - p) / n)."""
    ranked = find_hits(*sample(400, 0.7, 1), INVERSE)
    found = estimate(ranked)["P@1"]
    width = 1.96 * np.sqrt(found.value * (1 - found.value) / 400)
    assert found.low == pytest.approx(found.value - width, abs=0.012)
    assert found.high == pytest.approx(found.value + width, abs=0.012)
    assert estimate(ranked)["P@1"] == found
    assert estimate(ranked, seed=1)["P@1"] != found


@pytest.mark.slow
def test_bootstrap_intervals_cover_the_truth() -> None:
    covered = [low <= 0.6 <= high for low, high in (_interval(seed) for seed in range(100))]
    assert 88 <= sum(covered) <= 100


def _interval(seed: int) -> tuple[float, float]:
    found = estimate(find_hits(*sample(150, 0.6, seed), INVERSE), resamples=200)["P@1"]
    return found.low, found.high


def test_paired_differences_are_sharper_than_unpaired_ones() -> None:
    predicted, truth = sample(300, 0.7, 2)
    better = predicted.copy()
    better[np.flatnonzero(predicted[:, 0] == 5)[:15]] = [0, 1, 2, 3, 4]
    first, second = find_hits(better, truth, INVERSE), find_hits(predicted, truth, INVERSE)
    gain = difference(first, second)["P@1"]
    assert gain.value == pytest.approx(15 / 300)
    assert gain.low > 0
    assert gain.high - gain.low < estimate(first)["P@1"].high - estimate(first)["P@1"].low
    same = difference(second, second)
    assert all((each.value, each.low, each.high) == (0, 0, 0) for each in same.values())


def test_paired_differences_need_the_same_documents() -> None:
    with pytest.raises(InputError, match="same documents"):
        difference(find_hits(PREDICTED, TRUTH, INVERSE), find_hits(PREDICTED[:2], TRUTH[:2], INVERSE))


@pytest.mark.slow
def test_bootstrap_memory_does_not_grow_with_resamples() -> None:
    """300,000 test documents (AmazonCat) times 1,000 resamples must not be held at once."""
    ranked = find_hits(*sample(50_000, 0.7, 3), INVERSE)
    few, many = (_peak(lambda resamples=resamples: estimate(ranked, resamples)) for resamples in (60, 120))
    assert many < 1.1 * few


def _peak(work: Callable[[], object]) -> int:
    tracemalloc.start()
    work()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="do not fit together"):
        find_hits(PREDICTED[:2], TRUTH, INVERSE)
    with pytest.raises(InputError, match="do not fit together"):
        find_hits(PREDICTED, TRUTH, INVERSE[:5])


def test_recall_by_bin() -> None:
    bins = np.array([1, 2, 2, 0, 1, 3])
    found = recall_by_bin(PREDICTED, TRUTH, bins)
    assert found == {0: (1.0, 1), 1: (1.0, 2), 2: (1.0, 2), 3: (0.0, 1)}
    assert recall_by_bin(PREDICTED, TRUTH, bins, k=1) == {0: (0.0, 1), 1: (0.5, 2), 2: (0.5, 2), 3: (0.0, 1)}


def test_recall_by_bin_reads_the_truth_as_judge_does() -> None:
    """A stored 0 is no label, and a label named twice is one pair."""
    loose = sparse.csr_array((np.array([1.0, 1.0, 0.0]), np.array([0, 0, 5]), np.array([0, 3])), shape=(1, 6))
    assert recall_by_bin(PREDICTED[:1], loose, np.ones(6, dtype=np.int64)) == {1: (1.0, 1)}
