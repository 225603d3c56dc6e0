"""Figures of studies: success by label frequency, success against what it costs, transfer between checkpoints, fragile labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import plotly.graph_objects as go

from core.render.axes import drawn, logarithmic
from core.study.tables import Fragile, Series, Transfers

HEIGHT = 400
MARGIN = {"l": 8, "r": 8, "t": 16, "b": 8}
LABELS = 400
"""Labels drawn as points, at most: the most fragile ones."""
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
"""Studies differ in their line, too: not everybody tells colours apart."""
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x")
LOST, KEPT = "rgb(209, 102, 20)", "rgb(128, 134, 142)"


def success_by_frequency(series: Sequence[Series], counted: str) -> go.Figure:
    """Figure 2 of the paper: success over training counts, logarithmic, with Wilson's 95 % intervals. `counted` says what a success is."""
    figure = go.Figure()
    for at, one in enumerate(series):
        up = [100 * (high - y) for y, high in zip(one.y, one.high, strict=True)]
        down = [100 * (y - low) for y, low in zip(one.y, one.low, strict=True)]
        figure.add_scatter(
            x=one.x, y=[100 * y for y in one.y], mode="lines+markers", name=escape(one.name), customdata=[escape(note) for note in one.notes],
            error_y={"type": "data", "symmetric": False, "array": up, "arrayminus": down, "thickness": 1.5, "width": 5},
            line={"dash": DASHES[at % len(DASHES)]}, marker={"size": 9, "symbol": SYMBOLS[at % len(SYMBOLS)]},
            hovertemplate="%{customdata}<br>%{y:.1f} %<extra>%{fullData.name}</extra>",
        )  # fmt: skip
    figure.update_xaxes(title="training documents of the label (log)", automargin=True, **logarithmic(drawn(figure, "x")))
    figure.update_yaxes(title=f"success, % ({escape(counted)})", range=[-3, 103], automargin=True)
    return _dressed(figure, len(series))


def staircase(series: Sequence[Series], cost: str, in_logarithm: bool = False) -> go.Figure:
    """The share of attacks that had succeeded by a cost. A logarithmic axis has no zero: curves start at their first success there. All end
    at the greatest cost of any of them: one that stops before looks as if nothing were known further on."""
    furthest = max((x for one in series for x in one.x), default=0)
    figure = go.Figure()
    for at, one in enumerate(series):
        points = [(x, y, note) for x, y, note in zip(one.x, one.y, one.notes, strict=True) if x > 0 or not in_logarithm]
        points += [(furthest, *points[-1][1:])] if points and points[-1][0] < furthest else []
        x, y, notes = zip(*points, strict=True) if points else ((), (), ())
        figure.add_scatter(
            x=x, y=[100 * share for share in y], mode="lines", name=escape(one.name), line={"shape": "hv", "dash": DASHES[at % len(DASHES)]},
            customdata=[escape(note) for note in notes], hovertemplate="%{x:,}: %{customdata}<extra>%{fullData.name}</extra>",
        )  # fmt: skip
    figure.update_xaxes(title=escape(cost), rangemode="tozero", automargin=True, **(logarithmic(drawn(figure, "x")) if in_logarithm else {}))
    figure.update_yaxes(title="attacks that have succeeded, %", range=[-3, 103], automargin=True)
    return _dressed(figure, len(series))


def transfer_map(found: Transfers) -> go.Figure:
    """Which of a study's successful texts work on which checkpoint; empty where nobody asked."""
    share = [[None if value is None else 100 * value for value in row] for row in found.share]
    texts = [
        ["" if value is None else f"{value:.0f} %<br>of {n}" for value, n in zip(row, counts, strict=True)]
        for row, counts in zip(share, found.texts, strict=True)
    ]
    figure = go.Figure(
        go.Heatmap(
            z=share, x=[escape(name) for name in found.checkpoints], y=[escape(name) for name in found.studies], text=texts, texttemplate="%{text}",
            zmin=0, zmax=100, colorscale="Blues", colorbar={"title": "%"}, hovertemplate="%{y} read by %{x}: %{text}<extra></extra>", xgap=2, ygap=2,
        )
    )  # fmt: skip
    figure.update_xaxes(title="read by", side="bottom", automargin=True)
    figure.update_yaxes(title="texts of", autorange="reversed", automargin=True)
    figure.update_layout(height=max(220, 90 + 70 * len(found.studies)), margin=MARGIN)
    return figure


def fragile_labels(labels: Sequence[Fragile]) -> go.Figure:
    """Median number of changed words until a label is lost, over its training count; labels that mostly stayed stand on top."""
    shown = labels[:LABELS]
    finite = [one.median_words for one in shown if math.isfinite(one.median_words)]
    top = max(finite, default=1.0) * 1.15 + 1
    figure = go.Figure()
    for name, colour, symbol, inside in (
        ("lost", LOST, "circle", [one for one in shown if math.isfinite(one.median_words)]),
        ("mostly not lost within the budget", KEPT, "x", [one for one in shown if not math.isfinite(one.median_words)]),
    ):
        figure.add_scatter(
            x=[max(one.count, 1) for one in inside], y=[min(one.median_words, top) for one in inside], mode="markers", name=name,
            marker={"color": colour, "size": 8, "symbol": symbol}, hovertemplate="%{customdata}<extra></extra>",
            customdata=[_fragile(one) for one in inside],
        )  # fmt: skip
    figure.update_xaxes(title="training documents of the label (log)", automargin=True, **logarithmic(drawn(figure, "x")))
    figure.update_yaxes(title="changed words until it is lost, median", range=[0, top + 0.5], automargin=True)
    return _dressed(figure, 2)


def _fragile(one: Fragile) -> str:
    low, high = 100 * one.share.low, 100 * one.share.high
    return f"{escape(one.label)}<br>{escape(one.checkpoint)}<br>lost {one.lost} of {one.attacks} [{low:.0f} to {high:.0f} %]"


def _dressed(figure: go.Figure, series: int) -> go.Figure:
    figure.update_layout(height=HEIGHT, margin=MARGIN, showlegend=series > 1, legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0})
    return figure
