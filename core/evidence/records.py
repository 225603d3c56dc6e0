"""What was measured here: a file a cell, JSON lines. The first line is the header, each other line an item: an attack, a document, an
explanation, a timing. Figures are computed from the items; no text of a data set is kept.

A cell is one checkpoint (or none) on one data set under one protocol, such as qaraei-positive/debtags-mach.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, cast

from core.checkpoint import write_atomically
from core.errors import DataError
from core.files import LINES_BYTES, read_text, writing

SCHEMA = 1
FOLDER = Path(os.environ.get("TREMOR_EVIDENCE") or Path(__file__).resolve().parents[2] / "assets" / "evidence")
"""Holds papers.json, claims.json, links.json, and records/STUDY/CELL.jsonl."""
ENDING = ".jsonl"

Item = dict[str, Any]
T = TypeVar("T")

KINDS: Mapping[str, tuple[str, ...]] = {
    "attacks": ("row", "bin", "count", "reason", "success", "words", "changed"),
    "documents": ("row", "true", "clean", "attacked"),
    "predictions": ("row", "true", "hits"),
    "readings": ("row", "true", "words", "read", "windows", "first", "maximum", "mean"),
    "vectors": ("row", "true", "clean", "features", "norm", "attacks"),
    "explanations": ("row", "method", "other", "shared", "top", "tau"),
    "attributions": ("row", "aopc", "random", "completeness"),
    "costs": ("method", "labels", "what", "seconds", "bytes"),
    "copies": ("row",),
    "labels": ("count", "labels"),
    "clusters": ("labels",),
}
"""Kinds of items, and the keys that every item of a kind has beside "id"."""


@dataclass(frozen=True)
class Header:
    """What decides a cell's items. `model` and `variant` are for people ("XML-CNN", "robust"); `threat` names who attacks what and with
    which knowledge; `command` measures the cell again; `measured` is a date, `seconds` what it took."""

    study: str
    cell: str
    kind: str
    model: str
    variant: str
    data: str
    data_digest: str
    split: str
    checkpoint: str
    digest: str
    threat: str
    seed: int
    settings: Mapping[str, Any]
    command: str
    measured: str = ""
    seconds: float = 0.0
    schema: int = SCHEMA

    @property
    def name(self) -> str:
        return f"{self.study}/{self.cell}"

    def same_work(self, other: Header) -> bool:
        """Whether the items of two headers belong together: all that decides them agrees."""
        return all(getattr(self, one.name) == getattr(other, one.name) for one in fields(self) if one.name not in ("measured", "seconds", "command"))


@dataclass(frozen=True)
class Record:
    """A cell that was measured. It never changes, so what was computed of it is kept with it and goes when it goes."""

    header: Header
    items: tuple[Item, ...]

    def once(self, what: str, make: Callable[[], T]) -> T:
        """`make`'s result, made at the first call for `what`: several rows and claims ask for one figure of a record."""
        if what not in self._made:
            self._made[what] = make()
        return cast("T", self._made[what])

    @cached_property
    def _made(self) -> dict[str, Any]:
        return {}

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the whole record."""
        return hashlib.sha256(to_text(self).encode("utf-8", "surrogatepass")).hexdigest()


def place(study: str, cell: str, folder: Path | None = None) -> Path:
    """Where a cell's record lies."""
    return (folder or FOLDER) / "records" / study / f"{cell}{ENDING}"


def to_text(record: Record) -> str:
    lines = [asdict(record.header), *record.items]
    return "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":"), allow_nan=False) + "\n" for line in lines)


def write(record: Record, path: Path) -> None:
    check(record, path)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, to_text(record))


def read(path: Path) -> Record:
    """DataError for a file that is no record of this version, with the line."""
    try:
        lines = read_text(path, LINES_BYTES, DataError).splitlines()
    except DataError as error:
        raise DataError(f"this record cannot be read: {error}", path) from error
    found = objects(lines, path)
    if not found:
        raise DataError("this record is empty", path)
    record = Record(header_of(found[0], path), tuple(found[1:]))
    check(record, path)
    return record


def objects(lines: Sequence[str], path: Path) -> list[Item]:
    """A JSON object a line. DataError names the first line that is none.

    `json.loads` skips white space before and after each text, which costs as much as the text: the decoder's own step does not."""
    decode = json.JSONDecoder().raw_decode
    found: list[Item] = []
    for number, line in enumerate(lines, 1):
        try:
            value, end = decode(line)
        except (ValueError, RecursionError) as error:
            raise DataError("this line is no JSON object", path, number) from error
        if not isinstance(value, dict) or line[end:].strip():
            raise DataError("this line is no JSON object", path, number)
        found.append(value)
    return found


def header_of(found: Mapping[str, Any], path: Path) -> Header:
    """DataError for a line that is no header of this version."""
    if found.get("schema") != SCHEMA:
        raise DataError(f"this record has schema {found.get('schema')!r}; this version reads {SCHEMA}", path, 1)
    try:
        return Header(**found)
    except TypeError as error:
        raise DataError(f"the header of this record does not fit: {error}", path, 1) from error


def check(record: Record, path: Path) -> None:
    """DataError for a kind that there is not, for an item without what its kind has, and for two items of one id."""
    needed = KINDS.get(record.header.kind)
    if needed is None:
        raise DataError(f"this record's kind is {record.header.kind!r}; it must be one of {', '.join(KINDS)}", path, 1)
    ids: set[str] = set()
    wanted = frozenset(("id", *needed))
    for number, item in enumerate(record.items, 2):
        if not wanted <= item.keys():
            raise DataError(f"this item lacks {', '.join(key for key in ('id', *needed) if key not in item)}", path, number)
        name = str(item["id"])
        if name in ids:
            raise DataError(f"two items are called {item['id']!r}", path, number)
        ids.add(name)


def read_all(folder: Path | None = None) -> dict[str, Record]:
    """Every record by "study/cell", in order. DataError for the first that cannot be read, or that lies where another belongs."""
    root = (folder or FOLDER) / "records"
    found: dict[str, Record] = {}
    for path in sorted(root.glob(f"*/*{ENDING}")):
        record = read(path)
        if (record.header.study, record.header.cell) != (path.parent.name, path.stem):
            raise DataError(f"this record says that it is {record.header.name}", path, 1)
        found[record.header.name] = record
    return found


# -- half a record, while it is measured


def begin(path: Path, header: Header) -> list[Item]:
    """The items that an interrupted measurement left in `path`, or none; a file of other work, or of other weights, is begun afresh."""
    if path.is_file():
        lines = read_text(path, LINES_BYTES, DataError).split("\n")
        whole = [json.loads(line) for line in lines[:-1]]  # the last is empty, or what a kill cut short
        if whole and header_of(whole[0], path).same_work(header):
            write_atomically(path, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in whole))
            return whole[1:]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(asdict(header), ensure_ascii=False) + "\n")
    return []


def append(path: Path, items: Iterable[Item]) -> None:
    """Add items; when this returns they are on the disk, and where they do not fit there, nothing of them is."""
    writing.append(path, "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items).encode("utf-8"))
