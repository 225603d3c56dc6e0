"""Which candidates are worth a query? The first-order estimate of HotFlip (Ebrahimi et al. 2018, eq. 1), for whole words.

gain(w -> w') = sign * sum over gamma of dg/dv . (v' - v), with v the word's rows in the classifier's input embedding. One gradient
(counted as two queries a label) stands for the scores of all candidates of all words of a text.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.attacks.words.oracle import WordOracle
from core.document import Document
from core.types import Classifier, Differentiable, Embedded, FloatArray


def fits(classifier: Classifier, document: Document) -> bool:
    """Whether the estimate can be made. Rows of width 1 are feature values, not word vectors: a new word's feature has no row
    in the old document, so its gradient is not known there."""
    return isinstance(classifier, Differentiable) and classifier.embed(document).vectors.shape[1] > 1


def first_order(oracle: WordOracle, current: Document, documents: Sequence[Document], position: int) -> FloatArray:
    """Estimated gain [n] of documents that differ from the current one in the word at `position`."""
    classifier = oracle.classifier
    assert isinstance(classifier, Differentiable)
    embedded = classifier.embed(current)
    slopes = oracle.slopes(current)
    share = embedded.owner[:, position].astype(np.float64)
    if not share.any():
        return np.zeros(len(documents))
    # A candidate may have more or fewer word pieces than the word: each is met by the mean gradient at the word's place.
    slope = share @ slopes / share.sum()
    before = float(share @ (embedded.vectors * slopes).sum(axis=1))
    found = np.array([_along(classifier.embed(document), position, slope) for document in documents])
    return oracle.goal.sign * (found - before)


def _along(embedded: Embedded, position: int, slope: FloatArray) -> float:
    return float(embedded.owner[:, position] @ (embedded.vectors @ slope)) if position < embedded.owner.shape[1] else 0.0
