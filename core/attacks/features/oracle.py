"""Feature vectors scored for an attack: in batches, every one a query, the nearest success remembered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from core.attacks.features.coordinates import Coordinates
from core.attacks.goal_margin import decisive, depth, goal_margin
from core.attacks.goals import AnyGoal
from core.attacks.oracle import SHOWN, Look, Oracle, views_of
from core.attacks.seen import Seen
from core.attacks.steps import View
from core.errors import InputError
from core.ranking import Watched, watch, watch_features, watch_scored
from core.types import BoolArray, Classifier, Confinable, FeatureClassifier, FloatArray, Scores
from core.vector import FeatureVector

BATCH = 512
"""Vectors that go to the classifier at once; between two batches an attack can be stopped."""

Found = tuple[float, FloatArray]
"""A point [m] that reached the goal, behind its distance."""


See = Callable[[Coordinates, NDArray[np.float32]], Seen]


class FeatureOracle(Oracle[FeatureVector]):
    """Scores points against one goal; every point is a query, repeats too. At each query, `rank_trace` holds the worst rank of the goal's
    labels (of the original top k, where it names none), `reached_trace` whether it reached the goal, and `nearest_trace` the distance of the
    nearest success so far (inf: there is none)."""

    goal: AnyGoal

    def __init__(
        self, classifier: FeatureClassifier, goal: AnyGoal, vector: FeatureVector, truth: Sequence[int] | None = None,
        pause: Callable[[], None] = lambda: None, also: Sequence[int] = (),
    ) -> None:  # fmt: skip
        if not len(vector):
            raise InputError("all values of this document are 0, so there is nothing to attack: choose another")
        if vector.size != len(classifier.space):
            raise InputError(f"the document has {vector.size:,} features, '{classifier.name}' reads {len(classifier.space):,}")
        self.classifier = classifier
        super().__init__(classifier, goal, vector, truth, pause, also, max(SHOWN, depth(goal, truth)))
        self._decisive = decisive(goal, self.start)
        self.rank_trace = [int(self.start.seen.ranks(self.followed).max())]
        self.reached_trace = [False]
        self.nearest_trace = [np.inf]
        self.best: Found | None = None
        self.best_whole: Found | None = None
        """The nearest success whose values are whole numbers, among all points asked about."""
        self._confined: tuple[Coordinates, Callable[[NDArray[np.float32]], Scores] | None] | None = None

    def _look_at_original(self, classifier: Classifier) -> Look:
        return lambda labels, k: watch_features(self.classifier, self.original.matrix, labels, k)

    def _score(self, candidates: Sequence[FeatureVector]) -> Watched:
        return watch_features(self.classifier, sparse.csr_array(sparse.vstack([one.matrix for one in candidates])), self.labels, self.depth)

    def decide(self, coordinates: Coordinates, points: FloatArray) -> BoolArray:
        """Points [n, m] -> whether each reaches the goal [n]. Counted."""
        return np.concatenate([reached for reached, _ in self._answers(coordinates, points, self._fast)])

    def ask(self, coordinates: Coordinates, points: FloatArray) -> tuple[BoolArray, FloatArray]:
        """Points [n, m] -> whether each reaches the goal [n], and by how much [n]. Counted. Scored by `score_features`: slopes are small
        differences of such answers, in which the rounding of a shorter way would show."""
        answers = list(self._answers(coordinates, points, self._whole))
        margins = [goal_margin(self.goal, self.start, seen) for _, seen in answers]
        return np.concatenate([reached for reached, _ in answers]), np.concatenate(margins)

    def _answers(self, coordinates: Coordinates, points: FloatArray, see: See) -> Iterator[tuple[BoolArray, Seen]]:
        for at in range(0, len(points), BATCH):
            self.pause()
            part = points[at : at + BATCH].astype(np.float32)
            seen = see(coordinates, part)
            reached = self.goal.reached(self.start, seen)
            self._note(coordinates, part, seen, reached)
            yield reached, seen

    def first_reaching(self, coordinates: Coordinates, points: FloatArray) -> int | None:
        """The first point that reaches the goal; asked one after the other, so that those after it cost nothing."""
        asked = points.astype(np.float32)
        seen = self._fast(coordinates, asked)
        reached = self.goal.reached(self.start, seen)
        count = int(np.argmax(reached)) + 1 if reached.any() else len(points)
        kept = Seen(seen.labels, type(seen.watched)(*(part[:count] for part in vars(seen.watched).values())))
        self._note(coordinates, asked[:count], kept, reached[:count])
        return count - 1 if reached.any() else None

    def _whole(self, coordinates: Coordinates, points: NDArray[np.float32]) -> Seen:
        """Scores and ranks at points [n, m], and the best labels, as many as a margin needs."""
        return Seen(self.labels, watch_features(self.classifier, coordinates.vectors(points), self.labels, self.depth))

    def _fast(self, coordinates: Coordinates, points: NDArray[np.float32]) -> Seen:
        """What decides at points [n, m]. A classifier that can be confined to the coordinates is, once for all questions about them."""
        if self._confined is None or self._confined[0] is not coordinates:
            classifier = self.classifier
            self._confined = coordinates, classifier.confined(coordinates.columns) if isinstance(classifier, Confinable) else None
        score = self._confined[1]
        if score is None:
            return Seen(self._decisive, watch_features(self.classifier, coordinates.vectors(points), self._decisive, 0))
        width = len(self.classifier.labels)
        return Seen(self._decisive, watch_scored(lambda start, stop: score(points[start:stop]), len(points), width, self._decisive, 0))

    def _note(self, coordinates: Coordinates, points: NDArray[np.float32], seen: Seen, reached: BoolArray) -> None:
        self.queries += len(points)
        self.rank_trace += seen.ranks(self.followed).max(axis=1).tolist()
        self.reached_trace += reached.tolist()
        if not reached.any():
            self.nearest_trace += self.nearest_trace[-1:] * len(points)
            return
        exact = points.astype(np.float64)  # the distance is that of the float32 values that were scored
        change = exact - coordinates.origin
        far = np.where(reached, np.sqrt((change * change).sum(axis=1)), np.inf)
        self.nearest_trace += list(accumulate(far.tolist(), min, initial=self.nearest_trace[-1]))[1:]
        self.best = _nearer(self.best, far, exact)
        could = np.flatnonzero(far < (np.inf if self.best_whole is None else self.best_whole[0]))
        if len(could):
            whole = could[(exact[could] == np.floor(exact[could])).all(axis=1)]
            self.best_whole = _nearer(self.best_whole, far[whole], exact[whole])

    def read(self, text: str) -> View:
        """A text scored through the classifier's own reading of texts, not counted."""
        return views_of(watch(self.classifier, [text], self.labels, self.depth), self.labels)[0]


def _nearer(best: Found | None, far: FloatArray, points: FloatArray) -> Found | None:
    """The nearer one of what was known and the first of the nearest points [n, m], whose distances are far [n]."""
    if not len(far):
        return best
    row = int(far.argmin())
    return best if best is not None and best[0] <= far[row] else (float(far[row]), points[row].copy())
