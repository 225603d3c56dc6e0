"""Feature vectors on the page: bars of values and of what each adds to a score, what an attack changed, and ranks query by query.
Everything is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go

from core.render.heatmap import signed, strengths
from core.render.trace import place, ticks
from core.types import FloatArray

SHOWN = 40
"""Rows of a table at most; the rest is counted."""

MOST_POINTS = 2_000


def value_bars(names: Sequence[str], values: FloatArray) -> str:
    """The features [t] of a document and their values [t], the largest first, as bars."""
    order = np.argsort(-np.abs(values), kind="stable")[:SHOWN]
    sizes = np.abs(strengths(values))
    rows = [(names[i], f"{values[i]:.4g}", _bar(float(sizes[i]), bool(values[i] >= 0))) for i in order]
    return _table(("Feature", "Value", ""), rows, _caption("Features of the document", len(names)))


def bars(names: Sequence[str], values: FloatArray, attribution: FloatArray, label: str) -> str:
    """What each feature [t] adds to a label's score, the largest first: orange and solid towards the label, blue and dashed against."""
    order = np.argsort(-np.abs(attribution), kind="stable")[:SHOWN]
    sizes = np.abs(strengths(attribution))
    rows = [(names[i], f"{values[i]:.4g}", signed(float(attribution[i])), _bar(float(sizes[i]), bool(attribution[i] >= 0))) for i in order]
    return _table(("Feature", "Value", "Adds", ""), rows, _caption(f"What each feature adds to {label}", len(names)))


def changes(names: Sequence[str], before: FloatArray, after: FloatArray) -> str:
    """Features [c] that an attack changed: the value before and after, the largest change first; a bar for each change."""
    change = after - before
    order = np.argsort(-np.abs(change), kind="stable")[:SHOWN]
    sizes = np.abs(strengths(change))
    rows = [(names[i], f"{before[i]:.4g}", f"{after[i]:.4g}", _bar(float(sizes[i]), bool(change[i] >= 0))) for i in order]
    return _table(("Feature", "Before", "After", "Change"), rows, _caption("What was changed", len(names)))


def by_query(ranks: Sequence[int], reached: Sequence[bool], k: int, name: str) -> go.Figure:
    """The rank of what is attacked at each query; filled where the goal was reached. A long trace is thinned evenly."""
    at = np.unique(np.linspace(0, len(ranks) - 1, min(len(ranks), MOST_POINTS)).astype(np.int64))
    figure = go.Figure()
    figure.add_hrect(y0=0.4, y1=k + 0.5, fillcolor="rgba(22,138,155,0.08)", line_width=0, layer="below")
    for done, title, symbol in ((False, "not reached", "circle-open"), (True, "goal reached", "circle")):
        chosen = [int(i) for i in at if bool(reached[i]) is done]
        figure.add_scatter(
            x=[i + 1 for i in chosen], y=[place(float(ranks[i]), k) for i in chosen], mode="markers", name=title,
            marker={"size": 5, "symbol": symbol, "color": "rgb(209,102,20)" if done else "rgb(128,134,142)"},
            customdata=[f"{ranks[i]:,}" for i in chosen], hovertemplate="query %{x}: rank %{customdata}<extra></extra>",
        )  # fmt: skip
    lowest = max(ranks, default=k + 1)
    marks = ticks(lowest, k)
    short = escape(name if len(name) <= 40 else name[:39] + "…")
    figure.update_yaxes(range=[place(float(max(lowest, k + 1)), k) + 0.7, 0.4], tickvals=[place(mark, k) for mark in marks], zeroline=False)
    figure.update_yaxes(ticktext=[f"{mark:,}" for mark in marks], title=f"rank of {short}", showgrid=False, automargin=True)
    figure.update_xaxes(title="query", zeroline=False, showgrid=False)
    figure.update_layout(height=280, margin={"l": 8, "r": 8, "t": 8, "b": 8}, legend={"orientation": "h", "y": 1.12})
    return figure


def _caption(said: str, count: int) -> str:
    return said + (f" (the {SHOWN} largest of {count:,})" if count > SHOWN else f" ({count:,})")


def _bar(share: float, positive: bool) -> str:
    return f"<span class='bar {'for' if positive else 'against'}' style='--share: {share:.3f}'></span>"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    """Name, figures, and a bar in the last column, which is HTML of `_bar`."""
    top = "".join(f"<th scope='col'{' class=n' if 0 < i < len(head) - 1 else ''}>{escape(name)}</th>" for i, name in enumerate(head))
    lines = []
    for name, *figures, bar in rows:
        cells = "".join(f"<td class='n'>{escape(one)}</td>" for one in figures)
        lines.append(f"<tr><th scope='row'>{escape(name)}</th>{cells}<td class='bars'>{bar}</td></tr>")
    return (
        f"<table class='figures importance'><caption>{escape(caption)}</caption><thead><tr>{top}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
    )
