"""An attack as it went: a bump chart of ranks over steps, the changed words as a diff, small tables. Everything is escaped."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import plotly.graph_objects as go

from core.attacks.steps import View
from core.attacks.words.steps import Swap
from core.document import Document
from core.types import IntArray

LINES = 14
"""Labels drawn at most: more lines than that nobody tells apart."""
LONGEST = 30
ROLES = ("attacked", "true", "top", "entered")
"""What a label is to an attack: its target, a true label, in the original top k, or one that entered it on the way."""

COLOURS = {"attacked": "rgb(209,102,20)", "true": "rgb(22,138,155)", "top": "rgb(128,134,142)", "entered": "rgb(148,102,190)"}
DASHES = {"attacked": "solid", "true": "solid", "top": "solid", "entered": "dot"}
WIDTHS = {"attacked": 4.0, "true": 2.5, "top": 1.6, "entered": 2.0}
SAID = {"attacked": "attacked", "true": "true label", "top": "in the top {k} at first", "entered": "entered the top {k}"}


@dataclass(frozen=True)
class Followed:
    """A label whose rank is drawn, and what it is to the attack (one of ROLES)."""

    label: int
    role: str


def followed(views: Sequence[View], k: int, targets: Sequence[int], truth: Sequence[int]) -> tuple[Followed, ...]:
    """The labels to draw: the targets, the true labels, what entered the top k at any step (the latest first), and the original
    top k; LINES at most, in this order."""
    top = views[0].top[:k]
    entered = [label for view in reversed(views[1:]) for label in view.top[:k] if label not in top]
    groups = (("attacked", targets), ("true", truth), ("entered", entered), ("top", top))
    role: dict[int, str] = {}
    for name, labels in groups:
        for label in labels:
            role.setdefault(label, name)
    return tuple(Followed(label, name) for label, name in list(role.items())[:LINES])


def place(rank: float, k: int) -> float:
    """Where a rank is drawn: as it is up to 2k, so that the top k has room; from there on every doubling takes k / 2 places."""
    return rank if rank <= 2 * k else 2 * k + k / 2 * math.log2(rank / (2 * k))


def bump(shown: Sequence[Followed], names: Sequence[str], ranks: IntArray, k: int, steps: Sequence[str], at: int) -> go.Figure:
    """Ranks [s, m] of m labels (their names [m]) over s steps, best at the top, with a line below rank k; `steps` [s] say what was
    done, `at` is the step that is shown (later ones are pale: they were undone)."""
    figure = go.Figure()
    lowest = place(float(ranks.max(initial=k + 1)), k)
    figure.add_hline(y=k + 0.5, line={"color": "rgba(128,134,142,0.8)", "dash": "dash", "width": 1})
    figure.add_hrect(y0=0.4, y1=k + 0.5, fillcolor="rgba(22,138,155,0.08)", line_width=0, layer="below")
    if at < len(steps) - 1:
        figure.add_vrect(x0=at + 0.5, x1=len(steps) - 0.5, fillcolor="rgba(128,134,142,0.18)", line_width=0)
    # Drawn last is on top: the attacked label.
    for column in sorted(range(len(shown)), key=lambda i: -ROLES.index(shown[i].role)):
        role, name = shown[column].role, _short(names[column])
        figure.add_scatter(
            x=list(range(len(steps))), y=[place(float(rank), k) for rank in ranks[:, column]], mode="lines+markers", name=name,
            line={"color": COLOURS[role], "width": WIDTHS[role], "dash": DASHES[role]}, marker={"size": 6 if role != "attacked" else 9},
            customdata=[[f"{int(rank):,}", escape(step)] for rank, step in zip(ranks[:, column], steps, strict=True)],
            hovertemplate=f"{name} ({SAID[role].format(k=k)})<br>rank %{{customdata[0]}} after step %{{x}}: %{{customdata[1]}}<extra></extra>",
        )  # fmt: skip
    for y, column in _apart([(place(float(ranks[-1, i]), k), i) for i in range(len(shown))], lowest / 19):
        role = shown[column].role
        text = f"{int(ranks[-1, column]):,} {_short(names[column])}"
        figure.add_annotation(
            x=1.0, xref="paper", xanchor="left", xshift=8, y=y, yanchor="middle", showarrow=False, align="left",
            text=f"<b>{text}</b>" if role == "attacked" else text, font={"size": 12, "color": None if role == "top" else COLOURS[role]},
        )  # fmt: skip
    marks = ticks(int(ranks.max(initial=k + 1)), k)
    # Annotations do not widen a margin: room for the longest name, 6.3 pixels a character.
    right = 30 + 6.3 * max((len(_short(name)) for name in names), default=0)
    figure.update_yaxes(range=[lowest + 0.7, 0.4], tickvals=[place(tick, k) for tick in marks], ticktext=[f"{tick:,}" for tick in marks])
    figure.update_yaxes(title="rank", zeroline=False, showgrid=False, automargin=True)
    figure.update_xaxes(range=[-0.3, max(len(steps) - 1, 1) + 0.15], dtick=max(1, len(steps) // 12), title="step", zeroline=False, showgrid=False)
    figure.update_layout(height=400, margin={"l": 8, "r": right, "t": 8, "b": 8}, showlegend=False)
    return figure


def ticks(lowest: int, k: int) -> list[int]:
    """1, k, 2k, then doublings, as far as the ranks go."""
    found = [1, *([k] if k > 1 else []), 2 * k]
    while found[-1] * 2 <= lowest:
        found.append(found[-1] * 2)
    return found


def _apart(points: Sequence[tuple[float, int]], least: float) -> list[tuple[float, int]]:
    """The same heights, moved down where two would stand closer than `least`."""
    found: list[tuple[float, int]] = []
    for y, item in sorted(points):
        found.append((max(y, found[-1][0] + least) if found else y, item))
    return found


def _short(name: str) -> str:
    """A label's name as plotly may show it: plotly reads a part of HTML in names."""
    return escape(name if len(name) <= LONGEST else name[: LONGEST - 1] + "…")


def diff(original: Document, swaps: Mapping[int, str]) -> str:
    """The text with each changed word struck through and the new one behind it. Needs the page's CSS or DIFF_CSS."""
    parts = []
    for index, piece in enumerate(original.pieces):
        new = swaps.get(index // 2) if index % 2 else None
        parts.append(escape(piece) if new is None else f"<del>{escape(piece)}</del>\u200a<ins>{escape(new)}</ins>")
    return f"<p class='diff'>{''.join(parts)}</p>"


def swapped(swaps: Sequence[Swap]) -> dict[int, str]:
    return {swap.position: swap.new for swap in swaps}


DIFF_CSS = """
.diff { white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.9; }
.diff del { opacity: 0.62; text-decoration-thickness: 0.1em; }
.diff ins { text-decoration: none; font-weight: 650; padding: 0.05em 0.2em; border-radius: 0.2em; }
.diff ins { border-bottom: 0.14em solid var(--for); background: color-mix(in srgb, var(--for) 18%, transparent); }
"""


def table(head: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "") -> str:
    """A table of texts; every column but the first holds figures."""
    top = "".join(f"<th scope='col'{' class=n' if i else ''}>{escape(name)}</th>" for i, name in enumerate(head))
    body = "".join(
        f"<tr><th scope='row'>{escape(first)}</th>{''.join(f'<td class=n>{escape(cell)}</td>' for cell in rest)}</tr>" for first, *rest in rows
    )
    named = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table class='figures'>{named}{f'<thead><tr>{top}</tr></thead>' if head else ''}<tbody>{body}</tbody></table>"
