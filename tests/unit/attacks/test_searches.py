"""Searches driven by hand with canned numbers: no model anywhere."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import numpy as np
import pytest

from core.attacks.searches.greedy import Greedy
from core.attacks.searches.prune import Prune
from core.attacks.searches.reference_code import ReferenceCode
from core.attacks.steps import View
from core.attacks.words.steps import Ask, Assessment, CheckConstraints, Compare, Edits, Propose, RankWords, Screen, Take, Try
from core.document import Document

DOCUMENT = Document.from_text("one two three four")
FREE = object()
"""Vetting lets everything through."""


def assessment(progress: Sequence[float], reached: Sequence[bool] = (), now: float = 0.0, original: float = 0.0) -> Assessment:
    n = len(progress)
    view = View((), (), (), (), ())
    return Assessment(np.array(progress, float), now, original, np.array(reached or [False] * n), np.ones(n, bool), (view,) * n)


def play(search: Generator[Ask, Any, None], answers: dict[type, Any], edits: Edits) -> list[Ask]:
    """Answer by kind of question (a list is used up, one a question); a Take is answered with the edits it makes."""
    asked: list[Ask] = []
    answer: Any = None
    while True:
        try:
            ask = search.send(answer)
        except StopIteration:
            return asked
        asked.append(ask)
        if isinstance(ask, Take):
            edits = edits if ask.word is None else edits.swapped(DOCUMENT, ask.position, ask.word, ask.counted)
            answer = edits
        else:
            given = answers[type(ask)]
            if isinstance(ask, CheckConstraints) and given is FREE:
                given = [[None] * len(ask.documents)]
            answer = given.pop(0) if isinstance(given, list) and given and not isinstance(ask, Propose) else given


def taken(asked: list[Ask]) -> list[tuple[int, str | None]]:
    return [(ask.position, ask.word) for ask in asked if isinstance(ask, Take)]


def test_greedy_walks_by_importance_and_takes_the_largest_gain() -> None:
    answers = {
        RankWords: np.array([0.1, 0.9, -np.inf, 0.5]), Propose: ["alpha", "beta"], CheckConstraints: FREE,
        Try: [assessment([1.0, 2.0]), assessment([-1.0, 0.0], now=1.0), assessment([3.0, 3.0])],
    }  # fmt: skip
    asked = play(Greedy()(Edits(DOCUMENT), DOCUMENT), answers, Edits(DOCUMENT))
    assert taken(asked) == [(1, "beta"), (3, None), (0, "alpha")]  # word 2 may not be attacked; a tie goes to the first proposed
    assert [ask.document.text for ask in asked if isinstance(ask, Propose)] == ["one two three four", "one beta three four", "one beta three four"]


def test_greedy_goes_on_where_it_stood() -> None:
    edits = Edits(DOCUMENT, order=(3, 1, 0), importance=(1.0, 2.0, 0.0, 3.0), tried=frozenset({3}))
    asked = play(Greedy()(edits, DOCUMENT), {Propose: []}, edits)
    assert [ask.position for ask in asked if isinstance(ask, Propose)] == [1, 0]
    assert all(ask.silent for ask in asked if isinstance(ask, Take))


def test_first_success_beats_a_larger_gain() -> None:
    answers = {
        RankWords: np.array([1.0, *[-np.inf] * 3]),
        Propose: ["alpha", "beta", "gamma"],
        Try: [assessment([5.0, 2.0, 3.0], [False, True, True])],
    }
    for choose, expected in (("largest gain", "alpha"), ("first success", "beta")):
        asked = play(Greedy(choose)(Edits(DOCUMENT), DOCUMENT), {**answers, Try: list(answers[Try]), CheckConstraints: FREE}, Edits(DOCUMENT))
        assert taken(asked) == [(0, expected)]
        assert next(ask for ask in asked if isinstance(ask, Try)).first == (choose == "first success")


def test_most_similar_success_asks_for_similarity() -> None:
    answers = {
        RankWords: np.array([1.0, *[-np.inf] * 3]), Propose: ["alpha", "beta", "gamma"], Try: [assessment([5.0, 2.0, 3.0], [False, True, True])],
        Compare: np.array([0.9, 0.7]), CheckConstraints: FREE,
    }  # fmt: skip
    asked = play(Greedy("most similar success")(Edits(DOCUMENT), DOCUMENT), answers, Edits(DOCUMENT))
    compared = next(ask for ask in asked if isinstance(ask, Compare))
    assert [one.words[0] for one in compared.documents] == ["gamma", "beta"]  # the successes, by gain
    assert taken(asked) == [(0, "gamma")]


def test_vetted_candidates_give_way_to_the_next_best() -> None:
    answers = {
        RankWords: np.array([1.0, *[-np.inf] * 3]),
        Propose: ["alpha", "beta"],
        Try: [assessment([2.0, 1.0])],
        CheckConstraints: [["too far", None]],
    }
    asked = play(Greedy()(Edits(DOCUMENT), DOCUMENT), answers, Edits(DOCUMENT))
    assert taken(asked) == [(0, "beta")]
    take = next(ask for ask in asked if isinstance(ask, Take))
    assert {option.word: option.refused for option in take.options} == {"alpha": "too far", "beta": None}


def test_where_no_success_passes_the_argmax_is_taken() -> None:
    answers = {
        RankWords: np.array([1.0, *[-np.inf] * 3]),
        Propose: ["alpha", "beta"],
        Try: [assessment([5.0, 2.0], [False, True])],
        CheckConstraints: [[("no"), None]],
    }
    asked = play(Greedy("first success")(Edits(DOCUMENT), DOCUMENT), answers, Edits(DOCUMENT))
    assert [one.words[0] for one in next(ask for ask in asked if isinstance(ask, CheckConstraints)).documents] == ["beta", "alpha"]
    assert taken(asked) == [(0, "alpha")]


def test_screening_scores_only_the_first_candidates() -> None:
    answers = {
        RankWords: np.array([1.0, *[-np.inf] * 3]),
        Propose: ["alpha", "beta", "gamma"],
        Screen: [[2, 0]],
        Try: [assessment([1.0, 2.0])],
        CheckConstraints: FREE,
    }
    asked = play(Greedy(screened=2)(Edits(DOCUMENT), DOCUMENT), answers, Edits(DOCUMENT))
    assert [one.words[0] for one in next(ask for ask in asked if isinstance(ask, Try)).documents] == ["gamma", "alpha"]
    assert taken(asked) == [(0, "alpha")]


class TestReferenceCode:
    def play(self, tries: list[Assessment], weights: Sequence[float] = (4.0, 3.0, 2.0, 9.0), stop: float = 0.5) -> list[Ask]:
        answers = {RankWords: np.array(weights), Propose: ["alpha", "beta"], Try: tries}
        return play(ReferenceCode(stop)(Edits(DOCUMENT), DOCUMENT), answers, Edits(DOCUMENT))

    def test_the_last_word_is_never_attacked(self) -> None:
        asked = self.play([assessment([1.0, 0.0])] * 3, stop=1.0)
        assert [position for position, _ in taken(asked)] == [0, 1, 2]

    def test_candidates_come_from_the_original_text(self) -> None:
        asked = self.play([assessment([1.0, 0.0])] * 3)
        assert {ask.document.text for ask in asked if isinstance(ask, Propose)} == {DOCUMENT.text}

    def test_a_candidate_need_only_beat_the_original(self) -> None:
        asked = self.play([assessment([0.5, 0.2], now=3.0, original=0.0)] * 3)
        assert taken(asked)[0] == (0, "alpha")  # although the text now stands at 3.0

    def test_where_none_helps_the_last_one_stays_uncounted(self) -> None:
        asked = self.play([assessment([-1.0, -2.0])] * 3)
        first = next(ask for ask in asked if isinstance(ask, Take))
        assert (first.word, first.counted) == ("beta", False)

    def test_the_first_success_is_taken(self) -> None:
        asked = self.play([assessment([1.0, 9.0], [True, True])] * 3)
        assert taken(asked)[0] == (0, "alpha")

    def test_it_stops_above_half_the_words(self) -> None:
        asked = self.play([assessment([1.0, 0.0])] * 3, stop=0.25)
        assert len(taken(asked)) == 2  # int(0.25 * 4) = 1 may be passed by one


def test_prune_puts_back_what_is_not_needed() -> None:
    edits = Edits(DOCUMENT).swapped(DOCUMENT, 0, "alpha").swapped(DOCUMENT, 1, "beta").swapped(DOCUMENT, 2, "gamma")
    tries = [assessment([1.0, 3.0, 2.0], [True, True, False]), assessment([1.0, 2.0], [False, True]), assessment([0.0], [False])]
    asked = play(Prune()(edits, DOCUMENT), {Try: tries}, edits)
    # First "beta" (most progress of those that may go), then of alpha and gamma only gamma may go; alpha alone is never asked.
    assert taken(asked) == [(1, "two"), (2, "three")]
    assert [[one.text for one in ask.documents] for ask in asked if isinstance(ask, Try)][1] == ["one two gamma four", "alpha two three four"]


def test_a_word_put_back_is_no_swap() -> None:
    edits = Edits(DOCUMENT).swapped(DOCUMENT, 0, "alpha").swapped(DOCUMENT, 0, "one")
    assert edits.swaps == ()
    assert edits.document == DOCUMENT


@pytest.mark.parametrize("word", ["two words", "", "<script>"])
def test_what_is_not_one_word_never_gets_in(word: str) -> None:
    from core.errors import InputError

    with pytest.raises(InputError):
        Edits(DOCUMENT).swapped(DOCUMENT, 0, word)
