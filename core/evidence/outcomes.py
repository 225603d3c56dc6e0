"""What each cell says of a claim: a figure beside the claim's border. Plain data, for the page, the files and the figure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FOR, AGAINST, OPEN = "for", "against", "open"
OUTCOMES: Mapping[str, str] = {FOR: "speaks for it", AGAINST: "speaks against it", OPEN: "leaves it open"}


@dataclass(frozen=True)
class CellOutcome:
    """A cell, or a printed number. `value`, `low` and `high` are in `unit`, as `said` shows them; without an interval (a printed or a
    counted number) the last two are nan. `n` attacks, documents, ... stand behind it, None behind a printed number; `cells` are its records."""

    name: str
    value: float
    low: float
    high: float
    n: int | None
    unit: str
    said: str
    outcome: str
    cells: tuple[str, ...] = ()

    @property
    def interval(self) -> bool:
        return not math.isnan(self.low)

    def flat(self) -> dict[str, Any]:
        """A part of a row of the exported table."""
        low, high = (round(end, 6) if self.interval else None for end in (self.low, self.high))
        return {
            "cell": self.name, "speaks": self.outcome, "figure": self.said, "value": round(self.value, 6), "low": low, "high": high,
            "unit": self.unit, "n": self.n, "records": "; ".join(self.cells),
        }  # fmt: skip


@dataclass(frozen=True)
class Border:
    """Where the claimed side begins, in the unit of the figures."""

    at: float
    above: bool
    said: str
    """'above 80 %'"""


def counts(outcomes: Sequence[CellOutcome]) -> dict[str, int]:
    """How many cells speak for a claim, against it, and leave it open."""
    return {name: sum(one.outcome == name for one in outcomes) for name in OUTCOMES}
