"""Squeezing of rows that are no text: FGSM moves word vectors and TF-IDF values themselves (core.attacks.vectors), so that the squeezer's
rounding is done on the rows, clean and moved alike (methods.md 7.3), with the levels by which it reads texts.

Of a document's own rows that gives what the squeezed classifier reads of its text. The attack is made on the classifier without squeezing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.defences.squeezing import BitDepth, CoarseTfIdf, Squeezed, Vocabulary, extent, quantised, reads_tfidf, tfidf_of
from core.errors import CapabilityError
from core.models.linear import LinearModel
from core.models.linear_part import Joined
from core.models.mach import Mach
from core.models.tfidf import Features
from core.models.words import PADDING
from core.models.xml_cnn import XmlCnn
from core.types import Classifier, Embedded, IntArray, Scores, Steerable

Rows = NDArray[np.float32]


def refusal(classifier: Classifier) -> str | None:
    """Why the rows of a classifier cannot be squeezed by themselves, as a sentence."""
    if isinstance(classifier, LinearModel | Mach | XmlCnn):
        return None
    return f"'{classifier.name}' reads rows that no squeezer rounds by themselves; attacked rows are squeezed on XML-CNN, MACH and the linear model."


@dataclass(frozen=True)
class SqueezedRows:
    """A classifier that reads rows coarsely. `bits` and the `extent` of the word table: how word vectors are rounded, None where they are
    not; `features`: how TF-IDF values are, None where there are none."""

    name: str
    classifier: Steerable
    bits: int
    extent: tuple[Rows, Rows] | None
    features: CoarseTfIdf | None

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
        return cls(squeezed.name, own, bits, table, coarse)

    def read(self, embedded: Embedded, vectors: Rows) -> Rows:
        """vectors [n, T, d], rows of the document `embedded` wherever they were moved to -> the rows that are read."""
        words, columns = _parts(embedded)
        found = vectors.copy()
        if self.extent is not None:
            found[:, :words] = quantised(vectors[:, :words], *self.extent, self.bits)
        if self.features is not None:
            found[:, words:, 0] = self.features.coarse(columns, vectors[:, words:, 0])
        return found

    def score(self, embedded: Embedded, vectors: Rows) -> Scores:
        """[n, T, d] -> [n, L]."""
        return self.classifier.score_embedded(embedded, self.read(embedded, vectors))


def _parts(embedded: Embedded) -> tuple[int, IntArray]:
    """How many rows are word vectors, which stand first, and the columns of the features after them."""
    features = embedded.features if isinstance(embedded, Joined) else embedded
    columns = features.columns if isinstance(features, Features) else np.zeros(0, dtype=np.int64)
    return len(embedded.tokens) - len(columns), columns
