"""Figures of defences: what a positive weighs under a rebalanced loss, and how well a detector tells attacked texts from clean ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import plotly.graph_objects as go

from core.errors import InputError
from core.render.axes import drawn, logarithmic
from core.types import FloatArray, IntArray

HEIGHT = 400
MARGIN = {"l": 8, "r": 8, "t": 16, "b": 8}
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
"""Lines differ in more than colour: not everybody tells colours apart."""


def weight_curve(counts: IntArray, weights: Mapping[str, FloatArray]) -> go.Figure:
    """Weights of the same labels under several losses (name -> [L]) over the labels' training documents [L], both logarithmic. Labels
    with as many documents weigh the same and are one point, which says how many they are; a label without any stands at 1."""
    seen = np.maximum(counts, 1)
    distinct, first, labels = np.unique(seen, return_index=True, return_counts=True)
    figure = go.Figure()
    for at, (name, own) in enumerate(weights.items()):
        if len(own) != len(counts):
            raise InputError(f"there are {len(counts)} labels but {len(own)} weights called '{name}'")
        figure.add_scatter(
            x=distinct, y=own[first], customdata=labels, mode="lines+markers" if len(distinct) < 40 else "lines", name=escape(name),
            line={"dash": DASHES[at % len(DASHES)]},
            hovertemplate="%{x:,} documents: %{y:.3f}<br>%{customdata:,} labels<extra>%{fullData.name}</extra>",
        )  # fmt: skip
    figure.add_hline(y=1, line={"width": 1, "dash": "dot", "color": "gray"})
    figure.update_xaxes(title="training documents of the label (log)", automargin=True, **logarithmic(drawn(figure, "x")))
    figure.update_yaxes(title="weight of a positive (log)", automargin=True, **logarithmic([1.0, *drawn(figure, "y")]))
    return _dressed(figure)


@dataclass(frozen=True)
class Curve:
    """A detector's curve: false and true positive rates [points] from (0, 0) to (1, 1), its area, and the rates at its threshold."""

    name: str
    fpr: Sequence[float]
    tpr: Sequence[float]
    auc: float
    threshold: tuple[float, float]


def roc(curves: Sequence[Curve]) -> go.Figure:
    """Receiver operating characteristics, with the points where the thresholds stand, and the diagonal of guessing."""
    figure = go.Figure()
    for at, one in enumerate(curves):
        name = escape(f"{one.name} (AUC {one.auc:.3f})")
        figure.add_scatter(
            x=[100 * x for x in one.fpr], y=[100 * y for y in one.tpr], mode="lines", name=name, legendgroup=name,
            line={"dash": DASHES[at % len(DASHES)]}, hovertemplate="%{y:.1f} % found at %{x:.1f} % false alarms<extra>%{fullData.name}</extra>",
        )  # fmt: skip
        figure.add_scatter(
            x=[100 * one.threshold[0]], y=[100 * one.threshold[1]], mode="markers", name=name, legendgroup=name, showlegend=False,
            marker={"size": 10, "symbol": "x"}, hovertemplate="at the threshold: %{y:.1f} % found, %{x:.1f} % false alarms<extra></extra>",
        )  # fmt: skip
    figure.add_shape(type="line", x0=0, y0=0, x1=100, y1=100, line={"width": 1, "dash": "dot", "color": "gray"})
    figure.update_xaxes(title="clean texts flagged, %", range=[-2, 102], automargin=True)
    figure.update_yaxes(title="attacked texts flagged, %", range=[-2, 102], automargin=True)
    return _dressed(figure)


def _dressed(figure: go.Figure) -> go.Figure:
    figure.update_layout(height=HEIGHT, margin=MARGIN, legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0}, showlegend=True)
    return figure
