"""What an attack wants of the ranking, at any k: the three goals of Qaraei and Babbar (2022, section 3).

Demote  (positive-targeted, A_pos): labels that stand in the top k shall leave it.
Promote (negative-targeted, A_neg): labels that do not stand in the top k shall enter it.
Disturb (non-targeted): at least one of the labels that were predicted, or predicted rightly, shall leave the top k.
Beside them stand two goals about the whole set of the first k labels (core.attacks.set_goals).

A goal owns "how near", "reached" and "cannot be attacked so, because". Scores are used as the model gives them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from core.attacks.goal_names import TITLES, called
from core.attacks.seen import MAX_K, Goal, Seen, Start, check_k, check_labels, every, stay
from core.attacks.set_goals import AllWrong, SetChange
from core.errors import InputError
from core.types import BoolArray, FloatArray

__all__ = [
    "ALL_GOALS", "GOALS", "MAX_K", "TITLES", "AllWrong", "AnyGoal", "Demote", "Disturb", "Goal", "Promote", "Seen", "SetChange", "Start",
    "any_goal_class", "called", "explained", "from_json", "goal_class", "progress", "to_json",
]  # fmt: skip

Gamma = Literal["predicted", "correct"]


def progress(goal: Goal, seen: Seen, gamma: Sequence[int]) -> FloatArray:
    """sign * sum of the scores of `gamma`: [n], larger = nearer (eq. 3.4 and its negative-targeted twin)."""
    return np.asarray(goal.sign * seen.scores(gamma).sum(axis=1), dtype=np.float64)


@dataclass(frozen=True)
class Demote:
    """Positive-targeted: every label of `labels` that stands in the top k leaves it, by `margin` places more than needed
    (rank > k + margin). With `stealth` no other label of the original top k may leave it."""

    labels: tuple[int, ...]
    k: int = 5
    margin: int = 0
    stealth: bool = False

    NAME: ClassVar[str] = "positive-targeted"
    ALIAS: ClassVar[str] = "A_pos"
    sign: ClassVar[int] = -1

    def __post_init__(self) -> None:
        check_k(self)
        check_labels(self.labels)
        if self.margin < 0:
            raise InputError(f"the margin must be 0 or more, not {self.margin}")

    @property
    def targets(self) -> tuple[int, ...]:
        return self.labels

    def unmet(self, start: Start) -> str | None:
        out = [label for label in self.labels if label not in start.top]
        if out:
            rank = int(start.seen.ranks(out[:1])[0, 0])
            return f"{start.name(out[0])} is at rank {rank}, already outside the first {self.k}. Choose a label of the top {self.k}."
        if self.k + self.margin + len(self.labels) > len(start.space):
            return f"There are only {len(start.space)} labels, so none can fall below rank {self.k + self.margin}. Choose a smaller k or margin."
        return None

    def gamma(self, start: Start, current: Seen) -> tuple[int, ...]:
        """A_1 that have not yet left (eq. 3.2); with a margin, that have not yet fallen far enough."""
        ranks = current.ranks(self.labels)[0]
        return tuple(label for label, rank in zip(self.labels, ranks, strict=True) if rank <= self.k + self.margin) or self.labels

    def reached(self, start: Start, seen: Seen) -> BoolArray:
        gone = every(seen.ranks(self.labels) > self.k + self.margin)
        return gone & self.allowed(start, seen) if self.stealth else gone

    def allowed(self, start: Start, seen: Seen) -> BoolArray:
        others = [label for label in start.top if label not in self.labels]
        return stay(seen, others, self.k, 0) if self.stealth else np.ones(len(seen), dtype=np.bool_)


@dataclass(frozen=True)
class Promote:
    """Negative-targeted: every label of `labels` that does not stand in the top k enters it. With `stealth` only as many
    labels of the original top k may leave as enter."""

    labels: tuple[int, ...]
    k: int = 5
    stealth: bool = False

    NAME: ClassVar[str] = "negative-targeted"
    ALIAS: ClassVar[str] = "A_neg"
    sign: ClassVar[int] = 1

    def __post_init__(self) -> None:
        check_k(self)
        check_labels(self.labels)
        if len(self.labels) > self.k:
            raise InputError(f"{len(self.labels)} labels cannot all enter the top {self.k}; name at most {self.k}")

    @property
    def targets(self) -> tuple[int, ...]:
        return self.labels

    def unmet(self, start: Start) -> str | None:
        inside = [label for label in self.labels if label in start.top]
        if inside:
            return f"{start.name(inside[0])} is among the first {self.k} already. Choose a label that is not."
        true = [label for label in self.labels if label in (start.truth or ())]
        if true:
            return f"{start.name(true[0])} is a true label of this document; a negative-targeted attack brings in a wrong one."
        return None

    def gamma(self, start: Start, current: Seen) -> tuple[int, ...]:
        """A_-1 that have not yet entered (eq. 3.3)."""
        ranks = current.ranks(self.labels)[0]
        return tuple(label for label, rank in zip(self.labels, ranks, strict=True) if rank > self.k) or self.labels

    def reached(self, start: Start, seen: Seen) -> BoolArray:
        return every(seen.ranks(self.labels) <= self.k) & self.allowed(start, seen)

    def allowed(self, start: Start, seen: Seen) -> BoolArray:
        return stay(seen, start.top, self.k, len(self.labels)) if self.stealth else np.ones(len(seen), dtype=np.bool_)


@dataclass(frozen=True)
class Disturb:
    """Non-targeted: at least one label leaves the top k, out of those predicted (`gamma` "predicted") or those predicted and
    true ("correct", the paper's goal; eq. 3.1 as printed sums over all predicted ones). The set stays fixed at the
    original top k. With `stealth` only one label may leave."""

    k: int = 5
    gamma_of: Gamma = "correct"
    stealth: bool = False

    NAME: ClassVar[str] = "non-targeted"
    ALIAS: ClassVar[str] = "untargeted-topk"
    sign: ClassVar[int] = -1

    def __post_init__(self) -> None:
        check_k(self)
        if self.gamma_of not in ("predicted", "correct"):
            raise InputError(f"gamma is 'predicted' or 'correct', not '{self.gamma_of}'")

    @property
    def targets(self) -> tuple[int, ...]:
        return ()

    def victims(self, start: Start) -> tuple[int, ...]:
        """The labels of which one shall leave."""
        return start.top if self.gamma_of == "predicted" else tuple(label for label in start.top if label in (start.truth or ()))

    def unmet(self, start: Start) -> str | None:
        if self.gamma_of == "correct" and start.truth is None:
            return "The document's true labels are not known. Attack the predicted labels instead (gamma 'predicted')."
        if not self.victims(start):
            return f"None of the first {self.k} labels is right, so there is no correct prediction to disturb."
        if self.k >= len(start.space):
            return f"There are only {len(start.space)} labels, so none can leave the top {self.k}. Choose a smaller k."
        return None

    def gamma(self, start: Start, current: Seen) -> tuple[int, ...]:
        return self.victims(start)

    def reached(self, start: Start, seen: Seen) -> BoolArray:
        return ~every(seen.ranks(self.victims(start)) <= self.k) & self.allowed(start, seen)

    def allowed(self, start: Start, seen: Seen) -> BoolArray:
        return stay(seen, start.top, self.k, 1) if self.stealth else np.ones(len(seen), dtype=np.bool_)


AnyGoal = Demote | Promote | Disturb | SetChange | AllWrong

GOALS: dict[str, type[Demote] | type[Promote] | type[Disturb]] = {kind.NAME: kind for kind in (Demote, Promote, Disturb)}
"""The goals by the paper's names; `goal_class` also takes the aliases. Studies and the page know these."""

ALL_GOALS: dict[str, type[AnyGoal]] = {**GOALS, **{kind.NAME: kind for kind in (SetChange, AllWrong)}}
"""These and the goals about the whole set of the first k labels."""


def explained(names: Iterable[str]) -> str:
    """'positive-targeted (A_pos): push a label out; ...', for the help of a flag."""
    return "; ".join(f"{name} ({ALL_GOALS[name].ALIAS}): {TITLES[name][0].lower()}{TITLES[name][1:]}" for name in names)


def goal_class(name: str) -> type[Demote] | type[Promote] | type[Disturb]:
    """A goal of GOALS by its name or alias. InputError lists the names."""
    found = {**GOALS, **{kind.ALIAS: kind for kind in GOALS.values()}}.get(name)
    if found is None:
        raise InputError(f"there is no goal '{name}'; there are {', '.join(f'{kind.NAME} ({kind.ALIAS})' for kind in GOALS.values())}")
    return found


def any_goal_class(name: str) -> type[AnyGoal]:
    """A goal of ALL_GOALS by its name or alias. InputError lists the names."""
    found = next((kind for kind in ALL_GOALS.values() if name in (kind.NAME, kind.ALIAS)), None)
    if found is None:
        raise InputError(f"there is no goal '{name}'; there are {', '.join(f'{kind.NAME} ({kind.ALIAS})' for kind in ALL_GOALS.values())}")
    return found


def to_json(goal: Goal) -> dict[str, Any]:
    """{"goal": name, settings...}, label ids included."""
    return {"goal": goal.NAME, **{key: list(value) if isinstance(value, tuple) else value for key, value in vars(goal).items()}}


def from_json(found: dict[str, Any]) -> AnyGoal:
    """What `to_json` gave. InputError for anything else."""
    given: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in found.items() if key != "goal"}
    try:
        return any_goal_class(str(found.get("goal")))(**given)
    except TypeError as error:
        raise InputError(f"this goal cannot be read: {error}") from error
