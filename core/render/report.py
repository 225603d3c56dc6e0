"""Explanations as files: one self-contained HTML page, JSON, and CSV. Nothing in the page is fetched or run: no script, no
font, no image from anywhere."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from core.explainers.attribution import Attribution, shares
from core.files import csv_writer
from core.render.heatmap import CSS as HEATMAP_CSS
from core.render.heatmap import heatmap, percent, signed
from core.render.tables import fidelity
from core.windows import parts_of

TOP_WORDS = 15

LEGEND = "Orange with a solid line: towards the label. Blue with a dashed line: against it. Stronger colour: larger value."
UNSIGNED_LEGEND = "Share of attention: the stronger the colour, the more is read at the word. It speaks neither for the label nor against it."

CSS = """
body { font: 16px/1.6 "Source Sans 3", system-ui, sans-serif; max-width: 62rem; margin: 2.5rem auto; padding: 0 1.5rem; }
body { color: #24211c; background: #fdfcf9; }
h1, h2 { font-family: "Source Serif 4", Georgia, serif; font-weight: 600; line-height: 1.2; }
h2 { margin-top: 2.6rem; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { text-align: left; padding: 0.25rem 0.9rem 0.25rem 0; border-bottom: 1px solid #dfd9cd; vertical-align: top; }
th { font-weight: 600; }
td.n { font-variant-numeric: tabular-nums; text-align: right; }
caption { text-align: left; font-weight: 600; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #f4f1ea; padding: 0.8rem; border-radius: 0.4rem; }
.legend, footer { opacity: 0.8; }
@media (prefers-color-scheme: dark) {
  body { color: #ebe8e2; background: #16181b; }
  th, td { border-color: #3a3e45; }
  pre { background: #202328; }
}
"""


@dataclass(frozen=True)
class Ranked:
    """One line of the ranking: what a report says of a predicted label."""

    rank: int
    label: str
    score: str
    train_count: int
    mark: str


def command(attribution: Attribution) -> str:
    """The command line that computes the same again; it reads the document from document.txt."""
    checkpoint, pooling = parts_of(attribution.checkpoint)
    windows = ["--windows", pooling] if pooling else []
    parts = ["python", "-m", "core", "explain", "--checkpoint", checkpoint, *windows, "--explainer", attribution.method]
    for name, value in attribution.settings.items():
        flag = f"--{name.replace('_', '-')}"
        parts += [f"{flag}={value}"] if str(value).startswith("-") else [flag, str(value)]
    # By =, so that no name is taken for a flag; --label is first of all the label of exactly this name, whatever it looks like.
    return shlex.join([*parts, *(f"--label={name}" for name in attribution.label_names), "--file", "document.txt", "--json"])


def to_json(attributions: Sequence[Attribution], date: str) -> str:
    """The objects that `python -m core explain --json` prints, with the document beside them."""
    document = attributions[0].document.text if attributions else ""
    content = {"date": date, "document": document, "explanations": [one.to_json() for one in attributions]}
    return json.dumps(content, ensure_ascii=False, indent=1)


def to_csv(attributions: Sequence[Attribution]) -> str:
    """One line for each word of each label of each explanation."""
    columns = ("checkpoint", "digest", "explainer", "seed", "unit", "label", "index", "word", "start", "end", "value")
    rows = (
        (one.checkpoint, one.digest, one.method, one.seed, one.unit, label, index, word, start, end, float(value))
        for one in attributions
        for row, label in enumerate(one.label_names)
        for index, (word, (start, end), value) in enumerate(zip(one.document.words, one.document.spans, one.values[row], strict=True))
    )
    return csv_writer.write(columns, rows)


def report(attributions: Sequence[Attribution], ranking: Sequence[Ranked], date: str) -> str:
    """One HTML page with the ranking and every explanation. `date` is passed in: the same input gives the same page."""
    if not attributions:
        return page("Explanation", "<h1>Explanation</h1><p>No explanation was computed.</p>")
    first = attributions[0]
    title = f"Why {first.label_names[0]}?"
    facts = {"Date": date, "Checkpoint": first.checkpoint, "Weights digest": first.digest, "Document digest": first.document.digest,
             "Words": f"{len(first.document):,}, of which the model reads {first.words_read:,}", "Scores are": first.unit}  # fmt: skip
    body = [
        f"<h1>{escape(title)}</h1>",
        _facts(facts),
        _ranking(ranking),
        *(_section(one, row) for one in attributions for row in range(len(one.labels))),
    ]
    return page(title, "".join(body))


def page(title: str, body: str, css: str = "") -> str:
    """A whole page that fetches and runs nothing; `body` is escaped already."""
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><meta http-equiv='Content-Security-Policy' content=\"{policy}\">"
        f"<meta name='viewport' content='width=device-width'><title>{escape(title)}</title><style>{HEATMAP_CSS}{CSS}{css}</style></head>"
        f"<body>{body}<footer><p>Made by Tremor. This file holds the whole document.</p></footer></body></html>"
    )


def _facts(facts: dict[str, str]) -> str:
    rows = "".join(f"<tr><th scope='row'>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in facts.items())
    return f"<table><tbody>{rows}</tbody></table>"


def _ranking(ranking: Sequence[Ranked]) -> str:
    rows = "".join(
        f"<tr><td class='n'>{one.rank:,}</td><th scope='row'>{escape(one.label)}</th><td class='n'>{escape(one.score)}</td>"
        f"<td class='n'>{one.train_count:,}</td><td>{escape(one.mark)}</td></tr>"
        for one in ranking
    )
    head = "".join(f"<th scope='col'>{name}</th>" for name in ("Rank", "Label", "Score", "Training documents", "Frequency"))
    return f"<h2>Labels</h2><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _section(one: Attribution, row: int) -> str:
    settings = ", ".join(f"{name} {value}" for name, value in one.settings.items()) or "none"
    residual = "not claimed by this method" if one.residual is None else signed(float(one.residual[row]))
    facts = {"Settings": settings, "Seed": "none" if one.seed is None else str(one.seed), "Model queries": f"{one.queries:,}",
             "Score": signed(float(one.total[row])), "Base": signed(float(one.base[row])), "Residual": residual}  # fmt: skip
    notes = "".join(f"<li>{escape(note)}</li>" for note in one.notes)
    return (
        f"<h2>{escape(one.method)}: {escape(one.label_names[row])}</h2>"
        f"<p class='legend'>{UNSIGNED_LEGEND if one.unsigned else LEGEND}</p>"
        f"{heatmap(one, row)}{_top_words(one, row)}{fidelity(one, row)}{_facts(facts)}<ul>{notes}</ul>"
        f"<p>Reproduce:</p><pre>{escape(command(one))}</pre>"
    )


def _top_words(one: Attribution, row: int) -> str:
    values = one.values[row]
    shown = [percent(float(part)) for part in shares(values)] if one.unsigned else [signed(float(value)) for value in values]
    order = sorted(range(len(values)), key=lambda i: (-abs(values[i]), i))[:TOP_WORDS]
    rows = "".join(
        f"<tr><td class='n'>{i + 1:,}</td><th scope='row'>{escape(one.document.words[i])}</th><td class='n'>{shown[i]}</td></tr>" for i in order
    )
    head = f"<tr><th>Position</th><th>Word</th><th>{'Share of attention' if one.unsigned else 'Value'}</th></tr>"
    return f"<table><caption>Strongest words</caption><thead>{head}</thead><tbody>{rows}</tbody></table>"
