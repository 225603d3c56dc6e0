"""Which cells a link or a claim means: conditions on model, data and variant, and pairs of cells that differ in the variant only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from core.errors import DataError, InputError
from core.evidence.estimates import Measured
from core.evidence.measures import CONTRASTS, MEASURES, Contrast, Measure, contrast, measure
from core.evidence.records import Record
from core.evidence.run import CellState
from core.evidence.studies.base import command

KEYS = ("model", "data", "variant", "study")
"""What a condition may name."""

Where = Mapping[str, str | Sequence[str]]


NOT_YET = "not measured yet"


@dataclass(frozen=True)
class Missing:
    """A figure that could be measured: what is lacking here, "" for nothing, and the commands that then measure it."""

    lacks: str = ""
    commands: tuple[str, ...] = ()

    @property
    def steps(self) -> str:
        """'needs ...; then python -m core evidence run ...'"""
        return "; then ".join(part for part in (f"needs {self.lacks}" if self.lacks else "", "; ".join(self.commands)) if part)

    def sentence(self) -> str:
        return f"{NOT_YET}: {self.steps}"


@dataclass(frozen=True)
class Selection:
    """One cell, or two that are held against each other."""

    first: CellState
    second: CellState | None = None

    @property
    def records(self) -> tuple[Record, ...]:
        return tuple(one.record for one in (self.first, self.second) if one is not None and one.record is not None)

    @property
    def measured(self) -> bool:
        return self.first.record is not None and (self.second is None or self.second.record is not None)

    @property
    def names(self) -> tuple[str, ...]:
        return (self.first.name,) if self.second is None else (self.first.name, self.second.name)

    def needs(self) -> str:
        """Why there is no figure: 'not measured yet: needs ...; then python -m core evidence run ...'."""
        return self.missing().sentence()

    def missing(self) -> Missing:
        missing = [one for one in (self.first, self.second) if one is not None and one.record is None]
        lacks = list(dict.fromkeys(one.needs for one in missing if one.needs))
        return Missing(next(iter(lacks), ""), tuple(dict.fromkeys(command(one.study.NAME, one.cell.name) for one in missing)))

    def check(self, name: str) -> None:
        """InputError for a measure that these records have not. Nothing is computed."""
        wanted = known(name, self.second is not None).kind
        for one in self.records:
            if one.header.kind != wanted:
                raise InputError(f"'{name}' is no measure of {one.header.name}, whose items are {one.header.kind}")

    def figure(self, name: str) -> Measured:
        """InputError for a measure that these records have not."""
        assert self.first.record is not None
        return measure(name, self.first.record) if self.second is None else contrast(name, self.first.record, _held(self.second))


def _held(state: CellState) -> Record:
    assert state.record is not None
    return state.record


def known(name: str, two: bool) -> Measure | Contrast:
    """DataError for a measure (of two cells: a contrast) that there is not."""
    found: Measure | Contrast | None = CONTRASTS.get(name) if two else MEASURES.get(name)
    if found is None:
        raise DataError(f"there is no {'difference' if two else 'measure'} '{name}'")
    return found


def fits(state: CellState, where: Where) -> bool:
    for key, wanted in where.items():
        have = state.study.NAME if key == "study" else getattr(state.cell, key)
        if have != wanted if isinstance(wanted, str) else have not in wanted:
            return False
    return True


def select(states: Sequence[CellState], study: str, where: Where, against: Where | None) -> Iterator[Selection]:
    """Cells of a study that fit, each with the cell that it is held against: of the same model and data, and of `against`'s conditions
    (its study is another where it names one)."""
    conditions = {"study": study, **where}
    for state in states:
        if not fits(state, conditions):
            continue
        if against is None:
            yield Selection(state)
            continue
        same = {"study": study, "model": state.cell.model, "data": state.cell.data, **against}
        yield from (Selection(state, other) for other in states if fits(other, same))


def check_where(where: Where) -> None:
    """DataError for a condition on what a cell has not."""
    if unknown := [key for key in where if key not in KEYS]:
        raise DataError(f"conditions are on {', '.join(KEYS)}, not on {', '.join(unknown)}")
