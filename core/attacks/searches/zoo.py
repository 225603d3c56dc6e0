"""ZOO: zeroth-order optimisation, coordinate by coordinate, from the scores alone.

Chen, Zhang, Sharma, Yi & Hsieh, ZOO: Zeroth Order Optimization based Black-box Attacks to Deep Neural Networks without Training
Substitute Models, AISec 2017. Made small is |x' - x|^2 + c max(0, kappa - s(x')) (their eq. 2 with the hinge of eqs. 4 and 5), where s is by
how much the goal is reached (core.attacks.goal_margin) in place of the difference of log-probabilities of one label. The slope along a
coordinate is the symmetric difference quotient (their eq. 6); the steps are Adam's for each coordinate by itself (their Algorithm 2).

c is raised tenfold after every pass over the coordinates until the goal is reached, and then stays: the hinge is an exact penalty, so every c
above some threshold has its minimum on the boundary, and the bisection of Carlini & Wagner would buy nothing. From then on, where
a pass leads no nearer, the descent goes back to the nearest point that was found, with steps of half the length.

Deviations: the slope of |x' - x|^2 is known and costs no query; the box is kept by clipping; the point itself is asked about with each
batch, so that it is known whether it reaches the goal.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import Annotated, ClassVar

import numpy as np

from core.attacks.searches.points import Frame, PointSearch, PointSteps, ScoreMargin, Show
from core.fields import Field
from core.types import FloatArray, IntArray

LARGEST = 1e10
"""c beyond which nothing but the goal counts."""
SMALLEST = 1e-6
"""Steps shorter than this share of the range move next to nothing."""
BETAS = (0.9, 0.999)
TINY = 1e-8


@dataclass(frozen=True)
class Zoo(PointSearch):
    """Score-based: estimates the slope of each value from two queries and descends."""

    rate: Annotated[float, Field("Adam's step, as a share of each feature's range", low=1e-5, high=10)] = 0.4
    """BibTeX's dev split, 12 documents, 1,000 queries: 0.2 reaches the goal in 8 (mean L2 of these 1.87), 0.4 in 12 (2.40; HopSkipJump
    comes to 2.19 there with 8,000 queries)."""
    probe: Annotated[float, Field("h: half the distance of two probes, as a share of each feature's range", low=1e-6, high=1)] = 0.01
    parallel: Annotated[int, Field("coordinates that are probed and moved together", low=1, high=100_000)] = 16
    first_c: Annotated[float, Field("c: what the goal weighs against the distance at first", low=1e-6, high=1e6)] = 3.0
    kappa: Annotated[float, Field("by how much the goal shall be reached, in the classifier's scores", low=0, high=1e3)] = 0.0

    NAME: ClassVar[str] = "zoo"
    SOURCE: ClassVar[str] = "Chen et al. 2017, Algorithm 2"
    STARTS: ClassVar[bool] = False

    def __call__(self, frame: Frame, rng: np.random.Generator) -> PointSteps:
        span = np.maximum(frame.high - frame.low, TINY)
        state, c, step = _State.begin(frame), self.first_c, self.rate * span
        for number in count(1):
            state.nearer = False
            order = rng.permutation(frame.size)
            for at in range(0, frame.size, self.parallel):
                chosen = order[at : at + self.parallel]
                margins: FloatArray = yield ScoreMargin(_probes(frame, state.point, chosen, self.probe * span))
                state.told(float(margins[0]))
                state.move(chosen, self._slopes(frame, state, chosen, margins, c, span), step)
            yield Show(state.last, f"pass {number}, c = {c:.3g}")
            if state.best is None:
                c *= 10
            elif not state.nearer:
                state.point, step = state.best.copy(), step / 2
            if c > LARGEST or step.max() < SMALLEST * span.max():
                return

    def _slopes(self, frame: Frame, state: _State, chosen: IntArray, margins: FloatArray, c: float, span: FloatArray) -> FloatArray:
        """d objective / d coordinate of the chosen ones [b]. margins [1 + 2b]: of the point, then of each probe up and down."""
        half = len(chosen)
        hinge = np.maximum(0.0, self.kappa - np.nan_to_num(margins, posinf=1e6, neginf=-1e6))
        up, down = hinge[1 : 1 + half], hinge[1 + half :]
        apart = frame.clip(state.point + self.probe * span)[chosen] - frame.clip(state.point - self.probe * span)[chosen]
        return np.asarray(2 * (state.point - frame.origin)[chosen] + c * (up - down) / np.maximum(apart, TINY))


def _probes(frame: Frame, point: FloatArray, chosen: IntArray, step: FloatArray) -> FloatArray:
    """The point, then it with each chosen coordinate a step up, then down: [1 + 2b, m]. At the edge of the box the probe is cut short."""
    found = np.repeat(point[None], 1 + 2 * len(chosen), axis=0)
    rows = np.arange(len(chosen))
    found[1 + rows, chosen] += step[chosen]
    found[1 + len(chosen) + rows, chosen] -= step[chosen]
    return frame.clip(found)


@dataclass
class _State:
    """Where the descent stands: the point, Adam's moments and counts of each coordinate, and the nearest point that reached the goal."""

    frame: Frame
    point: FloatArray
    first: FloatArray
    second: FloatArray
    times: FloatArray
    last: FloatArray
    best: FloatArray | None = None
    nearer: bool = False

    @classmethod
    def begin(cls, frame: Frame) -> _State:
        zeros = np.zeros(frame.size)
        start = frame.origin if frame.start is None else frame.start
        return cls(frame, start.copy(), zeros.copy(), zeros.copy(), zeros.copy(), start.copy())

    def told(self, margin: float) -> None:
        """What the answer says of the point itself."""
        self.last = self.point.copy()
        if margin > 0 and (self.best is None or self._far(self.point) < self._far(self.best)):
            self.best, self.nearer = self.point.copy(), True

    def move(self, chosen: IntArray, slopes: FloatArray, rate: FloatArray) -> None:
        """Adam's step on the chosen coordinates, clipped to the box."""
        self.times[chosen] += 1
        self.first[chosen] = BETAS[0] * self.first[chosen] + (1 - BETAS[0]) * slopes
        self.second[chosen] = BETAS[1] * self.second[chosen] + (1 - BETAS[1]) * slopes**2
        mean = self.first[chosen] / (1 - BETAS[0] ** self.times[chosen])
        size = np.sqrt(self.second[chosen] / (1 - BETAS[1] ** self.times[chosen]))
        self.point[chosen] -= rate[chosen] * mean / (size + TINY)
        self.point = self.frame.clip(self.point)

    def _far(self, point: FloatArray) -> float:
        return float(np.linalg.norm(point - self.frame.origin))
