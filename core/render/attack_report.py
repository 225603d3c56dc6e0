"""A saved attack as one self-contained HTML page: no script, nothing fetched. Made of the record (`Result.to_json`) alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from core.attacks.goal_names import called
from core.document import Document
from core.render.report import page
from core.render.trace import COLOURS, DIFF_CSS, diff, place, table

WIDTH, HEIGHT, EDGE = 720, 300, 40
DRAWN = 5
"""Labels whose ranks are drawn."""

CSS = """
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
svg { max-width: 100%; height: auto; } svg text { font: 12px system-ui, sans-serif; fill: currentColor; }
"""


def report(record: Mapping[str, Any], date: str) -> str:
    """`date` is passed in: the same record gives the same page."""
    what = ", ".join(record["labels"]) or "any of the top labels"
    title = f"Attack on {what}"
    facts = [
        ("Date", date), ("Checkpoint", record["checkpoint"]), ("Weights digest", record["digest"]), ("Recipe", record["recipe"]),
        ("Goal", f"{called(record['goal'])}, k = {record['goal_settings']['k']}"), ("Outcome", outcome(record)),
        ("Changed words", f"{100 * record['change_rate']:.1f} % of all words, {100 * record['change_rate_read']:.1f} % of those the model reads"),
        ("Similarity", f"{record['similarity']:.3f} ({record['similarity_kind']}); 1 \u2212 arccos {record['similarity_angular']:.3f}"),
        ("Queries", f"{record['queries']:,}, of which the model scored {record['model_calls']:,}"),
    ]  # fmt: skip
    settings = escape(json.dumps(record["settings"], indent=1, ensure_ascii=False))
    body = (
        f"<h1>{escape(title)}</h1>{table((), facts)}<h2>Text</h2>{diff(Document.from_text(record['text']), final_swaps(record))}"
        f"<h2>Ranks</h2>{chart(record)}{_steps(record)}<h2>Settings</h2><pre>{settings}</pre>"
    )
    return page(title, body, DIFF_CSS + CSS)


def outcome(record: Mapping[str, Any]) -> str:
    return "the goal is reached" if record["success"] else f"not reached: {record['note'] or record['reason']}"


def final_swaps(record: Mapping[str, Any]) -> dict[int, str]:
    """Position -> the word that stands there in the end, where it is another than in the original."""
    words = Document.from_text(record["text"]).words
    last = {step["position"]: step["to"] for step in record["steps"]}
    return {position: word for position, word in last.items() if word != words[position]}


def _steps(record: Mapping[str, Any]) -> str:
    rows = [
        (f"{number}. {step['from']} \u2192 {step['to']}" if step["from"] != step["to"] else f"{number}. {step['from']} stays",
         ", ".join(f"{rank:,}" for rank in step["rank"]), f"{step['queries']:,}")
        for number, step in enumerate(record["steps"], 1)
    ]  # fmt: skip
    return table(("Step", f"Rank of {', '.join(record['tracked'])}", "Queries"), rows, "Steps")


def chart(record: Mapping[str, Any]) -> str:
    """The ranks of the followed labels over the steps as an SVG picture."""
    k = int(record["goal_settings"]["k"])
    paths: Sequence[Sequence[int]] = list(zip(record["rank_before"], *(step["rank"] for step in record["steps"]), strict=True))[:DRAWN]
    lowest = place(max(max(ranks) for ranks in paths), k) + 0.7
    lowest = max(lowest, k + 1.2)
    across = (WIDTH - 2 * EDGE) / max(1, len(record["steps"]))

    def y(rank: float) -> float:
        return 10 + (HEIGHT - 40) * (place(rank, k) - 0.5) / (lowest - 0.5)

    lines = "".join(
        f"<polyline fill='none' stroke='{COLOURS['attacked' if record['labels'] else 'top']}' stroke-width='3' "
        f"points='{' '.join(f'{EDGE + across * i:.1f},{y(rank):.1f}' for i, rank in enumerate(ranks))}'/>"
        f"<text x='{EDGE + across * (len(ranks) - 1) - 4:.0f}' y='{y(ranks[-1]) - 6:.1f}' text-anchor='end'>{ranks[-1]:,} {escape(name)}</text>"
        for name, ranks in zip(record["tracked"], paths, strict=False)
    )
    border = f"<line x1='{EDGE}' x2='{WIDTH - EDGE}' y1='{y(k + 0.5):.1f}' y2='{y(k + 0.5):.1f}' stroke='currentColor' stroke-dasharray='4 4'/>"
    ticks = "".join(f"<text x='{EDGE - 8}' y='{y(tick) + 4:.1f}' text-anchor='end'>{tick:,}</text>" for tick in sorted({1, k}))
    said = f"role='img' aria-label='Ranks over the steps; the dashed line is below rank {k}'"
    return f"<svg viewBox='0 0 {WIDTH} {HEIGHT}' {said}>{border}{ticks}{lines}</svg>"
