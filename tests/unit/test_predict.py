"""Predictions of one text: what page and command line show."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from core.errors import InputError
from core.predict import choose_labels, predict, to_json
from core.ranking import best_of_all
from core.types import IntArray, Scores
from tests.toy import TEXT, Attending, Linear


class Narrow(Linear):
    """A beam that finds one label only."""

    def retrieve(self, texts: Sequence[str], k: int) -> tuple[IntArray, Scores]:
        ids, scores = super().retrieve(texts, k)
        ids[:, 1:], scores[:, 1:] = -1, -np.inf
        return ids, scores


def test_labels_come_best_first_with_their_training_counts() -> None:
    found = to_json(predict(Linear(), "chess chess editor", 3), Linear())
    assert [(row["rank"], row["label"], row["score"], row["train_count"]) for row in found["labels"]] == [
        (1, "editor", 4.0, 40),
        (2, "games", 3.5, 120),
        (3, "library", -1.0, 8),
    ]
    assert (found["words"], found["truncated_words"], found["unit"], found["checkpoint"]) == (3, 0, "margin", "toy-linear")


def test_more_labels_than_there_are() -> None:
    assert len(predict(Linear(), TEXT, 1_000).ids) == 4


def test_places_that_a_beam_left_empty_are_dropped() -> None:
    assert predict(Narrow(), TEXT, 4).ids == predict(Linear(), TEXT, 1).ids


def test_words_past_the_window_are_counted() -> None:
    assert predict(Attending(window=5), TEXT).truncated == 7


@pytest.mark.parametrize(("text", "k", "problem"), [("", 5, "no words"), (" ?! \n", 5, "no words"), (TEXT, 0, "at least 1, not 0")])
def test_bad_questions_are_refused(text: str, k: int, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        predict(Linear(), text, k)


@pytest.mark.parametrize(("wanted", "ids"), [("auto:2", [1, 0]), ("editor", [1]), ("network; games ;", [3, 0]), ("auto:99", [1, 0, 2, 3])])
def test_labels_are_chosen_by_rank_or_name(wanted: str, ids: list[int]) -> None:
    assert choose_labels(Linear(), "chess chess editor", [wanted]).tolist() == ids


@pytest.mark.parametrize("wanted", ["auto:", "auto:x", "auto:-1", "auto:²", "auto:0", "auto:" + "9" * 5_000, "chess", "4", "²"])
def test_labels_that_cannot_be_chosen(wanted: str) -> None:
    with pytest.raises(InputError) as caught:
        choose_labels(Linear(), TEXT, [wanted])
    assert len(str(caught.value)) < 6_000


def test_best_of_all_goes_in_blocks_and_marks_places_past_the_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.ranking.BLOCK", 8)
    toy = Linear()
    ids, scores = best_of_all(toy, [TEXT, "", "chess"], 6)
    assert toy.batches == [2, 1]
    assert ids[:, 4:].tolist() == [[-1, -1]] * 3
    assert np.isneginf(scores[:, 4:]).all()
    expected = Linear().retrieve([TEXT, "", "chess"], 4)
    np.testing.assert_array_equal(ids[:, :4], expected[0])
    np.testing.assert_array_equal(scores[:, :4], expected[1])
