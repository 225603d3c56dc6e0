"""What a figure is: computed of one record, or the difference of two."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.evidence.estimates import Measured
from core.evidence.records import Record

FRACTION = "fraction"
"""The unit of shares in [0, 1]; shown as percent, points or a plain share, as a paper's row asks."""

DIFFERENCE = "difference"
"""The unit of differences of shares; shown as points, percent or a plain share."""

One = Callable[[Record], Measured]
Two = Callable[[Record, Record], Measured]


@dataclass(frozen=True)
class Measure:
    """`kind`: of which items; `unit`: FRACTION or the unit itself; `attacked`: whether it is made under attack; `help`: what it is; `of`:
    computes it; `threat`: of which attack, where a record holds several; "" for the record's."""

    kind: str
    unit: str
    attacked: bool
    help: str
    of: One
    threat: str = ""


@dataclass(frozen=True)
class Contrast:
    """A difference, first minus second, of two records of one kind."""

    kind: str
    unit: str
    attacked: bool
    help: str
    of: Two
    threat: str = ""
