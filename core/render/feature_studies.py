"""The figure of studies of feature vectors: how near the vectors lie that reach the goal."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import plotly.graph_objects as go

from core.render.robustness import DASHES, HEIGHT, MARGIN, SYMBOLS
from core.study.tables import Series

MARKS = 40
"""Marks on a line at most, evenly chosen among its documents: more would hide its dashes."""


def within_distance(series: Sequence[Series], level: str) -> go.Figure:
    """Attempts that have succeeded within a distance [share of the document's length], one staircase a study, which differs in its dashes
    and marks too. All end at the same distance, so that a curve that stops rising is seen to stop."""
    figure = go.Figure()
    end = max((x for one in series for x in one.x), default=0.0) * 1.05
    for at, one in enumerate(series):
        x, y, notes = list(one.x), list(one.y), list(one.notes)
        apart = -(-len(x) // MARKS)
        sizes = [7.0 if number and number % apart == 0 else 0.0 for number in range(len(x))]  # neither the start nor the end is a document
        if x and x[-1] < end:
            x, y, notes, sizes = [*x, end], [*y, y[-1]], [*notes, notes[-1]], [*sizes, 0.0]
        figure.add_scatter(
            x=[100 * share for share in x], y=[100 * share for share in y], mode="lines+markers", name=escape(one.name),
            line={"shape": "hv", "dash": DASHES[at % len(DASHES)]}, marker={"size": sizes, "opacity": 1, "symbol": SYMBOLS[at % len(SYMBOLS)]},
            customdata=[escape(note) for note in notes], hovertemplate="within %{x:.1f} %: %{customdata}<extra>%{fullData.name}</extra>",
        )  # fmt: skip
    figure.update_xaxes(title="L2 distance, % of the document's length", rangemode="tozero", automargin=True)
    figure.update_yaxes(title=f"attempts that succeed, % ({escape(level)})", range=[-3, 103], automargin=True)
    figure.update_layout(height=HEIGHT, margin=MARGIN, showlegend=len(series) > 1, legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0})
    return figure
