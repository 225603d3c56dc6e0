"""What a goal is asked about: the scores and ranks that were seen of documents, before the attack and now; and what a goal answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Protocol

import numpy as np

from core.errors import InputError
from core.labels import LabelSpace
from core.ranking import Watched
from core.types import BoolArray, FloatArray, IntArray

MAX_K = 1_000


@dataclass(frozen=True)
class Seen:
    """What was seen of n documents: `watched` holds scores and ranks [n, m] of the tracked labels [m], and the top labels."""

    labels: IntArray
    watched: Watched

    @cached_property
    def _column(self) -> dict[int, int]:
        return {int(label): column for column, label in enumerate(self.labels)}

    def columns(self, labels: Sequence[int]) -> list[int]:
        return [self._column[label] for label in labels]

    def scores(self, labels: Sequence[int]) -> FloatArray:
        """[n, len(labels)]"""
        return self.watched.scores[:, self.columns(labels)].astype(np.float64)

    def ranks(self, labels: Sequence[int]) -> IntArray:
        """[n, len(labels)], 1 = best."""
        return self.watched.ranks[:, self.columns(labels)]

    def __len__(self) -> int:
        return len(self.watched.scores)


@dataclass(frozen=True)
class Start:
    """The document before the attack: its k best labels, its true labels if they are known, and what was seen [1 row]."""

    space: LabelSpace
    top: tuple[int, ...]
    truth: tuple[int, ...] | None
    seen: Seen

    def name(self, label: int) -> str:
        return f"'{self.space.names[label]}'"


class Goal(Protocol):
    """k, and which labels shall go where. `NAME` is the paper's term, `sign` -1 where scores shall fall, +1 where they shall rise."""

    NAME: ClassVar[str]
    ALIAS: ClassVar[str]
    sign: ClassVar[int]

    @property
    def k(self) -> int: ...

    @property
    def targets(self) -> tuple[int, ...]:
        """The labels named by the goal; none for a non-targeted one."""
        ...

    def unmet(self, start: Start) -> str | None:
        """Why this document cannot be attacked so, as a sentence; None if it can."""
        ...

    def gamma(self, start: Start, current: Seen) -> tuple[int, ...]:
        """The labels whose summed score a step moves (the sets under the sums of eqs. 3.1 to 3.4), given the current document."""
        ...

    def reached(self, start: Start, seen: Seen) -> BoolArray: ...

    def allowed(self, start: Start, seen: Seen) -> BoolArray:
        """[n]: whether a document may be chosen at all (with `stealth`: the other labels of the top k stay there)."""
        ...


def check_k(goal: Goal) -> None:
    if not 1 <= goal.k <= MAX_K:
        raise InputError(f"k must lie between 1 and {MAX_K:,}, not {goal.k}")


def check_labels(labels: tuple[int, ...]) -> None:
    if not labels:
        raise InputError("choose at least one label to attack")
    if len(set(labels)) != len(labels):
        raise InputError("a label is named twice; name each label once")


def every(table: BoolArray) -> BoolArray:
    """[n, m] -> [n]"""
    return np.asarray(table.all(axis=1), dtype=np.bool_)


def stay(seen: Seen, labels: Sequence[int], k: int, leaving: int) -> BoolArray:
    """Whether at most `leaving` of the labels stand outside the top k: [n]."""
    out: BoolArray = (seen.ranks(labels) > k).sum(axis=1) <= leaving
    return out
