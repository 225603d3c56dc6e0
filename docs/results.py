"""Writes results.md from the records of assets/evidence and the cards' figures in checkpoints/: `python -m docs.results`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from core import checkpoint
from core.checkpoint.ensemble import SAID, is_ensemble
from core.evidence import records
from core.evidence.board import EvidenceBoard, read_board
from core.evidence.claims import UNMEASURED, Verdict
from core.evidence.departures import OURS, SHORT, attack, called
from core.evidence.details import bins, figures
from core.evidence.records import Record
from core.evidence.run import CellState
from core.language.measuring import QUANTILES
from core.language.names import DEFAULT
from core.language.publish import accuracy_rows, perplexity_rows
from docs.imports import ROOT

PAGE = ROOT / "docs" / "results.md"
OUTDATED = "docs/results.md is not what the records and cards say: run make docs"
METRICS = ("P@1", "P@3", "P@5", "nDCG@5", "PSP@1", "PSP@5")
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "attacks": (
        "success", "change rate", "similarity, successes", "lost by one word", "rarest minus most frequent bin",
        "rarest minus most frequent bin, equal margin",
    ),
    "documents": ("clean P@1", "attacked P@1", "gap of P@1", "clean P@5", "attacked P@5", "rise of the loss under attack"),
    "explanations": (
        "lime: overlap of robust", "lime: overlap of another seed", "lime: overlap lost, robust against another seed", "shap: overlap of robust",
        "shap: overlap of another seed", "shap: overlap lost, robust against another seed",
    ),
    "vectors": (
        "whole split P@1", "unattacked P@1", "unattacked P@5", "HopSkipJump: P@5", "HopSkipJump: P@5, near", "HopSkipJump: success, near",
        "HopSkipJump: distance", "Boundary: success, near", "Boundary: distance", "ZOO: success, near", "ZOO: distance",
    ),
}  # fmt: skip
"""What is shown of each record where a study has several; of kinds that are not named, and where there is one, all figures are."""

HEAD = """# Results

This page is written by `make docs`: do not edit it. Its figures come from the records in
[assets/evidence/records](../assets/evidence/records), one file for each checkpoint, data set and protocol, and from what the cards in
[checkpoints](../checkpoints) are made of. What they mean, and figures that have no record, stand in [findings](findings.md); how they are
measured, in [methods](methods.md); what the words mean, in the [glossary](glossary.md).

`85.0 % [79.4, 89.3] (200)` reads: 85.0 %, 95 % interval from 79.4 to 89.3, n = 200 attacks, documents or timings. Intervals are Wilson's for
shares, percentile bootstraps over documents for means and for P@k and its kin. *Counted* figures have no sampling error."""


def page() -> str:
    """The whole page."""
    board = read_board()
    shipped = list(_shipped())
    parts = [HEAD, *_accuracy(shipped), *_language(), *_defended(shipped), *_claims(board), *_studies(board), *_sources(board)]
    return "\n\n".join(parts) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", r"\|") for cell in line) + " |" for line in lines)


# -- checkpoints


def _shipped() -> Iterator[dict[str, Any]]:
    """What config.json holds of every classifier in checkpoints/, with its name and digest."""
    for folder in sorted(path.parent for path in (ROOT / "checkpoints").glob("*/config.json")):
        config = checkpoint.read_config(folder)
        if "metrics" in config["provenance"]["evaluation"]:
            yield {"name": folder.name, "model": config["model"], "settings": config["settings"], **config["provenance"]}


def _accuracy(shipped: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "## The checkpoints that come with Tremor"
    for data, group in groupby(sorted(shipped, key=lambda one: str(one["data"]["name"])), lambda one: str(one["data"]["name"])):
        found = sorted(group, key=lambda one: -one["evaluation"]["metrics"]["P@1"]["value"])
        judged = found[0]["evaluation"]
        yield f"### On {data}"
        yield (
            f"{judged['split'].capitalize()} split, n = {judged['documents']:,} documents, data digest `{judged['data_digest']}`; in percent, "
            "measured on the shipped weights. Commands, seeds and settings: the checkpoint's card."
        )
        rows = [
            [_link(one) + _marked(one), f"`{one['evaluation']['digest']}`", *(_percent(one["evaluation"]["metrics"][key]) for key in METRICS)]
            for one in found
        ]
        yield _table(["checkpoint", "weights", *METRICS], rows)
        shown = judged["recall@5_by_bin"]
        yield "Recall@5 by the number of documents that a label was trained on, in percent (true pairs of document and label):"
        head = ["checkpoint", *(f"{_bin(name)} ({one['pairs']:,})" for name, one in shown.items())]
        yield _table(head, [[one["name"] + _marked(one), *(_recall(one, name) for name in shown)] for one in found])
        yield "What training took:"
        head = ["checkpoint", "seconds", "on", "seed", "MB", "trained on from"]
        yield _table(head, [[one["name"], *_training(one)] for one in found])


def _marked(one: Mapping[str, Any]) -> str:
    """What the checkpoint's name does not say of it."""
    marks = [SHORT["APLC-XLNet"]] * (one["model"] == "aplc-xlnet") + [SAID] * is_ensemble(one["settings"])
    return f" ({', '.join(marks)})" if marks else ""


def _link(one: Mapping[str, Any]) -> str:
    return f"[{one['name']}](../checkpoints/{one['name']}/README.md)"


def _percent(found: Mapping[str, float]) -> str:
    return f"{100 * found['value']:.1f} [{100 * found['low']:.1f}, {100 * found['high']:.1f}]"


def _recall(one: Mapping[str, Any], name: str) -> str:
    found = one["evaluation"]["recall@5_by_bin"].get(name)
    return "–" if found is None else f"{100 * found['recall']:.1f}"


def _bin(name: str) -> str:
    """'[5, 20)' -> '5 to 19'."""
    if not name.startswith("["):
        return name
    low, high = name.strip("[)").split(", ")
    return f"{low} to {int(high) - 1}"


def _training(one: Mapping[str, Any]) -> list[object]:
    trained, parent = one["trained"], one.get("parent")
    return [f"{trained['seconds']:,.0f}", trained["machine"], one["seed"], f"{one['size_bytes'] / 1e6:.1f}", parent["name"] if parent else "–"]


def _language() -> Iterator[str]:
    folder = ROOT / "checkpoints" / DEFAULT
    known = checkpoint.read_config(folder)["provenance"]
    yield "### The masked language model that attacks ask for words"
    yield (
        f"{_link({'name': folder.name})}, on {known['evaluation']['texts']:,} held-out texts, data digest `{known['data']['digest']}`, "
        f"seed {known['seed']}:"
    )
    rows = [
        [name, f"{100 * one['top1']:.1f}", f"{100 * one['top10']:.1f}", f"{one['loss']:.2f}", f"{one['places']:,}"]
        for name, one in known["evaluation"]["accuracy"].items()
    ]
    yield _table(["masked", "first guess right, %", "among the first ten, %", "loss", "n (places)"], rows)
    if "domains" in known["evaluation"]:
        yield "By domain; pseudo-perplexity with a 95 % interval, and its quantiles over texts:"
        head = ["domain", "masked", "first guess right, %", "among the first ten, %", "loss", "n (places)"]
        yield _table(head, list(accuracy_rows(known["evaluation"])))
        quantiles = [f"{q} % of texts below" for q in QUANTILES]
        yield _table(["domain", "pseudo-perplexity a word", *quantiles, "n (texts)", "words"], list(perplexity_rows(known["evaluation"])))


def _defended(shipped: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "## Before and after a defence"
    yield (
        "Base: the checkpoint before. Control: trained on in the same way, with nothing moved or replaced. Robust: with the defence. FGSM and PGD "
        "know the weights and the true labels; the positive-targeted attack substitutes words and sees scores only. 95 % intervals."
    )
    for one in shipped:
        if rows := one.get("defended"):
            who = list(dict.fromkeys(row["who"] for row in rows))
            cells = {(row["measure"], row["who"]): f"{row['value']:.1f} [{row['low']:.1f}, {row['high']:.1f}]" for row in rows}
            yield f"### {one['name']}{_marked(one)}"
            on = "; ".join(dict.fromkeys(row["on"] for row in rows if row.get("on")))
            yield f"Defence {one['defence']['name']}, trained on from {one['parent']['name']} (`{one['parent']['digest']}`). Measured on {on}."
            measures = dict.fromkeys(row["measure"] for row in rows)
            yield _table(["", *who], [[name, *(cells.get((name, each), "–") for each in who)] for name in measures])


# -- records


def _claims(board: EvidenceBoard) -> Iterator[str]:
    yield "## The papers' claims"
    yield (
        "Each is judged by a rule that is stated beside it on the Evidence page and in `python -m core evidence show --json`: a cell speaks for the "
        "claim where its whole interval lies on the claimed side of the border, against it where the whole interval lies on the other, and else "
        "leaves it open."
    )
    for name, paper in board.papers.papers.items():
        yield f"### {paper.title} ({paper.authors}, {paper.year})" if paper.authors else f"### {paper.title} ({paper.year})"
        rows = [[one.verdict, one.claim.said, _why(one)] for one in board.verdicts if one.paper == name]
        yield _table(["verdict", "claim", "figures"], rows)


def _why(found: Verdict) -> str:
    """What is not measured says what this machine lacks, which is no part of a page."""
    return "no record yet" if found.verdict == UNMEASURED else found.sentence


def _studies(board: EvidenceBoard) -> Iterator[str]:
    yield "## Study by study"
    yield "`python -m core evidence show` puts these beside the row of the paper that each is to be read against."
    for name, group in groupby(board.states, lambda state: state.study.NAME):
        states = list(group)
        found = [one.record for one in states if one.record is not None]
        if found:
            yield f"### {name}"
            yield _about(states)
            yield _figures(found)
            yield from _by_bin(found)


def _about(states: Sequence[CellState]) -> str:
    study = states[0].study
    left = [one.cell.name for one in states if one.record is None]
    said = f"{study.ABOUT[0].upper()}{study.ABOUT[1:]}. Threat: {study.THREAT}."
    found = [one.record for one in states if one.record is not None]
    more = [f"{one}." for one in dict.fromkeys(attack(record.header) for record in found) if one]
    more += dict.fromkeys(f"{record.header.model}: {OURS[record.header.model]}" for record in found if record.header.model in OURS)
    said = " ".join([said, *more])
    return said + (f" Not measured yet: {', '.join(left)}." if left else "")


def _figures(found: Sequence[Record]) -> str:
    """Of one record a line a figure, of several a line a record."""
    every = {called(record.header.cell, record): {row["figure"]: row for row in figures(record)} for record in found}
    if len(found) == 1:
        ((cell, rows),) = every.items()
        return _table([cell, "", "what it is"], [[name, _said(row), row["what it is"]] for name, row in rows.items()])
    columns = COLUMNS.get(found[0].header.kind) or tuple(dict.fromkeys(name for rows in every.values() for name in rows))
    return _table(["", *columns], [[cell, *(_said(rows[name]) if name in rows else "–" for name in columns)] for cell, rows in every.items()])


def _said(row: Mapping[str, Any]) -> str:
    return str(row["value"]) if "counted" in row["value"] else f"{row['value']} ({row['n']:,})"


def _by_bin(found: Sequence[Record]) -> Iterator[str]:
    """Success by label frequency, of attacks on words."""
    if found[0].header.kind != "attacks":
        return
    every = {called(record.header.cell, record): {row["training documents"]: row for row in bins(record)} for record in found}
    names = sorted({name for rows in every.values() for name in rows}, key=lambda name: int("".join(c for c in name.split(",")[0] if c.isdigit())))
    yield "Success by the number of documents that the label was trained on:"
    rows = [
        [cell, *(f"{rows[name]['success']} ({rows[name]['n']:,})" if name in rows and rows[name]["n"] else "–" for name in names)]
        for cell, rows in every.items()
    ]
    yield _table(["", *map(_bin, names)], rows)


def _sources(board: EvidenceBoard) -> Iterator[str]:
    yield "## Where each record comes from"
    yield (
        "`python -m core evidence run STUDY --cell CELL` measures a cell that has no record; "
        "`python -m core evidence reproduce STUDY --cell CELL` measures one again and compares. Settings stand in the record's first line."
    )
    rows = []
    for one in board.states:
        if one.record is not None:
            head, place = one.record.header, records.place(one.study.NAME, one.cell.name)
            link = f"[{one.name}](../{place.relative_to(ROOT).as_posix()})"
            digests = [f"`{digest}`" if digest else "–" for digest in (head.digest, head.data_digest)]
            rows.append([link, f"{len(one.record.items):,} {head.kind}", *digests, head.seed, head.measured, f"{head.seconds:,.0f}"])
    yield _table(["record", "items", "weights", "data", "seed", "measured", "seconds"], rows)


def main() -> int:
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)} is written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
