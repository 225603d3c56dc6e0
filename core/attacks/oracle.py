"""The one place where an attack asks its classifier: candidates in, what was seen of them out, queries counted."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

import numpy as np

from core.attacks.goals import Goal, Seen, Start
from core.attacks.steps import View
from core.errors import InputError
from core.ranking import Watched
from core.types import Classifier, IntArray

SHOWN = 10
"""Top labels kept of every document, at least: what a page shows beside the targets."""


class Candidate(Protocol):
    """A document or a feature vector: what is scored, known again by its digest."""

    @property
    def digest(self) -> str: ...


C = TypeVar("C", bound=Candidate)
Look = Callable[[IntArray, int], Watched]
"""(labels, how many of the best) -> what the original's scores say of them: one row."""


class Oracle(ABC, Generic[C]):
    """Scores candidates against one goal for one classifier. The first of them is the original, which is looked at at once: `start`
    describes it.

    `queries` counts the candidates that were asked for, repeats too: what an attacker without a cache would pay. The original is the first.
    `pause` is called between batches: it may raise to end the work. Tracked (`labels`, rising) are the goal's labels, the true ones, the
    original top k, and `also`.
    """

    def __init__(
        self, classifier: Classifier, goal: Goal, original: C, truth: Sequence[int] | None, pause: Callable[[], None], also: Sequence[int],
        depth: int,
    ) -> None:  # fmt: skip
        wrong = [label for label in (*goal.targets, *(truth or ())) if not 0 <= label < len(classifier.labels)]
        if wrong:
            raise InputError(f"there is no label {wrong[0]}: ids go from 0 to {len(classifier.labels) - 1}")
        self.goal, self.original, self.pause, self.depth = goal, original, pause, depth
        look = self._look_at_original(classifier)
        top = look(np.zeros(0, dtype=np.int64), goal.k).top[0].tolist()
        self.labels: IntArray = np.asarray(sorted({*goal.targets, *(truth or ()), *also, *top}), dtype=np.int64)
        seen = Seen(self.labels, look(self.labels, depth))
        self.start = Start(classifier.labels, tuple(top), None if truth is None else tuple(truth), seen)
        self._known: dict[str, View] = {original.digest: views_of(seen.watched, self.labels)[0]}
        self.queries = 1

    @abstractmethod
    def _look_at_original(self, classifier: Classifier) -> Look:
        """Score the original."""

    @abstractmethod
    def _score(self, candidates: Sequence[C]) -> Watched:
        """Candidates [n] as they are scored by themselves: the tracked labels and the `depth` best."""

    @property
    def followed(self) -> tuple[int, ...]:
        """The labels whose ranks tell how far an attack has come: the goal's, else the original top k."""
        return self.goal.targets or self.start.top

    def known(self, candidate: C) -> View:
        """What is known of a candidate that was counted before, or need not be; scored if nothing is."""
        if candidate.digest not in self._known:
            self._known[candidate.digest] = self.fresh(candidate)
        return self._known[candidate.digest]

    def fresh(self, candidate: C) -> View:
        """Scored by itself, whatever is known of it, and not counted: what a success is confirmed by."""
        return views_of(self._score([candidate]), self.labels)[0]

    def reached(self, view: View) -> bool:
        return bool(self.goal.reached(self.start, stack([view], self.labels))[0])

    def forget(self, candidates: Sequence[C]) -> None:
        """Drop what is known of these candidates; the original is kept."""
        for candidate in candidates:
            if candidate.digest != self.original.digest:
                self._known.pop(candidate.digest, None)


def views_of(watched: Watched, labels: IntArray) -> list[View]:
    """One View a document."""
    ids = tuple(labels.tolist())
    rows = zip(watched.scores.tolist(), watched.ranks.tolist(), watched.top.tolist(), watched.top_scores.tolist(), strict=True)
    return [View(ids, tuple(scores), tuple(ranks), tuple(top), tuple(top_scores)) for scores, ranks, top, top_scores in rows]


def stack(views: Sequence[View], labels: IntArray) -> Seen:
    """The opposite of `views_of`."""
    width = len(views[0].top) if views else 0
    return Seen(
        labels,
        Watched(
            np.asarray([view.scores for view in views], dtype=np.float32).reshape(len(views), len(labels)),
            np.asarray([view.ranks for view in views], dtype=np.int64).reshape(len(views), len(labels)),
            np.asarray([view.top for view in views], dtype=np.int64).reshape(len(views), width),
            np.asarray([view.top_scores for view in views], dtype=np.float32).reshape(len(views), width),
        ),
    )
