"""The finished attack on a feature vector: one record with all that is needed to repeat and to check it, and the check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.attacks import goals
from core.attacks.features.coordinates import Pool
from core.attacks.features.oracle import FeatureJudge
from core.attacks.features.session import FeatureAttack, FeatureSession
from core.attacks.features.steps import FeatureStep, Level, vector_from_json, vector_json
from core.errors import InputError
from core.fields import to_json
from core.types import Classifier, Progress, VectorClassifier, silent
from core.vector import FeatureVector

SCHEMA = "features-1"
"""Of records of attacks on feature vectors; those of attacks on texts are numbered 1, 2, ..."""


@dataclass(frozen=True)
class FeatureResult:
    """All steps of one attack, in order."""

    session: FeatureSession
    steps: tuple[FeatureStep, ...]

    @property
    def final(self) -> FeatureStep:
        return self.steps[-1]

    @property
    def success(self) -> bool:
        """The continuous level: a vector in the features' bounds reaches the goal."""
        return self.final.status == "reached"

    def level(self, name: str) -> Level | None:
        return next((level for level in self.final.levels if level.name == name), None)

    def to_json(self) -> dict[str, Any]:
        """The stable object of `python -m core attack --recipe hop-skip-jump --json`."""
        session, goal, search = self.session, self.session.attack.goal, self.session.attack.search
        names, judge, first, space = session.classifier.labels.names, session.judge, self.steps[0], session.classifier.space
        tracked = judge.followed
        own = set(session.vector.columns.tolist())
        return {
            "schema": SCHEMA,
            "checkpoint": session.classifier.name,
            "digest": session.classifier.digest,
            "recipe": search.NAME,
            "settings": to_json(search),
            "seed": search.seed,
            "goal": goal.NAME,
            "goal_settings": goals.to_json(goal),
            "label": names[goal.targets[0]] if goal.targets else None,
            "labels": [names[label] for label in goal.targets],
            "true_labels": None if judge.start.truth is None else [names[label] for label in judge.start.truth],
            "k": goal.k,
            "success": self.success,
            "reason": self.final.status,
            "note": self.final.note,
            "features": len(space),
            "feature_kind": space.kind,
            "vector": vector_json(session.vector, space),
            "added": [int(column) for column in session.coordinates.columns if int(column) not in own],
            "levels": [level.to_json(space) for level in self.final.levels],
            "queries": self.final.queries,
            "seconds": round(self.final.seconds, 4),
            "tracked": [names[label] for label in tracked],
            "rank_before": [first.view.rank(label) for label in tracked],
            "rank_after": [self.final.view.rank(label) for label in tracked],
            "score_before": [first.view.score(label) for label in tracked],
            "score_after": [self.final.view.score(label) for label in tracked],
            "top_before": [names[label] for label in first.view.top[: goal.k]],
            "top_after": [names[label] for label in self.final.view.top[: goal.k]],
            "steps": [self._step(step, tracked) for step in self.steps],
        }

    def _step(self, step: FeatureStep, tracked: Sequence[int]) -> dict[str, Any]:
        return {
            "index": step.index, "status": step.status, "note": step.note, "distance": step.distance, "nearest": step.nearest,
            "rank": [step.view.rank(label) for label in tracked], "score": [step.view.score(label) for label in tracked], "queries": step.queries,
        }  # fmt: skip


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
    if not isinstance(classifier, VectorClassifier) or len(classifier.space) != record["features"]:
        raise InputError(f"'{classifier.name}' does not read the {record['features']:,} features of this record")
    labels = {"labels": [classifier.labels.find(name) for name in record["labels"]]} if record["labels"] else {}
    goal = goals.from_json({**record["goal_settings"], **labels})
    ids = classifier.labels.ids
    truth = None if record["true_labels"] is None else [ids[name] for name in record["true_labels"] if name in ids]
    tracked = [classifier.labels.find(name) for name in record["tracked"]]
    judge = FeatureJudge(classifier, goal, vector_from_json(record["vector"], record["features"]), truth, also=tracked)
    unmet = goal.unmet(judge.start)
    reached, ranks = [], tuple(judge.original.rank(label) for label in tracked)
    before = list(ranks)
    for level in record["levels"]:
        if level["reached"] is None or level["vector"] is None:
            reached.append(level["reached"])
            continue
        vector = vector_from_json(level["vector"], record["features"])
        view = judge.read(level["text"]) if level["level"] == "text" else judge.look([vector])[0]
        reached.append(unmet is None and judge.reached(view))
        if level["level"] == "continuous":
            ranks = tuple(view.rank(label) for label in tracked)
    found = {
        "levels": reached, "rank_before": before, "rank_after": list(ranks), "digest": classifier.digest,
    }  # fmt: skip
    saved = {**record, "levels": [level["reached"] for level in record["levels"]]}
    return FeatureReplayed(tuple(reached), ranks, unmet, tuple(key for key, value in found.items() if saved[key] != value))
