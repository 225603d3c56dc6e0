"""The one place that scores feature vectors for an attack: in batches, every one a query, the nearest success remembered."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np

from core.attacks.coordinates import Coordinates
from core.attacks.goals import AnyGoal
from core.attacks.judge import SHOWN, stack, views_of
from core.attacks.seen import Seen, Start
from core.attacks.steps import View
from core.attacks.surplus import depth, surplus
from core.errors import InputError
from core.ranking import watch, watch_vectors
from core.types import BoolArray, FloatArray, IntArray, VectorClassifier
from core.vector import FeatureVector

REMEMBERED = 4_096
"""Points whose views are kept: those of the last few questions."""

BATCH = 512
"""Vectors that go to the classifier at once; between two batches an attack can be stopped."""


class FeatureJudge:
    """Scores points against one goal. `queries` counts what an attacker would pay: the document itself, then every point, repeats too.
    At each query, `rank_trace` holds the worst rank of the goal's labels (of the original top k, where it names none), `reached_trace`
    whether it reached the goal, and `nearest_trace` the distance of the nearest success so far (inf: there is none)."""

    def __init__(
        self, classifier: VectorClassifier, goal: AnyGoal, vector: FeatureVector, truth: Sequence[int] | None = None,
        pause: Callable[[], None] = lambda: None, also: Sequence[int] = (),
    ) -> None:  # fmt: skip
        if not len(vector):
            raise InputError("all values of this document are 0, so there is nothing to attack: choose another")
        wrong = [label for label in (*goal.targets, *(truth or ())) if not 0 <= label < len(classifier.labels)]
        if wrong:
            raise InputError(f"there is no label {wrong[0]}: ids go from 0 to {len(classifier.labels) - 1}")
        if vector.size != len(classifier.space):
            raise InputError(f"the document has {vector.size:,} features, '{classifier.name}' reads {len(classifier.space):,}")
        self.classifier, self.goal, self.vector, self.pause = classifier, goal, vector, pause
        self.depth = max(SHOWN, depth(goal, truth))
        top = watch_vectors(classifier, vector.matrix, np.zeros(0, dtype=np.int64), goal.k).top[0]
        self.labels: IntArray = np.asarray(sorted({*goal.targets, *(truth or ()), *also, *top.tolist()}), dtype=np.int64)
        first = Seen(self.labels, watch_vectors(classifier, vector.matrix, self.labels, self.depth))
        self.start = Start(classifier.labels, tuple(top.tolist()), None if truth is None else tuple(truth), first)
        self.queries = 1
        self.followed = goal.targets or self.start.top
        self.rank_trace = [int(first.ranks(self.followed).max())]
        self.reached_trace = [False]
        self.nearest_trace = [np.inf]
        self.best: tuple[float, FloatArray, View] | None = None
        self.best_whole: tuple[float, FloatArray] | None = None
        """The nearest success whose values are whole numbers, among all points asked about."""
        self._views: OrderedDict[bytes, View] = OrderedDict()

    @property
    def original(self) -> View:
        return views_of(self.start.seen.watched, self.labels)[0]

    def ask(self, coordinates: Coordinates, points: FloatArray) -> tuple[BoolArray, FloatArray]:
        """Points [n, m] -> whether each reaches the goal [n], and by how much [n]. Counted."""
        reached, margins = [], []
        for at in range(0, len(points), BATCH):
            self.pause()
            part = points[at : at + BATCH].astype(np.float32).astype(np.float64)
            seen = Seen(self.labels, watch_vectors(self.classifier, coordinates.vectors(part), self.labels, self.depth))
            reached.append(self.goal.reached(self.start, seen))
            margins.append(surplus(self.goal, self.start, seen))
            self._note(coordinates, part, seen, reached[-1])
        return np.concatenate(reached), np.concatenate(margins)

    def first(self, coordinates: Coordinates, points: FloatArray) -> int | None:
        """The first point that reaches the goal; asked one after the other, so that those after it cost nothing."""
        seen = Seen(self.labels, watch_vectors(self.classifier, coordinates.vectors(points), self.labels, self.depth))
        reached = self.goal.reached(self.start, seen)
        count = int(np.argmax(reached)) + 1 if reached.any() else len(points)
        kept = Seen(self.labels, type(seen.watched)(*(part[:count] for part in vars(seen.watched).values())))
        self._note(coordinates, points[:count].astype(np.float32).astype(np.float64), kept, reached[:count])
        return count - 1 if reached.any() else None

    def _note(self, coordinates: Coordinates, points: FloatArray, seen: Seen, reached: BoolArray) -> None:
        self.queries += len(points)
        self.rank_trace += seen.ranks(self.followed).max(axis=1).tolist()
        self.reached_trace += reached.tolist()
        views = views_of(seen.watched, self.labels)
        far = np.linalg.norm(points - coordinates.origin, axis=1)
        nearest = np.minimum.accumulate(np.concatenate([self.nearest_trace[-1:], np.where(reached, far, np.inf)]))
        self.nearest_trace += nearest[1:].tolist()
        for i in np.flatnonzero(reached):
            if self.best is None or far[i] < self.best[0]:
                self.best = (float(far[i]), points[i].copy(), views[i])
            if (self.best_whole is None or far[i] < self.best_whole[0]) and (points[i] == np.floor(points[i])).all():
                self.best_whole = (float(far[i]), points[i].copy())
        for point, view in zip(points, views, strict=True):
            self._views[point.astype(np.float32).tobytes()] = view
        while len(self._views) > REMEMBERED:
            self._views.popitem(last=False)

    def view(self, point: FloatArray) -> View | None:
        """What was seen of a point asked about lately."""
        return self._views.get(point.astype(np.float32).tobytes())

    def look(self, vectors: Sequence[FeatureVector]) -> list[View]:
        """Vectors scored by themselves, not counted: what a success is confirmed by."""
        found = [watch_vectors(self.classifier, vector.matrix, self.labels, self.depth) for vector in vectors]
        return [views_of(watched, self.labels)[0] for watched in found]

    def read(self, text: str) -> View:
        """A text scored through the classifier's own reading of texts, not counted."""
        return views_of(watch(self.classifier, [text], self.labels, self.depth), self.labels)[0]

    def reached(self, view: View) -> bool:
        return bool(self.goal.reached(self.start, stack([view], self.labels))[0])
