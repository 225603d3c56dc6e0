"""Attacks on the features of a document: what a search over points asks is answered here, and what it shows becomes steps.

    attack = FeatureAttack(Demote((label,)), HopSkipJump(queries=1_000))
    result = run(attack, classifier, vector, Pool.of(classifier, dataset))

Goals are those of word-level attacks. The budget is kept exactly: the document itself, the search for a start, the search and the
making of a feasible vector count all together. A question that the budget does not hold is answered as far as it goes, and ends the
search. What is reported is the nearest point that reached the goal, scored afresh, not the last one.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core.attacks.features.coordinates import Coordinates, Pool, added_features, starting_points
from core.attacks.features.feasibility import realism_levels, reserve
from core.attacks.features.oracle import FeatureOracle
from core.attacks.features.steps import FeatureStep, Point, Realism
from core.attacks.goals import AnyGoal
from core.attacks.searches.points import Decide, FirstReaching, PointAsk, PointSearch, ScoreMargin, Show
from core.attacks.session import Session, Spent
from core.attacks.steps import Status, View
from core.errors import CapabilityError, InputError
from core.types import BoolArray, Classifier, FeatureClassifier, FloatArray, Progress, silent
from core.vector import FeatureVector

STARTS = 4
"""One query in so many, at most, goes into the search for a start."""

RANDOM_STARTS = 100
"""Random points that are tried where no training document serves."""


NO_START = "No training document, cut to the features that may move, and no random point reaches the goal; let more features be added."


@dataclass
class _Told:
    """What one search was told, ask by ask. What a search asks follows from what it was told, so a new one that is told the same stands where
    the first one stood; and what was answered once is not asked again. `at`: how many answers the search that is under way has had."""

    answers: list[Any] = field(default_factory=list)
    at: int = 0

    def through(self, search: Generator[PointAsk, Any, str | None]) -> Generator[PointAsk, Any, str | None]:
        """The search from where it had had `at` answers; only its new questions, and what it shows, come through."""
        self.answers += [None] * (self.at - len(self.answers))  # the last thing that it showed may not have been answered yet
        try:
            ask = next(search)
            for answer in self.answers[: self.at]:
                ask = search.send(answer)
            while True:
                known = self.at < len(self.answers) and not isinstance(ask, Show)
                answer = self.answers[self.at] if known else (yield ask)
                self.answers[self.at : self.at + 1] = [answer]
                self.at += 1
                ask = search.send(answer)
        except StopIteration as stopped:
            return str(stopped.value) if stopped.value else None


@dataclass(frozen=True)
class FeatureAttack:
    """A search with a goal: all that decides what happens, beside the classifier, the document and the training documents."""

    goal: AnyGoal
    search: PointSearch

    def refusal(self, classifier: Classifier) -> str | None:
        """Why this attack cannot be made on this classifier, as a sentence; None if it can."""
        if isinstance(classifier, FeatureClassifier):
            return None
        return f"{self.search.NAME} attacks feature vectors, and '{classifier.name}' reads texts: choose a model of vectors, or another attack."

    def begin(
        self, classifier: Classifier, vector: FeatureVector, pool: Pool, truth: Sequence[int] | None = None, progress: Progress = silent
    ) -> FeatureSession:
        """Look at the document. CapabilityError with the refusal's sentence, InputError for a document of zeros."""
        if (why := self.refusal(classifier)) or not isinstance(classifier, FeatureClassifier):
            raise CapabilityError(why or "")
        return FeatureSession(self, classifier, vector, pool, truth, progress)


class FeatureSession(Session[FeatureStep]):
    """One attack on the features of one document."""

    def __init__(
        self, attack: FeatureAttack, classifier: FeatureClassifier, vector: FeatureVector, pool: Pool, truth: Sequence[int] | None,
        progress: Progress,
    ) -> None:  # fmt: skip
        super().__init__(attack.search.queries, 0, progress)
        self.attack, self.classifier, self.vector, self.pool = attack, classifier, vector, pool
        self.oracle: FeatureOracle = FeatureOracle(classifier, attack.goal, vector, truth, self.pause)
        self.unmet = attack.goal.unmet(self.oracle.start)
        added = np.zeros(0, dtype=np.int64) if self.unmet else added_features(attack.goal, self.oracle.start, vector, pool, attack.search.added)
        self.coordinates = Coordinates.of(vector, classifier.space, added)
        self._kept = reserve(self.coordinates, classifier.space.whole, self.queries)
        self._starts = max(1, self.left // STARTS)
        self._told: dict[bytes, _Told] = {}
        """By the point at which a search began: what it was told, so that one can be brought back to any of its steps."""

    @property
    def left(self) -> int:
        """Queries that the search may still make."""
        return max(0, self.queries - self._kept - self.oracle.queries)

    # -- stepping

    def first(self) -> FeatureStep:
        status: Status = "refused" if self.unmet else "start"
        return self._step(0, status, Point(self.coordinates.origin), self.oracle.known(self.vector), self.unmet or "the document")

    def search(self, step: FeatureStep) -> Generator[PointAsk, Any, str | None]:
        told = self._told_to(step)
        told.at = step.state.told
        return told.through(self._begin(step.state.begun))

    def decide(self, step: FeatureStep, ask: PointAsk) -> FeatureStep | None:
        if not isinstance(ask, Show):
            return None
        state = Point(ask.point.copy(), step.state.begun, self._told_to(step).at + 1)
        return self._step(step.index + 1, "changed", state, self._view(ask.point), ask.note)

    def answer(self, ask: PointAsk, step: FeatureStep) -> Any:
        if isinstance(ask, Show):
            raise TypeError("a search that shows where it stands asks nothing")
        if isinstance(ask, FirstReaching):
            return self.oracle.first_reaching(self.coordinates, ask.points)
        points = ask.points[: self.left]
        answer: object = None
        if len(points):
            answer = self.oracle.ask(self.coordinates, points)[1] if isinstance(ask, ScoreMargin) else self.oracle.decide(self.coordinates, points)
        if len(points) < len(ask.points):
            raise Spent(f"The budget of {self.queries:,} queries ends the search.")
        return answer

    def end(self, step: FeatureStep, status: Status, note: str) -> FeatureStep:
        """The last step: the nearest point that reached the goal, what it comes to, and the ending where none did."""
        best = self.oracle.best
        if best is None:
            said = f"{note} No vector that reaches the goal was found."
            return self._step(step.index + 1, status, Point(self.coordinates.origin), self.oracle.known(self.vector), said)
        found = realism_levels(self.oracle, self.coordinates, best[1], lambda: max(0, self.queries - self.oracle.queries))
        confirmed = bool(found[0].reached)
        said = note if confirmed else f"{note} The goal was reached by a margin that a second scoring did not confirm."
        view = found[0].view or self._view(best[1])
        return self._step(step.index + 1, "reached" if confirmed else status, Point(best[1]), view, said, found)

    # -- by hand

    def choose(self, before: FeatureStep, index: int, value: float) -> FeatureStep:
        """A person's own decision after `before`: coordinate `index` takes `value`, which is asked about; a search that goes on from there
        begins there. InputError for a value outside of the feature's bounds, or where the budget is spent."""
        own = self.coordinates
        if not 0 <= index < len(own) or not own.low[index] <= value <= own.high[index]:
            raise InputError(f"feature {index + 1} of the {len(own)} that may move must lie in its bounds, which {value:g} does not")
        if not self.left:
            raise InputError(f"the budget of {self.queries:,} queries is spent; begin again with a larger one")
        point = before.point.astype(np.float32).astype(np.float64)
        point[index] = np.float64(np.float32(value))
        reached = bool(self.oracle.decide(own, point[None])[0])
        note = f"chosen by hand: {self.classifier.space.name(int(own.columns[index]))} is {value:g}" + (", the goal is reached" if reached else "")
        return self._step(before.index + 1, "changed", Point(point, point), self._view(point), note)

    def finish(self, step: FeatureStep) -> FeatureStep:
        """An end before the budget's: what the nearest success comes to. InputError where there is none yet."""
        if self.oracle.best is None:
            raise InputError("no vector that reaches the goal was found yet, so there is nothing to finish; go on, or change a feature")
        return self.end(step, "exhausted", "Ended by hand.")

    # -- the search

    def _told_to(self, step: FeatureStep) -> _Told:
        begun = step.state.begun
        return self._told.setdefault(b"" if begun is None else begun.tobytes(), _Told())

    def _begin(self, begun: FloatArray | None) -> Generator[PointAsk, Any, str | None]:
        """A start where the search needs one, and the search."""
        start, kind = begun, self.attack.search
        if kind.STARTS:
            reached: BoolArray | None = None if begun is None else (yield Decide(begun[None]))
            if reached is None or not reached[0]:
                start = yield from self._find_start()
                if start is None:
                    return NO_START
                yield Show(start, "the start: a training document, or a random point, that reaches the goal")
        yield from kind(self.coordinates.frame(start), np.random.default_rng(kind.seed))
        return None

    def _find_start(self) -> Generator[PointAsk, Any, FloatArray | None]:
        """The first training document, in the order of `starting_points`, that reaches the goal, else the first of some random points of the
        box, as the papers begin [m]. None where neither does."""
        most, own = self._starts, self.coordinates
        known = starting_points(self.attack.goal, self.oracle.start, own, self.pool, most)
        drawn = np.random.default_rng([self.attack.search.seed, 1]).uniform(own.low, own.high, (min(most, RANDOM_STARTS), len(own)))
        points = np.concatenate([known, drawn])
        for at in range(0, len(points), 16):
            part = points[at : at + 16]
            hit: int | None = yield FirstReaching(part)
            if hit is not None:
                return np.asarray(part[hit].astype(np.float32), dtype=np.float64)
        return None

    # -- bookkeeping

    def _view(self, point: FloatArray) -> View:
        """Of a point that was asked about already, so it is not counted again."""
        return self.oracle.known(self.coordinates.vector(point))

    def _step(self, index: int, status: Status, state: Point, view: View, note: str, found: tuple[Realism, ...] = ()) -> FeatureStep:
        far = float(np.linalg.norm(state.values - self.coordinates.origin))
        nearest = None if self.oracle.best is None else self.oracle.best[0]
        return FeatureStep(index, status, state, view, self.oracle.queries, self.spent_seconds, note, far, nearest, found)
