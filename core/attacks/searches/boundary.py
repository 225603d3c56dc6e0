"""The Boundary Attack: a random walk along the decision boundary that comes nearer to the document, with decisions alone.

Brendel, Rauber & Bethge, Decision-Based Adversarial Attacks: Reliable Attacks Against Black-Box Machine Learning Models, ICLR 2018,
section 2 and Algorithm 1. From a point that reaches the goal: a random step of relative size `sideways` on the sphere around the
document, then a step of relative size `towards` to the document; what still reaches the goal is where the walk goes on. As in
section 2.3 (trust region): about half of the steps on the sphere shall reach the goal, else `sideways` shrinks or grows, and about a
quarter of the whole steps, else `towards` does.

Deviations: the start is bisected to the boundary first; the point on the sphere alone is asked about for every tenth step only, which
is enough to steer by (the walk itself asks one question a step, not two); `tries` steps are asked about together, and the walk goes on
at the nearest that reaches the goal; with `lean` above 0 a step is not all random: it leans to where earlier steps that reached the goal
lay, seen from those that did not. The boundary turns little on the way, so what was learned of it a few steps ago still holds; and where steps
agree in nothing, as near the end, what is known stays short and the step stays random. With one try and no lean it is the paper's walk.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Annotated, ClassVar

import numpy as np

from core.attacks.searches.points import Decide, Frame, PointSearch, PointSteps, Show, bisect
from core.fields import Field
from core.types import BoolArray, FloatArray

SPHERE_EVERY = 10
SPHERE_WINDOW, STEP_WINDOW = 10, 20
"""Answers between two corrections of a step size."""
SPHERE_SHARE, STEP_SHARE = (0.2, 0.5), (0.15, 0.35)
"""Shares of answers that reached the goal between which a step size stays."""
KEPT = 0.95
"""What is known of the boundary's direction counts so much less from one round of tries to the next."""
SHOWN_EVERY = 50
ENOUGH = 1e-3
"""Of the way: how finely the start is bisected."""
LEAST = 1e-7
"""A `towards` below this moves no float32 any more."""


@dataclass(frozen=True)
class Boundary(PointSearch):
    """Decision-based: a random walk along the boundary. Simple, and slow to converge."""

    sideways: Annotated[float, Field("first step on the sphere, as a share of the distance", low=1e-6, high=10)] = 0.1
    towards: Annotated[float, Field("first step towards the document, as a share of the distance", low=1e-6, high=0.999)] = 0.1
    adapt: Annotated[float, Field("factor by which the steps grow and shrink", low=1.01, high=10)] = 1.5
    tries: Annotated[int, Field("steps that are tried together from one point; 1: as in the paper", low=1, high=1_000)] = 5
    lean: Annotated[float, Field("how far steps lean to where earlier ones reached the goal; 0: not at all, as in the paper", low=0, high=100)] = 0.1
    """25 documents of BibTeX's dev split, 1,000 queries, mean L2, and the share of queries after which it is as near as ART's with the settings that
    suit it best (median): one try and no lean 2.88, 68 %; 5 and 0: 2.93, 80 %; 5 and 0.1: 2.73, 42 %; 5 and 0.2: 2.77, 38 %. On a half-space
    with 20 features, 1,500 queries, it ends 0.1 %, 0.2 %, 0.9 % and 2 % farther than the nearest point there is."""

    NAME: ClassVar[str] = "boundary"
    SOURCE: ClassVar[str] = "Brendel, Rauber & Bethge 2018, Algorithm 1"

    def __call__(self, frame: Frame, rng: np.random.Generator) -> PointSteps:
        point = yield from bisect(frame, frame.begin(), ENOUGH)
        yield Show(point, "from the start to the boundary")
        sideways, towards = _Size(self.sideways, self.adapt, SPHERE_SHARE, SPHERE_WINDOW), _Size(self.towards, self.adapt, STEP_SHARE, STEP_WINDOW)
        shown, known = point, np.zeros(frame.size)
        for number in count(self.tries, self.tries):
            ways = self._ways(frame, point, known, rng)
            beside = _on_sphere(frame, point, ways, sideways.value)
            tried = frame.clip(beside + towards.value * (frame.origin - beside))
            steering = number // SPHERE_EVERY - (number - self.tries) // SPHERE_EVERY
            reached: BoolArray = yield Decide(np.concatenate([tried, frame.clip(beside[:steering])]) if steering else tried)
            grown = sideways.learn(reached[self.tries :])
            reached = reached[: self.tries]
            towards.value *= grown  # a longer step on the sphere leaves more room to come nearer
            towards.learn(reached)
            towards.value = min(towards.value, 0.999)
            if reached.any():
                there = tried[reached]
                point = there[np.linalg.norm(there - frame.origin, axis=1).argmin()]
                known = KEPT * known + _contrast(ways, reached)
            if number // SHOWN_EVERY > (number - self.tries) // SHOWN_EVERY and not np.array_equal(point, shown):
                shown = point
                yield Show(point, f"step {number:,}")
            if towards.value < LEAST or np.array_equal(point, frame.origin):
                return

    def _ways(self, frame: Frame, point: FloatArray, known: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Random unit directions [tries, m] along the sphere around the document on which `point` lies, leaning to `known` [m]."""
        out = _unit((point - frame.origin)[None])
        ways = _unit(_along(rng.standard_normal((self.tries, frame.size)), out))
        if not self.lean or not known.any():
            return ways
        return _unit(ways + self.lean * _along(known[None], out))


@dataclass
class _Size:
    """A step size that keeps the share of steps that reach the goal between two bounds."""

    value: float
    adapt: float
    bounds: tuple[float, float]
    window: int
    answers: deque[bool] = field(init=False)

    def __post_init__(self) -> None:
        self.answers = deque(maxlen=self.window)

    def learn(self, reached: Sequence[bool] | BoolArray) -> float:
        """Answers to steps of this size. The factor it is changed by, once its window is full of them; the window is then begun anew."""
        self.answers.extend(bool(one) for one in reached)
        share = sum(self.answers) / self.window
        if len(self.answers) < self.window or self.bounds[0] <= share <= self.bounds[1]:
            return 1.0
        self.answers.clear()
        factor = self.adapt if share > self.bounds[1] else 1 / self.adapt
        self.value *= factor
        return factor


def _unit(rows: FloatArray) -> FloatArray:
    """Each row [n, m] at length 1; one of zeros stays."""
    return np.asarray(rows / np.maximum(np.sqrt(np.einsum("nm,nm->n", rows, rows)), 1e-12)[:, None])


def _along(rows: FloatArray, out: FloatArray) -> FloatArray:
    """What is left of rows [n, m] across the unit vector `out` [1, m]."""
    return np.asarray(rows - (rows @ out.T) * out)


def _on_sphere(frame: Frame, point: FloatArray, ways: FloatArray, size: float) -> FloatArray:
    """Points [n, m] as far from the document as `point`, `size` distances beside it in each of the ways [n, m]."""
    radius = point - frame.origin
    return np.asarray(frame.origin + (radius + size * float(np.linalg.norm(radius)) * ways) / (1 + size**2) ** 0.5)


def _contrast(ways: FloatArray, reached: BoolArray) -> FloatArray:
    """The mean of the ways [n, m] that reached the goal, of which there are some, minus that of the others, 0 where there are none [m]."""
    others = ways[~reached].mean(axis=0) if not reached.all() else 0.0
    return np.asarray(ways[reached].mean(axis=0) - others)
