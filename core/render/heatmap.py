"""An attribution as signed words in HTML: escaped, readable without colour, in light and dark.

Orange with a solid line says towards the label, blue with a dashed line against it (a pair that no common colour
blindness confuses); the line and the title tell the sign where colour does not.
"""

from __future__ import annotations

from html import escape

import numpy as np

from core.explainers.attribution import Attribution
from core.types import FloatArray

FAINT = 0.04
"""Words below this share of the strongest value stay unmarked."""

CSS = """
:root { color-scheme: light dark; --for: #b9540b; --against: #2a62ad; }
@media (prefers-color-scheme: dark) { :root { --for: #f0a05a; --against: #86b4f2; } }
.words { white-space: pre-wrap; overflow-wrap: anywhere; line-height: 2; }
.words mark { --share: calc(4% + 44% * var(--strength)); color: inherit; padding: 0.1em 0.08em; border-radius: 0.2em; }
.words .for { background: color-mix(in srgb, var(--for) var(--share), transparent); border-bottom: 0.14em solid var(--for); }
.words .against { background: color-mix(in srgb, var(--against) var(--share), transparent); border-bottom: 0.14em dashed var(--against); }
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


def heatmap(attribution: Attribution, row: int) -> str:
    """The document with each word marked by its value for label `row` of the attribution. Needs CSS around it."""
    name = attribution.label_names[row]
    values = attribution.values[row]
    scaled = strengths(values)
    parts = []
    for index, piece in enumerate(attribution.document.pieces):
        word = index // 2
        if index % 2 == 0:
            parts.append(escape(piece))
        elif word >= attribution.words_read:
            parts.append(f'<span class="unread" title="not read by the model">{escape(piece)}</span>')
        else:
            parts.append(_mark(piece, float(values[word]), float(scaled[word]), name))
    return f'<p class="words">{"".join(parts)}</p>'


def _mark(word: str, value: float, strength: float, label: str) -> str:
    side = "towards" if value > 0 else "against"
    title = escape(f"{word}: {signed(value)}, {side} {label}" if value else f"{word}: 0", quote=True)
    if abs(strength) < FAINT:
        return f'<span title="{title}">{escape(word)}</span>'
    kind = "for" if value > 0 else "against"
    return f'<mark class="{kind}" style="--strength: {abs(strength):.3f}" title="{title}">{escape(word)}</mark>'
