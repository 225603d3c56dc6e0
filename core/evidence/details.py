"""What stands behind a cell: its record as facts, figures, bins, samples and files, for the page and the command line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from core.evidence import records
from core.evidence.attacked_pairs import THETA, bins_of, study_records
from core.evidence.departures import OURS, attack, called
from core.evidence.estimates import Measured
from core.evidence.measures import DIFFERENCE, FRACTION, MEASURES, measure
from core.evidence.records import Item, Record
from core.evidence.run import CellState
from core.evidence.showing import figure
from core.evidence.studies.base import command
from core.study.exports import rows_to_csv
from core.study.summary import by_bin

SHOWN: Mapping[str, str] = {FRACTION: "%", DIFFERENCE: "points"}
DetailRow = dict[str, Any]


def facts(record: Record) -> list[tuple[str, str]]:
    """What decides the record, by name."""
    head = record.header
    found = (
        ("Study", head.study), ("Model", f"{called(head.model, record)}{f', {head.variant}' if head.variant else ''}"),
        ("Beside the paper", OURS.get(head.model, "")), ("Checkpoint", head.checkpoint), ("Weights", head.digest),
        ("Data", f"{head.data}{f', {head.split} split' if head.split else ''}"), ("Data digest", head.data_digest),
        ("Threat", head.threat), ("Attack", attack(head)), ("Seed", str(head.seed)), ("Items", f"{len(record.items):,} {head.kind}"),
        ("Measured", head.measured), ("Seconds", f"{head.seconds:,.0f}"),
    )  # fmt: skip
    return [(name, value) for name, value in found if value]


def settings(record: Record) -> dict[str, Any]:
    """The header's settings without the bins, which `bins` shows."""
    return {name: value for name, value in record.header.settings.items() if name != "bins"}


def figures(record: Record) -> list[DetailRow]:
    """Every figure that the record's kind has, with its interval."""
    rows = []
    for name, known in MEASURES.items():
        if known.kind == record.header.kind and not (found := measure(name, record)).empty:
            rows.append({"figure": name, "value": figure(found, SHOWN.get(known.unit, known.unit)), "n": found.n, "what it is": known.help})
    return rows


def alone(states: Iterable[CellState]) -> list[CellState]:
    """Measured cells of studies about no paper: there is nothing printed to hold them against."""
    return [one for one in states if one.record is not None and not one.study.PAPERS]


def side_by_side(found: Iterable[Record]) -> list[DetailRow]:
    """Every figure of several records, one after the other."""
    return [
        {"record": one.header.name, "model": called(one.header.model, one), "data": one.header.data, **row} for one in found for row in figures(one)
    ]


def bins(record: Record) -> list[DetailRow]:
    """Success by label frequency, of attacks."""
    if record.header.kind != "attacks":
        return []
    rows = []
    for one in by_bin(study_records(record), bins_of(record), THETA):
        success = figure(Measured(one.rate.value, one.rate.low, one.rate.high, one.n), "%")
        counts = {"n": one.n, "successes": one.success, "success": success, "refused": one.refused, "errors": one.errors}
        rows.append({"training documents": one.bin, **counts})
    return rows


def samples(record: Record) -> list[DetailRow]:
    """Attacks that succeeded by one word, the rarest labels first (the paper's Table 6, without the texts); or clusters of labels."""
    if record.header.kind == "clusters":
        return [{"cluster": item["id"], "labels": ", ".join(item["labels"])} for item in record.items]
    won = [item for item in record.items if "to" in item]
    return [
        {"label": item["label"], "training documents": item["count"], "word": item["from"], "becomes": item["to"], "rank before": item["before"],
         "rank after": item["after"], "words": item["words"]}
        for item in sorted(won, key=lambda item: (item["count"], str(item["id"])))
    ]  # fmt: skip


def items_csv(record: Record) -> str:
    """The items as a table; lists and objects as JSON."""
    columns = list(dict.fromkeys(key for item in record.items for key in item))
    return rows_to_csv([{name: _cell(item, name) for name in columns} for item in record.items])


def _cell(item: Item, name: str) -> Any:
    value = item.get(name)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value


def jsonl(record: Record) -> str:
    return records.to_text(record)


def commands(record: Record) -> tuple[str, str]:
    """The command that measured it, and the one that measures it again and compares."""
    return record.header.command, command(record.header.study, record.header.cell, "reproduce")
