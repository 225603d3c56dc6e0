"""Figures as text, in the unit of the row that they stand beside."""

from __future__ import annotations

import math

from core.evidence.estimates import Measured
from core.evidence.measures import DIFFERENCE, FRACTION

PERCENT = ("%", "points")
"""Units in which a fraction is shown times a hundred."""
SHARE = "share"
MINUS = "\u2212"


def fitting(unit: str, measured: str) -> bool:
    """Whether a figure of unit `measured` can be shown in `unit`."""
    return unit in (*PERCENT, SHARE) if measured in (FRACTION, DIFFERENCE) else unit == measured


def scaled(value: float, unit: str) -> float:
    return 100 * value if unit in PERCENT else value


def number(value: float, unit: str) -> str:
    """'85.0', '0.1620', '4,213', '−3.1': digits by the unit."""
    shown = round(scaled(value, unit), 9) + 0.0  # a sum that cancels is 0, not -0.00
    if unit in PERCENT:
        text = f"{shown:,.1f}" if abs(shown) >= 1 or shown == 0 else f"{shown:.2f}"
    elif float(shown).is_integer() and abs(shown) >= 10:
        text = f"{shown:,.0f}"
    else:
        text = f"{shown:.4g}" if unit == SHARE else f"{shown:,.3g}" if abs(shown) < 1_000 else f"{shown:,.0f}"
    return text.replace("-", MINUS)


def figure(found: Measured, unit: str) -> str:
    """'85.0 % [79.4, 89.3]'; a counted figure says so instead of an interval."""
    if found.empty:
        return "–"
    name = "" if unit in (SHARE, "exponent", "similarity", "score") else f" {unit}"
    if found.exact or math.isnan(found.high):
        return f"{number(found.value, unit)}{name} (counted)"
    return f"{number(found.value, unit)}{name} [{number(found.low, unit)}, {number(found.high, unit)}]"
