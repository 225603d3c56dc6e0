"""The linear model and MACH over a data set's feature vectors. All but the reading of a document is that of the models of texts:
Integrated Gradients of MACH are exact through the hashing of the columns (methods.md 3.6), since hashing is linear."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from core.errors import InputError
from core.models.columns import Columns
from core.models.linear import LinearModel
from core.models.mach import Mach
from core.models.one_vs_rest import dense_rows
from core.models.tfidf import Features, TfIdf
from core.ranking import best_scored
from core.types import IntArray, Scores
from core.vector import FeatureSpace, FeatureVector


class VectorLinear(LinearModel):
    """A linear model over vectors; a VectorClassifier, Confinable. Where the features are words it reads texts as bags, too."""

    ABOUT = "linear over vectors"
    """What its card says it is."""

    @property
    def space(self) -> FeatureSpace:
        return columns_of(self.tfidf).space

    def score_vectors(self, vectors: sparse.csr_array, labels: IntArray | None = None) -> Scores:
        return self.margins(columns_of(self.tfidf).weigh(vectors), labels)

    def retrieve_vectors(self, vectors: sparse.csr_array, k: int) -> tuple[IntArray, Scores]:
        return best_scored(lambda start, stop: self.score_vectors(sparse.csr_array(vectors[start:stop])), vectors.shape[0], len(self.labels), k)

    def confined(self, columns: IntArray) -> Callable[[NDArray[np.float32]], Scores]:
        weigh, weights = columns_of(self.tfidf).weigher(columns), dense_rows(self.weights, columns, None)
        return lambda values: weigh(values) @ weights + self.bias

    def embed_vector(self, vector: FeatureVector) -> Features:
        return columns_of(self.tfidf).rows(vector)


class VectorMach(Mach):
    """MACH over vectors; a VectorClassifier."""

    ABOUT = "mach over vectors"

    @property
    def space(self) -> FeatureSpace:
        return columns_of(self.tfidf).space

    def score_vectors(self, vectors: sparse.csr_array, labels: IntArray | None = None) -> Scores:
        return self.vectors_scored(columns_of(self.tfidf).weigh(vectors), labels)

    def retrieve_vectors(self, vectors: sparse.csr_array, k: int) -> tuple[IntArray, Scores]:
        if self.linear is None:
            return self.found(columns_of(self.tfidf).weigh(vectors), k)
        return best_scored(lambda start, stop: self.score_vectors(sparse.csr_array(vectors[start:stop])), vectors.shape[0], len(self.labels), k)

    def embed_vector(self, vector: FeatureVector) -> Features:
        return columns_of(self.tfidf).rows(vector)


def columns_of(features: TfIdf | Columns) -> Columns:
    """The columns of a model over vectors. InputError for a model of texts."""
    if not isinstance(features, Columns):
        raise InputError("this model was made of TF-IDF of texts: a model over vectors needs the columns of a data set")
    return features
