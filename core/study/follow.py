"""What saved records are good for afterwards: made again on the same checkpoint, and read by another."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from core.attacks.words.result import replay
from core.checkpoint import write_atomically
from core.errors import InputError
from core.files import read_json
from core.study.records import Record, attempts
from core.study.shapes import Squeezing, Transfer, check_places
from core.types import Classifier, Progress, silent

PREFIX = "transfer."
SQUEEZING = "squeezing."
TABLE_BYTES = 256 * 2**20


def replay_all(saved: Sequence[Record], classifier: Classifier, progress: Progress = silent) -> dict[str, Any]:
    """Put every record's swaps into its text, score afresh, and compare text, ranks and outcome. Records of errors hold no attack."""
    made = [record for record in saved if record["reason"] != "error"]
    different = []
    for number, record in enumerate(made, 1):
        check_places(record)
        found = replay(record, classifier)
        if found.differences:
            different.append({"pair": record["pair"], "differences": list(found.differences)})
        progress(number, len(made), "replaying")
    return {
        "checkpoint": classifier.name, "digest": classifier.digest, "records": len(saved), "replayed": len(made),
        "equal": len(made) - len(different), "different": different,
    }  # fmt: skip


def transfer(saved: Sequence[Record], classifier: Classifier, progress: Progress = silent) -> list[dict[str, Any]]:
    """What another checkpoint makes of the texts that succeeded: one row each, with `unmet` where its start does not fit the goal there
    (the label does not stand in its top k, say)."""
    won = [record for record in attempts(saved) if record["success"]]
    rows = []
    for number, record in enumerate(won, 1):
        row: dict[str, Any] = {"pair": record["pair"], "bin": record["bin"], "unmet": None, "success": False, "rank_after": None}
        check_places(record)
        try:
            found = replay(record, classifier)
            rows.append({**row, "unmet": found.unmet, "success": found.success, "rank_after": list(found.ranks)})
        except InputError as error:  # it has no such label
            rows.append({**row, "unmet": str(error)})
        progress(number, len(won), f"reading with {classifier.name}")
    return rows


def write_transfer(folder: Path, rows: Sequence[dict[str, Any]], classifier: Classifier) -> dict[str, Any]:
    """Write transfer.NAME.json beside the records; returns its head: of the texts that fit the goal there, how many reach it."""
    fitting = [row for row in rows if row["unmet"] is None]
    reached = sum(bool(row["success"]) for row in fitting)
    head = {
        "to": classifier.name, "digest": classifier.digest, "texts": len(rows), "eligible": len(fitting), "transferred": reached,
        "share": reached / len(fitting) if fitting else 0.0,
    }  # fmt: skip
    write_atomically(folder / f"{PREFIX}{classifier.name}.json", json.dumps({**head, "rows": list(rows)}, ensure_ascii=False) + "\n")
    return head


def read_transfers(folder: Path) -> list[dict[str, Any]]:
    """All transfers of a study, by the other checkpoint's name. InputError for a file that holds something else."""
    return [_validated(path, Transfer, "core study transfer") for path in sorted(folder.glob(f"{PREFIX}*.json"))]


def write_squeezing(folder: Path, found: dict[str, Any]) -> Path:
    """Keep what `core squeeze` found beside the records it was measured on: squeezing.CHECKPOINT.json."""
    path = folder / f"{SQUEEZING}{found['checkpoint']}.json"
    write_atomically(path, json.dumps(found, ensure_ascii=False) + "\n")
    return path


def read_squeezings(folder: Path) -> list[dict[str, Any]]:
    """All that `core squeeze` found with a study's texts, by the checkpoint's name. InputError for a file that holds something else."""
    return [_validated(path, Squeezing, "core squeeze") for path in sorted(folder.glob(f"{SQUEEZING}*.json"))]


def _validated(path: Path, kind: type[Any], verb: str) -> dict[str, Any]:
    try:
        found = read_json(path, dict[str, Any], TABLE_BYTES)
        msgspec.convert(found, kind)
    except (InputError, msgspec.ValidationError) as error:
        raise InputError(f"{path} was not written by `{verb}`; remove it, or run the command again ({error})") from error
    return found
