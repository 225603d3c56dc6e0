"""Attention between words as plotly figures that follow the page's theme: no colour but the marks' own is set, and zero is
transparent, so that light and dark both hold."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.errors import InputError

TOWARDS, AGAINST = (209, 102, 20), (54, 112, 190)
"""Orange and blue, told apart by every common colour blindness, at 3:1 and more on light and on dark."""
READ = (124, 92, 214)
"""Violet, at 3:1 and more on light and on dark: attention has no sign, so it has neither of those two colours."""
MAX_WORDS = 160
LONGEST = 18
_ROW = 18


def name(index: int, word: str) -> str:
    """A word as plotly may show it: numbered from 1, because plotly merges rows of the same name, and escaped, because plotly
    reads a part of HTML in names."""
    return f"{index + 1} {escape(word if len(word) <= LONGEST else word[: LONGEST - 1] + '…')}"


def heat_map(weights: NDArray[np.floating[Any]], words: Sequence[str], *, signed: bool = False, measure: str = "share of attention") -> go.Figure:
    """What each word (row) reads from each word (column): weights [w, w], words [w].

    Weights are drawn in one hue; `signed` draws them in orange, negative ones in blue. Only the first MAX_WORDS words
    are drawn; see `left_out`. InputError for shapes that do not fit.
    """
    if weights.shape != (len(words), len(words)) or not words:
        raise InputError(f"weights of shape {weights.shape} do not fit {len(words)} words")
    count = min(len(words), MAX_WORDS)
    names = [name(i, word) for i, word in enumerate(words[:count])]
    shown = weights[:count, :count]
    top = float(np.abs(shown).max()) or 1.0
    figure = go.Figure(
        go.Heatmap(
            z=np.round(shown.astype(np.float64), 5), x=names, y=names, zmin=-top if signed else 0, zmax=top, xgap=1, ygap=1,
            colorscale=_scale(signed), colorbar={
                "thickness": 10, "title": {"text": measure, "side": "right"}, "outlinewidth": 0,
                "lenmode": "pixels", "len": 220, "y": 1, "yanchor": "top",
            },
            hovertemplate=f"%{{y}} reads %{{x}}<br>{escape(measure)} %{{z:.4f}}<extra></extra>",
        )
    )  # fmt: skip
    figure.update_layout(height=_ROW * max(count, 12) + 130, margin={"l": 8, "r": 8, "t": 8, "b": 8}, dragmode="zoom")
    figure.update_xaxes(side="top", tickangle=-60, automargin=True, showgrid=False, zeroline=False, type="category", title="read from")
    figure.update_yaxes(autorange="reversed", automargin=True, showgrid=False, zeroline=False, type="category", title="word that reads")
    return figure


def label_map(weights: NDArray[np.floating[Any]], labels: Sequence[str], words: Sequence[str]) -> go.Figure:
    """How much each of m labels (row) reads from each word (column): weights [m, w]. Each row has the colours of its own largest
    weight, because a label that reads many words reads little of each. Only the first MAX_WORDS words are drawn; see `left_out`.
    InputError for shapes that do not fit."""
    if weights.shape != (len(labels), len(words)) or not words or not labels:
        raise InputError(f"weights of shape {weights.shape} do not fit {len(labels)} labels and {len(words)} words")
    count = min(len(words), MAX_WORDS)
    shown = weights[:, :count].astype(np.float64)
    largest = weights.max(axis=1, keepdims=True)
    figure = go.Figure(
        go.Heatmap(
            z=np.round(shown / np.where(largest > 0, largest, 1), 5), customdata=np.round(shown, 5), zmin=0, zmax=1, xgap=1, ygap=1,
            x=[name(i, word) for i, word in enumerate(words[:count])], y=[name(i, label) for i, label in enumerate(labels)],
            colorscale=_scale(signed=False), showscale=False, hovertemplate="%{y} reads %{x}<br>share of attention %{customdata:.4f}<extra></extra>",
        )
    )  # fmt: skip
    figure.update_layout(height=_ROW * max(len(labels), 4) + 150, margin={"l": 8, "r": 8, "t": 8, "b": 8}, dragmode="zoom")
    figure.update_xaxes(side="top", tickangle=-60, automargin=True, showgrid=False, zeroline=False, type="category", title="read from")
    figure.update_yaxes(autorange="reversed", automargin=True, showgrid=False, zeroline=False, type="category", title="label")
    return figure


def left_out(words: Sequence[str]) -> str | None:
    """What `heat_map` does not draw, as a sentence; None if it draws all."""
    return None if len(words) <= MAX_WORDS else f"The map draws the first {MAX_WORDS} of {len(words)} words."


def bars(
    values: NDArray[np.floating[Any]], words: Sequence[str], *, most: int = 20, signed: bool = False, measure: str = "share of attention"
) -> go.Figure:
    """The `most` words of greatest absolute value, greatest first: values [w], words [w]. In one hue; `signed` ones are orange, negative ones
    blue and hatched."""
    if len(values) != len(words) or not words:
        raise InputError(f"{len(values)} values do not fit {len(words)} words")
    order = np.lexsort((np.arange(len(values)), -np.abs(values)))[:most]
    chosen = np.asarray(values, dtype=np.float64)[order]
    negative = chosen < 0
    figure = go.Figure(
        go.Bar(
            x=chosen, y=[name(int(i), words[i]) for i in order], orientation="h",
            marker={
                "color": [_colour(READ if not signed else AGAINST if below else TOWARDS, 1) for below in negative],
                "pattern": {"shape": ["/" if below else "" for below in negative]},
            },
            hovertemplate=f"%{{y}}<br>{escape(measure)} %{{x:.4f}}<extra></extra>",
        )
    )  # fmt: skip
    figure.update_layout(height=_ROW * len(order) + 90, margin={"l": 8, "r": 8, "t": 8, "b": 8}, bargap=0.25, showlegend=False)
    figure.update_xaxes(title=measure, zeroline=True)
    figure.update_yaxes(autorange="reversed", automargin=True, type="category")
    return figure


def _colour(rgb: tuple[int, int, int], opacity: float) -> str:
    return f"rgba({rgb[0]},{rgb[1]},{rgb[2]},{opacity:g})"


def _scale(signed: bool) -> list[list[float | str]]:
    if not signed:
        return [[0.0, _colour(READ, 0)], [1.0, _colour(READ, 1)]]
    return [[0.0, _colour(AGAINST, 1)], [0.5, _colour(AGAINST, 0)], [0.5, _colour(TOWARDS, 0)], [1.0, _colour(TOWARDS, 1)]]


def chosen(weights: NDArray[np.float32], layer: int | None, head: int | None) -> NDArray[np.float64]:
    """weights [layers, heads, T, T] -> [T, T]: one layer and head, or the mean over those not chosen (None)."""
    layers = weights if layer is None else weights[[layer]]
    heads = layers if head is None else layers[:, [head]]
    return np.asarray(heads.mean(axis=(0, 1), dtype=np.float64))
