"""An explanation as lines: what a person reads of the object that `explain --json` prints, with every caveat of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.explainers.attribution import UNSIGNED


def lines(found: dict[str, Any], most: int, reading: Sequence[str] = ()) -> list[str]:
    """`most` words of each label. `reading` and the explanation's notes come first; under each label stands how far it can be trusted."""
    unsigned = found["explainer"] in UNSIGNED
    said = [f"note: {one}" for one in (*reading, *found["notes"])]
    for row in found["labels"]:
        said.append(f"{row['label']}  ({row['score']:.4f})")
        best = sorted(row["words"], key=lambda word: -abs(word["value"]))[:most]
        total = sum(word["value"] for word in row["words"]) or 1.0
        said += [f"  {_value(word['value'], total, unsigned)}  {word['word']}" for word in best]
        if len(best) < len(row["words"]):
            said.append(f"  and {len(row['words']) - len(best):,} more words with smaller values (--words)")
        said += _trust(row)
    return said


def _value(value: float, total: float, unsigned: bool) -> str:
    """Attention has no sign: it is a share of its sum."""
    return f"{100 * value / total:5.1f} % of the attention" if unsigned else f"{value:+.4f}"


def _trust(row: dict[str, Any]) -> list[str]:
    residual = "no residual, since the method claims no sum" if row["residual"] is None else f"residual {row['residual']:+.4f}"
    said = [f"  base {row['base']:+.4f}, {residual}"]
    if row["fidelity"]:
        said.append(
            "  trust: " + ", ".join(f"{name} {'not applicable' if value is None else f'{value:.3f}'}" for name, value in row["fidelity"].items())
        )
    return said
