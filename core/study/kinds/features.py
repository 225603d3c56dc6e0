"""A study of attacks on feature vectors: many documents of a split, one attack each, a record a line, resumable like every study.

    python -m core study --recipe hop-skip-jump --checkpoint bibtex-linear --dataset bibtex --documents 50 --out runs/bibtex-hsj
    python -m core study replay --out runs/bibtex-hsj

The folder is a run folder with records.jsonl (core.study.records); a second call goes on with the documents that have no record. Documents
whose goal does not fit are recorded as refused and stay in the metrics after the attack as they were before: P@k and R@k are of the same
documents (methods.md 6.3).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from core import fields
from core.attacks.features import FeatureAttack, PointSearch, Pool, run
from core.attacks.goals import ALL_GOALS, MAX_K, AllWrong, AnyGoal, Demote, Disturb, SetChange, explained
from core.checkpoint import write_atomically
from core.errors import Cancelled
from core.fields import Field, check
from core.runs.run import Run
from core.study import records
from core.study.opening import open_document
from core.study.statistics import wilson
from core.types import VectorClassifier
from core.vector import FeatureVector

GOALS = tuple(name for name in ALL_GOALS if name != "negative-targeted")
AT = (1, 3, 5)
KIND = "vector-study"
"""What config.json says of such a folder."""


@dataclass(frozen=True)
class VectorStudy:
    """Which documents of which data are attacked, and to what end."""

    checkpoint: Annotated[str, Field("a name in checkpoints/ or the path of a checkpoint folder")] = "bibtex-linear"
    dataset: Annotated[str, Field("a registered data set or the path of a file or folder")] = "bibtex"
    split: Annotated[str, Field("documents are drawn from this split", choices=("train", "dev", "test"))] = "test"
    goal: Annotated[str, Field(f"{explained(GOALS)}. Out goes the best true label of the top k", choices=GOALS)] = Demote.NAME
    k: Annotated[int, Field("the k of the top k", low=1, high=MAX_K)] = 5
    tau: Annotated[float, Field("set-change: the Jaccard index to fall below", low=0.01, high=1)] = 0.5
    documents: Annotated[int, Field("so many documents, drawn at random (0: all)", low=0, high=10**8)] = 50
    draw: Annotated[int, Field("seed of the draw", low=0, high=2**31 - 1)] = 0

    def __post_init__(self) -> None:
        check(self)


def work(asked: VectorStudy, search: PointSearch, classifier: VectorClassifier, dataset: Any, opened: Run) -> dict[str, Any]:
    """Attack every document drawn that has no record yet; the summary of all. Raises Cancelled when someone asked to stop."""
    request = {"study": fields.to_json(asked), "recipe": search.NAME, "settings": fields.to_json(search)}
    opened.configure({**request, "kind": KIND, "digest": classifier.digest, "data": dataset.name, "data_digest": dataset.digest})
    count = len(dataset.split(asked.split))
    rows = np.random.default_rng(asked.draw).permutation(count)[: asked.documents or count].tolist()
    path = opened.folder / records.FILE
    records.mend(path)
    done, pool = {record["pair"] for record in records.read(path)}, Pool.of(classifier, dataset)
    for number, row in enumerate(rows, 1):
        if str(row) not in done:
            records.append(path, _record(asked, search, classifier, dataset, pool, row, opened))
        opened.progress(number, len(rows), "attacking")
    summary = {**request, "digest": classifier.digest, "data_digest": dataset.digest, **summarise(records.read(path))}
    write_atomically(opened.folder / "summary.json", json.dumps(summary, indent=1, ensure_ascii=False) + "\n")
    return summary


def _record(
    asked: VectorStudy, search: PointSearch, classifier: VectorClassifier, dataset: Any, pool: Pool, row: int, opened: Run
) -> dict[str, Any]:  # fmt: skip
    def pause(done: int, total: int, what: str) -> None:
        if opened.stopping():
            raise Cancelled("the study was asked to stop; the same command goes on from here")

    one = open_document(classifier, dataset, asked.split, row + 1)
    beside = {"study": records.SCHEMA, "pair": str(row), "row": row, "document": dataset.split(asked.split).ids[row]}
    names, top = classifier.labels.names, _top(classifier, one.vector, depth_of(asked))
    own = {"true": [names[label] for label in one.truth], "first": [names[label] for label in top]}
    goal = goal_of(asked, top[: asked.k], one.truth)
    if goal is None or not len(one.vector):
        return {**beside, **own, "first_after": own["first"], "success": False, "reason": "refused", "queries": 0, "levels": []}
    result = run(FeatureAttack(goal, search), classifier, one.vector, pool, one.truth, pause)
    last = next((level.vector for level in reversed(result.final.levels) if level.reached and level.vector is not None), one.vector)
    return {**result.to_json(), **beside, **own, "first_after": top_names(classifier, last, depth_of(asked))}


def depth_of(asked: VectorStudy) -> int:
    """How many of the best labels a record keeps."""
    return max(*AT, asked.k)


def _top(classifier: VectorClassifier, vector: FeatureVector, depth: int) -> list[int]:
    found: list[int] = classifier.retrieve_vectors(vector.matrix, min(depth, len(classifier.labels)))[0][0].tolist()
    return found


def top_names(classifier: VectorClassifier, vector: FeatureVector, depth: int) -> list[str]:
    """The names of the best labels of a vector, the best first."""
    return [classifier.labels.names[label] for label in _top(classifier, vector, depth)]


def goal_of(asked: VectorStudy, top: Sequence[int], truth: Sequence[int]) -> AnyGoal | None:
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
