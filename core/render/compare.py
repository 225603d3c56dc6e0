"""Two checkpoints in one figure: the attacked label's rank on both, step by step, and success by bin on the same pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import plotly.graph_objects as go

from core.render.trace import place, ticks
from core.study.tables import Series

SIDES = (("solid", "circle", "rgb(22,138,155)"), ("dash", "square", "rgb(209,102,20)"))
"""The first and the second checkpoint differ in their line and mark, too: not everybody tells colours apart. The colours hold in light
and in dark."""
APART = 0.11
"""Half the distance between the two marks of a bin."""


@dataclass(frozen=True)
class Pursued:
    """One checkpoint's attack: the label's rank after each step, and what each step did."""

    name: str
    ranks: Sequence[int]
    said: Sequence[str]


def pursuit(sides: Sequence[Pursued], k: int) -> go.Figure:
    """Ranks over steps, best at the top, with a line below rank k. Ranks past 2k are drawn closer together, as in the bump chart."""
    figure = go.Figure()
    lowest = max((rank for one in sides for rank in one.ranks), default=k + 1)
    figure.add_hline(y=k + 0.5, line={"color": "rgba(128,134,142,0.8)", "dash": "dash", "width": 1})
    figure.add_hrect(y0=0.4, y1=k + 0.5, fillcolor="rgba(22,138,155,0.08)", line_width=0, layer="below")
    for one, (dash, symbol, colour) in zip(sides, SIDES, strict=False):
        figure.add_scatter(
            x=list(range(len(one.ranks))), y=[place(float(rank), k) for rank in one.ranks], mode="lines+markers", name=escape(one.name),
            line={"width": 3, "dash": dash, "color": colour}, marker={"size": 9, "symbol": symbol},
            customdata=[[f"{rank:,}", escape(said)] for rank, said in zip(one.ranks, one.said, strict=True)],
            hovertemplate="rank %{customdata[0]} after step %{x}: %{customdata[1]}<extra>%{fullData.name}</extra>",
        )  # fmt: skip
    steps = max((len(one.ranks) for one in sides), default=1)
    marks = ticks(max(lowest, k + 1), k)
    figure.update_yaxes(range=[place(float(max(lowest, k + 1)), k) + 0.7, 0.4], tickvals=[place(tick, k) for tick in marks])
    figure.update_yaxes(ticktext=[f"{tick:,}" for tick in marks], title="rank of the label", zeroline=False, showgrid=False, automargin=True)
    figure.update_xaxes(range=[-0.3, max(steps - 1, 1) + 0.3], dtick=max(1, steps // 12), title="step", zeroline=False, showgrid=False)
    figure.update_layout(height=320, margin={"l": 8, "r": 8, "t": 8, "b": 8}, showlegend=True)
    figure.update_layout(legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0})
    return figure


def success_by_bin(bins: Sequence[str], sides: Sequence[Series], counted: str) -> go.Figure:
    """Success of two studies on the same pairs, bin by bin: x of a point is the place of its bin in `bins`; Wilson's 95 % intervals.
    `counted` says what a success is."""
    figure = go.Figure()
    for one, (_, symbol, colour), shift in zip(sides, SIDES, (-APART, APART), strict=False):
        figure.add_scatter(
            x=[x + shift for x in one.x], y=[100 * y for y in one.y], mode="markers", name=escape(one.name),
            error_y={
                "type": "data", "symmetric": False, "thickness": 1.5, "width": 5,
                "array": [100 * (high - y) for y, high in zip(one.y, one.high, strict=True)],
                "arrayminus": [100 * (y - low) for y, low in zip(one.y, one.low, strict=True)],
            },
            marker={"size": 11, "symbol": symbol, "color": colour}, customdata=[escape(note) for note in one.notes],
            hovertemplate="%{customdata}<br>%{y:.1f} %<extra>%{fullData.name}</extra>",
        )  # fmt: skip
    figure.update_xaxes(tickvals=list(range(len(bins))), ticktext=[escape(name) for name in bins], range=[-0.6, len(bins) - 0.4])
    figure.update_xaxes(title="training documents of the label", zeroline=False, showgrid=False, automargin=True)
    figure.update_yaxes(title=f"success, % ({escape(counted)})", range=[-3, 103], automargin=True)
    figure.update_layout(height=380, margin={"l": 8, "r": 8, "t": 16, "b": 8}, showlegend=True)
    figure.update_layout(legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0})
    return figure
