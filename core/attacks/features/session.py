"""The driver of attacks on feature vectors: it answers what a search over points asks and turns what it shows into steps.

    attack = FeatureAttack(Demote((label,)), HopSkipJump(queries=1_000))
    result = run(attack, classifier, vector, Pool.of(classifier, dataset))

Goals are those of word-level attacks. The budget is kept exactly: the document itself, the search for a start, the search and the
making of a feasible vector count all together. A question that the budget does not hold is answered as far as it goes, and ends the
search. What is reported is the nearest point that reached the goal, scored afresh, not the last one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from core.attacks.features.coordinates import Coordinates, Pool, added_features, starting_points
from core.attacks.features.feasibility import levels, reserve
from core.attacks.features.oracle import FeatureJudge
from core.attacks.features.steps import FeatureStep, Level
from core.attacks.goals import AnyGoal
from core.attacks.searches.points import Decide, Measure, PointAsk, PointSearch, Show
from core.attacks.words.steps import Status, View
from core.errors import CapabilityError
from core.types import Classifier, FloatArray, Progress, VectorClassifier, silent
from core.vector import FeatureVector

STARTS = 4
"""One query in so many, at most, goes into the search for a start."""


RANDOM_STARTS = 100
"""Random points that are tried where no training document serves."""


class _Spent(Exception):
    """The budget of queries has run out. Never leaves this module."""


@dataclass(frozen=True)
class FeatureAttack:
    """A search with a goal: all that decides what happens, beside the classifier, the document and the training documents."""

    goal: AnyGoal
    search: PointSearch

    def refusal(self, classifier: Classifier) -> str | None:
        """Why this attack cannot be made on this classifier, as a sentence; None if it can."""
        if isinstance(classifier, VectorClassifier):
            return None
        return f"{self.search.NAME} attacks feature vectors, and '{classifier.name}' reads texts: choose a model of vectors, or another attack."

    def begin(
        self, classifier: Classifier, vector: FeatureVector, pool: Pool, truth: Sequence[int] | None = None, progress: Progress = silent
    ) -> FeatureSession:
        """Look at the document. CapabilityError with the refusal's sentence, InputError for a document of zeros."""
        if (why := self.refusal(classifier)) or not isinstance(classifier, VectorClassifier):
            raise CapabilityError(why or "")
        return FeatureSession(self, classifier, vector, pool, truth, progress)


class FeatureSession:
    """One attack on one document. `progress(queries, at most, what)` is called between batches and may raise Cancelled."""

    def __init__(
        self, attack: FeatureAttack, classifier: VectorClassifier, vector: FeatureVector, pool: Pool, truth: Sequence[int] | None,
        progress: Progress,
    ) -> None:  # fmt: skip
        self.attack, self.classifier, self.vector, self.pool, self.progress = attack, classifier, vector, pool, progress
        self._began = time.monotonic()
        self.judge = FeatureJudge(classifier, attack.goal, vector, truth, self._pause)
        self.unmet = attack.goal.unmet(self.judge.start)
        added = np.zeros(0, dtype=np.int64) if self.unmet else added_features(attack.goal, self.judge.start, vector, pool, attack.search.added)
        self.coordinates = Coordinates.of(vector, classifier.space, added)
        self.limit = attack.search.queries
        self._kept = reserve(self.coordinates, classifier.space.whole, self.limit)
        self._index = -1

    @property
    def left(self) -> int:
        """Queries that the search may still make."""
        return max(0, self.limit - self._kept - self.judge.queries)

    def steps(self) -> Iterator[FeatureStep]:
        """From the document to the end; the last step holds the levels."""
        origin = self.coordinates.origin
        if self.unmet:
            yield self._step("refused", origin, self.judge.original, self.unmet)
            return
        yield self._step("start", origin, self.judge.original, "the document")
        start = None
        if self.attack.search.STARTS:
            start = self.find_start()
            if start is None:
                said = "No training document, cut to the features that may move, and no random point reaches the goal; let more features be added."
                yield self._end("exhausted", said)
                return
            yield self._step("changed", start, self._view(start), "the start: a training document, or a random point, that reaches the goal")
        yield from self._drive(start)

    def find_start(self) -> FloatArray | None:
        """The first training document, in the order of `starting_points`, that reaches the goal, else the first of some random points of the
        box, as the papers begin [m]. None where neither does."""
        most, own = max(1, self.left // STARTS), self.coordinates
        known = starting_points(self.attack.goal, self.judge.start, own, self.pool, most)
        drawn = np.random.default_rng([self.attack.search.seed, 1]).uniform(own.low, own.high, (min(most, RANDOM_STARTS), len(own)))
        points = np.concatenate([known, drawn])
        for at in range(0, len(points), 16):
            part = points[at : at + 16]
            hit = self.judge.first(self.coordinates, part)
            if hit is not None:
                return np.asarray(part[hit].astype(np.float32), dtype=np.float64)
        return None

    def _drive(self, start: FloatArray | None) -> Iterator[FeatureStep]:
        search = self.attack.search(self.coordinates.frame(start), np.random.default_rng(self.attack.search.seed))
        answer = None
        try:
            while True:
                ask: PointAsk = search.send(answer)
                answer = None
                if isinstance(ask, Show):
                    yield self._step("changed", ask.point, self._view(ask.point), ask.note)
                else:
                    answer = self._answer(ask)
        except StopIteration:
            yield self._end("exhausted", "The search has come to its end.")
        except _Spent:
            yield self._end("budget", f"The budget of {self.limit:,} queries ends the search.")

    def _answer(self, ask: Decide | Measure) -> object:
        points = ask.points[: self.left]
        answer: object = None
        if len(points):
            answer = self.judge.ask(self.coordinates, points)[1] if isinstance(ask, Measure) else self.judge.decide(self.coordinates, points)
        if len(points) < len(ask.points):
            raise _Spent
        return answer

    def _view(self, point: FloatArray) -> View:
        """Of a point that was asked about already, so it is not counted again."""
        return self.judge.look([self.coordinates.vector(point)])[0]

    def _end(self, status: Status, note: str) -> FeatureStep:
        """The last step: the nearest point that reached the goal, what it comes to, and the ending where none did."""
        best = self.judge.best
        if best is None:
            return self._step(status, self.coordinates.origin, self.judge.original, f"{note} No vector that reaches the goal was found.")
        found = levels(self.judge, self.coordinates, best[1], lambda: max(0, self.limit - self.judge.queries))
        view = found[0].view or self._view(best[1])
        confirmed = bool(found[0].reached)
        said = note if confirmed else f"{note} The goal was reached by a margin that a second scoring did not confirm."
        return self._step("reached" if confirmed else status, best[1], view, said, found)

    def _step(self, status: Status, point: FloatArray, view: View, note: str, found: tuple[Level, ...] = ()) -> FeatureStep:
        self._index += 1
        far = float(np.linalg.norm(point - self.coordinates.origin))
        nearest = None if self.judge.best is None else self.judge.best[0]
        spent = time.monotonic() - self._began
        return FeatureStep(self._index, status, point.copy(), view, far, nearest, self.judge.queries, spent, note, found)

    def _pause(self) -> None:
        judge = getattr(self, "judge", None)
        self.progress(0 if judge is None else judge.queries, self.attack.search.queries, "queries")
