"""A saved attack on features walked through again, step by step, on any classifier that reads its features and knows its labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from core.attacks.features.oracle import FeatureOracle
from core.attacks.features.steps import vector_from_json
from core.attacks.goals import Goal
from core.attacks.result import RecordedQuestion
from core.attacks.steps import View
from core.errors import InputError
from core.ranking import watch_features
from core.types import Classifier, FeatureClassifier, IntArray
from core.vector import FeatureVector


@dataclass(frozen=True)
class FeatureStage:
    """What stands after a step, scored afresh; `said`: what was done. `differs`: the ranks are not those that were saved."""

    view: View
    vector: FeatureVector
    said: str
    differs: bool = False


@dataclass(frozen=True)
class FeatureWalk:
    """The stages of a saved attack, the document first; `truth`: its true labels that the classifier knows."""

    goal: Goal
    truth: tuple[int, ...]
    stages: tuple[FeatureStage, ...]

    def ranks(self, classifier: Classifier, labels: Sequence[int]) -> IntArray:
        """Ranks [s, m] of chosen labels after every stage."""
        assert isinstance(classifier, FeatureClassifier)  # `walk` has refused others
        rows = sparse.csr_array(sparse.vstack([stage.vector.matrix for stage in self.stages]))
        return watch_features(classifier, rows, np.asarray(labels, dtype=np.int64), 1).ranks


def walk(record: Mapping[str, Any], classifier: Classifier) -> FeatureWalk:
    """The document and the steps whose place the record holds (core.attacks.features.record.read has checked it); of a study's record, which
    holds none, the levels that reached the goal. InputError where the classifier lacks a label or reads other features."""
    if not isinstance(classifier, FeatureClassifier) or len(classifier.space) != record["features"]:
        raise InputError(f"'{classifier.name}' does not read the {record['features']:,} features of this record")
    asked = RecordedQuestion.of(record, classifier)
    document = vector_from_json(record["vector"], record["features"])
    oracle = FeatureOracle(classifier, asked.goal, document, asked.truth, also=asked.tracked)
    stages = [FeatureStage(oracle.known(document), document, "the document")]
    for step in record["steps"]:
        if step.get("changes"):
            vector = changed(document, step["changes"])
            view = oracle.known(vector)
            stages.append(FeatureStage(view, vector, step["note"], [view.rank(label) for label in asked.tracked] != step["rank"]))
    if len(stages) == 1:
        found = [(level["level"], vector_from_json(level["vector"], record["features"])) for level in record["levels"] if level["reached"]]
        stages += [FeatureStage(oracle.known(vector), vector, name) for name, vector in found]
    return FeatureWalk(asked.goal, tuple(asked.truth or ()), tuple(stages))


def changed(document: FeatureVector, changes: Sequence[Sequence[Any]]) -> FeatureVector:
    """A document with some values put in place of its own: [[column, name, value], ...]. InputError for a column that it cannot have."""
    values = dict(zip(document.columns.tolist(), document.values.tolist(), strict=True)) | {int(row[0]): float(row[2]) for row in changes}
    columns = np.asarray(sorted(column for column, value in values.items() if value), dtype=np.int64)
    return FeatureVector(columns, np.asarray([values[column] for column in columns.tolist()], dtype=np.float32), document.size)
