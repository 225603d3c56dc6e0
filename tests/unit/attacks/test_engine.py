"""The driver on a linear bag of words: every number below can be worked by hand from toy.WORDS."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.attacks.goals import Demote, Disturb, Promote
from core.attacks.searches.greedy import Greedy
from core.attacks.words.importance import Explained, Gradient, Masking, RandomOrder
from core.attacks.words.oracle import WordOracle
from core.attacks.words.screening import first_order, fits
from core.attacks.words.session import Budget, WordSession
from core.attacks.words.steps import WordStep
from core.document import Document
from core.errors import Cancelled, CapabilityError, InputError
from core.types import Classifier
from tests import toy
from tests.toy_attack import Canned, Forbidden, attack

GAMES, EDITOR, LIBRARY, NETWORK = range(4)
TEXT = "a chess game with a text editor"  # games 4.5, editor 5, library -1, network -1.5
DOCUMENT = Document.from_text(TEXT)
SWAPS = {"chess": ["library"], "game": ["server", "library"], "editor": ["the"], "text": ["the"]}


def steps_of(one: object, text: str = TEXT, classifier: Classifier | None = None) -> list[WordStep]:
    return list(one.steps(classifier or toy.Linear(), Document.from_text(text)))  # type: ignore[attr-defined]


def test_a_whole_attack() -> None:
    """Editor's 5.0 rests on editor (4.0) and text (1.5): editor goes first, and games leads."""
    found = steps_of(attack(Demote((EDITOR,), k=1), SWAPS))
    assert [(step.status, step.position, step.chosen) for step in found] == [("start", None, None), ("reached", 6, "the")]
    assert found[-1].document.text == "a chess game with a text the"
    assert (found[0].view.rank(EDITOR), found[-1].view.rank(EDITOR)) == (1, 2)
    assert found[-1].view.score(EDITOR) == pytest.approx(1.0)


def test_negative_targets_rise() -> None:
    found = steps_of(attack(Promote((NETWORK,), k=1), {"chess": ["server"], "editor": ["network"], "game": ["server"]}))
    assert found[-1].status == "reached"
    assert found[-1].view.rank(NETWORK) == 1
    scores = [step.view.score(NETWORK) for step in found]
    assert scores == sorted(scores)


def test_non_targeted_needs_one_of_the_right_labels_out() -> None:
    one = attack(Disturb(k=2), {"game": ["library"], "chess": ["library"]})
    found = list(one.steps(toy.Linear(), DOCUMENT, truth=(GAMES,)))
    assert found[-1].status == "reached"
    assert found[-1].view.rank(GAMES) > 2


def test_queries_are_what_the_classifier_counted() -> None:
    """The original, seven masks (and the unmasked text, which is no new query), one candidate; a replay is none of the attacker's."""
    victim = toy.Linear()
    session = attack(Demote((EDITOR,), k=1), SWAPS).begin(victim, DOCUMENT)
    final = list(session.steps())[-1]
    assert final.queries == 1 + 7 + 1
    assert final.model_calls == 9


def test_a_text_is_scored_once() -> None:
    victim = toy.Linear()
    oracle = WordOracle(victim, Demote((EDITOR,), k=1), DOCUMENT)
    other = DOCUMENT.replace({1: "the"})
    oracle.seen([other, other])
    oracle.seen([other])
    assert (oracle.queries, oracle.model_calls, victim.queries) == (4, 2, 2)


def test_unmet_is_the_only_step() -> None:
    found = steps_of(attack(Demote((LIBRARY,), k=1), SWAPS))
    assert [step.status for step in found] == ["refused"]
    assert "'library' is at rank 3" in found[0].note


def test_words_that_do_not_help_are_kept() -> None:
    found = steps_of(attack(Demote((EDITOR,), k=2), {"editor": ["editor", "editor"], "text": ["c++"]}))
    kept = [step for step in found if step.status == "kept"]
    assert [step.position for step in kept] == [6]
    assert "none of 1 candidates helps" in kept[0].note  # the canned list names it twice, it is tried once
    assert found[-1].status == "exhausted"


class TestBudget:
    @pytest.mark.parametrize(
        ("words", "rate", "allowed"), [(7, 0.1, 1), (10, 0.1, 1), (19, 0.1, 1), (20, 0.1, 2), (30, 0.1, 3), (7, 0.3, 2), (5, 0.01, 1), (5, 0.0, 0)]
    )
    def test_theta_is_floored_and_above_zero_at_least_one_word(self, words: int, rate: float, allowed: int) -> None:
        assert Budget(rate).words(words) == allowed

    def test_changed_words_end_it(self) -> None:
        found = steps_of(attack(Demote((EDITOR,), k=2), {"editor": ["c++"], "text": ["the"]}, budget=Budget(0.1)))
        assert [step.status for step in found] == ["start", "changed", "budget"]
        assert "1 of 7 words" in found[-1].note
        assert len(found[-1].edits.swaps) == 1

    def test_queries_end_it_and_are_never_exceeded(self) -> None:
        for limit in range(1, 16):
            found = steps_of(attack(Demote((EDITOR,), k=1), {"editor": ["c++", "a", "b"], "text": ["c", "d"]}, budget=Budget(1.0, queries=limit)))
            assert found[-1].queries <= limit

    def test_the_clock_ends_it_but_not_a_person(self) -> None:
        session = attack(Demote((EDITOR,), k=1), SWAPS, budget=Budget(1.0, seconds=1e-9)).begin(toy.Linear(), DOCUMENT)
        assert list(session.steps())[-1].status == "budget"
        assert session.options(session.first(), 6)  # asked for by hand: no limit


class TestByHand:
    def session(self, **parts: object) -> WordSession:
        return attack(Demote((EDITOR,), k=1), SWAPS, **parts).begin(toy.Linear(), DOCUMENT)

    def test_stepping_equals_running(self) -> None:
        """Accepting each proposal by hand, from each step's own edits, gives the same steps as letting it run."""
        one = attack(Demote((EDITOR,), k=2), {"editor": ["c++", "the"], "text": ["the", "c++"], "chess": ["the"]})
        whole = [step for step in steps_of(one) if step.position is not None]
        session = one.begin(toy.Linear(), DOCUMENT)
        step = session.with_ranked_words(session.first())
        mine = []
        while not step.ended:
            step = next(session.steps(after=step))
            mine.append(step)
        assert [(s.position, s.chosen, s.document.text) for s in mine if s.position is not None] == [
            (s.position, s.chosen, s.document.text) for s in whole
        ]

    def test_choose_undo_and_choose_again(self) -> None:
        session = attack(Demote((EDITOR,), k=2), SWAPS).begin(toy.Linear(), DOCUMENT)
        start = session.with_ranked_words(session.first())
        first = session.choose(start, 5, "the")
        assert (first.status, first.document.words[5]) == ("changed", "the")
        again = session.choose(start, 5, "banana")  # undo is nothing but going on from an earlier step
        assert again.document.words[5] == "banana"
        assert start.document == DOCUMENT

    def test_own_words_are_judged_like_candidates(self) -> None:
        session = self.session()
        step = session.choose(session.with_ranked_words(session.first()), 6, "cucumber")
        assert step.status == "reached"
        with pytest.raises(InputError, match="is not one word"):
            session.choose(session.first(), 6, "<script>alert(1)</script>")

    def test_any_order_and_back_to_the_original_word(self) -> None:
        session = self.session()
        start = session.with_ranked_words(session.first())
        far = session.choose(start, start.edits.pending[-1], "banana")
        assert set(far.edits.pending) == set(start.edits.pending) - {start.edits.pending[-1]}
        back = session.choose(far, start.edits.pending[-1], DOCUMENT.words[start.edits.pending[-1]])
        assert back.edits.swaps == far.edits.swaps[:0] or back.status == "kept"

    def test_skipping_moves_on(self) -> None:
        session = self.session()
        start = session.with_ranked_words(session.first())
        skipped = session.choose(start, start.edits.pending[0], None)
        assert skipped.status == "kept"
        assert skipped.edits.pending == start.edits.pending[1:]

    def test_options_say_what_they_would_do(self) -> None:
        session = self.session()
        options = session.options(session.first(), 2)  # game
        assert [(option.word, option.view.score(EDITOR)) for option in options] == [("server", 4.5), ("library", 4.5)]
        assert [option.gain for option in options] == [pytest.approx(0.5)] * 2


def test_constraints_take_away_words_and_candidates() -> None:
    one = attack(Demote((EDITOR,), k=1), SWAPS, constraints=(Forbidden(source=("editor",), target=("server",)),))
    session = one.begin(toy.Linear(), DOCUMENT)
    step = session.with_ranked_words(session.first())
    assert 6 not in step.edits.pending
    assert session.proposals.propose(DOCUMENT, 2) == ["library"]
    assert session.proposals.refusals[DOCUMENT.digest, 2] == {"server": "forbidden"}


def test_only_words_that_the_model_reads_are_attacked() -> None:
    class Short(toy.Linear):
        def words_read(self, document: Document) -> int:
            return min(3, len(document))

    session = attack(Demote((EDITOR,), k=1), SWAPS).begin(Short(), DOCUMENT)
    assert set(session.with_ranked_words(session.first()).edits.order or ()) == {0, 1, 2}
    assert session.proposals.stays(5) == "past the model's window"


def test_a_success_that_a_second_scoring_does_not_confirm_is_none() -> None:
    class Moody(toy.Linear):
        """Scores a text alone a little higher for 'editor' than in a batch."""

        def score(self, texts, labels=None):  # type: ignore[no-untyped-def]
            found = super().score(texts)
            if len(texts) == 1:
                found[:, EDITOR] += 100
            return found if labels is None else found[:, labels]

    found = steps_of(attack(Demote((EDITOR,), k=1), {"editor": ["the", "a"], "text": ["the", "a"]}), classifier=Moody())
    assert all(step.status != "reached" for step in found)


def test_cancelling_comes_through() -> None:
    def stop(done: int, total: int, what: str) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        list(attack(Demote((EDITOR,), k=1), SWAPS).steps(toy.Linear(), DOCUMENT, progress=stop))


def test_refusals_are_sentences() -> None:
    victim = toy.Threshold()
    document = Document.from_text("fire and smoke")
    with pytest.raises(CapabilityError, match="no mask token"):
        attack(Demote((0,), k=1)).begin(victim, document)
    with pytest.raises(CapabilityError, match="no gradient"):
        attack(Demote((0,), k=1), importance=Gradient()).begin(victim, document)
    with pytest.raises(InputError, match="no words"):
        attack(Demote((0,), k=1)).begin(toy.Linear(), Document.from_text("..."))
    with pytest.raises(InputError, match="no label 9"):
        attack(Demote((9,), k=1)).begin(toy.Linear(), DOCUMENT)


def test_documents_of_any_length() -> None:
    found = steps_of(attack(Demote((EDITOR,), k=1), SWAPS, budget=Budget(0.1)), TEXT + " the" * 1_993)
    assert found[-1].status == "reached"
    with pytest.raises(InputError, match="at most 5,000"):
        steps_of(attack(Demote((EDITOR,), k=1), SWAPS), TEXT + " the" * 5_000)


def test_one_word() -> None:
    found = steps_of(attack(Demote((EDITOR,), k=1), {"editor": ["game"]}), "editor")
    assert found[-1].status == "reached"
    assert found[-1].document.text == "game"


class TestImportance:
    def weights(self, kind: object, goal: object = None) -> np.ndarray:
        oracle = WordOracle(toy.Linear(), goal or Demote((EDITOR,), k=1), DOCUMENT)  # type: ignore[arg-type]
        return kind.rank_words(oracle, DOCUMENT, range(7))  # type: ignore[attr-defined, no-any-return]

    def test_masking_a_linear_model_gives_its_weights(self) -> None:
        expected = [toy.WORDS.get(word, (0.0,) * 4)[EDITOR] for word in DOCUMENT.words]
        for mode in ("mask", "delete"):
            np.testing.assert_allclose(self.weights(Masking(mode)), expected)
        np.testing.assert_allclose(
            self.weights(Masking(), Promote((NETWORK,), k=1)), [-toy.WORDS.get(word, (0.0,) * 4)[NETWORK] for word in DOCUMENT.words]
        )

    def test_the_gradient_of_a_linear_model_is_exact(self) -> None:
        exact = self.weights(Masking())
        for recheck in (0, 2, 7):
            found = self.weights(Gradient(recheck))
            assert list(np.argsort(-found, kind="stable")[:2]) == list(np.argsort(-exact, kind="stable")[:2])
        np.testing.assert_allclose(self.weights(Gradient(7)), exact, atol=1e-6)

    def test_the_gradient_costs_two_queries_a_label_and_its_checks(self) -> None:
        oracle = WordOracle(toy.Linear(), Demote((EDITOR,), k=1), DOCUMENT)
        Gradient(3).rank_words(oracle, DOCUMENT, range(7))
        assert oracle.queries == 1 + 2 + 3

    def test_an_explanation_can_rank(self) -> None:
        values = np.arange(7.0)
        found = self.weights(Explained(lambda classifier, document, labels: (values, 11), "counting"))
        np.testing.assert_array_equal(found, values)  # what speaks for the label is what a demotion must take away
        np.testing.assert_array_equal(self.weights(Explained(lambda *_: (values, 11), "counting"), Promote((NETWORK,), k=1)), -values)

    def test_random_is_seeded(self) -> None:
        assert list(self.weights(RandomOrder(1))) == list(self.weights(RandomOrder(1))) != list(self.weights(RandomOrder(2)))


class TestScreening:
    def test_the_gradient_of_a_linear_model_finds_the_best_candidates(self) -> None:
        """Exact for a linear model: 'network' (editor -0.5) and 'library' (-1) gain most in the place of 'editor' (4)."""
        oracle = WordOracle(toy.Linear(), Demote((EDITOR,), k=1), DOCUMENT)
        words = ["the", "library", "c++", "network", "banana"]
        gains = first_order(oracle, DOCUMENT, [DOCUMENT.replace({6: word}) for word in words], 6)
        np.testing.assert_allclose(gains, [4.0, 5.0, 3.5, 4.5, 4.0], atol=1e-6)

    def test_it_costs_one_gradient_a_text_however_many_candidates(self) -> None:
        oracle = WordOracle(toy.Linear(), Demote((EDITOR,), k=1), DOCUMENT)
        for position in (5, 6):
            first_order(oracle, DOCUMENT, [DOCUMENT.replace({position: word}) for word in ("the", "library")], position)
        assert oracle.queries == 1 + 2

    def test_an_attack_with_screening_scores_fewer(self) -> None:
        goal = Demote((EDITOR,), k=1)
        candidates = {"editor": ["a", "b", "c", "library"]}
        full = steps_of(attack(goal, candidates))[-1]
        few = steps_of(attack(goal, candidates, importance=Gradient(1), search=Greedy(screened=1, by_gradient=True)))[-1]
        assert (few.status, few.document) == ("reached", full.document)
        assert few.queries == 1 + 2 + 1 + 1  # the text, its gradient (shared by ranking and screening), one check, one candidate

    def test_a_model_without_word_vectors_gets_the_first_ones(self) -> None:
        assert not fits(toy.Threshold(), DOCUMENT)


VOCABULARY = [*toy.WORDS, "banana", "a"]


@pytest.mark.slow
@given(st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=12), st.integers(0, 3), st.sampled_from([0.1, 0.3, 1.0]), st.booleans())
def test_properties_of_any_attack(words: list[str], label: int, rate: float, positive: bool) -> None:
    """Gains strictly positive, budget kept, swaps rebuild the text, what is reached is reached, and it is all repeatable."""
    document = Document.from_text(" ".join(words))
    goal = Demote((label,), k=2) if positive else Promote((label,), k=2)
    one = attack(goal, default=("banana", "library", "editor"), budget=Budget(rate))
    victim = toy.Linear()
    found = steps_of(one, document.text, victim)
    taken = [step for step in found if step.status in ("changed", "reached")]
    assert all(next(option for option in step.options if option.word == step.chosen).gain > 0 for step in taken)
    final = found[-1]
    assert len(final.edits.swaps) == len(taken) <= Budget(rate).words(len(document))
    assert document.replace({swap.position: swap.new for swap in final.edits.swaps}) == final.document
    ranks = np.argsort(np.argsort(-victim.score([final.document.text])[0], kind="stable")) + 1
    inside = ranks[label] <= 2
    if final.status == "reached":
        assert inside != positive
    again = steps_of(one, document.text)
    assert [replace(step, seconds=0) for step in again] == [replace(step, seconds=0) for step in found]


def test_candidates_in_their_order_without_repeats() -> None:
    one = attack(Demote((EDITOR,), k=1), {"editor": ["b", "a", "b"]})
    two = replace(one, candidates=(*one.candidates, Canned({"editor": ["a", "c"]})))
    assert two.begin(toy.Linear(), DOCUMENT).proposals.propose(DOCUMENT, 6) == ["b", "a", "c"]
