"""What searches over points of a box ask, and what they share. A point is the values of m features of one document.

A decision-based search asks `Decide` and learns only whether the goal is reached; a score-based one asks `Measure` and learns by how
much. The driver (core.attacks.features.session) answers, counts every point as a query, ends the search when the budget is spent,
and remembers the nearest point that reached the goal: a search need not.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np

from core.errors import InputError
from core.fields import Field, check
from core.types import BoolArray, FloatArray


@dataclass(frozen=True)
class Frame:
    """Where a search works: the document `origin` [m], the box `low` and `high` [m] around it, and a point `start` [m] that reaches the
    goal; a search that needs none begins at the document where there is none."""

    origin: FloatArray
    low: FloatArray
    high: FloatArray
    start: FloatArray | None = None

    @property
    def size(self) -> int:
        return len(self.origin)

    def clip(self, points: FloatArray) -> FloatArray:
        return np.clip(points, self.low, self.high)

    def begin(self) -> FloatArray:
        """The point to start from. InputError where there is none."""
        if self.start is None:
            raise InputError("this search starts from a point that reaches the goal, and none was given")
        return self.start


@dataclass(frozen=True)
class Decide:
    """Do these points [n, m] reach the goal? Answer: BoolArray [n]."""

    points: FloatArray


@dataclass(frozen=True)
class FirstReaching:
    """Which of these points [n, m] is the first that reaches the goal? Those after it cost nothing. Answer: its row, None if none does."""

    points: FloatArray


@dataclass(frozen=True)
class ScoreMargin:
    """By how much do these points [n, m] reach the goal? Answer: FloatArray [n], positive where they do."""

    points: FloatArray


@dataclass(frozen=True)
class Show:
    """The search stands at `point` [m], one of the points that it asked about last; it becomes a step. The answer tells nothing."""

    point: FloatArray
    note: str


PointAsk = Decide | FirstReaching | ScoreMargin | Show
PointSteps = Generator[PointAsk, Any, None]


@dataclass(frozen=True)
class PointSearch(ABC):
    """Settings that all searches over points have, and the search itself."""

    queries: Annotated[int, Field("vectors scored, at most, everything counted", low=10, high=10_000_000)] = 2_000
    added: Annotated[int, Field("features that the document lacks and that may be added", low=0, high=100_000)] = 0
    seed: Annotated[int, Field("seed of everything random", low=0, high=2**31 - 1)] = 0

    NAME: ClassVar[str] = ""
    SOURCE: ClassVar[str] = ""
    STARTS: ClassVar[bool] = True
    """Whether the search begins at a point that reaches the goal."""

    def __post_init__(self) -> None:
        check(self)

    @abstractmethod
    def __call__(self, frame: Frame, rng: np.random.Generator) -> PointSteps:
        """The generator that asks."""


def bisect(frame: Frame, point: FloatArray, tolerance: float) -> Generator[PointAsk, Any, FloatArray]:
    """The point next to the boundary on the line from the document to `point`, which reaches the goal: both sides of the boundary
    are known to within `tolerance` of the line's length (Chen et al. 2020, Algorithm 1). It reaches the goal, too."""
    low, high = 0.0, 1.0
    while high - low > tolerance:
        middle = (low + high) / 2
        reached: BoolArray = yield Decide(((1 - middle) * frame.origin + middle * point)[None])
        low, high = (low, middle) if reached[0] else (middle, high)
    return point if high == 1.0 else (1 - high) * frame.origin + high * point
