"""Squeezing of rows that are no text: FGSM moves word vectors and TF-IDF values themselves (core.attacks.embeddings.fgsm), so that the squeezer's
rounding is done on the rows, clean and moved alike (methods.md 7.3), with the levels by which it reads texts.

Of a document's own rows that gives what the squeezed classifier reads of its text. Two attackers are told apart. One who does not know of the
squeezer moves rows against the classifier without it. One who knows attacks `SqueezedRows` itself: rounding has no slope, so its backward
pass takes it for the identity, the straight-through case of backward pass differentiable approximation (Athalye, Carlini and Wagner:
Obfuscated Gradients Give a False Sense of Security, ICML 2018, section 4.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.defences.squeezing import BitDepth, CoarseTfIdf, Squeezed, Vocabulary, extent, quantised, reads_tfidf, tfidf_of
from core.document import Document
from core.errors import CapabilityError
from core.models.linear import LinearModel
from core.models.linear.part import Joined
from core.models.mach import Mach
from core.models.parts.tfidf import Features
from core.models.parts.words import PADDING
from core.models.xml_cnn import XmlCnn
from core.types import Classifier, Embedded, IntArray, Perturbable, RowKinds, Scores, Steerable, Weigh

Rows = NDArray[np.float32]


def refusal(classifier: Classifier) -> str | None:
    """Why the rows of a classifier cannot be squeezed by themselves, as a sentence."""
    if isinstance(classifier, LinearModel | Mach | XmlCnn):
        return None
    return f"'{classifier.name}' reads rows that no squeezer rounds by themselves; attacked rows are squeezed on XML-CNN, MACH and the linear model."


class SqueezedRows:
    """A classifier that reads rows coarsely. Steerable: forward through the rounding, backward past it, so that `perturb`
    (core.attacks.embeddings.fgsm) makes the attack of somebody who knows of the squeezer. Texts are read as `squeezed` reads them."""

    def __init__(self, squeezed: Squeezed, classifier: Steerable, bits: int, extent: tuple[Rows, Rows] | None, features: CoarseTfIdf | None) -> None:
        """`bits` and the `extent` of the word table: how word vectors are rounded, None where they are not; `features`: how TF-IDF values
        are, None where there are none."""
        self.squeezed, self.classifier, self.bits, self.extent, self.features = squeezed, classifier, bits, extent, features
        self.name, self.digest, self.labels, self.unit = squeezed.name, squeezed.digest, squeezed.labels, squeezed.unit

    @classmethod
    def of(cls, squeezed: Squeezed, classifier: Classifier) -> SqueezedRows | None:
        """`squeezed` was made of `classifier`. None for a squeezer of words: moved rows have none. CapabilityError as `refusal`."""
        if why := refusal(classifier):
            raise CapabilityError(why)
        own: Any = classifier
        if isinstance(squeezed.squeezer, Vocabulary):
            return None
        bits = squeezed.squeezer.bits if isinstance(squeezed.squeezer, BitDepth) else 0
        table = extent(own.module.embedding.weight, [PADDING]) if bits and isinstance(classifier, XmlCnn) else None
        coarse = tfidf_of(squeezed.inner) if reads_tfidf(classifier) else None
        assert coarse is None or isinstance(coarse, CoarseTfIdf)
        return cls(squeezed, own, bits, table, coarse)

    def score(self, texts: Sequence[str], labels: IntArray | None = None) -> Scores:
        return self.squeezed.score(texts, labels)

    def retrieve(self, texts: Sequence[str], k: int) -> tuple[IntArray, Scores]:
        return self.squeezed.retrieve(texts, k)

    def words_read(self, document: Document) -> int:
        return self.squeezed.words_read(document)

    def read(self, embedded: Embedded, vectors: Rows) -> Rows:
        """vectors [n, T, d], rows of the document `embedded` wherever they were moved to -> the rows that are read."""
        words, columns = _parts(embedded)
        found = vectors.copy()
        if self.extent is not None:
            found[:, :words] = quantised(vectors[:, :words], *self.extent, self.bits)
        if self.features is not None:
            found[:, words:, 0] = self.features.coarse(columns, vectors[:, words:, 0])
        return found

    def embed(self, document: Document) -> Embedded:
        """The document's rows before they are rounded: what an attacker moves."""
        return self.classifier.embed(document)

    @property
    def row_kinds(self) -> RowKinds:
        return self.classifier.row_kinds

    def perturbable(self, embedded: Embedded) -> Perturbable:
        return self.classifier.perturbable(embedded)

    def score_embedded(self, embedded: Embedded, vectors: Rows, labels: IntArray | None = None) -> Scores:
        return self.classifier.score_embedded(embedded, self.read(embedded, vectors), labels)

    def gradient(self, embedded: Embedded, vectors: Rows, labels: IntArray) -> tuple[Scores, Rows]:
        """The scores of what is read, and their slope there."""
        return self.classifier.gradient(embedded, self.read(embedded, vectors), labels)

    def weighted_gradient(self, embedded: Embedded, vectors: Rows, weigh: Weigh) -> tuple[Scores, Rows]:
        """The scores of what is read, and the slope there."""
        return self.classifier.weighted_gradient(embedded, self.read(embedded, vectors), weigh)


def _parts(embedded: Embedded) -> tuple[int, IntArray]:
    """How many rows are word vectors, which stand first, and the columns of the features after them."""
    features = embedded.features if isinstance(embedded, Joined) else embedded
    columns = features.columns if isinstance(features, Features) else np.zeros(0, dtype=np.int64)
    return len(embedded.tokens) - len(columns), columns
