"""A small folder of evidence: one paper with three rows, two claims, and one record of twelve made-up attacks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from core.evidence import records
from core.evidence.records import Header, Record

BINS = [
    {"name": "[5, 20)", "low": 5, "high": 20, "eligible": 6, "drawn": 6},
    {"name": "[20, 100)", "low": 20, "high": 100, "eligible": 6, "drawn": 6},
]
THREAT = "word substitution, black box, scores"


def attack(number: int, tail: bool, success: bool, changed: int = 1, words: int = 20, cosine: float = 1.0, **more: Any) -> dict[str, Any]:
    """An attack on a document of its own."""
    name, count = ("[5, 20)", 7) if tail else ("[20, 100)", 70)
    return {
        "id": f"{number}:0", "row": number, "bin": name, "count": count, "reason": "reached" if success else "budget", "success": success,
        "words": words, "changed": changed, "read": words, "counted": changed, "cosine": cosine, "queries": 30, "before": 2,
        "after": 6 if success else 3,
        "start": 2, "margin": 0.5, **more,
    }  # fmt: skip


def header(kind: str = "attacks", study: str = "qaraei-positive", cell: str = "debtags-mach", **more: Any) -> Header:
    given = {
        "model": "MACH", "variant": "normal", "data": "debtags", "data_digest": "d" * 16, "split": "test", "checkpoint": "debtags-mach",
        "digest": "a1b2c3d4", "threat": THREAT, "seed": 0, "settings": {"k": 5, "pairs": 12, "bins": BINS, "ensemble": False},
        "measured": "2026-01-02", "seconds": 3.0,
        "command": f"python -m core evidence run {study} --cell {cell}",
    }  # fmt: skip
    return Header(study=study, cell=cell, kind=kind, **{**given, **more})


def attacks() -> Record:
    """Six of the tail, of which five succeed, one of them by one word; six of the head, of which two succeed."""
    tail = [attack(i, True, i < 5, changed=1 if i == 0 else 2) for i in range(6)]
    tail[0] |= {"label": "culture::irish", "from": "Irish", "to": "German"}
    head = [attack(10 + i, False, i < 2, changed=2, cosine=0.5 if i == 0 else 1.0) for i in range(6)]
    return Record(header(), (*tail, *head))


ROWS = (("MACH", "success", "61.23", 61.23), ("AttentionXML", "success", "77.7", 77.7), ("MACH", "change rate", None, None))
PAPERS: dict[str, Any] = {
    "schema": 1,
    "papers": [{"id": "004", "seeds": ["003", "004"], "title": "A paper", "authors": "A, B", "year": 2021, "text": "none.txt", "note": "A note."}],
    "datasets": {"Wiki10-31K": {"sentence": "Cannot be had.", "stand_ins": ["debtags"], "same": False}},
    "flags": {"rounded": {"sentence": "It is rounded <b>down</b>.", "source": "page 3"}},
    "tables": [
        {"id": "004/table-3", "paper": "004", "title": "Table 3: <script>alert(1)</script> attacks", "about": "About *it*.", "rows": [
            {"id": f"004/table-3/{model}-{metric}", "where": "Table 3", "model": model, "data": "Wiki10-31K", "setting": "positive-targeted",
             "threat": THREAT, "metric": metric, "unit": "%", "printed": printed, "value": value, "flags": ["rounded"], "origin": "paper"}
            for model, metric, printed, value in ROWS
        ]},
    ],
}  # fmt: skip
LINKS: dict[str, Any] = {
    "schema": 1,
    "links": [
        {"rows": ["004/table-3/*-success"], "study": "qaraei-positive", "measure": "success",
         "where": {"model": "$model", "data": "$stand_ins", "variant": "normal"}, "same": "yes", "reason": "The default recipe."},
        {"rows": ["004/table-3/*-change rate"], "none": "Nothing to compare."},
    ],
}  # fmt: skip
CLAIMS: dict[str, Any] = {
    "schema": 1,
    "claims": [
        {"id": "004/high", "paper": "004", "place": "4.2", "quote": "high", "said": "Attacks succeed in more than 95 % of the cases.",
         "rule": {"study": "qaraei-positive", "measure": "success", "where": {"variant": "normal"}, "above": 0.95, "states": "success above 95 %"}},
        {"id": "004/printed", "paper": "004", "place": "4.2", "quote": "more than 70", "said": "Success is above 70 %.",
         "rule": {"printed": ["004/table-3/MACH-success", "004/table-3/AttentionXML-success"], "above": 70, "states": "by its table"}},
    ],
}  # fmt: skip


def write(folder: Path, *made: Record) -> Path:
    """The folder with these records (`attacks()` where none is given)."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (("papers.json", PAPERS), ("links.json", LINKS), ("claims.json", CLAIMS)):
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    for record in made or (attacks(),):
        records.write(record, records.place(record.header.study, record.header.cell, folder))
    return folder
