"""A label space as plotly figures that follow the page's theme: the long tail, and clusters of labels."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.data.overview import Cluster
from core.labels import HEAD_FROM, TORSO_FROM
from core.render.axes import drawn, logarithmic
from core.types import IntArray

POINTS = 1_500
"""Labels drawn as points: all of a small label space, of a larger one every first, last and evenly (in the logarithm) between."""
CLUSTERED_LABELS = 1_200
LONGEST = 40
BANDS = (("head", HEAD_FROM, None, (22, 138, 155)), ("torso", TORSO_FROM, HEAD_FROM, (209, 102, 20)), ("tail", 1, TORSO_FROM, (148, 102, 190)))
"""Name, lowest and first excluded training count, colour."""
DARK, SLATE = {HEAD_FROM: (18, 110, 124), TORSO_FROM: (167, 82, 16), 0: (118, 82, 152)}, (84, 90, 98)
"""The bands' colours by lowest count, and a neutral one, under white text (5:1 and more), which no theme changes."""


def band_of(counts: IntArray) -> dict[str, tuple[int, float]]:
    """For each band and 'unseen': how many labels lie in it, and which share of all training positives they hold."""
    total = max(int(counts.sum()), 1)
    found = {}
    for band, low, high, _ in BANDS:
        inside = counts[(counts >= low) & (counts < (high or np.inf))]
        found[band] = (len(inside), int(inside.sum()) / total)
    found["unseen"] = (int((counts == 0).sum()), 0.0)
    return found


def rank_frequency(names: Sequence[str], counts: IntArray) -> go.Figure:
    """Training documents of each label over its rank, both logarithmic: names [L], counts [L]. Unseen labels are left out:
    a logarithm has no place for them."""
    order = np.lexsort((np.arange(len(counts)), -counts))
    order = order[counts[order] > 0]
    ranks = _spread(len(order))
    figure = go.Figure()
    shares = band_of(counts)
    top = max(float(counts.max(initial=1)) * 1.6, HEAD_FROM * 2)
    for band, low, high, rgb in BANDS:
        labels, share = shares[band]
        figure.add_hrect(y0=low * 0.8 if low == 1 else low, y1=high or top, fillcolor=_colour(rgb, 0.1), line_width=0, layer="below")
        # An hrect's own annotation ends up outside a logarithmic axis: there plotly wants the logarithm.
        said = f"{band}: {labels:,} labels, {100 * share:.1f} % of all uses"
        # The curve falls from the top left to the bottom right: it leaves these corners free.
        side: dict[str, Any] = {"x": 0.99, "xanchor": "right"} if high is None else {"x": 0.01, "xanchor": "left"}
        figure.add_annotation(**side, xref="paper", y=np.log10(high or top), yanchor="top", text=said, showarrow=False)
        inside = [r for r in ranks if low <= counts[order[r - 1]] < (high or np.inf)]
        figure.add_scatter(
            x=inside, y=counts[order[np.asarray(inside, dtype=np.int64) - 1]], mode="markers", name=band,
            customdata=[_shown(names[order[r - 1]]) for r in inside], marker={"size": 6, "color": _colour(rgb, 0.9)},
            hovertemplate="%{customdata}<br>rank %{x:,}: %{y:,} training documents<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(title="rank of the label", automargin=True, **logarithmic(drawn(figure, "x")))
    y = logarithmic([1.0, top])
    figure.update_yaxes(title="training documents", range=[np.log10(0.8), np.log10(top)], automargin=True, **y)
    figure.update_layout(height=420, margin={"l": 8, "r": 8, "t": 8, "b": 8}, showlegend=False)
    return figure


def cluster_map(clusters: Sequence[Cluster], names: Sequence[str], counts: IntArray) -> go.Figure:
    """Clusters as a treemap: an area is a label's training documents, its colour its band; a click opens a cluster. Past CLUSTERED_LABELS labels in
    all, each cluster shows its most frequent ones only."""
    each = max(1, CLUSTERED_LABELS // max(len(clusters), 1))
    ids, texts, parents, values, notes, colours = [], [], [], [], [], []
    for number, one in enumerate(clusters):
        shown = one.labels[:each]
        ids.append(f"c{number}")
        texts.append(escape(", ".join(one.words[:3])) or f"cluster {number + 1}")
        parents.append("")
        values.append(int(counts[shown].sum()))
        notes.append(f"{len(one.labels):,} labels on {one.documents:,} documents")
        colours.append(_colour(SLATE, 1))
        for label in shown.tolist():
            ids.append(f"l{label}")
            texts.append(_shown(names[label]))
            parents.append(f"c{number}")
            values.append(int(counts[label]))
            notes.append(f"{int(counts[label]):,} training documents")
            colours.append(_colour(next(dark for low, dark in DARK.items() if counts[label] >= low), 1))
    figure = go.Figure(
        go.Treemap(
            ids=ids, labels=texts, parents=parents, values=values, customdata=notes, branchvalues="total", maxdepth=2,
            tiling={"pad": 2}, marker={"colors": colours, "line": {"width": 0}}, textfont={"color": "#ffffff"}, pathbar={"visible": True},
            hovertemplate="%{label}<br>%{customdata}<extra></extra>",
        )
    )  # fmt: skip
    figure.update_layout(height=560, margin={"l": 0, "r": 0, "t": 24, "b": 0})
    return figure


def _colour(rgb: tuple[int, int, int], opacity: float) -> str:
    return f"rgba({rgb[0]},{rgb[1]},{rgb[2]},{opacity:g})"


def _spread(count: int) -> list[int]:
    """At most POINTS ranks from 1 to `count`, evenly in the logarithm where not all fit."""
    if count <= POINTS:
        return list(range(1, count + 1))
    found: list[Any] = np.unique(np.geomspace(1, count, POINTS).round().astype(np.int64)).tolist()
    return found


def _shown(name: str) -> str:
    """A label's name as plotly may show it: plotly reads a part of HTML in names."""
    return escape(name if len(name) <= LONGEST else name[: LONGEST - 1] + "…")
