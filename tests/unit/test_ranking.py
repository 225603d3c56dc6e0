"""One order everywhere: score, then the lower id; and watching never holds n x L."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import ranking
from core.errors import InputError
from core.ranking import look, ranks, top_k, watch
from core.types import IntArray, Scores
from tests import strategies
from tests.toy import TEXT, Linear


def slow_order(row: np.ndarray) -> list[int]:
    return sorted(range(len(row)), key=lambda label: (-row[label], label))


@given(strategies.scores(), st.integers(0, 12))
def test_top_k_is_the_sorted_order(scores: Scores, k: int) -> None:
    assert top_k(scores, k).tolist() == [slow_order(row)[:k] for row in scores]


@pytest.mark.slow
@pytest.mark.parametrize("at_once", [0, ranking.AT_ONCE])
@given(scores=strategies.scores(rows=3), data=st.data())
def test_ranks_are_places_in_the_sorted_order(at_once: int, scores: Scores, data: st.DataObject) -> None:
    """Label by label, and all in one table."""
    labels = np.array(data.draw(st.lists(st.integers(0, scores.shape[1] - 1), max_size=6)), dtype=np.int64)
    expected = [[slow_order(row).index(label) + 1 for label in labels] for row in scores]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ranking, "AT_ONCE", at_once)
        assert ranks(scores, labels).tolist() == expected


def test_a_score_that_is_no_number_has_no_rank() -> None:
    with pytest.raises(InputError, match="not a number"):
        top_k(np.array([[0, np.nan]], dtype=np.float32), 1)
    with pytest.raises(InputError, match="not a number"):  # not even where nobody asks for the best
        look(np.array([[0, np.nan]], dtype=np.float32), np.array([0]), 0)


def test_no_labels_and_no_rows() -> None:
    assert top_k(np.zeros((2, 0), dtype=np.float32), 5).shape == (2, 0)
    assert top_k(np.zeros((0, 3), dtype=np.float32), 5).shape == (0, 3)


@pytest.mark.parametrize(("block", "expected"), [(16_000_000, [5]), (8, [2, 2, 1]), (3, [1] * 5)])
def test_watch_goes_in_blocks(monkeypatch: pytest.MonkeyPatch, block: int, expected: list[int]) -> None:
    monkeypatch.setattr(ranking, "BLOCK", block)
    toy = Linear()
    texts = [TEXT, "", "game", "the network", "C++ library"]
    watched = watch(toy, texts, np.array([3, 0]), k=2)
    assert toy.batches == expected
    scores = Linear().score(texts)
    np.testing.assert_array_equal(watched.scores, scores[:, [3, 0]])
    np.testing.assert_array_equal(watched.ranks, ranks(scores, np.array([3, 0])))
    np.testing.assert_array_equal(watched.top, top_k(scores, 2))
    np.testing.assert_array_equal(watched.top_scores, np.take_along_axis(scores, watched.top, axis=1))


def test_watch_of_nothing_has_the_right_shapes() -> None:
    watched = watch(Linear(), [], np.array([1, 2]), k=9)
    assert [array.shape for array in (watched.scores, watched.ranks, watched.top, watched.top_scores)] == [(0, 2), (0, 2), (0, 4), (0, 4)]


class Huge(Linear):
    """As many labels as Amazon-670K; remembers the largest score matrix it was asked for."""

    largest = 0

    def score(self, texts: Sequence[str], labels: IntArray | None = None) -> Scores:
        self.batches.append(len(texts))
        type(self).largest = max(self.largest, len(texts) * 670_091)
        return np.zeros((len(texts), 670_091), dtype=np.float32)


@pytest.mark.slow
def test_watch_never_holds_all_scores_of_670_091_labels() -> None:
    huge = Huge()
    huge.labels = type(huge.labels).of([str(i) for i in range(670_091)], np.zeros(670_091, dtype=np.int64), 1)
    watched = watch(huge, [""] * 50, np.array([670_090]), k=3)
    assert huge.batches == [23, 23, 4]
    assert Huge.largest <= ranking.BLOCK
    assert watched.ranks[:, 0].tolist() == [670_091] * 50
