"""The Boundary Attack: a random walk along the decision boundary that comes nearer to the document, with decisions alone.

Brendel, Rauber & Bethge, Decision-Based Adversarial Attacks: Reliable Attacks Against Black-Box Machine Learning Models, ICLR 2018,
section 2 and Algorithm 1. From a point that reaches the goal: a random step of relative size `sideways` on the sphere around the
document, then a step of relative size `towards` to the document; what still reaches the goal is where the walk goes on. As in
section 2.3 (trust region): about half of the steps on the sphere shall reach the goal, else `sideways` shrinks or grows, and about a
quarter of the whole steps, else `towards` does.

Deviations: the start is bisected to the boundary first, and the point on the sphere alone is asked about at every tenth step only, which
is enough to steer by (the walk itself asks one question a step, not two).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from dataclasses import dataclass
from itertools import count
from typing import Annotated, Any, ClassVar

import numpy as np

from core.attacks.searches.points import Decide, Frame, PointAsk, PointSearch, PointSteps, Show, bisect
from core.fields import Field
from core.types import BoolArray, FloatArray

SPHERE_EVERY = 10
SPHERE_WINDOW, STEP_WINDOW = 10, 20
"""Answers between two corrections of a step size."""
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

    NAME: ClassVar[str] = "boundary"
    SOURCE: ClassVar[str] = "Brendel, Rauber & Bethge 2018, Algorithm 1"

    def __call__(self, frame: Frame, rng: np.random.Generator) -> PointSteps:
        point = yield from bisect(frame, frame.begin(), ENOUGH)
        yield Show(point, "from the start to the boundary")
        sideways, towards, shown = self.sideways, self.towards, point
        sphere: deque[bool] = deque(maxlen=SPHERE_WINDOW)
        steps: deque[bool] = deque(maxlen=STEP_WINDOW)
        for number in count(1):
            beside = _on_sphere(frame, point, sideways, rng)
            if number % SPHERE_EVERY == 0:
                sphere.append(bool((yield from _decided(frame.clip(beside)))))
                sideways, grown = self._adapted(sideways, sphere, 0.5, 0.2)
                towards *= grown  # a longer step on the sphere leaves more room to come nearer
            tried = frame.clip(beside + towards * (frame.origin - beside))
            taken = yield from _decided(tried)
            steps.append(taken)
            towards, _ = self._adapted(towards, steps, 0.25, 0.1)
            towards = min(towards, 0.999)
            if taken:
                point = tried
            if number % SHOWN_EVERY == 0 and not np.array_equal(point, shown):
                shown = point
                yield Show(point, f"step {number:,}")
            if towards < LEAST or np.array_equal(point, frame.origin):
                return

    def _adapted(self, size: float, answers: deque[bool], many: float, few: float) -> tuple[float, float]:
        """The step size after a full window of answers, which is then begun anew, and the factor it changed by."""
        if len(answers) < (answers.maxlen or 0):
            return size, 1.0
        share = sum(answers) / len(answers)
        factor = self.adapt if share > many else 1 / self.adapt if share < few else 1.0
        if factor != 1.0:
            answers.clear()
        return size * factor, factor


def _on_sphere(frame: Frame, point: FloatArray, size: float, rng: np.random.Generator) -> FloatArray:
    """A random point as far from the document as `point`, `size` distances beside it [m]."""
    radius = point - frame.origin
    distance = float(np.linalg.norm(radius))
    unit = radius / max(distance, 1e-12)
    step = rng.standard_normal(frame.size)
    step -= (step @ unit) * unit
    step *= size * distance / max(float(np.linalg.norm(step)), 1e-12)
    return np.asarray(frame.origin + (radius + step) / (1 + size**2) ** 0.5)


def _decided(point: FloatArray) -> Generator[PointAsk, Any, bool]:
    reached: BoolArray = yield Decide(point[None])
    return bool(reached[0])
