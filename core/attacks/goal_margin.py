"""By how much a goal is reached, in the classifier's own scores: what a score-based attack (ZOO) climbs (methods.md 6.1).

Every goal says of some set B of labels that at least p, or fewer than p, of them stand in the top k. With b the scores of B and o
those of all other labels, each in falling order,

    at least p of B in the top k   <=>   b_p - o_(k - p + 1) > 0

up to ties, which ranks break by label id. So the goal margin is that difference, or its negative: positive where the goal is reached.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.attacks.goals import AnyGoal, Demote, Disturb, Promote
from core.attacks.seen import Seen, Start
from core.attacks.set_goals import AllWrong, SetChange
from core.types import FloatArray, IntArray


def depth(goal: AnyGoal, truth: Sequence[int] | None) -> int:
    """How many of the best labels must be seen of every document."""
    return goal.k + getattr(goal, "margin", 0) + max(len(goal.targets), len(truth or ()), goal.k) + 1


def decisive(goal: AnyGoal, start: Start) -> IntArray:
    """The labels whose ranks decide whether the goal is reached, rising."""
    all_top = not goal.targets or getattr(goal, "stealth", False)
    chosen = {*goal.targets, *(start.top if all_top else ()), *((start.truth or ()) if isinstance(goal, AllWrong) else ())}
    return np.asarray(sorted(chosen), dtype=np.int64)


def goal_margin(goal: AnyGoal, start: Start, seen: Seen) -> FloatArray:
    """[n]: positive where the goal is reached, negative where it is not, 0 in a tie."""
    match goal:
        case Demote(labels, k, margin, stealth):
            own = -inside(seen, labels, 1, k + margin)
            others = [label for label in start.top if label not in labels]
            return np.minimum(own, inside(seen, others, len(others), k)) if stealth else own
        case Promote(labels, k, stealth):
            own = inside(seen, labels, len(labels), k)
            return np.minimum(own, inside(seen, start.top, len(start.top) - len(labels), k)) if stealth else own
        case Disturb(k, _, stealth):
            victims = goal.victims(start)
            own = -inside(seen, victims, len(victims), k)
            return np.minimum(own, inside(seen, start.top, len(start.top) - 1, k)) if stealth else own
        case SetChange(k, _):
            return -inside(seen, start.top, k - goal.leaving() + 1, k)
        case AllWrong(k):
            return -inside(seen, start.truth or (), 1, k)


def inside(seen: Seen, labels: Sequence[int], p: int, k: int) -> FloatArray:
    """[n]: b_p - o_(k - p + 1), positive where at least p of the labels stand in the top k; infinite where that is so, or cannot be,
    whatever the scores."""
    n = len(seen)
    if p < 1:
        return np.full(n, np.inf)
    if p > min(k, len(labels)):
        return np.full(n, -np.inf)
    own = -np.sort(-seen.scores(labels), axis=1)[:, p - 1]
    other = ~np.isin(seen.watched.top, np.asarray(labels))
    place = np.cumsum(other, axis=1) == k - p + 1
    first = place & other
    rival = np.take_along_axis(seen.watched.top_scores.astype(np.float64), first.argmax(axis=1)[:, None], axis=1)[:, 0]
    return np.where(first.any(axis=1), own - rival, np.inf)
