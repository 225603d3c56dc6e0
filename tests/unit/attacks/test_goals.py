"""Goals on a linear bag of words whose scores are known: games 4.5, editor 5.0, library 0.75, network 5.0 for toy.TEXT."""

from __future__ import annotations

import numpy as np
import pytest

from core.attacks.goals import GOALS, Demote, Disturb, Goal, Promote, from_json, goal_class, progress, to_json
from core.attacks.words.oracle import WordOracle
from core.document import Document
from core.errors import InputError
from tests import toy

GAMES, EDITOR, LIBRARY, NETWORK = range(4)
DOCUMENT = Document.from_text("chess game editor")  # games 3 + 2 - 1 + 0.5 = 4.5, editor 4 - 0.5 = 3.5, library -1.25, network -1.5


def oracle(goal: Goal, truth: tuple[int, ...] | None = None) -> WordOracle:
    return WordOracle(toy.Linear(), goal, DOCUMENT, truth)


def unmet(goal: Goal, truth: tuple[int, ...] | None = None) -> str | None:
    return goal.unmet(oracle(goal, truth).start)


def reached(goal: Goal, text: str, truth: tuple[int, ...] | None = None) -> bool:
    one = oracle(goal, truth)
    return bool(goal.reached(one.start, one.seen([Document.from_text(text)]))[0])


def test_the_start_is_as_worked_by_hand() -> None:
    one = oracle(Demote((GAMES,), k=2))
    assert one.start.top == (GAMES, EDITOR)
    np.testing.assert_allclose(one.start.seen.scores([GAMES, EDITOR]), [[4.5, 3.5]])


def test_demote_is_reached_past_rank_k_plus_margin() -> None:
    assert not reached(Demote((GAMES,), k=1), "chess game editor")
    assert reached(Demote((GAMES,), k=1), "chess editor editor")  # editor 8, games 0.5
    assert not reached(Demote((GAMES,), k=1, margin=1), "chess editor editor")  # rank 2 is not past 1 + 1
    assert reached(Demote((GAMES,), k=1, margin=1), "library editor library")  # library 5.5, editor 2, games -2.5
    assert reached(Demote((GAMES, EDITOR), k=2), "library network server library")
    assert not reached(Demote((GAMES, EDITOR), k=2), "library editor library")


def test_promote_is_reached_inside_the_top_k() -> None:
    assert not reached(Promote((NETWORK,), k=2), "chess game editor")
    assert reached(Promote((NETWORK,), k=2), "server game network")
    assert not reached(Promote((NETWORK, LIBRARY), k=2), "server game network")


def test_disturb_looks_at_right_or_at_predicted_labels() -> None:
    out = "game library library"  # library 5.0, games 1.5, editor -2.5: editor has left the top 2, games has not
    assert reached(Disturb(k=2, gamma_of="predicted"), out)
    assert reached(Disturb(k=2), out, (EDITOR, NETWORK))
    assert not reached(Disturb(k=2), out, (GAMES,))


def test_stealth_keeps_the_others() -> None:
    text = "library network server library"
    assert reached(Demote((GAMES,), k=2), text)
    assert not reached(Demote((GAMES,), k=2, stealth=True), text)  # editor has left, too
    assert reached(Demote((GAMES,), k=2, stealth=True), "editor library editor library")
    assert not reached(Promote((NETWORK,), k=2, stealth=True), text)  # network and library in, both others out
    assert reached(Promote((NETWORK,), k=2, stealth=True), "server game network")
    assert not reached(Disturb(k=2, gamma_of="predicted", stealth=True), text)


@pytest.mark.parametrize(
    ("goal", "truth", "says"),
    [
        (Demote((LIBRARY,), k=2), None, "'library' is at rank 3"),
        (Demote((GAMES,), k=2, margin=2), None, "only 4 labels"),
        (Promote((GAMES,), k=2), None, "'games' is among the first 2 already"),
        (Promote((NETWORK,), k=2), (NETWORK,), "is a true label"),
        (Disturb(k=2), None, "true labels are not known"),
        (Disturb(k=2), (LIBRARY,), "None of the first 2 labels is right"),
        (Disturb(k=4, gamma_of="predicted"), None, "only 4 labels"),
    ],
)
def test_unmet_says_why(goal: Goal, truth: tuple[int, ...] | None, says: str) -> None:
    assert says in str(unmet(goal, truth))


@pytest.mark.parametrize("goal", [Demote((GAMES, EDITOR), k=2), Promote((NETWORK,), k=2), Disturb(k=2, gamma_of="predicted")])
def test_met_goals_have_no_reason(goal: Goal) -> None:
    assert unmet(goal) is None


def test_gamma_follows_the_current_text() -> None:
    goal = Demote((GAMES, EDITOR), k=2)
    one = oracle(goal)
    assert goal.gamma(one.start, one.seen([DOCUMENT])) == (GAMES, EDITOR)
    assert goal.gamma(one.start, one.seen([Document.from_text("chess library library")])) == (GAMES,)  # games 0.5 + 2 - 2, editor has left
    both = Promote((LIBRARY, NETWORK), k=2)
    two = oracle(both)
    assert both.gamma(two.start, two.seen([Document.from_text("server game network")])) == (LIBRARY,)


def test_progress_rises_towards_the_goal() -> None:
    for goal, sign in ((Demote((GAMES,), k=1), -1), (Promote((NETWORK,), k=1), 1), (Disturb(k=1, gamma_of="predicted"), -1)):
        one = oracle(goal)
        seen = one.seen([DOCUMENT])
        gamma = goal.gamma(one.start, seen)
        assert progress(goal, seen, gamma)[0] == pytest.approx(sign * seen.scores(gamma).sum())


@pytest.mark.parametrize("goal", [Demote((1, 2), 3, 1, True), Promote((0,), 7, True), Disturb(2, "predicted", True)])
def test_round_trip_through_json(goal: Goal) -> None:
    assert from_json(to_json(goal)) == goal


def test_names_and_aliases() -> None:
    assert {goal_class(kind.ALIAS) for kind in GOALS.values()} == set(GOALS.values())
    with pytest.raises(InputError, match="positive-targeted"):
        goal_class("positive")
    with pytest.raises(InputError, match="cannot be read"):
        from_json({"goal": "positive-targeted", "places": 3})


@pytest.mark.parametrize(
    "make",
    [
        lambda: Demote(()), lambda: Demote((1, 1)), lambda: Demote((1,), k=0), lambda: Demote((1,), margin=-1), lambda: Promote((1, 2), k=1),
        lambda: Disturb(gamma_of="all"),  # type: ignore[arg-type]
    ],
)  # fmt: skip
def test_impossible_goals_are_refused(make: object) -> None:
    with pytest.raises(InputError):
        make()  # type: ignore[operator]


def test_every_goal_has_one_name_for_people() -> None:
    from core.attacks.goals import ALL_GOALS, TITLES, called, explained

    assert set(TITLES) == set(ALL_GOALS) and len(set(TITLES.values())) == len(ALL_GOALS)
    assert called("positive-targeted") == "Push a label out (positive-targeted)" and called("of another version") == "of another version"
    assert explained(["negative-targeted"]) == "negative-targeted (A_neg): bring a label in"
