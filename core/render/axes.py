"""Logarithmic axes that can be read: whole numbers at powers of ten, not plotly's small stray 2 and 5 between them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import plotly.graph_objects as go

ROOM = 1.3
"""How far ticks reach beyond the data, as a factor: plotly leaves a margin around markers."""
WIDE, NARROW = (1,), (1, 2, 5)
"""What a power of ten is multiplied with: alone where the axis holds two of them, else enough that it is not bare."""


def log_ticks(values: Iterable[float]) -> list[float]:
    """Where ticks stand on a logarithmic axis of these values; what is not above 0 has no place there."""
    seen = [float(value) for value in values if value > 0 and math.isfinite(value)]
    if not seen:
        return [1.0]
    low, high = min(seen) / ROOM, max(seen) * ROOM
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in (WIDE, NARROW):
        found = [float(f"{factor}e{power}") for power in powers for factor in factors if low <= float(f"{factor}e{power}") <= high]
        if len(found) > 1:
            break
    return found or [math.sqrt(low * high)]


def logarithmic(values: Iterable[float]) -> dict[str, Any]:
    """The settings of a plotly axis over these values."""
    ticks = log_ticks(values)
    return {"type": "log", "tickmode": "array", "tickvals": ticks, "ticktext": [_shown(tick) for tick in ticks], "minor": {"ticks": ""}}


def drawn(figure: go.Figure, axis: str) -> list[float]:
    """Every value of a figure's traces along 'x' or 'y'."""
    return [float(value) for trace in figure.data for value in (getattr(trace, axis) if getattr(trace, axis) is not None else ())]


def _shown(tick: float) -> str:
    return f"{tick:,.0f}" if tick >= 1 and tick == round(tick) else f"{tick:.3g}"
