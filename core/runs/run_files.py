"""The files of a run folder that others read while it works or afterwards: status.json, config.json, progress.jsonl (core.runs.run).

A folder may be damaged, or come from elsewhere: what it says is checked against the shapes below, and a fault names file, line and field.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict

import msgspec
from msgspec import Meta

from core.checkpoint import write_atomically
from core.errors import InputError
from core.files import Count, Name, Sentence, parse_json, read_bytes, read_json
from core.runs import locks

LOCK, LOG, STOP, STATUS, PROGRESS = "lock", "log.txt", "stop", "status.json", "progress.jsonl"
PROGRESS_BYTES = 2**30

State = Literal["queued", "running", "done", "stopped", "crashed"]
Seconds = Annotated[float, Meta(ge=0, le=1e12)]


class Status(TypedDict, total=False):
    """status.json. What is not there has the value of a run that has just begun (`fresh`)."""

    state: State
    what: Name
    step: Count
    total: Count
    eta: Seconds | None
    started: Name
    updated: Name
    message: Sentence
    pid: int | None
    device: Name
    ticket: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    peak_bytes: Count
    peak_gpu_bytes: Count


class Progress(TypedDict, total=False):
    """What is read of a line of progress.jsonl, where it has it, beside figures under names of their own."""

    step: Count
    kind: Name
    time: datetime
    docs_per_second: Annotated[float, Meta(ge=0, le=1e12)]
    sentence: Sentence


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def fresh() -> dict[str, Any]:
    return {"state": "running", "what": "", "step": 0, "total": 0, "eta": None, "started": now(), "pid": os.getpid(), "message": ""}


def write_status(folder: Path, **changes: Any) -> None:
    """Change status.json from outside a `Run`: for who watches over one."""
    path = Path(folder) / STATUS
    before = read_json(path, Status) if os.path.lexists(path) else fresh()
    write_atomically(path, json.dumps({**before, **changes, "updated": now()}, ensure_ascii=False) + "\n")


def read_status(folder: Path) -> dict[str, Any]:
    """status.json of a run folder. A run that says it is queued or running but whose lock nobody holds (kill -9, power) is crashed.
    Raises InputError where there is no run, or none of ours."""
    path = Path(folder) / STATUS
    if not os.path.lexists(path):
        raise InputError(f"{folder} is no run folder: it has no {STATUS}")
    alive = locks.held(Path(folder) / LOCK)  # asked before the status is read: a run that ends in between has written its end
    found = read_json(path, Status)
    if "state" not in found:
        raise InputError(f"{path} does not say in which state its run is")
    status: dict[str, Any] = {**fresh(), "pid": None, **found}
    if status["state"] in ("queued", "running") and not alive and not locks.held(Path(folder) / LOCK):  # or it has just begun
        status.update(state="crashed", eta=None, message="its process is gone; the same command goes on from the last saved state")
    return status


def read_config(folder: Path) -> dict[str, Any]:
    """config.json of a run: what was asked for; empty where it has not come to that. InputError for one that cannot be read."""
    path = Path(folder) / "config.json"
    return read_json(path, dict[str, Any]) if os.path.lexists(path) else {}


def read_progress(folder: Path) -> list[dict[str, Any]]:
    """The records of progress.jsonl in order, without an unfinished last line; of records with the same `step` and
    `kind` (steps that a resumed run did again) only the last. InputError for a line that no run of ours writes."""
    path = Path(folder) / PROGRESS
    records = _progress(path) if os.path.lexists(path) else []
    last = {(record.get("step"), record.get("kind")) if "step" in record else index: index for index, record in enumerate(records)}
    return [records[index] for index in sorted(last.values())]


def _progress(path: Path) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = []
    for number, line in enumerate(read_bytes(path, PROGRESS_BYTES).split(b"\n"), 1):
        if not line.rstrip().endswith(b"}"):
            continue  # a line that a kill cut short: at the end, or in the middle once the run was resumed
        record = parse_json(line, dict[str, Any], f"{path}, line {number}", own=True)
        try:
            msgspec.convert(record, Progress)
        except msgspec.ValidationError as error:
            raise InputError(f"{path}, line {number}: {error}") from error
        records.append(record)
    return records
