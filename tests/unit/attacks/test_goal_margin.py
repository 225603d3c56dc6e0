"""By how much a goal is reached has the sign of the ranks' verdict; values by hand; the goals about the whole top k."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from core.attacks.goal_margin import decisive, depth, goal_margin, inside
from core.attacks.goals import ALL_GOALS, AllWrong, AnyGoal, Demote, Disturb, Promote, SetChange, any_goal_class, from_json, to_json
from core.attacks.seen import Seen, Start
from core.errors import InputError
from core.labels import LabelSpace
from core.ranking import look, top_k
from core.types import Scores

COUNT = 9
SPACE = LabelSpace.of([f"label {i}" for i in range(COUNT)], [1] * COUNT, COUNT)
BEGIN = np.asarray([[9, 8, 7, 6, 5, 4, 3, 2, 1]], dtype=np.float32)
TRUTH = (1, 2, 6)
GOALS: tuple[AnyGoal, ...] = (
    Demote((0,), k=3), Demote((1, 2), k=3, margin=2), Demote((0,), k=3, stealth=True), Promote((5,), k=3), Promote((4, 5), k=3, stealth=True),
    Disturb(k=3), Disturb(k=3, gamma_of="predicted", stealth=True), SetChange(k=4), SetChange(k=4, tau=1.0), SetChange(k=4, tau=0.1), AllWrong(k=3),
)  # fmt: skip


def seen(scores: Scores, goal: AnyGoal) -> Seen:
    labels = np.arange(COUNT)
    return Seen(labels, look(scores, labels, min(COUNT, depth(goal, TRUTH))))


def start(goal: AnyGoal) -> Start:
    return Start(SPACE, tuple(top_k(BEGIN, goal.k)[0].tolist()), TRUTH, seen(BEGIN, goal))


@pytest.mark.slow
@pytest.mark.parametrize("goal", GOALS, ids=repr)
@given(scores=arrays.arrays(np.float32, (4, COUNT), elements=st.integers(-5, 5).map(float)))
def test_the_decisive_labels_decide(goal: AnyGoal, scores: Scores) -> None:
    few = decisive(goal, start(goal))
    assert set(goal.targets) <= set(few.tolist())
    np.testing.assert_array_equal(goal.reached(start(goal), Seen(few, look(scores, few, 0))), goal.reached(start(goal), seen(scores, goal)))


@pytest.mark.slow
@pytest.mark.parametrize("goal", GOALS, ids=repr)
@given(scores=arrays.arrays(np.float32, (4, COUNT), elements=st.integers(-50, 50).map(float), unique=True))
def test_positive_just_where_the_goal_is_reached(goal: AnyGoal, scores: Scores) -> None:
    begun, now = start(goal), seen(scores, goal)
    assert goal.unmet(begun) is None
    assert ((goal_margin(goal, begun, now) > 0) == goal.reached(begun, now)).all()
    assert goal_margin(goal, begun, begun.seen)[0] < 0


def test_by_hand() -> None:
    one = Demote((0,), k=3)
    assert goal_margin(one, start(one), start(one).seen) == [6 - 9]  # label 0 must fall below label 3, which is then third
    two = Promote((5,), k=3)
    assert goal_margin(two, start(two), start(two).seen) == [4 - 7]
    three = Disturb(k=3, gamma_of="predicted")
    assert goal_margin(three, start(three), start(three).seen) == [6 - 7]
    four = SetChange(k=4, tau=0.5)  # two of four must leave: 2 / 6 < 0.5, 3 / 5 is not
    assert four.leaving() == 2
    assert goal_margin(four, start(four), start(four).seen) == [4 - 7]
    five = AllWrong(k=3)
    assert goal_margin(five, start(five), start(five).seen) == [5 - 8]  # labels 1, 2 and 6 below label 4, the third of the others


def test_what_can_never_or_always_hold_is_infinite() -> None:
    now = seen(BEGIN, Demote((0,), k=3))
    assert inside(now, (0, 1), 0, 3) == [np.inf]
    assert inside(now, (0, 1), 3, 3) == [-np.inf]
    assert inside(now, tuple(range(COUNT)), 2, 3) == [np.inf]


@pytest.mark.parametrize(("tau", "leaving"), [(1.0, 1), (0.7, 1), (0.6, 2), (0.5, 2), (0.3, 3), (0.1, 4)])
def test_how_many_must_leave(tau: float, leaving: int) -> None:
    assert SetChange(k=4, tau=tau).leaving() == leaving


def test_reasons_why_not() -> None:
    whole = Start(SPACE, (0, 1, 2), None, seen(BEGIN, AllWrong(3)))
    assert "not known" in str(AllWrong(3).unmet(whole))
    assert "right already" in str(AllWrong(2).unmet(Start(SPACE, (0, 1), (5,), whole.seen)))
    assert "too few" in str(SetChange(k=8, tau=0.5).unmet(Start(SPACE, tuple(range(8)), None, whole.seen)))
    with pytest.raises(InputError, match="tau"):
        SetChange(tau=0)
    with pytest.raises(InputError, match="k must lie"):
        AllWrong(0)


@pytest.mark.parametrize("goal", GOALS, ids=repr)
def test_they_come_back_from_json(goal: AnyGoal) -> None:
    assert from_json(to_json(goal)) == goal
    assert any_goal_class(goal.NAME) is any_goal_class(goal.ALIAS) is ALL_GOALS[goal.NAME]


def test_gamma_is_what_still_stands() -> None:
    change, wrong = SetChange(k=3), AllWrong(k=3)
    now = seen(np.asarray([[0, 9, 8, 7, 6, 5, 4, 3, 2]], dtype=np.float32), change)
    assert change.gamma(start(change), now) == (1, 2)
    assert wrong.gamma(start(wrong), now) == (1, 2)
