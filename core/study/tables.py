"""The paper's tables and figures drawn from saved records, and curves that it lacks: pure functions of records.

The paper's rows (Qaraei and Babbar 2022, Tables 3 and 5) stand beside ours for comparison: they are of other data, other
classifiers and another sentence encoder, and their similarity most likely is 1 - arccos averaged with failures as 0 (methods.md 10.5).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

import numpy as np

from core.attacks import Demote, Promote
from core.evidence import papers
from core.study.campaigns import Campaign
from core.study.records import Record, attempts
from core.study.statistics import Interval, wilson
from core.study.summary import ANY, Filter, by_bin, row

PAPER = "the paper, other data"
HERE = "here"
THETA = Filter(0.10)
"""Tables 3 and 5 count a success whatever its similarity, at a change rate of at most 10 %."""

TableRow = dict[str, Any]


def table_3(campaigns: Sequence[Campaign], chosen: Filter = THETA) -> list[TableRow]:
    """Positive-targeted attacks: ours, one row a study, then the paper's."""
    ours = [_ours(one, chosen) for one in campaigns if one.request.study.goal == Demote.NAME]
    return ours + _paper("004/table-3")


def table_5(campaigns: Sequence[Campaign], chosen: Filter = THETA) -> list[TableRow]:
    """Negative-targeted attacks with and without label clusters: ours, then the paper's."""
    ours = [
        {"clusters": "yes" if one.request.study.targets == "cluster" else "no", **_ours(one, chosen)}
        for one in campaigns
        if one.request.study.goal == Promote.NAME
    ]
    theirs = _paper("004/table-5")
    first = ("source", "model", "data", "clusters")
    return [{**{name: each[name] for name in first}, **each} for each in ours + theirs]


def _ours(one: Campaign, chosen: Filter) -> TableRow:
    found = row("all", one.records, chosen)
    return {
        "source": HERE, "model": one.checkpoint, "data": one.data, "success %": _percent(found.rate.value), "low %": _percent(found.rate.low),
        "high %": _percent(found.rate.high), "n": found.n, "similarity": _number(found.similarity),
        "paper's similarity": _number(found.paper_similarity),
        "change %": _percent(found.change_rate), "queries": _number(found.queries, 1), "study": one.name,
    }  # fmt: skip


def _paper(table: str) -> list[TableRow]:
    """The paper's rows of a table (assets/evidence/papers.json), in its order, three numbers to a row."""
    found: dict[tuple[str, str, str], dict[str, float | None]] = {}
    for one in papers.read().tables:
        for cell in one.rows if one.id == table else ():
            found.setdefault((cell.model, cell.data, cell.setting), {})[cell.metric] = cell.value
    return [
        {
            "source": PAPER, "model": model, "data": data, "success %": values["success"], "low %": None, "high %": None, "n": None,
            "similarity": None, "paper's similarity": values["similarity, failures as 0"], "change %": values["change rate"], "queries": None,
            "study": "", **({} if setting == Demote.NAME else {"clusters": "yes" if setting.endswith("cluster") else "no"}),
        }
        for (model, data, setting), values in found.items()
    ]  # fmt: skip


def _percent(share: float) -> float | None:
    return None if math.isnan(share) else round(100 * share, 2)


def _number(value: float, digits: int = 3) -> float | None:
    return None if math.isnan(value) else round(value, digits)


@dataclass(frozen=True)
class Series:
    """Points of one study: x, y and the ends of y's interval, with a note a point; y in [0, 1]."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    notes: tuple[str, ...]


def figure_2(campaigns: Sequence[Campaign], chosen: Filter = ANY) -> list[Series]:
    """Success by training count of the label: a bin stands at the geometric mean of its pairs' counts, with Wilson's interval."""
    found = []
    for one in campaigns:
        points = []
        for each in by_bin(one.records, one.bins, chosen):
            counts = [record["count"] for record in one.records if record["bin"] == each.bin]
            if each.n:
                place = float(np.exp(np.mean(np.log(np.maximum(counts, 1)))))
                points.append((place, each.rate.value, each.rate.low, each.rate.high, f"{each.bin}: {each.success} of {each.n}"))
        x, y, low, high, notes = zip(*points, strict=True) if points else ((),) * 5
        found.append(Series(one.name, x, y, low, high, notes))
    return found


CostColumn = Literal["queries", "changed_words", "change_rate"]


def anytime(campaigns: Sequence[Campaign], cost: CostColumn, chosen: Filter = ANY) -> list[Series]:
    """The share of a study's attacks that had succeeded by a cost: a staircase from (0, 0)."""
    found = []
    for one in campaigns:
        made = attempts(one.records)
        won = sorted(float(record[cost]) for record in made if chosen.passes(record))
        steps = [(0.0, 0.0), *((at, number / len(made)) for number, at in enumerate(won, 1))]
        if most := max((float(record[cost]) for record in made), default=0.0):
            steps.append((most, len(won) / len(made)))
        x, y = zip(*steps, strict=True)
        found.append(Series(one.name, x, y, y, y, tuple(f"{round(share * len(made))} of {len(made)}" for share in y)))
    return found


@dataclass(frozen=True)
class Transfers:
    """share[i][j]: of the texts that succeeded in study i and fit the goal on checkpoint j, how many reach it there too; None where
    nobody asked. `texts` are those that fit."""

    studies: tuple[str, ...]
    checkpoints: tuple[str, ...]
    share: tuple[tuple[float | None, ...], ...]
    texts: tuple[tuple[int, ...], ...]


def transfer_matrix(campaigns: Sequence[Campaign], transfers: Sequence[Sequence[dict[str, Any]]]) -> Transfers:
    """One row a study, one column a checkpoint that read its texts: `transfers` are `core.study.follow.read_transfers` of each study.
    A study's own checkpoint is 1 by construction (every success was scored twice)."""
    columns = tuple(sorted({found["to"] for each in transfers for found in each} | {one.checkpoint for one in campaigns}))
    shares, texts = [], []
    for one, each in zip(campaigns, transfers, strict=True):
        known = {found["to"]: (float(found["share"]), int(found["eligible"])) for found in each if found["eligible"]}
        won = sum(bool(record["success"]) for record in attempts(one.records))
        known.setdefault(one.checkpoint, (1.0, won))
        shares.append(tuple(known[name][0] if name in known else None for name in columns))
        texts.append(tuple(known[name][1] if name in known else 0 for name in columns))
    return Transfers(tuple(one.name for one in campaigns), columns, tuple(shares), tuple(texts))


@dataclass(frozen=True)
class Fragile:
    """A label that was attacked under a checkpoint: how often, how often it was lost with Wilson's interval of the share, and the median
    number of changed words until it was; inf where more than half of the attacks failed within their budget."""

    checkpoint: str
    label: str
    count: int
    attacks: int
    lost: int
    share: Interval
    median_words: float


def fragility(records: Sequence[Record], chosen: Filter = ANY) -> list[Fragile]:
    """Labels of each checkpoint, positive-targeted attacks only, the most surely fragile first: by the lower end of the interval of the share
    that was lost, so that 1 of 1 stands behind 9 of 10; then by how few words it takes, then the more frequent label."""
    by_label: dict[tuple[str, str, int], list[Record]] = {}
    for record in attempts(records):
        if record["goal"] == Demote.NAME:
            by_label.setdefault((str(record.get("checkpoint", "")), record["label"], record["count"]), []).append(record)
    found = []
    for (checkpoint, label, count), made in by_label.items():
        words = [record["changed_words"] if chosen.passes(record) else math.inf for record in made]
        lost = sum(map(math.isfinite, words))
        found.append(Fragile(checkpoint, label, count, len(made), lost, wilson(lost, len(made)), float(median(words))))
    return sorted(found, key=lambda one: (-round(one.share.low, 9), one.median_words, -one.count, one.label, one.checkpoint))
