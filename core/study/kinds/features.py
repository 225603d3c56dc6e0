"""A study of attacks on feature vectors: many documents of a split, one attack each, a record a line, resumable like every study.

    python -m core study --recipe hop-skip-jump --checkpoint bibtex-linear --dataset bibtex --documents 50 --out runs/bibtex-hsj
    python -m core study replay --out runs/bibtex-hsj

The folder is that of every study (core.study.run); a second call goes on with the documents that have no record. Documents whose goal does
not fit are recorded as refused and stay in the metrics after the attack as they were before: P@k and R@k are of the same documents
(methods.md 6.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np

from core import fields
from core.attacks.features import FEATURE_ATTACKS, FeatureAttack, PointSearch, Pool, run
from core.attacks.goals import ALL_GOALS, MAX_K, AllWrong, AnyGoal, Demote, Disturb, SetChange, explained
from core.data.dataset import Dataset
from core.errors import CapabilityError, SettingsError
from core.fields import Field, check
from core.study import records
from core.study.kind import PairCost, PairTask
from core.study.opening import Opened, open_document
from core.study.plan import Pair, Plan
from core.study.records import Record
from core.study.statistics import wilson
from core.types import Classifier, FeatureClassifier, Progress
from core.vector import FeatureVector

GOALS = tuple(name for name in ALL_GOALS if name != "negative-targeted")
AT = (1, 3, 5)
KIND = "vector-study"
"""What config.json says of such a folder."""
TIMED = 100
"""Queries of an attack that are timed for an estimate."""


@dataclass(frozen=True)
class FeatureStudy:
    """Which documents of which data are attacked, and to what end."""

    checkpoint: Annotated[str, Field("a name in checkpoints/ or the path of a checkpoint folder")] = "bibtex-linear"
    dataset: Annotated[str, Field("a registered data set or the path of a file or folder")] = "bibtex"
    split: Annotated[str, Field("documents are drawn from this split", choices=("train", "dev", "test"))] = "test"
    goal: Annotated[str, Field(f"{explained(GOALS)}. Out goes the best true label of the top k", choices=GOALS)] = Demote.NAME
    k: Annotated[int, Field("the k of the top k", low=1, high=MAX_K)] = 5
    tau: Annotated[float, Field("set-change: the Jaccard index to fall below", low=0.01, high=1)] = 0.5
    documents: Annotated[int, Field("so many documents, drawn at random (0: all)", low=0, high=10**8)] = 50
    draw: Annotated[int, Field("seed of the draw", low=0, high=2**31 - 1)] = 0
    pairs_from: Annotated[
        str, Field("attack the documents, and the labels, of another study of feature vectors, whose folder is named here, with its settings")
    ] = ""

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class FeatureKind:
    """A study, and the search that it makes on each document."""

    study: FeatureStudy
    search: PointSearch

    NAME: ClassVar[str] = KIND

    @property
    def seed(self) -> int:
        return self.search.seed

    def to_json(self) -> dict[str, Any]:
        return {"study": study_json(self.study), "recipe": self.search.NAME, "settings": fields.to_json(self.search)}

    def to_flags(self) -> list[str]:
        return ["--recipe", self.search.NAME, *fields.to_flags(self.study), *fields.to_flags(self.search)]

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> FeatureKind:
        """SettingsError for settings that this version does not know."""
        study, settings, recipe = found.get("study"), found.get("settings", {}), found.get("recipe")
        if not isinstance(study, dict) or not isinstance(settings, dict) or recipe not in FEATURE_ATTACKS:
            raise SettingsError("this folder's config.json is no study's: it needs 'study' and 'settings' as objects, and 'recipe'")
        return cls(fields.from_json(FeatureStudy, study), fields.from_json(FEATURE_ATTACKS[str(recipe)], settings))

    def refusal(self, classifier: Classifier) -> str | None:
        return FeatureAttack(Demote((0,), self.study.k), self.search).refusal(classifier)

    def load_dataset(self) -> Dataset:
        from core.data import load_completed

        return load_completed(self.study.dataset)

    def draw(self, classifier: FeatureClassifier, dataset: Dataset, progress: Progress) -> Plan:
        """Documents at random; what of each is attacked is decided when its turn comes."""
        split = dataset.split(self.study.split)
        rows = np.random.default_rng(self.study.draw).permutation(len(split))[: self.study.documents or len(split)].tolist()
        return Plan(tuple(Pair(str(row), row, split.ids[row], None, 0, "", ()) for row in rows), (), ())

    def tasks(self, plan: Plan, dataset: Dataset) -> list[PairTask]:
        return [PairTask(pair) for pair in plan.pairs]

    def bench(self, classifier: FeatureClassifier, dataset: Dataset) -> FeatureBench:
        return FeatureBench(self, classifier, dataset, Pool.of(classifier, dataset))

    def bench_of_worker(self) -> FeatureBench:
        from core.models import load

        classifier = load(self.study.checkpoint)
        if not isinstance(classifier, FeatureClassifier):
            raise CapabilityError(self.refusal(classifier) or "")
        return self.bench(classifier, self.load_dataset())

    def sample(self, pairs: int, documents: int) -> FeatureKind:
        return replace(self, study=replace(self.study, documents=min(pairs, self.study.documents or pairs)))

    def size(self, dataset: Dataset) -> int:
        count = len(dataset.split(self.study.split))
        return min(self.study.documents or count, count)

    def on(self, checkpoint: str, pairs_from: Path) -> FeatureKind:
        return replace(self, study=replace(self.study, checkpoint=checkpoint, pairs_from=str(pairs_from)))


@dataclass(frozen=True)
class FeatureBench:
    """A classifier of feature vectors, and the data: the documents that are attacked, and the training documents that an attacker holds."""

    kind: FeatureKind
    classifier: FeatureClassifier
    dataset: Dataset
    pool: Pool

    def attack(self, task: PairTask, progress: Progress) -> Record:
        asked, classifier = self.kind.study, self.classifier
        one = open_document(classifier, self.dataset, asked.split, task.pair.row + 1)
        top = _top(classifier, one.vector, depth_of(asked))
        own = {"true": [classifier.labels.names[label] for label in one.truth], "first": [classifier.labels.names[label] for label in top]}
        goal = self._goal(task.pair, one, top)
        if goal is None or not len(one.vector):
            return self._skipped(task.pair, "refused") | own | {"first_after": own["first"]}
        result = run(FeatureAttack(goal, self.kind.search), classifier, one.vector, self.pool, one.truth, progress)
        last = next((level.vector for level in reversed(result.final.levels) if level.reached and level.vector is not None), one.vector)
        return {**result.to_json(), **beside(task.pair), **own, "first_after": top_names(classifier, last, depth_of(asked))}

    def failed(self, task: PairTask, note: str) -> Record:
        return self._skipped(task.pair, "error") | {"note": note}

    def cost(self, task: PairTask) -> PairCost | None:
        """The attack with its first queries only, and as long again for as many as it may make."""
        one = open_document(self.classifier, self.dataset, self.kind.study.split, task.pair.row + 1)
        goal = self._goal(task.pair, one, _top(self.classifier, one.vector, depth_of(self.kind.study)))
        if goal is None or not len(one.vector):
            return None
        small = replace(self.kind.search, queries=min(TIMED, self.kind.search.queries))
        result = run(FeatureAttack(goal, small), self.classifier, one.vector, self.pool, one.truth)
        if result.reason == "refused":
            return None
        return PairCost(self.kind.search.queries, result.final.seconds * self.kind.search.queries / result.final.queries)

    def _goal(self, pair: Pair, one: Opened, top: Sequence[int]) -> AnyGoal | None:
        """The pair's own label where another study has chosen it, else what suits the document."""
        asked = self.kind.study
        if asked.goal == Demote.NAME and pair.label is not None:
            return Demote((pair.label,), asked.k)
        return goal_of(asked, top[: asked.k], one.truth)

    def _skipped(self, pair: Pair, reason: str) -> Record:
        return {**beside(pair), "true": [], "first": [], "first_after": [], "success": False, "reason": reason, "queries": 0, "levels": []}


def beside(pair: Pair) -> Record:
    """What the study knows of a pair."""
    return {"study": records.SCHEMA, "pair": pair.id, "row": pair.row, "document": pair.document}


def study_json(asked: FeatureStudy) -> dict[str, Any]:
    """Its settings, as config.json keeps them."""
    found = fields.to_json(asked)
    if not found["pairs_from"]:
        del found["pairs_from"]  # the folder of a study that was begun before there was this setting goes on with the same request
    return found


def depth_of(asked: FeatureStudy) -> int:
    """How many of the best labels a record keeps."""
    return max(*AT, asked.k)


def _top(classifier: FeatureClassifier, vector: FeatureVector, depth: int) -> list[int]:
    found: list[int] = classifier.retrieve_features(vector.matrix, min(depth, len(classifier.labels)))[0][0].tolist()
    return found


def top_names(classifier: FeatureClassifier, vector: FeatureVector, depth: int) -> list[str]:
    """The names of the best labels of a vector, the best first."""
    return [classifier.labels.names[label] for label in _top(classifier, vector, depth)]


def goal_of(asked: FeatureStudy, top: Sequence[int], truth: Sequence[int]) -> AnyGoal | None:
    """The goal of one document; None where no true label stands in the top k."""
    hit = [label for label in top if label in truth]
    if asked.goal == Demote.NAME:
        return Demote((hit[0],), asked.k) if hit else None
    others: dict[str, AnyGoal] = {Disturb.NAME: Disturb(asked.k), SetChange.NAME: SetChange(asked.k, asked.tau), AllWrong.NAME: AllWrong(asked.k)}
    return others[asked.goal]


def summarise(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Success with its Wilson interval over the documents that could be attacked, by level; medians over the successes; P@k and R@k of
    all documents with a true label, before and after, where a success is taken at its most real level."""
    attempts = records.attempts(found)
    levels = {}
    for name in ("continuous", "feasible", "text"):
        own = [level for record in attempts for level in record["levels"] if level["level"] == name]
        won = [level for level in own if level["reached"]]
        medians = {key: float(np.median([level["distance"][key] for level in won])) if won else None for key in ("l2", "l0", "linf")}
        interval = wilson(len(won), len(attempts)).to_json()  # None where nothing was attempted: nan is no JSON
        applies = any(level["reached"] is not None for level in own)
        levels[name] = {"success": len(won), "low": interval["low"], "high": interval["high"], "applies": applies, **medians}
    queries = [record["queries"] for record in attempts]
    known = [record for record in found if record["true"]]
    return {
        "documents": len(found), "attempted": len(attempts), "levels": levels, "queries": float(np.median(queries)) if queries else None,
        "before": {name: value for k in AT for name, value in _metrics(known, "first", k).items()},
        "after": {name: value for k in AT for name, value in _metrics(known, "first_after", k).items()},
    }  # fmt: skip


def _metrics(known: Sequence[dict[str, Any]], key: str, k: int) -> dict[str, float]:
    """P@k and R@k in percent."""
    hits = np.asarray([len(set(record[key][:k]) & set(record["true"])) for record in known], dtype=np.float64)
    sizes = np.asarray([len(record["true"]) for record in known], dtype=np.float64)
    return {f"P@{k}": 100 * float((hits / k).mean()) if len(hits) else 0.0, f"R@{k}": 100 * float((hits / sizes).mean()) if len(hits) else 0.0}


def lines(summary: dict[str, Any]) -> list[str]:
    """What a person reads."""
    shown = [
        f"{summary['recipe']}: {summary['attempted']} of {summary['documents']} documents could be attacked, median {summary['queries']} queries"
    ]
    for name, level in summary["levels"].items():
        figures = "" if level["l2"] is None else f", median L2 {level['l2']:.3g}, {level['l0']:.3g} features changed"
        if level["applies"]:
            shown.append(f"{name}: {level['success']} reached [{100 * level['low']:.1f}, {100 * level['high']:.1f}] %{figures}")
    return [*shown, *(f"{name}: {value:.1f} -> {summary['after'][name]:.1f}" for name, value in summary["before"].items())]
