"""The join of what papers print and what was measured here: one line for each of a paper's rows and each of our cells beside it. Which lines
there are is settled when the files are read, and what does not fit is refused there; a figure is computed when somebody looks at it.

assets/evidence/links.json says which cells stand beside which rows, by which measure, and whether the protocol is the same. Rules
(methods.md 10.7): a row and a cell must be of one threat; another data set is never the same protocol, it is replicated on other data; what
a paper has no row for stands below its table as ours alone; what nobody measured yet says what it needs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from core.errors import DataError
from core.evidence import claims, papers, records
from core.evidence.claims import Claim, Verdict, verdict_on
from core.evidence.departures import called, told
from core.evidence.estimates import NOTHING, Measured
from core.evidence.links import Link, read_links
from core.evidence.papers import NO_ATTACK, Papers, PrintedRow, Table
from core.evidence.records import Record
from core.evidence.run import CellState, states
from core.evidence.selecting import NOT_YET, Missing, Selection, fits, known, select
from core.evidence.showing import figure, scaled

YES, PARTLY, NO = "yes", "partly", "no"
NONE_PRINTED = "none reported"
OURS_ALONE = "not in the paper"


@dataclass(frozen=True)
class Line:
    """A paper's row with one of our cells, or with the sentence why there is none; or a cell of ours below the paper's table.

    `table` is the table's id; `state` says in words why there is no figure."""

    paper: str
    table: str
    row: PrintedRow | None
    metric: str
    unit: str
    threat: str
    setting: str
    measure: str
    cells: tuple[str, ...]
    our_model: str
    our_data: str
    our_variant: str
    same: str
    reason: str
    state: str
    chosen: Selection | None = None
    """The records that the figure is computed from."""
    lacking: Missing | None = None
    """What a measurement needs, if there is no figure."""

    @cached_property
    def found(self) -> Measured:
        """The figure; NOTHING where `cells` is empty or not measured. Computed at the first look."""
        return self.chosen.figure(self.measure) if self.chosen is not None and self.chosen.measured else NOTHING

    @property
    def missing(self) -> Missing | None:
        """Where it could be measured but was not yet."""
        return self.lacking if self.found.empty else None

    @property
    def where(self) -> str:
        return self.row.where if self.row is not None else ""

    @property
    def model(self) -> str:
        return self.row.model if self.row is not None else self.our_model

    @property
    def data(self) -> str:
        return self.row.data if self.row is not None else ""

    @property
    def flags(self) -> tuple[str, ...]:
        return self.row.flags if self.row is not None else ()

    @property
    def printed(self) -> str:
        """What the paper prints, word for word."""
        if self.row is None:
            return OURS_ALONE
        return NONE_PRINTED if self.row.printed is None else self.row.printed

    @property
    def measured(self) -> bool:
        return not self.found.empty

    @property
    def n(self) -> int | None:
        """Attacks, documents, ... behind an estimate; None for a figure that was counted."""
        return self.found.n if self.measured and not self.found.exact else None

    @property
    def ours(self) -> str:
        """'85.0 % [79.4, 89.3]', or why there is none."""
        return figure(self.found, self.unit) if self.measured else self.state

    @property
    def beside(self) -> str:
        """What of our model its name does not say, and what an attack moved; "" where there is nothing to say."""
        return "" if self.chosen is None else told("", self.our_model, self.chosen.first.record, self.threat != NO_ATTACK)

    @property
    def here(self) -> str:
        """The same in short: what a measurement needs is said by `to_measure`, which no column of a table has room for."""
        return self.ours if self.missing is None else NOT_YET

    @property
    def to_measure(self) -> str:
        return "" if self.missing is None else self.missing.steps

    def flat(self) -> dict[str, Any]:
        """A row of the exported table."""
        value, low, high = (None if math.isnan(v) else round(scaled(v, self.unit), 6) for v in (self.found.value, self.found.low, self.found.high))
        return {
            "paper": self.paper, "table": self.where, "model": self.model, "data": self.data, "setting": self.setting, "threat": self.threat,
            "metric": self.metric, "unit": self.unit, "paper prints": self.printed, "paper value": None if self.row is None else self.row.value,
            "origin": "" if self.row is None else self.row.origin, "caveats": "; ".join(self.flags), "our value": value, "low": low, "high": high,
            "n": self.n, "our model": self.our_model, "our variant": self.our_variant, "our data": self.our_data,
            "our measure": self.measure, "same protocol": self.same, "reason": self.reason, "state": "" if self.measured else self.state,
            "records": "; ".join(self.cells) if self.measured else "",
        }  # fmt: skip


@dataclass(frozen=True)
class EvidenceBoard:
    """Everything that the Evidence page shows."""

    papers: Papers
    lines: tuple[Line, ...]
    claims: tuple[Claim, ...]
    states: tuple[CellState, ...]

    @cached_property
    def verdicts(self) -> tuple[Verdict, ...]:
        """On every claim, judged at the first look."""
        return tuple(verdict_on(claim, self.states, self.papers) for claim in self.claims)

    def of_table(self, table: str) -> list[Line]:
        return [line for line in self.lines if line.table == table]

    def record(self, name: str) -> Record | None:
        """The record of "study/cell"."""
        return next((one.record for one in self.states if one.name == name), None)


def read_board(folder: Path | None = None) -> EvidenceBoard:
    """Read the three data files and all records. DataError for one that does not fit, InputError for a measure that does not."""
    whole, have = papers.read(folder), tuple(states(records.read_all(folder)))
    links = read_links(whole, folder)
    lines = tuple(line for table in whole.tables for line in of_table(table, whole, links, have))
    return EvidenceBoard(whole, lines, claims.read(whole, folder), have)


def of_table(table: Table, whole: Papers, links: Sequence[Link], have: Sequence[CellState]) -> Iterator[Line]:
    """The paper's rows in order, then our cells that it has no row for."""
    beside: set[tuple[str, tuple[str, ...]]] = set()
    met = [(row, link) for row in table.rows for link in links if link.meets(row)]
    for row, link in met:
        for line in _of_row(table, row, link, whole, have):
            beside.add((line.measure, line.cells))
            yield line
    for row, link in met:
        if link.study and link.alone:
            yield from _ours_alone(table, row, link, have, beside)


def _of_row(table: Table, row: PrintedRow, link: Link, whole: Papers, have: Sequence[CellState]) -> Iterator[Line]:
    if link.none or link.awaits:
        state: str | Missing = link.none or Missing(link.awaits)
        if link.awaits and not whole.datasets[row.data].stand_ins:
            state = whole.datasets[row.data].sentence
        yield _line(table, row, link, None, state)
        return
    chosen = list(select(have, link.study, link.conditions(row, whole), link.against))
    if not chosen:
        about = whole.datasets[row.data]
        yield _line(table, row, link, None, about.sentence if not about.stand_ins else "not measured here")
    for one in chosen:
        threat = known(link.measure_of(row), link.against is not None).threat or one.first.study.THREAT
        if row.threat not in (threat, NO_ATTACK):
            raise DataError(f"row {row.id} is of '{row.threat}', the cell {one.first.name} of '{threat}'")
        same, reason = _protocol(row, link, one, whole)
        yield _line(table, row, link, one, one.missing(), same, told(reason, row.model, one.first.record, row.threat != NO_ATTACK))


def _protocol(row: PrintedRow, link: Link, chosen: Selection, whole: Papers) -> tuple[str, str]:
    """Same protocol, and why (not). Another data set is said first, and is never the same."""
    about, data = whole.datasets[row.data], chosen.first.cell.data
    if about.same and data in about.stand_ins:
        return link.same, link.reason
    said = f"Protocol replicated on other data ({data} for {row.data}). {link.reason}"
    return (NO if link.same == NO else PARTLY), said


def _ours_alone(table: Table, row: PrintedRow, link: Link, have: Sequence[CellState], beside: set[tuple[str, tuple[str, ...]]]) -> Iterator[Line]:
    for one in select(have, link.study, link.free(), link.against):
        key = (link.measure_of(row), one.names)
        if one.measured and key not in beside and fits(one.first, {"study": link.study}):
            beside.add(key)
            reason = f"The paper has no such row: another model or other data. {link.reason}"
            reason = told(reason, one.first.cell.model, one.first.record, row.threat != NO_ATTACK)
            yield _line(table, None, link, one, "", NO, reason, metric=row.metric, unit=row.unit, threat=row.threat, measure=key[0])


def _line(
    table: Table,
    row: PrintedRow | None,
    link: Link,
    chosen: Selection | None,
    state: str | Missing,
    same: str = "",
    reason: str = "",
    *,
    metric: str = "",
    unit: str = "",
    threat: str = "",
    measure: str = "",
) -> Line:
    measure = measure or (link.measure_of(row) if row is not None and link.study else "")
    if chosen is not None:
        chosen.check(measure)
    cell = None if chosen is None else chosen.first.cell
    against = "" if chosen is None or chosen.second is None else f" against {chosen.second.cell.variant}"
    variant = "" if cell is None else called(f"{cell.variant}{against}", chosen.first.record if chosen else None).strip()
    return Line(
        table.paper, table.id, row, row.metric if row else metric, row.unit if row else unit, row.threat if row else threat,
        row.setting if row else variant, measure, () if chosen is None else chosen.names, "" if cell is None else cell.model,
        "" if cell is None else cell.data, variant, same, reason,
        state.sentence() if isinstance(state, Missing) else state, chosen, state if isinstance(state, Missing) else None,
    )  # fmt: skip
