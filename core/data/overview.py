"""What a data set's labels look like: which occur together, which documents carry them, and clusters of like labels with
names that people can read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from core.data.clusters import cluster, pifa
from core.data.dataset import Dataset
from core.errors import InputError
from core.types import FloatArray, IntArray, Progress, silent

if TYPE_CHECKING:
    from core.data.dataset import Split

WORDS_NAMED = 5
MAX_VOCABULARY = 50_000


@dataclass(frozen=True)
class Together:
    """Another label of the same documents. `documents` carry both; `share` of the first label's documents do, in [0, 1];
    `lift` is that share over the other label's share of all documents: 1 means independent."""

    label: int
    documents: int
    share: float
    lift: float


@dataclass(frozen=True)
class Cluster:
    """Label ids, the most frequent first; `words` tell the cluster from the others, the most telling first."""

    labels: IntArray
    documents: int
    words: tuple[str, ...]


def documents_with(truth: sparse.csr_array, label: int) -> IntArray:
    """Rows of the documents that carry a label: truth [n, L] -> ascending row numbers."""
    return np.flatnonzero(truth[:, [label]].toarray().ravel()).astype(np.int64)


def together(truth: sparse.csr_array, label: int, most: int = 15) -> list[Together]:
    """The labels that share most documents with `label`, ties by label id."""
    rows = documents_with(truth, label)
    both = np.asarray(truth[rows].sum(axis=0), dtype=np.int64).ravel()
    both[label] = 0
    order = np.lexsort((np.arange(len(both)), -both))[:most]
    alone = np.asarray(truth.sum(axis=0), dtype=np.int64).ravel()
    return [
        Together(int(j), int(both[j]), float(both[j] / len(rows)), float(both[j] * truth.shape[0] / (len(rows) * alone[j])))
        for j in order.tolist()
        if both[j]
    ]


def label_clusters(dataset: Dataset, max_leaf: int = 32, seed: int = 0, progress: Progress = silent) -> tuple[Cluster, ...]:
    """Balanced clusters of the training labels over PIFA (methods.md 2.1), the one with most training documents first.

    Documents are TF-IDF over words in at least two documents, or the data set's own vectors where it has no text.
    Raises InputError where there is neither, or no training split.
    """
    known = np.flatnonzero(dataset.counts > 0)
    if not len(known):
        raise InputError(f"data set '{dataset.name}' has no labels in a training split, so there is nothing to cluster")
    train = dataset.split("train")
    progress(0, 3, "reading words")
    features, names = _features(train, dataset.feature_names)
    progress(1, 3, "placing labels")
    vectors = pifa(sparse.csr_array(train.truth[:, known]), features)
    leaf = cluster(vectors, max_leaf, seed)
    progress(2, 3, "naming clusters")
    words = _telling_words(vectors, leaf, np.sqrt(dataset.counts[known]), names)
    found = []
    for number in range(int(leaf.max()) + 1):
        members = known[leaf == number]
        members = members[np.lexsort((members, -dataset.counts[members]))]
        found.append(Cluster(members, _carrying(train.truth, members), words[number]))
    progress(3, 3, "done")
    return tuple(sorted(found, key=lambda one: (-one.documents, int(one.labels[0]))))


def _carrying(truth: sparse.csr_array, labels: IntArray) -> int:
    """How many documents carry at least one of the labels."""
    return int((np.asarray(truth[:, labels].sum(axis=1)).ravel() > 0).sum())


def _features(train: Split, feature_names: Sequence[str] | None) -> tuple[sparse.csr_array, Sequence[str]]:
    if train.texts is None:
        if train.features is None:
            raise InputError("the documents have neither text nor vectors, so their labels cannot be placed")
        features = sparse.csr_array(train.features, dtype=np.float64)
        return features, feature_names or [f"feature {i}" for i in range(features.shape[1])]
    from sklearn.feature_extraction.text import TfidfVectorizer

    # One and a half letters at the least and no figures: a cluster's name is read by people.
    vectorizer = TfidfVectorizer(
        sublinear_tf=True,
        min_df=2 if len(train) > 50 else 1,
        max_features=MAX_VOCABULARY,
        stop_words="english",
        token_pattern=r"(?u)\b[^\W\d_][^\W_]+\b",
    )
    try:
        return sparse.csr_array(vectorizer.fit_transform(train.texts)), vectorizer.get_feature_names_out().tolist()
    except ValueError as error:
        raise InputError("no word occurs in enough documents to place labels by") from error


def _telling_words(vectors: sparse.csr_array, leaf: IntArray, weights: FloatArray, names: Sequence[str]) -> list[tuple[str, ...]]:
    """For each leaf the features whose weighted mean in it is furthest above that over all labels. Weights [L] are the roots
    of the labels' counts: by counts the one frequent label names the cluster, by one each the one odd label does."""
    count = int(leaf.max()) + 1
    member = sparse.csr_array((weights / np.bincount(leaf, weights)[leaf], (leaf, np.arange(len(leaf)))), shape=(count, len(leaf)))
    overall: FloatArray = np.asarray(weights @ vectors).ravel() / weights.sum()
    means = sparse.csr_array(member @ vectors)
    words = []
    for row in range(count):
        columns = means.indices[means.indptr[row] : means.indptr[row + 1]]
        above = means.data[means.indptr[row] : means.indptr[row + 1]] - overall[columns]
        order = np.lexsort((columns, -above))[:WORDS_NAMED]
        words.append(tuple(names[columns[i]] for i in order.tolist()))
    return words
