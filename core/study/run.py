"""Runs a study: draw the pairs, attack them, keep a record of each. The same call on the same folder goes on where it ended,
also after kill -9: what is recorded is not attacked again, what is not is.

A study's folder is a run folder (core.runs.run) with plan.json (the pairs) and records.jsonl. With `pairs_from` its pairs are
those of another study, so that two checkpoints are compared on the same ones (methods.md 5.4: the intersection, and coverage).
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

from core.checkpoint import write_atomically
from core.data.bags import completion_notes
from core.data.dataset import Dataset, truth_for
from core.errors import Cancelled, CapabilityError, InputError
from core.files import read_json
from core.runs.run import Run
from core.study import records
from core.study.engines import local
from core.study.kind import StudyKind
from core.study.kinds import read_kind
from core.study.plan import Plan
from core.study.trained_on import training_notes
from core.types import Classifier

PLAN = "plan.json"
PLAN_BYTES = 512 * 2**20
"""A pair has some 200 bytes; a study may have a million."""
MAX_WORKERS = 64


def start(kind: StudyKind, classifier: Classifier, dataset: Dataset, run: Run) -> Plan:
    """Check the request against the folder's, and draw the pairs, or read those that were drawn before. CapabilityError with a sentence
    where this machine or this classifier lacks what the attack needs."""
    run.configure({**kind.to_json(), "kind": kind.NAME, "digest": classifier.digest, "data": dataset.name, "data_digest": dataset.digest})
    path = run.folder / PLAN
    if path.is_file():
        return read_plan(run.folder)
    if why := kind.refusal(classifier):
        raise CapabilityError(why)  # before the split is scored
    found = borrow(kind, classifier, dataset) if kind.study.pairs_from else kind.draw(classifier, dataset, run.progress)
    said = training_notes(kind.study.checkpoint, dataset, kind.study.split, (pair.row for pair in found.pairs))
    made = completion_notes(dataset, kind.study.split)
    found = replace(found, notes=(*found.notes, *made, *said))
    write_atomically(path, json.dumps(found.to_json(), ensure_ascii=False) + "\n")
    return found


def read_plan(folder: Path) -> Plan:
    """The pairs of a study that was started. InputError where there are none, or for a file that holds no plan."""
    path = folder / PLAN
    if not os.path.lexists(path):
        raise InputError(f"{folder} has no {PLAN}: it is no study's folder, or an older version's, which writes it once its command is given again")
    return read_json(path, Plan, PLAN_BYTES)


OWN = ("checkpoint", "dataset", "pairs_from")
"""Settings in which a study may differ from the one whose pairs it attacks; the data must be the same, wherever they lie."""


def same_attack(folder: Path, checkpoint: str) -> StudyKind:
    """What the study in `folder` asked, of another checkpoint and on the same pairs."""
    return read_kind(folder)[0].on(checkpoint, folder)


def borrow(kind: StudyKind, classifier: Classifier, dataset: Dataset) -> Plan:
    """The pairs of the study in `pairs_from`, in its order and bins, labels met by name. Whether the classifier holds a pair (its label in the
    top k, say) is found when the pair's turn comes: one that it does not hold is recorded as refused, one whose label it does not know as an
    error. InputError where the two studies would differ in more than the checkpoint."""
    folder = Path(kind.study.pairs_from)
    other, digest = read_kind(folder)
    if other.NAME != kind.NAME:
        raise InputError(f"{folder} attacked {'words' if other.NAME == 'study' else 'feature vectors'}; its pairs are none of this kind of study")
    if digest != dataset.digest:
        raise InputError(f"{folder} attacked data with digest {digest}, these have {dataset.digest}; its rows are other documents here")
    if wrong := [name for name, value in vars(other.study).items() if name not in OWN and value != getattr(kind.study, name)]:
        raise InputError(f"{folder} has another {', '.join(wrong)}; leave these settings out, they are taken from there")
    whole = read_plan(folder)
    saved = records.read(records.path_in(folder))
    names = {record["pair"]: record.get("label") for record in saved if isinstance(record.get("label"), str | None)}
    if missing := sum(pair.id not in names for pair in whole.pairs):
        raise InputError(f"{folder} has no record yet of {missing} of its {len(whole.pairs)} pairs; let it end first")
    truth, _ = truth_for(dataset.split(kind.study.split), dataset.label_names, classifier.labels)
    ids, pairs = classifier.labels.ids, []
    for pair in whole.pairs:
        name = names[pair.id]
        known = [int(j) for j in truth.indices[truth.indptr[pair.row] : truth.indptr[pair.row + 1]] if j < len(ids)]
        label = None if name is None else ids.get(name)
        pairs.append(replace(pair, label=label, truth=tuple(known), unknown=name if name is not None and name not in ids else ""))
    return Plan(tuple(pairs), whole.bins, (*whole.notes, f"the pairs of {folder.name}, drawn on {Path(other.study.checkpoint).name}"))


def work(kind: StudyKind, classifier: Classifier, dataset: Dataset, run: Run, count: int = 1) -> Plan:
    """Attack every pair that has no record yet, in `count` processes (1: in this one). Raises Cancelled when someone asked to stop."""
    if not 1 <= count <= MAX_WORKERS:
        raise InputError(f"the number of workers must lie between 1 and {MAX_WORKERS}, not {count}")
    found = start(kind, classifier, dataset, run)
    path = run.folder / records.FILE
    records.mend(path)
    done = {record["pair"] for record in records.read(path)}
    pending = [task for task in kind.tasks(found, dataset) if task.pair.id not in done]
    total = len(found.pairs)
    run.progress(total - len(pending), total, "attacking")
    if not pending:
        return found
    bench = kind.bench(classifier, dataset)
    stream = (
        local.in_this_process(bench, pending, run.stopping)
        if count == 1
        else local.in_processes(kind, bench, pending, run.stopping, min(count, len(pending)), run.stop_file)
    )
    try:
        for number, record in enumerate(stream, total - len(pending) + 1):
            records.append(path, record)
            run.progress(number, total, "attacking")
    except Cancelled as error:
        kept = len(records.read(path))
        raise Cancelled(f"stopped after {kept:,} of {total:,} pairs; the same command goes on from here") from error
    return found
