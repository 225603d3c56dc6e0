"""LinearModel, the classifier. What it computes, and from which paper: the package's own page."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from core.checkpoint import Saved
from core.document import Document
from core.errors import CheckpointError, InputError, SettingsError
from core.fields import Field, check, from_json, to_json
from core.labels import LabelSpace
from core.models.linear.contributions import linear_contributions
from core.models.parts.columns import Columns, columns_of, reads_columns
from core.models.parts.one_vs_rest import dense_rows, margins
from core.models.parts.substitution import Changed
from core.models.parts.tfidf import Features, TfIdf
from core.ranking import best_of_all, best_scored
from core.types import BoolArray, Contributions, Embedded, IntArray, MaskMode, Perturbable, RowKinds, Scores, Unit, Weigh
from core.vector import FeatureSpace, FeatureVector


@dataclass(frozen=True)
class Config:
    """How the linear model is trained and shipped."""

    minimum_documents: Annotated[int, Field("a word or bigram must stand in this many training documents", low=1, high=1_000_000)] = 2
    maximum_features: Annotated[int, Field("words and bigrams kept, the most frequent first", low=1, high=100_000_000)] = 1_000_000
    cost: Annotated[float, Field("C: the weight of the errors against the margin", low=1e-4, high=1e4)] = 1.0
    threshold: Annotated[float, Field("weights below this are dropped", low=0.0, high=1.0)] = 0.05
    """On debtags' dev split, with half-precision weights: threshold, size of the weights in MB, P@1, P@5, nDCG@5, recall@5 of
    [5, 20): 0: 77, 84.1, 45.2, 82.3, 14.0; 0.02: 20, 84.1, 45.2, 82.4, 14.0; 0.05: 11, 84.2, 45.1, 82.3, 13.1; 0.1: 5.5, 84.3,
    45.1, 82.3, 13.1; 0.2: 1.6, 83.9, 45.0, 82.0, 8.4; 0.3: 0.6, 83.1, 44.8, 81.7, 8.4."""

    negatives: Annotated[
        int, Field("0: each label is trained on all documents; else on those of its cluster and so many others", low=0, high=100_000_000)
    ] = 0
    max_leaf: Annotated[int, Field("labels in a cluster, at most, where negatives is not 0", low=1, high=1_000)] = 16
    """EURLEX57K, the 256 labels of eight neighbourhoods of the tree, dev, with 1.7 s a label for all documents: clusters of 16
    and 3,000 others: 0.14 s a label, P@1 82.5, nDCG@5 87.4; 5,000: 0.21 s, 83.2, 87.8; clusters of 32 and 3,000: 0.17 s, 82.4,
    87.5; 3,000 at random and no cluster: 0.11 s, 79.6, 86.2."""

    def __post_init__(self) -> None:
        check(self)


class LinearModel:
    """weights [F, L] sparse, bias [L]. Maskable, Differentiable (rows are the active features, so that gradients are the
    weights and Integrated Gradients is exactly value * weight) and Savable."""

    KIND = "linear"
    unit: Unit = "margin"
    row_kinds = RowKinds(features="TF-IDF values")

    def __init__(
        self, config: Config, labels: LabelSpace, tfidf: TfIdf | Columns, weights: sparse.csr_array, bias: NDArray[np.float32],
        name: str = "linear", digest: str = "",
    ) -> None:  # fmt: skip
        self.config, self.labels, self.tfidf, self.name = config, labels, tfidf, name
        self.weights, self.bias = weights, bias
        self.digest = digest or _digest(weights.indptr, weights.indices, weights.data, bias)

    def score(self, texts: Sequence[str], labels: IntArray | None = None) -> Scores:
        return self.margins(self.tfidf.transform(texts), labels)

    def score_masked(self, document: Document, keep: BoolArray, labels: IntArray | None = None, mode: MaskMode = "delete") -> Scores:
        return self.margins(self.tfidf.masked(document, keep, mode), labels)

    def score_substituted(self, document: Document, position: int, words: Sequence[str]) -> Scores:
        if not isinstance(self.tfidf, TfIdf):
            return self.score([document.replace({position: word}).text for word in words])
        return self.margins_changed(Changed.of(self.tfidf, document, position, words))

    def margins_changed(self, changed: Changed) -> Scores:
        """Documents that differ in one word -> [n, L]: the weights of what stays are summed once."""
        sums = margins(changed.whole, self.weights, None) + margins(changed.difference, self.weights, None)
        return np.asarray(sums / changed.norms[:, None] + self.bias, dtype=np.float32)

    def margins(self, features: sparse.csr_array, labels: IntArray | None = None) -> Scores:
        """TF-IDF vectors [n, F] -> [n, L or m]. Only the weights of the features that occur are touched."""
        return margins(features, self.weights, labels) + self._bias(labels)

    def _bias(self, labels: IntArray | None) -> NDArray[np.float32]:
        return self.bias if labels is None else self.bias[labels]

    def retrieve(self, texts: Sequence[str], k: int) -> tuple[IntArray, Scores]:
        return best_of_all(self, texts, k)

    def words_read(self, document: Document) -> int:
        return len(document)

    def contributions(self, before: Document, after: Document, label: int) -> Contributions:
        return linear_contributions(self, before, after, label)

    # -- gradients

    def embed(self, document: Document) -> Features:
        return self.tfidf.embed(document)

    def score_embedded(self, embedded: Embedded, vectors: NDArray[np.float32], labels: IntArray | None = None) -> Scores:
        weights = dense_rows(self.weights, _columns(embedded), labels)
        return np.asarray(vectors[:, :, 0] @ weights + self._bias(labels), dtype=np.float32)

    def gradient(self, embedded: Embedded, vectors: NDArray[np.float32], labels: IntArray) -> tuple[Scores, NDArray[np.float32]]:
        distinct, place = np.unique(labels, return_inverse=True)
        slopes = dense_rows(self.weights, _columns(embedded), distinct).T[place]
        scores = np.einsum("nt,nt->n", vectors[:, :, 0], slopes) + self.bias[labels]
        return scores.astype(np.float32), slopes[:, :, None]

    def perturbable(self, embedded: Embedded) -> Perturbable:
        return Perturbable.of(embedded, 0)

    def weighted_gradient(self, embedded: Embedded, vectors: NDArray[np.float32], weigh: Weigh) -> tuple[Scores, NDArray[np.float32]]:
        weights = self.weights[_columns(embedded)]  # [T, L], sparse
        scores = np.asarray((weights.T @ vectors[:, :, 0].T).T + self.bias, dtype=np.float32)
        return scores, np.asarray((weights @ weigh(scores).T).T[:, :, None], dtype=np.float32)

    # -- saving

    def settings(self) -> dict[str, Any]:
        return to_json(self.config)

    def tensors(self) -> dict[str, NDArray[Any]]:
        return {**self.tfidf.tensors(), **self.weight_tensors()}

    def weight_tensors(self) -> dict[str, NDArray[Any]]:
        """Weights by feature, in half precision; label ids in 16 bits where they fit."""
        narrow = np.uint16 if len(self.labels) <= 2**16 else np.int32
        return {
            "weights_data": self.weights.data.astype(np.float16),
            "weights_labels": self.weights.indices.astype(narrow),
            "weights_counts": np.diff(self.weights.indptr).astype(np.int32),
            "bias": self.bias.astype(np.float32),
        }

    def files(self) -> dict[str, str]:
        return self.tfidf.files()

    @classmethod
    def load(cls, saved: Saved) -> LinearModel:
        """Raises CheckpointError for tensors that do not fit together."""
        tfidf = Columns.load(saved) if reads_columns(saved) else TfIdf.load(saved)
        weights = load_weights(saved, len(tfidf))
        try:
            config = from_json(Config, saved.settings)
        except SettingsError as error:
            raise CheckpointError(f"checkpoint '{saved.name}': {error}") from error
        return over(tfidf)(config, saved.labels, tfidf, *weights, saved.name, saved.digest)


class FeatureLinear(LinearModel):
    """A linear model over vectors; a FeatureClassifier, Confinable. Where the features are words it reads texts as bags, too."""

    ABOUT = "linear over vectors"
    row_kinds = RowKinds(features="feature values")
    """What its card says it is."""

    @property
    def space(self) -> FeatureSpace:
        return columns_of(self.tfidf).space

    def score_features(self, vectors: sparse.csr_array, labels: IntArray | None = None) -> Scores:
        return self.margins(columns_of(self.tfidf).weigh(vectors), labels)

    def retrieve_features(self, vectors: sparse.csr_array, k: int) -> tuple[IntArray, Scores]:
        return best_scored(lambda start, stop: self.score_features(sparse.csr_array(vectors[start:stop])), vectors.shape[0], len(self.labels), k)

    def confined(self, columns: IntArray) -> Callable[[NDArray[np.float32]], Scores]:
        weigh, weights = columns_of(self.tfidf).weigher(columns), dense_rows(self.weights, columns, None)
        return lambda values: weigh(values) @ weights + self.bias

    def embed_features(self, vector: FeatureVector) -> Features:
        return columns_of(self.tfidf).rows(vector)


def over(features: TfIdf | Columns) -> type[LinearModel]:
    """The class of a linear model over these features: of texts, or of a data set's vectors."""
    return LinearModel if isinstance(features, TfIdf) else FeatureLinear


def load_weights(saved: Saved, features: int, prefix: str = "") -> tuple[sparse.csr_array, NDArray[np.float32]]:
    """Weights [F, L] and bias [L] from tensors as `weight_tensors` wrote them. Raises CheckpointError."""
    count = len(saved.labels)
    weights = saved.sparse(f"{prefix}weights_data", f"{prefix}weights_labels", f"{prefix}weights_counts", (features, count))
    return weights, saved.tensor(f"{prefix}bias", (count,)).astype(np.float32)


def _digest(*arrays: NDArray[Any]) -> str:
    """Names weights that no checkpoint holds yet."""
    h = hashlib.sha256()
    for array in arrays:
        h.update(np.ascontiguousarray(array).tobytes())
    return h.hexdigest()[:16]


def _columns(embedded: Embedded) -> IntArray:
    if not isinstance(embedded, Features):
        raise InputError("these rows were not made by this model's `embed`")
    return embedded.columns
