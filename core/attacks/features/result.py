"""The finished attack on a feature vector: one record with all that is needed to repeat and to check it, and the check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.attacks.features.coordinates import Pool
from core.attacks.features.oracle import FeatureOracle
from core.attacks.features.session import FeatureAttack, FeatureSession
from core.attacks.features.steps import FeatureStep, Realism, vector_from_json, vector_json
from core.attacks.result import RecordedQuestion, Result, changed
from core.errors import InputError
from core.fields import to_json
from core.types import Classifier, FeatureClassifier, Progress, silent
from core.vector import FeatureVector

SCHEMA = "features-1"
"""Of records of attacks on feature vectors; those of attacks on texts are numbered 1, 2, ..."""


@dataclass(frozen=True)
class FeatureResult(Result[FeatureStep]):
    """All steps of one attack, in order. `success` is of the continuous level: a vector in the features' bounds reaches the goal."""

    session: FeatureSession

    def level(self, name: str) -> Realism | None:
        return next((level for level in self.final.levels if level.name == name), None)

    def to_json(self, points: bool = False) -> dict[str, Any]:
        """The stable object of `python -m core attack --recipe hop-skip-jump --json`. With `points`, each step says where it stood, so that the
        way can be walked again."""
        session, goal, search = self.session, self.session.attack.goal, self.session.attack.search
        space, own = session.classifier.space, set(session.vector.columns.tolist())
        return {
            "schema": SCHEMA,
            **self.asked(session.classifier, goal),
            "recipe": search.NAME,
            "settings": to_json(search),
            "seed": search.seed,
            "features": len(space),
            "feature_kind": space.kind,
            "vector": vector_json(session.vector, space),
            "added": [int(column) for column in session.coordinates.columns if int(column) not in own],
            "levels": [level.to_json(space) for level in self.final.levels],
            **self.outcome(session.classifier, goal),
            "steps": [self._step(step) | (self._changes(step) if points else {}) for step in self.steps],
        }

    def _step(self, step: FeatureStep) -> dict[str, Any]:
        tracked = self.session.oracle.followed
        return {
            "index": step.index, "status": step.status, "note": step.note, "distance": step.distance, "nearest": step.nearest,
            "rank": [step.view.rank(label) for label in tracked], "score": [step.view.score(label) for label in tracked], "queries": step.queries,
        }  # fmt: skip

    def _changes(self, step: FeatureStep) -> dict[str, Any]:
        """[[column, name, value], ...] of the features that stand otherwise there than in the document."""
        own = self.session.coordinates
        values, origin = step.point.astype(np.float32), own.origin.astype(np.float32)
        moved = np.flatnonzero(values != origin)
        name = self.session.classifier.space.name
        return {"changes": [[int(own.columns[i]), name(int(own.columns[i])), float(values[i])] for i in moved]}


def run(
    attack: FeatureAttack, classifier: Classifier, vector: FeatureVector, pool: Pool, truth: Sequence[int] | None = None, progress: Progress = silent
) -> FeatureResult:
    """The whole attack."""
    session = attack.begin(classifier, vector, pool, truth, progress)
    return FeatureResult(session, tuple(session.steps()))


@dataclass(frozen=True)
class FeatureReplayed:
    """What a saved attack came to when its vectors were scored again; `differences` is empty where all is as saved."""

    reached: tuple[bool | None, ...]
    ranks: tuple[int, ...]
    unmet: str | None
    differences: tuple[str, ...]


def replay(record: dict[str, Any], classifier: Classifier) -> FeatureReplayed:
    """Score a record's vectors afresh. On another classifier of the same features only the outcome is new. InputError for a record of
    another kind, CapabilityError's sentence as InputError for a classifier of texts."""
    if record.get("schema") != SCHEMA:
        raise InputError(f"this record has schema {record.get('schema')!r}; attacks on feature vectors have {SCHEMA!r}")
    if not isinstance(classifier, FeatureClassifier) or len(classifier.space) != record["features"]:
        raise InputError(f"'{classifier.name}' does not read the {record['features']:,} features of this record")
    asked = RecordedQuestion.of(record, classifier)
    vector = vector_from_json(record["vector"], record["features"])
    oracle = FeatureOracle(classifier, asked.goal, vector, asked.truth, also=asked.tracked)
    unmet, tracked = asked.goal.unmet(oracle.start), asked.tracked
    reached, ranks = [], tuple(oracle.known(vector).rank(label) for label in tracked)
    before = list(ranks)
    for level in record["levels"]:
        if level["reached"] is None or level["vector"] is None:
            reached.append(level["reached"])
            continue
        moved = vector_from_json(level["vector"], record["features"])
        view = oracle.read(level["text"]) if level["level"] == "text" else oracle.fresh(moved)
        reached.append(unmet is None and oracle.reached(view))
        if level["level"] == "continuous":
            ranks = tuple(view.rank(label) for label in tracked)
    found = {
        "levels": reached, "rank_before": before, "rank_after": list(ranks), "digest": classifier.digest,
    }  # fmt: skip
    saved = {**record, "levels": [level["reached"] for level in record["levels"]]}
    return FeatureReplayed(tuple(reached), ranks, unmet, changed(found, saved))
