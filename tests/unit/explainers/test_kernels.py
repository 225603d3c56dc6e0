"""The sampling kernels alone: no document, no model, only masks and scores."""

from __future__ import annotations

from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.explainers.integrated_gradients import integrate
from core.explainers.lime import fit, proximity, sample
from core.explainers.shap import coalitions, planned, shapley
from core.types import BoolArray, FloatArray, IntArray


def test_limes_proximity_by_hand() -> None:
    """A quarter of the words kept: cosine 1/2, distance 50, weight sqrt(exp(-4))."""
    assert proximity(np.array([4, 1, 0]), 4, 25.0) == pytest.approx([1.0, np.exp(-2), np.exp(-8)])


@pytest.mark.parametrize("words", [3, 12, 40])
def test_limes_weights_sum_to_what_lime_expects(words: int) -> None:
    """Importance sampling must not change how much the ridge penalty weighs."""
    masks, weights = sample(words, 1_000, 25.0, np.random.default_rng(0))
    expected = 1 + 999 * proximity(np.arange(words), words, 25.0).mean()
    assert weights.sum() == pytest.approx(expected, rel=0.01)
    assert masks[0].all()
    assert len(masks) == min(1_000, 2**words)


def test_limes_regression_is_weighted() -> None:
    masks = np.array([[True, True], [False, True], [True, False], [False, False]])
    scores = np.array([[3.0, 1.0], [1.0, 1.0], [2.0, 1.0], [0.0, 1.0]])
    values, base, r2 = fit(masks, scores, np.full(4, 1e6))
    assert values == pytest.approx(np.array([[2.0, 1.0], [0.0, 0.0]]), abs=1e-4)
    assert base == pytest.approx([0.0, 1.0], abs=1e-4)
    assert r2 == pytest.approx([1.0, 0.0], abs=1e-4)


def table(words: int, seed: int) -> tuple[FloatArray, IntArray]:
    """A random game: a score for each of the 2^w coalitions, found by its mask read as a binary number."""
    return np.random.default_rng(seed).normal(size=(2**words, 2)), 1 << np.arange(words)


@pytest.mark.slow
@given(st.integers(1, 7), st.integers(0, 100))
def test_shapley_values_of_random_games_are_exact(words: int, seed: int) -> None:
    """Against the definition: the mean gain over all coalitions of the others, sizes alike."""
    game, powers = table(words, seed)

    def score(masks: BoolArray) -> FloatArray:
        found: FloatArray = game[masks @ powers]
        return found

    values, base, total = shapley(words, 128, score, np.random.default_rng(0))
    for word in range(words):
        expected = np.zeros(2)
        for chosen in product([False, True], repeat=words - 1):
            without = np.insert(np.array(chosen, dtype=np.bool_), word, False)
            gain = game[without @ powers + powers[word]] - game[without @ powers]
            expected += gain / (words * comb(words - 1, int(sum(chosen))))
        assert values[:, word] == pytest.approx(expected, abs=1e-6)
    assert values.sum(axis=1) == pytest.approx(total - base)


@given(st.integers(2, 60), st.integers(16, 600), st.integers(0, 10))
def test_coalitions_are_pairs_within_the_budget(words: int, evaluations: int, seed: int) -> None:
    budget = planned(words, evaluations) - 2
    masks, weights = coalitions(words, budget, np.random.default_rng(seed))
    half = len(masks) // 2
    assert len(masks) <= budget
    assert np.array_equal(masks[:half], ~masks[half:])
    kept = masks.sum(axis=1)
    assert kept.min() >= 1 and kept.max() <= words - 1
    sizes = np.arange(1, words)
    # Their weights sum to the kernel's mass: exactly where all are enumerated, to within a stratum where they are drawn.
    assert weights.sum() == pytest.approx((1.0 / (sizes * (words - sizes))).sum(), rel=1e-9 if len(masks) == 2**words - 2 else 0.5)


def test_sampled_shapley_values_approach_the_exact_ones() -> None:
    """Twelve words with pairwise interactions: paired coalitions cancel them, so few samples suffice."""
    rng = np.random.default_rng(1)
    pairs = rng.normal(size=(12, 12))
    exact = (pairs.sum(axis=0) + pairs.sum(axis=1)) / 2
    values, *_ = shapley(12, 200, lambda masks: np.einsum("ni,ij,nj->n", masks, pairs, masks)[:, None], rng)
    assert values[0] == pytest.approx(exact, abs=1e-6)


def test_integrated_gradients_put_their_steps_where_the_score_turns() -> None:
    """f rises by 1 within a thousandth of the way, at 0.7. A uniform grid of 512 steps would miss most of it."""

    def slopes(at: FloatArray, columns: IntArray) -> tuple[FloatArray, FloatArray]:
        raised = np.clip((at - 0.7) * 1_000, 0, 1)
        return raised, np.where((raised > 0) & (raised < 1), 1_000.0, 0.0)[:, None] * np.array([[0.25, 0.75]])

    (path,) = integrate(slopes, 1, 16, 0.01)
    assert path.completeness() <= 0.01
    assert path.integral() == pytest.approx([0.25, 0.75], abs=0.01)
    assert len(path.at) < 100


def test_integrated_gradients_stop_at_their_cap() -> None:
    noise = np.random.default_rng(0)
    (path,) = integrate(lambda at, columns: (noise.normal(size=len(at)), noise.normal(size=(len(at), 3))), 1, 16, 0.0, cap=100)
    assert len(path.at) == 100
