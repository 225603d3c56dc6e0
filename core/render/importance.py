"""Which words matter for a label over many documents, as an escaped HTML table with signed bars."""

from __future__ import annotations

from html import escape

from core.explainers.global_importance import GlobalImportance
from core.render.heatmap import signed

COLUMNS = ("Word", "Value where it stands", "", "Mean size", "Times", "Documents")


def importance(found: GlobalImportance, row: int = 0, count: int = 25) -> str:
    """The most important words of label number `row`: mean signed value and mean size per occurrence, and how often it stood.
    The bar is as long as the mean size; solid says towards the label on the whole, dashed against."""
    top = found.top(row, count)
    largest = max((float(found.importance[row, i]) for i in top), default=0.0)
    lines = []
    for i in top:
        size, direction = float(found.importance[row, i]), float(found.direction[row, i])
        side = "for" if direction >= 0 else "against"
        bar = f"<span class='bar {side}' style='--share: {size / largest if largest else 0:.3f}'></span>"
        numbers = (f"{size:.3g}", f"{int(found.occurrences[i]):,}", f"{int(found.documents[i]):,}")
        cells = "".join(f"<td class='n'>{number}</td>" for number in numbers)
        lines.append(
            f"<tr><th scope='row'>{escape(found.words[i])}</th><td class='n'>{signed(direction)}</td><td class='bars'>{bar}</td>{cells}</tr>"
        )
    head = "".join(f"<th scope='col'{' class=n' if name and name != 'Word' else ''}>{name}</th>" for name in COLUMNS)
    caption = f"Words that matter for {escape(found.label_names[row])} in {found.sampled:,} documents, by size per occurrence"
    return f"<table class='figures importance'><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
