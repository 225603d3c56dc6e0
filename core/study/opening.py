"""Documents of a data set of feature vectors, opened by their number: the vector, and the labels that the classifier knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scipy import sparse

from core.errors import InputError
from core.types import FeatureClassifier
from core.vector import FeatureVector


@dataclass(frozen=True)
class Opened:
    """A document of a data set under a classifier: its vector, and the labels it has that the classifier knows."""

    classifier: FeatureClassifier
    dataset: Any
    vector: FeatureVector
    truth: tuple[int, ...]


def open_document(classifier: FeatureClassifier, dataset: Any, split: str, number: int) -> Opened:
    """Document `number`, from 1, of a split."""
    from core.data.dataset import truth_for

    part = dataset.split(split)
    if part.features is None:
        raise InputError(f"data set '{dataset.name}' holds no feature vectors; give the data that '{classifier.name}' was trained on")
    if not 1 <= number <= len(part):
        raise InputError(f"split '{split}' of '{dataset.name}' has documents 1 to {len(part):,}; there is no {number}")
    if part.features.shape[1] != len(classifier.space):
        raise InputError(f"data set '{dataset.name}' has {part.features.shape[1]:,} features, '{classifier.name}' reads {len(classifier.space):,}")
    row = truth_for(part, dataset.label_names, classifier.labels)[0][[number - 1]].indices
    truth = tuple(int(label) for label in row if label < len(classifier.labels))
    return Opened(classifier, dataset, FeatureVector.of(sparse.csr_array(part.features[[number - 1]])), truth)
