"""Which of our cells stand beside which of the papers' rows: assets/evidence/links.json, read and checked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import cached_property
from pathlib import Path
from typing import Any

from core.errors import DataError
from core.evidence import records
from core.evidence.papers import NO_ATTACK, Papers, PrintedRow
from core.evidence.selecting import check_where, known
from core.evidence.showing import fitting
from core.files import read_json

FILE = "links.json"
MODEL, STAND_INS = "$model", "$stand_ins"


@dataclass(frozen=True)
class Link:
    """`rows`: patterns of row ids. Then one of: cells of `study` that fit `where` ("$model", "$stand_ins": the row's), by `measure`
    ("{metric}": the row's), with `same` protocol and its `reason`; `none`: why there is nothing to compare; `awaits`: what is missing for a
    measurement that no study makes yet. `alone`: cells that no row asks for stand below the table."""

    rows: tuple[str, ...]
    study: str = ""
    measure: str = ""
    where: Mapping[str, str] | None = None
    against: Mapping[str, str] | None = None
    same: str = ""
    reason: str = ""
    none: str = ""
    awaits: str = ""
    alone: bool = True

    def meets(self, row: PrintedRow) -> bool:
        return self._pattern.match(row.id) is not None

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """All patterns as one: every link is asked about every row."""
        return re.compile("|".join(map(translate, self.rows)))

    def measure_of(self, row: PrintedRow) -> str:
        return self.measure.replace("{metric}", row.metric)

    def conditions(self, row: PrintedRow, whole: Papers) -> dict[str, Any]:
        places: dict[str, Any] = {MODEL: row.model, STAND_INS: whole.datasets[row.data].stand_ins}
        return {key: places.get(value, value) for key, value in (self.where or {}).items()}

    def free(self) -> dict[str, str]:
        """The conditions that do not depend on the row."""
        return {key: value for key, value in (self.where or {}).items() if not value.startswith("$")}


def read_links(whole: Papers, folder: Path | None = None) -> tuple[Link, ...]:
    """DataError for a link that meets no row, for a row that no link meets, and for what `check` finds."""
    path = (folder or records.FOLDER) / FILE
    try:
        found = read_json(path, dict[str, Any])["links"]
        links = tuple(Link(**{**one, "rows": tuple(one["rows"])}) for one in found)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"the links between papers and records cannot be read: {type(error).__name__} {error}", path) from error
    for link in links:
        met = [row for row in whole.rows.values() if link.meets(row)]
        if not met:
            raise DataError(f"the link of rows {', '.join(link.rows)} meets no row", path)
        check(link, met)
    if left := [row.id for row in whole.rows.values() if not any(link.meets(row) for link in links)]:
        raise DataError(f"no link meets row {left[0]}", path)
    return links


def check(link: Link, met: Sequence[PrintedRow]) -> None:
    """DataError for a link of no kind or of two, for one whose measure is of another unit than its rows', and for one that would put a
    figure under attack beside a clean one."""
    if sum(map(bool, (link.study, link.none, link.awaits))) != 1:
        raise DataError(f"the link of rows {', '.join(link.rows)} must name a study, say why there is none, or what it awaits")
    if not link.study:
        return
    check_where(link.where or {})
    check_where(link.against or {})
    for row in met:
        measure = known(link.measure_of(row), link.against is not None)
        if not fitting(row.unit, measure.unit):
            raise DataError(f"row {row.id} is in {row.unit or 'no unit'}, the measure '{link.measure_of(row)}' in {measure.unit}")
        if measure.attacked != (row.threat != NO_ATTACK) and measure.kind not in ("copies",):
            raise DataError(f"row {row.id} is of '{row.threat}', which the measure '{link.measure_of(row)}' is not")
