"""What the papers print: assets/evidence/papers.json. Rows of tables and figures with what is printed, word for word, and caveats, each a
sentence with its source. A row without a number is kept too: "none reported", a picture, a curve that is not tabulated.

Seeds 003 and 004 are one paper (its abstract page and its full text) and are counted once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from core.errors import DataError
from core.evidence import records
from core.files import read_json

FILE = "papers.json"
NO_ATTACK = "no attack"


@dataclass(frozen=True)
class Paper:
    """`seeds` as the project numbers its sources; `text` is the name of the file that they were read in."""

    id: str
    seeds: tuple[str, ...]
    title: str
    authors: str
    year: int
    text: str
    note: str


@dataclass(frozen=True)
class Flag:
    """A caveat: why a printed number must be read with care, and where that is seen."""

    name: str
    sentence: str
    source: str


@dataclass(frozen=True)
class PrintedRow:
    """One printed number. `printed` is as printed, None where nothing is; `value` is the number in `unit`; `origin` says where it stands:
    in the paper, or in the report of its repository."""

    id: str
    where: str
    model: str
    data: str
    setting: str
    threat: str
    metric: str
    unit: str
    printed: str | None
    value: float | None
    flags: tuple[str, ...]
    origin: str


@dataclass(frozen=True)
class Table:
    id: str
    paper: str
    title: str
    about: str
    rows: tuple[PrintedRow, ...]


@dataclass(frozen=True)
class StandIn:
    """What is said of a paper's data set, and the registered data sets that stand in for it; `same`: it is one of them itself."""

    sentence: str
    stand_ins: tuple[str, ...]
    same: bool


@dataclass(frozen=True)
class Papers:
    papers: Mapping[str, Paper]
    datasets: Mapping[str, StandIn]
    flags: Mapping[str, Flag]
    tables: tuple[Table, ...]

    @cached_property
    def rows(self) -> dict[str, PrintedRow]:
        return {row.id: row for table in self.tables for row in table.rows}


def read(folder: Path | None = None) -> Papers:
    """DataError for a file that does not fit: an unknown flag or paper, two rows of one id, a printed value without its number."""
    path = (folder or records.FOLDER) / FILE
    try:
        found = read_json(path, dict[str, Any])
        papers = {one["id"]: Paper(**{**one, "seeds": tuple(one["seeds"])}) for one in found["papers"]}
        datasets = {name: StandIn(one["sentence"], tuple(one["stand_ins"]), bool(one["same"])) for name, one in found["datasets"].items()}
        flags = {name: Flag(name, **one) for name, one in found["flags"].items()}
        tables = tuple(_table(one) for one in found["tables"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"the papers' numbers cannot be read: {type(error).__name__} {error}", path) from error
    whole = Papers(papers, datasets, flags, tables)
    if wrong := problem(whole):
        raise DataError(wrong, path)
    return whole


def _table(found: Mapping[str, Any]) -> Table:
    rows = tuple(PrintedRow(**{**row, "flags": tuple(row["flags"])}) for row in found["rows"])
    return Table(found["id"], found["paper"], found["title"], found["about"], rows)


def problem(whole: Papers) -> str | None:
    """What does not fit together, as a sentence."""
    rows = [row for table in whole.tables for row in table.rows]
    if len(whole.rows) != len(rows):
        return "two rows have one id"
    for table in whole.tables:
        if table.paper not in whole.papers:
            return f"table {table.id} is of paper {table.paper}, which is not listed"
    for row in rows:
        if unknown := [flag for flag in row.flags if flag not in whole.flags]:
            return f"row {row.id} has flags that are not explained: {', '.join(unknown)}"
        if (row.printed is None) != (row.value is None):
            return f"row {row.id} prints {row.printed!r} and has the value {row.value!r}"
        if row.data not in whole.datasets:
            return f"row {row.id} is of data set {row.data}, of which nothing is said"
    return None
