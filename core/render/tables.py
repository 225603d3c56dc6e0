"""Small tables in HTML: what an explanation's fidelity is, how ranks moved, how far explainers agree. Everything is escaped."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from core.agreement import Agreement
from core.explainers.attribution import Attribution
from core.explainers.fidelity import MEASURES

NAMES = {
    "completeness": "Completeness error", "elsewhere": "Not on words", "r2": "Surrogate fit R²", "comprehensiveness": "Comprehensiveness",
    "sufficiency": "Sufficiency", "aopc": "AOPC", "aopc_random": "AOPC of random words", "flip_word": "Top word decides",
    "flip_share": "Words to flip", "stability": "Seed stability",
}  # fmt: skip
"""Measures by their names for people."""

SHARES = ("completeness", "elsewhere", "flip_share")
"""Measures that are shown in percent."""


def figure(name: str, value: float) -> str:
    """A measure's value as text; what does not apply is an en dash."""
    if not math.isfinite(value):
        return "–"
    if name == "flip_word":
        return "yes" if value else "no"
    if name in SHARES:
        return f"{100 * value:.0f} %" if value >= 0.1 else f"{100 * value:.2g} %"
    return f"{value:.3f}".replace("-", "\u2212")


def fidelity(attribution: Attribution, row: int = 0) -> str:
    """The measures of one label as a table: name, value, which way is better, what it means."""
    lines = []
    for name, column in attribution.fidelity.items():
        measure = MEASURES.get(name)
        better = {"higher": "↑ higher is better", "lower": "↓ lower is better"}.get(measure.better if measure else "", "for comparison")
        meaning = measure.help if measure else ""
        lines.append(
            f"<tr><th scope='row'>{escape(NAMES.get(name, name))}</th><td class='n'>{figure(name, float(column[row]))}</td>"
            f"<td class='way'>{better}</td><td>{escape(meaning)}</td></tr>"
        )
    return f"<table class='figures fidelity'><caption>How far can this be trusted?</caption><tbody>{''.join(lines)}</tbody></table>"


@dataclass(frozen=True)
class Move:
    """A label's rank and score before and after an edit."""

    label: str
    before: int
    after: int
    score_before: str
    score_after: str


def moves(found: Sequence[Move]) -> str:
    """Ranks before and after; the arrow says up or down, and by how many places."""
    rows = "".join(
        f"<tr><th scope='row'>{escape(one.label)}</th><td class='n'>{one.before:,}</td><td class='n'>{one.after:,}</td><td>{_arrow(one)}</td>"
        f"<td class='n'>{escape(one.score_before)}</td><td class='n'>{escape(one.score_after)}</td></tr>"
        for one in found
    )
    head = "".join(f"<th scope='col'>{name}</th>" for name in ("Label", "Rank before", "after", "Moved", "Score before", "after"))
    return f"<table class='figures'><caption>What the edit changed</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _arrow(one: Move) -> str:
    if one.before == one.after:
        return "="
    return f"▲ up {one.before - one.after:,}" if one.after < one.before else f"▼ down {one.after - one.before:,}"


def agreements(found: Sequence[tuple[str, Agreement]], reference: str) -> str:
    """How far other explainers agree with the `reference`."""
    rows = "".join(
        f"<tr><th scope='row'>{escape(name)}</th><td class='n'>{_tau(one)}</td><td class='n'>{one.shared} of {one.top}</td></tr>"
        for name, one in found
    )
    head = "".join(
        f"<th scope='col'>{name}</th>" for name in ("Explainer", "Kendall's τ", f"Top {max((a.top for _, a in found), default=10)} shared")
    )
    return f"<table class='figures'><caption>Agreement with {escape(reference)}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _tau(one: Agreement) -> str:
    return "–" if one.tau is None else f"{one.tau:+.2f}".replace("-", "\u2212")
