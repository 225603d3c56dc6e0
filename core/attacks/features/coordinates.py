"""In which features of a document an attack may move, how far, and from where it starts: what training documents tell an attacker.

The features that may move are the document's own and, if asked for, some that it lacks: those that stand out in the NEAREST training
documents of which the labels say that they meet the goal, by the mean over these minus the mean over all. No query is spent on that.
Each value stays between the least and the largest that a training document has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from core.attacks.goals import AnyGoal, Demote, Promote
from core.attacks.searches.points import Frame
from core.attacks.seen import Start
from core.data.dataset import Dataset, truth_for
from core.errors import InputError
from core.types import BoolArray, FeatureClassifier, FloatArray, IntArray
from core.vector import FeatureSpace, FeatureVector

NEAREST = 50
"""Training documents from which added features are chosen."""


@dataclass(frozen=True)
class Pool:
    """The training documents that an attacker holds: vectors [n, F] and truth [n, L] in the classifier's label order."""

    vectors: sparse.csr_array
    truth: sparse.csr_array

    @classmethod
    def of(cls, classifier: FeatureClassifier, dataset: Dataset) -> Pool:
        """InputError for a data set without training vectors, or with others than the classifier reads."""
        train = dataset.split("train")
        if train.features is None:
            raise InputError(f"data set '{dataset.name}' holds no vectors to start from; give the data that '{classifier.name}' was trained on")
        if train.features.shape[1] != len(classifier.space):
            width = train.features.shape[1]
            raise InputError(f"data set '{dataset.name}' has {width:,} features, '{classifier.name}' reads {len(classifier.space):,}")
        truth = truth_for(train, dataset.label_names, classifier.labels)[0]
        return cls(train.features, sparse.csr_array(truth[:, : len(classifier.labels)]))

    @cached_property
    def by_feature(self) -> sparse.csc_array:
        """The vectors [n, F], kept by feature: what every document has in a few features lies together."""
        return sparse.csc_array(self.vectors)

    def likely(self, goal: AnyGoal, start: Start) -> BoolArray:
        """[n]: documents whose own labels say that the goal would be met there."""
        if isinstance(goal, Promote):
            return np.asarray(self._having(goal.labels) == len(goal.labels))
        leave = goal.labels if isinstance(goal, Demote) else start.top if start.truth is None else start.truth
        return np.asarray(self._having(leave) == 0)

    def _having(self, labels: Sequence[int]) -> IntArray:
        """How many of the labels each document has [n]."""
        return np.asarray(self.truth[:, list(labels)].sum(axis=1), dtype=np.int64).ravel()


@dataclass(frozen=True)
class Coordinates:
    """The m features that may move: columns [m], rising; the document's values there and their bounds, all [m]."""

    columns: IntArray
    origin: FloatArray
    low: FloatArray
    high: FloatArray
    size: int

    @classmethod
    def of(cls, vector: FeatureVector, space: FeatureSpace, added: IntArray) -> Coordinates:
        """The document's own features and the added ones. The document itself always lies in its bounds."""
        columns = np.union1d(vector.columns, added).astype(np.int64)
        origin = np.zeros(len(columns))
        origin[np.searchsorted(columns, vector.columns)] = vector.values
        low, high = (bound[columns].astype(np.float64) for bound in (space.low, space.high))
        return cls(columns, origin, np.minimum(low, origin), np.maximum(high, origin), vector.size)

    def __len__(self) -> int:
        return len(self.columns)

    def frame(self, start: FloatArray | None) -> Frame:
        return Frame(self.origin, self.low, self.high, start)

    def vectors(self, points: FloatArray | NDArray[np.float32]) -> sparse.csr_array:
        """Points [n, m] -> whole vectors [n, F], 0 in every feature that may not move."""
        n, m = points.shape
        data = points.astype(np.float32).ravel()
        return sparse.csr_array((data, np.tile(self.columns, n), np.arange(n + 1) * m), shape=(n, self.size))

    def vector(self, point: FloatArray) -> FeatureVector:
        values = point.astype(np.float32)
        there = values != 0
        return FeatureVector(self.columns[there], values[there], self.size)


def added_features(goal: AnyGoal, start: Start, vector: FeatureVector, pool: Pool, count: int) -> IntArray:
    """At most `count` features that the document lacks [<= count], by how much they stand out; see the head of this file."""
    if not count:
        return np.zeros(0, dtype=np.int64)
    likely = np.flatnonzero(pool.likely(goal, start))
    near = likely[np.argsort(distances(pool.vectors[likely], vector), kind="stable")[:NEAREST]]
    if not len(near):
        return np.zeros(0, dtype=np.int64)
    lift = np.asarray(pool.vectors[near].mean(axis=0) - pool.vectors.mean(axis=0)).ravel()
    lift[vector.columns] = -np.inf
    order = np.argsort(-lift, kind="stable")[:count]
    return np.sort(order[lift[order] > 0]).astype(np.int64)


def starting_points(goal: AnyGoal, start: Start, coordinates: Coordinates, pool: Pool, most: int) -> FloatArray:
    """Training documents as points [n, m], n at most `most`, no two alike, in the order in which they are worth a query: those whose
    labels say that they meet the goal before the others, the nearer first. What a document has outside the coordinates is left out, so
    a point need not meet the goal although its document does."""
    points = pool.by_feature[:, coordinates.columns].toarray().T.astype(np.float64)  # [m, n]: sums over features run along the documents
    low, high, origin = coordinates.low[:, None], coordinates.high[:, None], coordinates.origin[:, None]
    np.maximum(points, low, out=points)
    np.minimum(points, high, out=points)
    apart = points - origin
    far = np.einsum("mn,mn->n", apart, apart)
    first: dict[bytes, int] = {}
    for row in np.lexsort((far, ~pool.likely(goal, start))).tolist():
        if far[row]:  # else it is the document itself
            first.setdefault(points[:, row].tobytes(), row)
        if len(first) >= most:
            break
    return np.ascontiguousarray(points[:, list(first.values())].T)


def distances(vectors: sparse.csr_array, vector: FeatureVector) -> FloatArray:
    """Euclidean distances of rows [n, F] from one document [n]."""
    squares = np.asarray(vectors.multiply(vectors).sum(axis=1), dtype=np.float64).ravel()
    products = np.asarray((vectors @ vector.matrix.T).todense(), dtype=np.float64).ravel()
    return np.sqrt(np.maximum(squares - 2 * products + float((vector.values.astype(np.float64) ** 2).sum()), 0))
