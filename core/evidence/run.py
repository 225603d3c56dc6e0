"""Measuring cells: what is measured is kept in assets/evidence/records, what is under way in runs/evidence, so that the same command goes on
after a kill. `again` measures a kept cell afresh and says whether its figures are the same within their intervals.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core import checkpoint
from core.errors import CapabilityError, InputError
from core.evidence import records
from core.evidence.estimates import Measured
from core.evidence.measures import MEASURES
from core.evidence.records import Record
from core.evidence.studies import STUDIES, Cell, EvidenceStudy, study
from core.evidence.studies.base import WORK, find
from core.types import Progress, silent

AGAIN = "again"
"""Below runs/evidence: cells that are measured a second time."""


@dataclass(frozen=True)
class CellState:
    """A cell of a study: its record, or why there is none and whether it could be measured here."""

    study: EvidenceStudy
    cell: Cell
    record: Record | None
    needs: str | None

    @property
    def name(self) -> str:
        return f"{self.study.NAME}/{self.cell.name}"

    def sentence(self) -> str:
        if self.record is not None:
            return f"measured on {self.record.header.measured}, {len(self.record.items):,} items"
        return "not measured yet" + (f": needs {self.needs}" if self.needs else "")


def states(found: dict[str, Record] | None = None) -> list[CellState]:
    """Every cell of every study."""
    have = records.read_all() if found is None else found
    every = [study(name) for name in STUDIES]
    return [CellState(one, cell, have.get(f"{one.NAME}/{cell.name}"), cell.refusal()) for one in every for cell in one.cells]


def work_folder(one: EvidenceStudy, cell: Cell) -> Path:
    return checkpoint.RUNS / WORK / one.NAME / cell.name


def measure_cells(name: str, only: str | None = None, progress: Progress = silent) -> Iterator[tuple[Cell, Record | str]]:
    """Each cell of a study (or one) that has no record and can be measured here, with its record; of the others why not.
    InputError for a study or cell that there is not."""
    one = study(name)
    for cell in [find(one, only)] if only else one.cells:
        path = records.place(name, cell.name)
        if path.is_file():
            yield cell, f"is measured already: {path}"
        elif (why := cell.refusal()) is not None:
            yield cell, f"is not measured yet: needs {why}"
        else:
            try:
                record = one.measure(cell, work_folder(one, cell), progress)
            except CapabilityError as error:
                yield cell, f"cannot be measured: {error}"
                continue
            records.write(record, path)
            yield cell, record


@dataclass(frozen=True)
class Compared:
    """A figure as it was kept and as it is now; `same`: the new value lies within the kept interval, or equals a counted figure."""

    measure: str
    kept: Measured
    now: Measured
    same: bool


def again(name: str, only: str, progress: Progress = silent) -> tuple[Record, list[Compared]]:
    """Measure a kept cell afresh, in a folder of its own, which is emptied first unless the measurement in it is of the same weights and was
    interrupted. InputError for a cell without a record."""
    one = study(name)
    cell = find(one, only)
    path = records.place(name, only)
    if not path.is_file():
        raise InputError(f"{name}/{only} was never measured, so there is nothing to compare with: python -m core evidence run {name} --cell {only}")
    if (why := cell.refusal()) is not None:
        raise InputError(f"{name}/{only} cannot be measured here: it needs {why}")
    kept = records.read(path)
    work = checkpoint.RUNS / WORK / AGAIN / name / only
    now = one.measure(cell, work, progress, kept.header)
    shutil.rmtree(work)  # the next comparison begins afresh
    return now, compare(kept, now)


def compare(kept: Record, now: Record) -> list[Compared]:
    """Every figure of both. Timings depend on the machine; all else should agree."""
    found = []
    for name, known in MEASURES.items():
        if known.kind != kept.header.kind:
            continue
        before, after = known.of(kept), known.of(now)
        if before.empty and after.empty:
            continue
        same = after.value == before.value or (not before.exact and before.low <= after.value <= before.high)
        found.append(Compared(name, before, after, bool(same)))
    return found


def take_up(name: str, only: str, folder: Path, progress: Progress = silent) -> Record:
    """Keep the record of a finished study folder (`python -m core study`) as a cell's. InputError where it does not fit, or where the
    cell has a record already."""
    from core.evidence.studies.campaigns import Campaigns, taken_up

    one = study(name)
    cell = find(one, only)
    if not isinstance(one, Campaigns):
        raise InputError(f"'{name}' is no study of attacks on words, so no folder of `python -m core study` is its measurement")
    path = records.place(name, only)
    if path.is_file():
        raise InputError(f"{path} is there already; delete it first if this measurement shall take its place")
    record = taken_up(one, cell, folder, progress)
    records.write(record, path)
    return record
