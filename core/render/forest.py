"""A claim's cells as a forest plot: each figure with its 95 % interval beside the border that the claim draws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import plotly.graph_objects as go

from core.evidence.outcomes import AGAINST, FOR, OPEN, OUTCOMES, Border, CellOutcome
from core.render.trace import table

STYLES = {FOR: ("circle", "rgb(22,138,155)"), AGAINST: ("x", "rgb(209,102,20)"), OPEN: ("diamond-open", "rgb(128,134,142)")}
"""Mark and colour of what a cell says: not everybody tells colours apart. The colours hold in light and in dark."""
SHADE, LINE = "rgba(22,138,155,0.10)", "rgba(128,134,142,0.9)"
ROW, AROUND = 38, 104
"""Pixels a cell, and above and below all of them."""
BEYOND = 0.07
"""Of the range: the margin on either side of what is drawn."""
LONGEST = 24
"""Characters of a name on one line, where it can be broken."""


def forest(cells: Sequence[CellOutcome], border: Border) -> go.Figure:
    """One row a cell, in their order; the side that is claimed is shaded. A number without an interval is a point."""
    figure = go.Figure()
    low, high = span(cells, border)
    claimed = (border.at, high) if border.above else (low, border.at)
    figure.add_vrect(x0=claimed[0], x1=claimed[1], fillcolor=SHADE, line_width=0, layer="below")
    figure.add_vline(x=border.at, line={"color": LINE, "dash": "dash", "width": 1.5})
    right = border.at > (low + high) / 2  # the words stand on the side that has room for them
    figure.add_annotation(
        x=border.at, y=-0.45, yanchor="bottom", xanchor="right" if right else "left", text=f"claimed: {escape(border.said)}", showarrow=False,
    )  # fmt: skip
    for outcome, (symbol, colour) in STYLES.items():
        inside = [(row, one) for row, one in enumerate(cells) if one.outcome == outcome]
        if inside:
            _marks(figure, inside, OUTCOMES[outcome], symbol, colour)
    unit = next((one.unit for one in cells), "")
    figure.update_xaxes(range=[low, high], title=escape(unit), zeroline=False, automargin=True, fixedrange=True)
    figure.update_yaxes(
        range=[len(cells) - 0.5, -1.1], tickvals=list(range(len(cells))), ticktext=[_broken(one.name) for one in cells], showgrid=False,
        zeroline=False, automargin=True, fixedrange=True,
    )  # fmt: skip
    figure.update_layout(height=AROUND + ROW * (len(cells) + 1), margin={"l": 8, "r": 8, "t": 8, "b": 8}, showlegend=True)
    figure.update_layout(legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0})
    return figure


def _marks(figure: go.Figure, inside: Sequence[tuple[int, CellOutcome]], name: str, symbol: str, colour: str) -> None:
    """The cells of one outcome. An interval of no width would be drawn as a tick: a number without one gets none."""
    up = [one.high - one.value if one.interval else None for _, one in inside]
    down = [one.value - one.low if one.interval else None for _, one in inside]
    figure.add_scatter(
        x=[one.value for _, one in inside], y=[row for row, _ in inside], mode="markers", name=name,
        error_x={"type": "data", "symmetric": False, "array": up, "arrayminus": down, "thickness": 2, "width": 5, "color": colour},
        marker={"size": 11, "symbol": symbol, "color": colour, "line": {"width": 2, "color": colour}},
        customdata=[[escape(one.name), escape(one.said), f", n = {one.n:,}" if one.n is not None else ""] for _, one in inside],
        hovertemplate="%{customdata[0]}<br>%{customdata[1]}%{customdata[2]}<extra>%{fullData.name}</extra>",
    )  # fmt: skip


def span(cells: Sequence[CellOutcome], border: Border) -> tuple[float, float]:
    """The range that holds every end and the border, with a margin."""
    ends = [end for one in cells for end in (one.value, one.low, one.high) if not math.isnan(end)] + [border.at]
    width = (max(ends) - min(ends)) or 1.0
    return min(ends) - BEYOND * width, max(ends) + BEYOND * width


def _broken(name: str) -> str:
    """A name on two lines where it is long and has a comma: plotly gives names as much room as they ask for, however narrow the page."""
    first, comma, rest = name.partition(", ")
    return f"{escape(first)},<br>{escape(rest)}" if comma and len(name) > LONGEST else escape(name)


def figures(cells: Sequence[CellOutcome], border: Border) -> str:
    """The same numbers as an escaped table."""
    rows = [(one.name, one.said, "–" if one.n is None else f"{one.n:,}", one.outcome) for one in cells]
    return table(
        ("Cell", "Figure" if not any(one.interval for one in cells) else "Figure [95 % interval]", "n", "Speaks"),
        rows,
        f"Claimed: {border.said}",
    )


def described(cells: Sequence[CellOutcome], border: Border) -> str:
    """The figure in a sentence, for those who do not see it."""
    said = "; ".join(f"{one.name} {one.said} {OUTCOMES[one.outcome]}" for one in cells)
    return f"Forest plot. Claimed: {border.said}. {said}"
