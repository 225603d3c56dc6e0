"""A study's records: one JSON object a line, appended and forced to disk one by one, read back without what a kill cut short.

A line is `core.attacks.words.result.Result.to_json` and beside it what the study knows of the pair ("pair", "bin", ...). A pair that
could not be attacked has a line, too: reason "refused" (the goal did not fit) or "error" (with the error's type and sentence).

A study that is passed on without the texts it attacked has lines without them (core.study.texts): "text_digest" stands for "text".
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from core.errors import DataError, InputError
from core.files import LINES_BYTES, read_bytes, read_lines, writing

SCHEMA = 1
"""Of what the study adds to an attack's record."""
FILE = "records.jsonl"
WITHOUT_TEXTS = 1
"""Of the form of records without texts (core.study.texts)."""
SKIPPED = ("refused", "error")
"""Reasons of records that are no attempts."""

Record = dict[str, Any]


def path_in(folder: Path) -> Path:
    """The records of a run folder or of a shipped example, packed or not. InputError where there are none."""
    for candidate in (folder / FILE, folder / f"{FILE}.gz", folder):
        if candidate.is_file():
            return candidate
    raise InputError(f"{folder} holds no records of a study: there is no {FILE}")


def read(path: Path, lenient_end: bool = True) -> list[Record]:
    """All records in the order of the file; of two for one pair the first. The last line may be cut short; DataError names any other
    line that is no record, and a record of another version."""
    if not os.path.lexists(path):
        return []
    found: dict[str, Record] = {}
    anything: Any = Any  # what is no object is no record: the sentence below says so
    for number, record in read_lines(path, anything, error=DataError, unfinished=lenient_end):
        if not isinstance(record, dict) or "pair" not in record or record.get("study") != SCHEMA:
            raise DataError(f"this line is no record of a study of version {SCHEMA}", path, number)
        found.setdefault(str(record["pair"]), record)
    return list(found.values())


def mend(path: Path) -> None:
    """Cut off a last line that a kill left unfinished, so that the next record starts a line of its own."""
    if not os.path.lexists(path):
        return
    content = read_bytes(path, LINES_BYTES, DataError)
    if content and not content.endswith(b"\n"):
        with path.open("r+b") as stream:
            stream.truncate(content.rfind(b"\n") + 1)
            os.fsync(stream.fileno())


def append(path: Path, record: Mapping[str, Any]) -> None:
    """Add a record; when this returns it is on the disk, and where it does not fit there, nothing of it is."""
    writing.append(path, json.dumps(record, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n", DataError)


def attempts(records: Iterable[Record]) -> list[Record]:
    """The records of attacks that were made: without refused pairs and errors."""
    return [record for record in records if record["reason"] not in SKIPPED]


def lacks_text(record: Mapping[str, Any]) -> bool:
    """Whether a record keeps the text's digest in its place (core.study.texts)."""
    return "text" not in record


def timeless(record: Mapping[str, Any]) -> Record:
    """A record without the time it took: what two runs of one study agree on."""
    return {key: value for key, value in record.items() if key != "seconds"}
