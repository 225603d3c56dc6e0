"""An attribution as signed words in HTML: escaped, readable without colour, in light and dark.

Attention, which has no sign, has one hue (violet) and no line.

Orange with a solid line says towards the label, blue with a dashed line against it (a pair that no common colour
blindness confuses); the line and the title tell the sign where colour does not.
"""

from __future__ import annotations

from html import escape

import numpy as np

from core.explainers.attribution import Attribution, shares
from core.types import FloatArray

FAINT = 0.04
"""Words below this share of the strongest value stay unmarked."""

CSS = """
:root { color-scheme: light dark; --for: #b9540b; --against: #2a62ad; --read: #6d3fc0; }
@media (prefers-color-scheme: dark) { :root { --for: #f0a05a; --against: #86b4f2; --read: #b79bf5; } }
.words { white-space: pre-wrap; overflow-wrap: anywhere; line-height: 2; }
.words mark { --share: calc(4% + 44% * var(--strength)); color: inherit; padding: 0.1em 0.08em; border-radius: 0.2em; }
.words .for { background: color-mix(in srgb, var(--for) var(--share), transparent); border-bottom: 0.14em solid var(--for); }
.words .against { background: color-mix(in srgb, var(--against) var(--share), transparent); border-bottom: 0.14em dashed var(--against); }
.words .read { background: color-mix(in srgb, var(--read) var(--share), transparent); }
.words .unread { opacity: 0.55; }
"""


def strengths(values: FloatArray) -> FloatArray:
    """values [w] -> the same in [-1, 1], the strongest at -1 or 1; all zeros stay zeros."""
    largest = np.abs(values).max(initial=0.0)
    return values / largest if largest > 0 else np.zeros_like(values)


def signed(value: float, digits: int = 3) -> str:
    """+0.213 or \u22120.213, with as many significant digits."""
    if value == 0:
        return "0"
    return ("\u2212" if value < 0 else "+") + f"{abs(value):.{digits}g}"


def legend(unsigned: bool, more: str = "") -> str:
    """What the colours say, as a paragraph; `more` is HTML that follows."""
    if unsigned:
        return f"<p class='legend'><span class='read'>share of attention: the stronger, the more is read there; it has no sign</span>{more}</p>"
    return f"<p class='legend'><span class='for'>towards the label</span><span class='against'>against it</span>{more}</p>"


def said(attribution: Attribution, row: int, word: int) -> str:
    """One word's value for label `row` in words: '+0.21 towards games', '12.3 % of the attention'."""
    value = float(attribution.values[row][word])
    if attribution.unsigned:
        return f"{percent(float(shares(attribution.values[row])[word]))} of the attention"
    return f"{signed(value)} {'towards' if value >= 0 else 'against'} {attribution.label_names[row]}"


def percent(share: float) -> str:
    """12.3 %"""
    return f"{100 * share:.1f} %"


def heatmap(attribution: Attribution, row: int) -> str:
    """The document with each word marked by its value for label `row` of the attribution. Needs CSS around it."""
    name = attribution.label_names[row]
    values = shares(attribution.values[row]) if attribution.unsigned else attribution.values[row]
    scaled = strengths(values)
    parts = []
    for index, piece in enumerate(attribution.document.pieces):
        word = index // 2
        if index % 2 == 0:
            parts.append(escape(piece))
        elif word >= attribution.words_read:
            parts.append(f'<span class="unread" title="not read by the model">{escape(piece)}</span>')
        else:
            parts.append(_mark(piece, float(values[word]), float(scaled[word]), name, attribution.unsigned))
    return f'<p class="words">{"".join(parts)}</p>'


def _mark(word: str, value: float, strength: float, label: str, unsigned: bool) -> str:
    side = "towards" if value > 0 else "against"
    about = f"{percent(value)} of the attention" if unsigned else f"{signed(value)}, {side} {label}" if value else "0"
    title = escape(f"{word}: {about}", quote=True)
    if abs(strength) < FAINT:
        return f'<span title="{title}">{escape(word)}</span>'
    kind = "read" if unsigned else "for" if value > 0 else "against"
    return f'<mark class="{kind}" style="--strength: {abs(strength):.3f}" title="{title}">{escape(word)}</mark>'
