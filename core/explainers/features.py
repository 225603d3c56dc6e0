"""A document that is a feature vector, as explainers of texts see it: its features that are not 0 are the words.

`FeatureDocument` stands before a classifier of vectors and knows this one document, whose words are the names of its features. So every
explainer that takes words away, or follows gradients to them, explains features unchanged, and so do the measures of fidelity.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from core.document import Document
from core.errors import CapabilityError, InputError
from core.explainers import explain
from core.explainers.attribution import Attribution, Explainer
from core.ranking import best_of_all
from core.types import BoolArray, Differentiable, Embedded, FeatureClassifier, IntArray, MaskMode, Progress, Scores, Unit, silent
from core.vector import FeatureVector


class FeatureDocument:
    """Maskable and Differentiable, for the one document `document`. CapabilityError for a classifier without gradients."""

    def __init__(self, classifier: FeatureClassifier, vector: FeatureVector) -> None:
        if not isinstance(classifier, Differentiable):
            raise CapabilityError(f"'{classifier.name}' gives no gradient, so its features cannot be explained")
        self._gradients: Differentiable = classifier
        self.classifier, self.vector = classifier, vector
        self.name, self.digest, self.labels = classifier.name, classifier.digest, classifier.labels
        self.unit: Unit = classifier.unit
        names = [classifier.space.name(int(column)) for column in vector.columns]
        # Built piece by piece: a feature's name need not be a word. A value other than 1 stands behind it, so that two vectors differ.
        said = [" " if value == 1 else f" ({value!r}) " for value in vector.values.tolist()]
        self.document = Document(("", *(piece for pair in zip(names, said, strict=True) for piece in pair)))

    def score(self, texts: Sequence[str], labels: IntArray | None = None) -> Scores:
        """Of the document itself; no other text is known here."""
        if any(text != self.document.text for text in texts):
            raise InputError("only the features of the document that was opened are known here")
        return self.classifier.score_features(self._rows(np.ones((len(texts), len(self.vector)), dtype=np.bool_)), labels)

    def retrieve(self, texts: Sequence[str], k: int) -> tuple[IntArray, Scores]:
        return best_of_all(self, texts, k)

    def words_read(self, document: Document) -> int:
        return len(document)

    def score_masked(self, document: Document, keep: BoolArray, labels: IntArray | None = None, mode: MaskMode = "delete") -> Scores:
        """keep [n, t] -> [n, L or m]: a feature that is not kept is 0. Both modes are the same."""
        if keep.shape[1] != len(self.vector):
            raise InputError(f"the masks have {keep.shape[1]} places, the document {len(self.vector)} features")
        return self.classifier.score_features(self._rows(keep), labels)

    def embed(self, document: Document) -> Embedded:
        return self.classifier.embed_features(self.vector)

    def score_embedded(self, embedded: Embedded, vectors: NDArray[np.float32], labels: IntArray | None = None) -> Scores:
        return self._gradients.score_embedded(embedded, vectors, labels)

    def gradient(self, embedded: Embedded, vectors: NDArray[np.float32], labels: IntArray) -> tuple[Scores, NDArray[np.float32]]:
        return self._gradients.gradient(embedded, vectors, labels)

    def _rows(self, keep: BoolArray) -> sparse.csr_array:
        rows, places = np.nonzero(keep)
        parts = (self.vector.values[places], (rows, self.vector.columns[places]))
        return sparse.csr_array(parts, shape=(len(keep), self.vector.size), dtype=np.float32)


def explain_features(
    explainer: Explainer, classifier: FeatureClassifier, vector: FeatureVector, labels: Sequence[int] | IntArray, progress: Progress = silent
) -> Attribution:
    """As `core.explainers.explain`; the attribution's words are the names of the features."""
    seen = FeatureDocument(classifier, vector)
    return explain(explainer, seen, seen.document, labels, progress)
