"""The papers' tables, one after the other, each row beside our cells; a chosen row opens the record behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.evidence.board import Board, Line
from core.evidence.papers import Paper, Table
from core.study.exports import rows_to_csv, rows_to_json
from pages.parts import evidence_records
from pages.parts.evidence_filters import Chosen, seeds
from pages.parts.show import plain


def show(board: Board, chosen: Chosen) -> None:
    """Every chosen paper with its tables; a sentence where the filters leave nothing."""
    any_shown = False
    for paper in board.papers.papers.values():
        tables = [
            (table, [line for line in board.of_table(table.id) if chosen.keeps(line)]) for table in board.papers.tables if table.paper == paper.id
        ]
        tables = [(table, lines) for table, lines in tables if lines]
        if not tables:
            continue
        any_shown = True
        _head(paper)
        for table, lines in tables:
            _table(board, table, lines)
    if not any_shown:
        st.info("No line of the papers' tables fits these filters: choose other papers or models, or show what was not measured, too.")


def _head(paper: Paper) -> None:
    st.header(plain(f"{seeds(paper)}: {paper.title}"), divider="gray")
    st.caption(plain(f"{paper.authors}, {paper.year}. {paper.note}"))


def _table(board: Board, table: Table, lines: Sequence[Line]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(plain(table.title), width="stretch")
        st.download_button(
            "CSV", lambda: rows_to_csv([line.flat() for line in lines]), f"evidence-{table.id.replace('/', '-')}.csv", "text/csv",
            key=f"evidence.csv.{table.id}", on_click="ignore", icon=":material/download:", type="tertiary",
        )  # fmt: skip
    if table.about:
        st.caption(plain(table.about))
    open_rows = any(line.missing is not None for line in lines)
    event: Any = st.dataframe(
        [_row(line, open_rows) for line in lines], hide_index=True, key=f"evidence.table.{table.id}", height="content", on_select="rerun",
        selection_mode="single-row", placeholder="–",
    )  # fmt: skip
    for number in event.selection.rows:
        if number < len(lines):
            _opened(board, lines[number])
    _caveats(board, lines)


def _row(line: Line, open_rows: bool) -> dict[str, Any]:
    """`open_rows`: whether a line of the table could still be measured; else no column says how."""
    own = f"{line.our_data} {line.our_variant}".strip()
    row = {
        "model": line.model, "data": line.data, "setting": line.setting, "metric": line.metric, "paper prints": line.printed, "here": line.here,
        "n": line.n, "here on": own if line.measured or line.missing else "", "measured as": line.measure if line.measured else "",
        "caveats": ", ".join(line.flags), "same protocol": line.same if line.measured else "", "why": line.reason if line.measured else "",
        "threat": line.threat, "where": line.where,
    }  # fmt: skip
    return row | {"to measure": line.to_measure} if open_rows else row


def _opened(board: Board, line: Line) -> None:
    """The record behind the chosen row, or why there is none."""
    records = [record for name in line.cells if (record := board.record(name)) is not None]
    if line.missing is not None:
        needs = f" It needs {line.missing.lacks}." if line.missing.lacks else ""
        st.info(plain(f"There is no record behind this row: it is {line.here}.{needs}{' This measures it:' if line.missing.commands else ''}"))
        if line.missing.commands:
            st.code("\n".join(line.missing.commands), language="bash", wrap_lines=True)
    elif not line.measured or not records:
        st.info(plain(f"There is no record behind this row. {line.state}"))
    for record in records:
        evidence_records.panel(record, f"table.{line.table}")


def _caveats(board: Board, lines: Sequence[Line]) -> None:
    """The sentence of every flag that the table shows, with where it is seen."""
    for name in dict.fromkeys(flag for line in lines for flag in line.flags):
        flag = board.papers.flags[name]
        st.caption(f"**{plain(name)}** {plain(flag.sentence)} ({plain(flag.source)})")


def _of_all(rows: Sequence[dict[str, Any]]) -> str:
    """Rows of several kinds in one table: what one kind has not stays empty."""
    return rows_to_csv(rows)


def export(board: Board, chosen: Chosen) -> None:
    """All lines and verdicts as files, made on the click."""
    lines = [line for line in board.lines if chosen.keeps(line)]
    with st.popover("Export", icon=":material/download:", disabled=not lines):
        kinds = (
            ("Tables, CSV", "evidence.csv", "text/csv", lambda: rows_to_csv([line.flat() for line in lines])),
            ("Tables, JSON", "evidence.json", "application/json", lambda: rows_to_json([line.flat() for line in lines])),
            (
                "Verdicts, CSV",
                "verdicts.csv",
                "text/csv",
                lambda: rows_to_csv([one.flat() for one in board.verdicts if chosen.keeps_paper(one.paper)]),
            ),
            (
                "Verdicts' figures, CSV",
                "verdicts-figures.csv",
                "text/csv",
                lambda: _of_all([row for one in board.verdicts if chosen.keeps_paper(one.paper) for row in one.rows()]),
            ),
        )
        for label, name, mime, make in kinds:
            st.download_button(label, make, name, mime, key=f"evidence.export.{name}", on_click="ignore", width="stretch")
