"""Figures of a training from the records of its progress: loss, precision on held-out documents clean and attacked, learning rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import plotly.graph_objects as go

Record = Mapping[str, Any]

HEIGHT, LOW = 300, 190
MARGIN = {"l": 8, "r": 8, "t": 16, "b": 8}
POINTS = 1_500
"""Points of a line, at most: a browser draws the figure anew every other second."""
MARKED = 60
"""Points that have room for a symbol each."""
LOSSES = {"loss": "solid", "clean loss": "dot", "attacked loss": "dash", "altered loss": "dash"}
MEASURES = ("P@1", "P@3", "P@5", "nDCG@5")
ATTACKED = "attacked "
SYMBOLS = ("circle", "square", "diamond", "triangle-up")
"""Measures differ in their symbol, clean and attacked in their line: not everybody tells colours apart."""


def losses(records: Sequence[Record]) -> go.Figure:
    """The mean loss since the record before, over steps; under a defence also that of the clean and of the attacked documents."""
    figure = go.Figure()
    for name, dash in LOSSES.items():
        _line(figure, _series(records, "train", name), name, line={"dash": dash, "width": 1.5}, mode="lines")
    figure.update_yaxes(title="loss", rangemode="tozero", automargin=True)
    return _dressed(figure)


def rates(records: Sequence[Record]) -> go.Figure:
    """The learning rate over steps."""
    figure = go.Figure()
    _line(figure, _series(records, "train", "lr"), "learning rate", line={"width": 1.5}, mode="lines")
    figure.update_yaxes(title="learning rate", rangemode="tozero", exponentformat="e", automargin=True)
    return _dressed(figure, LOW)


def precisions(records: Sequence[Record]) -> go.Figure:
    """P@k and nDCG@k, recorded in %, on the held-out documents after each epoch: clean (solid) and attacked (dashed, a ring: where both
    are one, both are seen)."""
    figure = go.Figure()
    for at, measure in enumerate(MEASURES):
        for name, dash, symbol in ((measure, "solid", SYMBOLS[at]), (ATTACKED + measure, "dash", f"{SYMBOLS[at]}-open")):
            points = _series(records, "dev", name)
            mode = "lines+markers" if len(points) <= MARKED else "lines"
            _line(figure, points, name, line={"dash": dash}, mode=mode, marker={"symbol": symbol, "size": 8 if dash == "solid" else 12})
    figure.update_yaxes(title="held-out documents, %", automargin=True)
    return _dressed(figure)


def last(records: Sequence[Record]) -> list[tuple[str, ...]]:
    """The latest figures of `precisions` in words, the heading first: a point of a chart cannot be read to a decimal."""
    columns = [(name, before) for name, before in (("clean", ""), ("attacked", ATTACKED)) if drawable(records, "dev", [before + m for m in MEASURES])]
    found = {(measure, before): _series(records, "dev", before + measure) for measure in MEASURES for _, before in columns}
    step = max((points[-1][0] for points in found.values() if points), default=0)
    rows = [
        (measure, *(f"{found[measure, before][-1][1]:.1f} %" if found[measure, before] else "–" for _, before in columns))
        for measure in MEASURES
        if any(found[measure, before] for _, before in columns)
    ]
    return [(f"Held-out documents at step {step:,}", *(name for name, _ in columns)), *rows]


def drawable(records: Sequence[Record], kind: str, names: Sequence[str]) -> bool:
    """Whether any record of a kind has one of these numbers."""
    return any(_series(records, kind, name) for name in names)


def _series(records: Sequence[Record], kind: str, name: str) -> list[tuple[int, float]]:
    return [(int(r["step"]), float(r[name])) for r in records if r.get("kind") == kind and isinstance(r.get(name), int | float) and "step" in r]


def _line(figure: go.Figure, points: Sequence[tuple[int, float]], name: str, **look: Any) -> None:
    """Nothing where there is no point; every n-th and the last where there are too many."""
    if not points:
        return
    every = -(-len(points) // POINTS)
    shown = [*points[:-1:every], points[-1]]
    x, y = zip(*shown, strict=True)
    figure.add_scatter(x=x, y=y, name=escape(name), hovertemplate="step %{x:,}: %{y:.4g}<extra>%{fullData.name}</extra>", **look)


def _dressed(figure: go.Figure, height: int = HEIGHT) -> go.Figure:
    figure.update_xaxes(title="step", rangemode="tozero", automargin=True)
    legend = {"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0}
    figure.update_layout(height=height, margin=MARGIN, showlegend=len(figure.data) > 1, legend=legend, uirevision="training")
    return figure
