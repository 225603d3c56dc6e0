"""Runs a study: draw the pairs, attack them, keep a record of each. The same call on the same folder goes on where it ended,
also after kill -9: what is recorded is not attacked again, what is not is.

A study's folder is a run folder (core.training.runs) with plan.json (the pairs) and records.jsonl.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from core.attacking import prepare as prepare_attack
from core.checkpoint import write_atomically
from core.data.dataset import Dataset
from core.errors import Cancelled, CapabilityError, InputError
from core.study import records, workers
from core.study.attacking import Task
from core.study.drawing import Bin
from core.study.plan import Pair, Plan, plan
from core.study.settings import Prepare, Request
from core.training.runs import Run
from core.types import Classifier

PLAN = "plan.json"
MAX_WORKERS = 64


def start(request: Request, classifier: Classifier, dataset: Dataset, run: Run, prepare: Prepare = prepare_attack) -> Plan:
    """Check the request against the folder's, and draw the pairs, or read those that were drawn before. CapabilityError with a sentence
    where this machine or this classifier lacks what the recipe needs."""
    run.configure({**request.to_json(), "kind": "study", "digest": classifier.digest, "data": dataset.name, "data_digest": dataset.digest})
    path = run.folder / PLAN
    if path.is_file():
        return read_plan(run.folder)
    if why := prepare(request.switches, request.study.goal_for(len(classifier.labels) - 1), request.recipe).refusal(classifier):
        raise CapabilityError(why)  # before the split is scored; which label is attacked does not matter for it
    found = plan(request.study, classifier, dataset, request.switches.seed, run.progress)
    write_atomically(path, json.dumps(found.to_json(), ensure_ascii=False) + "\n")
    return found


def read_plan(folder: Path) -> Plan:
    """The pairs of a study that was started. InputError where there are none."""
    path = folder / PLAN
    if not path.is_file():
        raise InputError(f"{folder} is no study's folder: it has no {PLAN}")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    pairs = tuple(Pair(**{**pair, "truth": tuple(pair["truth"])}) for pair in found["pairs"])
    return Plan(pairs, tuple(Bin(**one) for one in found["bins"]), tuple(found["notes"]))


def tasks_of(found: Plan, dataset: Dataset, split: str) -> list[Task]:
    texts = dataset.split(split).texts
    assert texts is not None  # plan() has refused vectors
    return [Task(pair, texts[pair.row]) for pair in found.pairs]


def work(request: Request, classifier: Classifier, dataset: Dataset, run: Run, count: int = 1, prepare: Prepare = prepare_attack) -> Plan:
    """Attack every pair that has no record yet, in `count` processes (1: in this one). Raises Cancelled when someone asked to stop."""
    if not 1 <= count <= MAX_WORKERS:
        raise InputError(f"the number of workers must lie between 1 and {MAX_WORKERS}, not {count}")
    found = start(request, classifier, dataset, run, prepare)
    path = run.folder / records.FILE
    records.mend(path)
    done = {record["pair"] for record in records.read(path)}
    pending = [task for task in tasks_of(found, dataset, request.study.split) if task.pair.id not in done]
    total = len(found.pairs)
    run.progress(total - len(pending), total, "attacking")
    if not pending:
        return found
    stream = (
        workers.in_this_process(request, classifier, prepare, pending, run.stopping)
        if count == 1
        else workers.in_processes(request, classifier, prepare, pending, run.stopping, min(count, len(pending)), run.stop_file)
    )
    try:
        for number, record in enumerate(stream, total - len(pending) + 1):
            records.append(path, record)
            run.progress(number, total, "attacking")
    except Cancelled as error:
        kept = len(records.read(path))
        raise Cancelled(f"stopped after {kept:,} of {total:,} pairs; the same command goes on from here") from error
    return found
