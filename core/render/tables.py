"""Small tables in HTML: what an explanation's fidelity is, how ranks moved, how far explainers agree. Everything is escaped."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from core.evaluation.agreement import Agreement
from core.explainers.attribution import Attribution
from core.explainers.fidelity import MEASURES, FidelityMeasure

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
        percent = 100 * value
        return f"{percent:.0f} %" if percent >= 10 or percent == 0 else f"{percent:.2g} %" if percent >= 0.01 else "< 0.01 %"
    return f"{value:.3f}".replace("-", "\u2212")


def fidelity(attribution: Attribution, row: int = 0, brief: bool = False) -> str:
    """The measures of one label as a table: name, value, and unless `brief` what it means and which way is better."""
    lines = []
    for name, column in attribution.fidelity.items():
        known = MEASURES.get(name)
        said = escape(_meaning(known)) if known else ""
        title = f' title="{said}"' if brief else ""
        last = "" if brief else f"<td>{said}</td>"
        lines.append(
            f"<tr{title}><th scope='row'>{escape(NAMES.get(name, name))}</th><td class='n'>{figure(name, float(column[row]))}</td>{last}</tr>"
        )
    return f"<table class='figures fidelity'><caption>How far can this be trusted?</caption><tbody>{''.join(lines)}</tbody></table>"


def _meaning(known: FidelityMeasure) -> str:
    """'Higher is better: what the score loses ...', a whole sentence."""
    said = f"{known.better} is better: {known.help}" if known.better else known.help
    return f"{said[0].upper()}{said[1:]}."


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
    head = _head("Label", "Rank before", "Rank after", "", "Score before", "Score after")
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
    head = _head("Explainer", "Kendall's τ", f"Top {max((a.top for _, a in found), default=10)} shared")
    return f"<table class='figures'><caption>Agreement with {escape(reference)}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _head(first: str, *others: str) -> str:
    """Column titles; all but the first column hold numbers."""
    return f"<th scope='col'>{first}</th>" + "".join(f"<th scope='col' class='n'>{name}</th>" for name in others)


def _tau(one: Agreement) -> str:
    return "–" if one.tau is None else f"{one.tau:+.2f}".replace("-", "\u2212")
