"""`python -m core evidence`: what the papers print beside what was measured here; measure it, measure it again."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from core.cli.printing import Found, progress_bar
from core.errors import InputError
from core.types import Progress

ACTIONS = {
    "list": "every study and its cells: measured, or what it needs",
    "run": "measure the cells of a study that have no record; the same command goes on after a kill",
    "show": "paper beside measurement, row by row, the verdicts on the claims, and figures that no paper prints",
    "reproduce": "measure a kept cell again and say whether its figures are the same within their intervals",
    "import": "keep the records of a finished `python -m core study` folder as a cell's",
}


def add_flags(parser: argparse.ArgumentParser, words: Sequence[str]) -> None:
    parser.add_argument("action", choices=tuple(ACTIONS), help="; ".join(f"{name}: {about}" for name, about in ACTIONS.items()))
    parser.add_argument("study", nargs="?", help="a study's name (run, reproduce, import)")
    parser.add_argument("--cell", help="one cell of the study")
    parser.add_argument("--from", dest="source", help="import: the folder of a finished study")
    parser.add_argument("--paper", help="show: only this paper (000, 001, 002, 004)")
    parser.add_argument("--model", help="show: only rows of this model")


def run(arguments: argparse.Namespace) -> Found:
    actions: dict[str, Callable[[argparse.Namespace, Progress], Found]] = {
        "list": _list, "run": _run, "show": _show, "reproduce": _reproduce, "import": _import,
    }  # fmt: skip
    return actions[arguments.action](arguments, progress_bar())


def _named(arguments: argparse.Namespace, cell: bool = False) -> str:
    if arguments.study is None:
        raise InputError(f"name the study: python -m core evidence {arguments.action} STUDY (see `python -m core evidence list`)")
    if cell and arguments.cell is None:
        raise InputError(f"name the cell: python -m core evidence {arguments.action} {arguments.study} --cell CELL")
    return str(arguments.study)


def _list(arguments: argparse.Namespace, progress: Progress) -> Found:
    from core.evidence.run import states

    found, lines, last = [], [], ""
    for one in states():
        if last != one.study.NAME:
            last = one.study.NAME
            lines.append(f"{last}: {one.study.ABOUT}")
        lines.append(f"  {one.cell.name:34s} {one.sentence()}")
        found.append({"study": last, "cell": one.cell.name, "measured": one.record is not None, "needs": one.needs})
    return {"cells": found}, lines


def _run(arguments: argparse.Namespace, progress: Progress) -> Found:
    from core.evidence.run import measure_cells

    rows = []
    for cell, outcome in measure_cells(_named(arguments), arguments.cell, progress):
        said = outcome if isinstance(outcome, str) else f"measured, {len(outcome.items):,} items"
        rows.append({"cell": cell.name, "measured": not isinstance(outcome, str), "said": said})
    return {"study": arguments.study, "cells": rows}, [f"{row['cell']}: {row['said']}" for row in rows]


def _reproduce(arguments: argparse.Namespace, progress: Progress) -> Found:
    from core.evidence.departures import attack
    from core.evidence.run import again

    record, compared = again(_named(arguments, cell=True), str(arguments.cell), progress)
    lines = [f"{record.header.name}, {len(record.items):,} items; kept [95 % interval] -> now", *filter(None, [attack(record.header)])]
    for one in compared:
        interval = "" if one.kept.exact else f" [{one.kept.low:.4g}, {one.kept.high:.4g}]"
        lines.append(f"  {'same' if one.same else 'DIFFERENT':9s} {one.measure}: {one.kept.value:.4g}{interval} -> {one.now.value:.4g}")
    rows = [{"measure": one.measure, "kept": one.kept.value, "now": one.now.value, "same": one.same} for one in compared]
    return {"cell": record.header.name, "same": all(one.same for one in compared), "measures": rows}, lines


def _import(arguments: argparse.Namespace, progress: Progress) -> Found:
    from core.evidence.run import take_up

    if arguments.source is None:
        raise InputError("name the folder of the finished study: --from runs/studies/NAME")
    record = take_up(_named(arguments, cell=True), str(arguments.cell), Path(arguments.source), progress)
    return {"cell": record.header.name, "items": len(record.items)}, [f"{record.header.name}: {len(record.items):,} attacks replayed and kept"]


def _show(arguments: argparse.Namespace, progress: Progress) -> Found:
    from core.evidence.board import read_board
    from core.evidence.details import alone, side_by_side

    board = read_board()
    chosen = [
        line
        for line in board.lines
        if arguments.paper in (None, line.paper, *board.papers.papers[line.paper].seeds) and arguments.model in (None, line.model)
    ]
    verdicts = [one for one in board.verdicts if arguments.paper in (None, one.paper, *board.papers.papers[one.paper].seeds)]
    lines = [f"{one.verdict.upper():16s} {one.paper}: {one.claim.said}\n{'':17s}{one.sentence}" for one in verdicts]
    for line in chosen:
        measure = f" ({line.measure}){f' | {line.beside}' if line.beside else ''}" if line.measured else ""
        lines.append(
            f"{line.paper} {line.where} | {line.model} | {line.data} | {line.setting} | {line.metric}: {line.printed} | {line.ours}{measure}"
        )
    mine = [] if arguments.paper else [one for one in alone(board.states) if arguments.model in (None, one.cell.model)]
    beyond = side_by_side(one.record for one in mine if one.record is not None)
    lines += [f"no paper | {row['record']} | {row['model']} | {row['data']} | {row['figure']}: {row['value']}" for row in beyond]
    flat = [line.flat() for line in chosen]
    return {"verdicts": [one.flat() for one in verdicts], "rows": json.loads(json.dumps(flat)), "beyond the papers": beyond}, lines
