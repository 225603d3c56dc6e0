"""The one place where an attack scores documents: in batches, each text once, queries counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from core.attacks.goals import Goal, Seen, Start, progress
from core.attacks.words.steps import Judged, View
from core.document import Document
from core.errors import CapabilityError, InputError
from core.ranking import BLOCK, Watched, look, top_k, watch
from core.types import Classifier, Differentiable, FloatArray, IntArray, Substitutable

SHOWN = 10
"""Top labels kept of every document, at least: what a page shows beside the targets."""

BATCH = 64
"""Documents sent to the classifier at once: enough for a batch of candidates, little enough to stop between two."""


class Judge:
    """Scores documents against one goal for one classifier. The first document is the original: `start` describes it.

    `queries` counts the documents that were asked for, repeats too (what an attacker without a cache would pay);
    `model_calls` those that the classifier really scored. `pause` is called between batches: it may raise to end the work.
    Tracked are the goal's labels, the true ones, the original top k, and `also`.
    """

    def __init__(
        self, classifier: Classifier, goal: Goal, document: Document, truth: Sequence[int] | None = None, pause: Callable[[], None] = lambda: None,
        also: Sequence[int] = (),
    ) -> None:  # fmt: skip
        if not len(document):
            raise InputError("the document has no words, so there is nothing to attack: give at least one word")
        wrong = [label for label in (*goal.targets, *(truth or ())) if not 0 <= label < len(classifier.labels)]
        if wrong:
            raise InputError(f"there is no label {wrong[0]}: ids go from 0 to {len(classifier.labels) - 1}")
        self.classifier, self.goal, self.original = classifier, goal, document
        self.queries = self.model_calls = 0
        self.pause = pause
        self._known: dict[str, View] = {}
        self._slopes: dict[str, FloatArray] = {}
        scores = classifier.score([document.text])
        top = tuple(top_k(scores, goal.k)[0].tolist())
        self._labels: IntArray = np.asarray(sorted({*goal.targets, *(truth or ()), *also, *top}), dtype=np.int64)
        self._known[document.digest] = views_of(look(scores, self._labels, max(SHOWN, goal.k)), self._labels)[0]
        self.start = Start(classifier.labels, top, None if truth is None else tuple(truth), self.seen([document]))
        self.model_calls = 1

    def count(self, queries: int) -> None:
        """Queries that went past this judge, straight to the classifier."""
        self.queries += queries
        self.model_calls += queries

    def slope_queries(self, document: Document) -> int:
        """What `slopes` of this document would cost: two queries a label, nothing once they are known."""
        return 0 if document.digest in self._slopes else 2 * len(self.gamma(document))

    def slopes(self, document: Document) -> FloatArray:
        """d (sum of gamma's scores) / d rows, [T, d], of a document seen before; asked for once and counted as two queries a label."""
        if document.digest not in self._slopes:
            classifier = self.classifier
            if not isinstance(classifier, Differentiable):
                raise CapabilityError(f"'{classifier.name}' gives no gradient")
            gamma = np.asarray(self.gamma(document), dtype=np.int64)
            embedded = classifier.embed(document)
            vectors = np.repeat(embedded.vectors[None], len(gamma), axis=0)
            self._slopes[document.digest] = classifier.gradient(embedded, vectors, gamma)[1].astype(np.float64).sum(axis=0)
            self.count(2 * len(gamma))
        return self._slopes[document.digest]

    # -- documents in, what was seen out

    def seen(self, documents: Sequence[Document], base: tuple[Document, int] | None = None) -> Seen:
        """Scores and ranks of the tracked labels. `base`: a document and a position where alone these documents differ from
        it, which some classifiers score faster (`Substitutable`)."""
        self.queries += len(documents)
        return stack(self._views(documents, base), self._labels)

    def known(self, document: Document) -> View:
        """The same of a document that was counted before (or need not be)."""
        return self._views([document], None)[0]

    def fresh(self, document: Document) -> View:
        """Scored by itself, whatever is known of it, and not counted: what a success is confirmed by."""
        return self._score([document], None)[0]

    def judged(self, documents: Sequence[Document], current: Document, first: bool = False, base: tuple[Document, int] | None = None) -> Judged:
        """What candidates would do, given the current document. With `first`, stop counting at the first that reaches the goal."""
        now = stack(self._views([current], None), self._labels)
        gamma = self.goal.gamma(self.start, now)
        found = self._views(documents, base)
        seen = stack(found, self._labels)
        reached = self.goal.reached(self.start, seen)
        self.queries += int(np.argmax(reached)) + 1 if first and reached.any() else len(documents)
        return Judged(
            progress=progress(self.goal, seen, gamma),
            now=float(progress(self.goal, now, gamma)[0]),
            original=float(progress(self.goal, self.start.seen, gamma)[0]),
            reached=reached,
            allowed=self.goal.allowed(self.start, seen),
            views=tuple(found),
        )

    def forget(self, documents: Sequence[Document]) -> None:
        """Drop what is known of these documents; the original is kept."""
        for document in documents:
            if document.digest != self.original.digest:
                self._known.pop(document.digest, None)

    def reached(self, view: View) -> bool:
        return bool(self.goal.reached(self.start, stack([view], self._labels))[0])

    def gamma(self, document: Document) -> tuple[int, ...]:
        """The labels that a step from this document would move; the document's scores are known already."""
        return self.goal.gamma(self.start, stack(self._views([document], None), self._labels))

    def _views(self, documents: Sequence[Document], base: tuple[Document, int] | None) -> list[View]:
        new = {document.digest: document for document in documents if document.digest not in self._known}
        pending = list(new.values())
        size = max(1, min(BATCH, BLOCK // max(1, len(self.classifier.labels))))
        for start in range(0, len(pending), size):
            self.pause()
            part = pending[start : start + size]
            self.model_calls += len(part)
            self._known.update(zip([document.digest for document in part], self._score(part, base), strict=True))
        return [self._known[document.digest] for document in documents]

    def _score(self, documents: Sequence[Document], base: tuple[Document, int] | None) -> list[View]:
        depth = max(SHOWN, self.goal.k)
        if base is not None and isinstance(self.classifier, Substitutable):
            whole, position = base
            scores = self.classifier.score_substituted(whole, position, [document.words[position] for document in documents])
            return views_of(look(scores, self._labels, depth), self._labels)
        return views_of(watch(self.classifier, [document.text for document in documents], self._labels, depth), self._labels)


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
