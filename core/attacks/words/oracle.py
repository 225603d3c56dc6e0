"""Texts scored for an attack: in batches, each text once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from core.attacks.goals import Goal, Seen, progress
from core.attacks.oracle import SHOWN, Look, Oracle, stack, views_of
from core.attacks.steps import View
from core.attacks.words.steps import Assessment
from core.document import Document
from core.errors import CapabilityError, InputError
from core.ranking import BLOCK, Watched, look, watch
from core.types import Classifier, Differentiable, FloatArray, Substitutable

BATCH = 64
"""Documents sent to the classifier at once: enough for a batch of candidates, little enough to stop between two."""


class WordOracle(Oracle[Document]):
    """Scores texts against one goal. `model_calls` counts those of the queries that the classifier really scored: no text is scored twice,
    but for a success that is confirmed."""

    def __init__(
        self, classifier: Classifier, goal: Goal, document: Document, truth: Sequence[int] | None = None, pause: Callable[[], None] = lambda: None,
        also: Sequence[int] = (),
    ) -> None:  # fmt: skip
        if not len(document):
            raise InputError("the document has no words, so there is nothing to attack: give at least one word")
        self.classifier, self.model_calls = classifier, 1
        self._slopes: dict[str, FloatArray] = {}
        super().__init__(classifier, goal, document, truth, pause, also, max(SHOWN, goal.k))

    def _look_at_original(self, classifier: Classifier) -> Look:
        scores = classifier.score([self.original.text])
        return lambda labels, k: look(scores, labels, k)

    def count(self, queries: int) -> None:
        """Queries that went past this oracle, straight to the classifier."""
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
        return stack(self._views(documents, base), self.labels)

    def known(self, candidate: Document) -> View:
        return self._views([candidate], None)[0]

    def assess(self, documents: Sequence[Document], current: Document, first: bool = False, base: tuple[Document, int] | None = None) -> Assessment:
        """What candidates would do, given the current document. With `first`, stop counting at the first that reaches the goal."""
        now = stack(self._views([current], None), self.labels)
        gamma = self.goal.gamma(self.start, now)
        found = self._views(documents, base)
        seen = stack(found, self.labels)
        reached = self.goal.reached(self.start, seen)
        self.queries += int(np.argmax(reached)) + 1 if first and reached.any() else len(documents)
        return Assessment(
            progress=progress(self.goal, seen, gamma),
            now=float(progress(self.goal, now, gamma)[0]),
            original=float(progress(self.goal, self.start.seen, gamma)[0]),
            reached=reached,
            allowed=self.goal.allowed(self.start, seen),
            views=tuple(found),
        )

    def gamma(self, document: Document) -> tuple[int, ...]:
        """The labels that a step from this document would move; the document's scores are known already."""
        return self.goal.gamma(self.start, stack(self._views([document], None), self.labels))

    def _views(self, documents: Sequence[Document], base: tuple[Document, int] | None) -> list[View]:
        new = {document.digest: document for document in documents if document.digest not in self._known}
        pending = list(new.values())
        size = max(1, min(BATCH, BLOCK // max(1, len(self.classifier.labels))))
        for start in range(0, len(pending), size):
            self.pause()
            part = pending[start : start + size]
            self.model_calls += len(part)
            self._known.update(zip([document.digest for document in part], self._score_beside(part, base), strict=True))
        return [self._known[document.digest] for document in documents]

    def _score(self, candidates: Sequence[Document]) -> Watched:
        return watch(self.classifier, [document.text for document in candidates], self.labels, self.depth)

    def _score_beside(self, documents: Sequence[Document], base: tuple[Document, int] | None) -> list[View]:
        if base is None or not isinstance(self.classifier, Substitutable):
            return views_of(self._score(documents), self.labels)
        whole, position = base
        scores = self.classifier.score_substituted(whole, position, [document.words[position] for document in documents])
        return views_of(look(scores, self.labels, self.depth), self.labels)
