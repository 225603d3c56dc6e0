"""Attacks one pair: the same in the study's own process and in each of its workers. Nothing that goes wrong with a pair ends a study."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.attacks.words.result import SCHEMA as ATTACK_SCHEMA
from core.attacks.words.result import run as run_attack
from core.document import Document
from core.errors import Cancelled, CoreError, InputError
from core.study.plan import Pair
from core.study.records import SCHEMA, Record
from core.study.settings import Prepare, Request
from core.types import Classifier


@dataclass(frozen=True)
class Task:
    """A pair with its text: all that a worker needs beside the classifier."""

    pair: Pair
    text: str


def attack_pair(request: Request, classifier: Classifier, prepare: Prepare, task: Task, stopping: Callable[[], bool]) -> Record:
    """The record of one pair. Cancelled where the study was asked to stop; whatever else is raised becomes a record."""

    def pause(done: int, total: int, what: str) -> None:
        if stopping():
            raise Cancelled("the study was asked to stop")

    if task.pair.unknown:
        return failed(request, classifier, task, InputError(f"{classifier.name} has no label '{task.pair.unknown}', so it cannot be attacked"))
    try:
        attack = prepare(request.switches, request.study.goal_for(task.pair.label), request.recipe)
        result = run_attack(attack, classifier, Document.from_text(task.text), task.pair.truth, request.switches.prune, pause)
        return beside(task.pair, result.to_json())
    except Cancelled:
        raise
    except Exception as error:  # noqa: BLE001 - one pair must not end a study of thousands; the record says what happened
        return failed(request, classifier, task, error)


def beside(pair: Pair, record: dict[str, Any]) -> Record:
    """An attack's record with what the study knows of the pair."""
    return {
        **record, "study": SCHEMA, "pair": pair.id, "document": pair.document, "row": pair.row, "bin": pair.bin, "count": pair.count,
        "start_rank": record["rank_before"][0] if record["labels"] else None, "margin": record["margin_before"] if record["labels"] else None,
    }  # fmt: skip


def failed(request: Request, classifier: Classifier, task: Task, error: BaseException) -> Record:
    """The record of a pair whose attack broke off: reason "error"; for an error that nobody foresaw with the place in the code."""
    frames = [] if isinstance(error, CoreError) else traceback.extract_tb(error.__traceback__)[-1:]
    where = "".join(f" ({frame.filename.rsplit('/', 1)[-1]}, line {frame.lineno})" for frame in frames)
    label = task.pair.unknown or (None if task.pair.label is None else classifier.labels.names[task.pair.label])
    return {
        "schema": ATTACK_SCHEMA, "checkpoint": classifier.name, "digest": classifier.digest, "recipe": request.recipe, "goal": request.study.goal,
        "label": label, "k": request.study.k, "success": False, "reason": "error", "note": f"{type(error).__name__}: {error}{where}",
        "text": task.text, "seconds": 0.0, "study": SCHEMA, "pair": task.pair.id, "document": task.pair.document, "row": task.pair.row,
        "bin": task.pair.bin, "count": task.pair.count,
    }  # fmt: skip
