"""One of the papers' tables, each row beside our cells; a chosen row opens the record behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.evidence.board import EvidenceBoard, Line
from core.evidence.claims import Verdict
from core.evidence.papers import Paper, Table
from core.study.exports import rows_to_csv, rows_to_json
from pages.parts import session
from pages.parts.evidence import records as evidence_records
from pages.parts.evidence.filters import Filters, seeds
from pages.parts.show import plain, tall


def show(board: EvidenceBoard, chosen: Filters) -> None:
    """The chosen table of those that the filters leave; a sentence where they leave none."""
    kept = {table.id: lines for table in board.papers.tables if (lines := [line for line in board.of_table(table.id) if chosen.keeps(line)])}
    if not kept:
        st.info("No line of the papers' tables fits these filters: choose other papers or models, or show what was not measured, too.")
        return
    tables, papers = {table.id: table for table in board.papers.tables}, board.papers.papers
    session.default(session.TABLE, next(iter(kept)), kept)
    name = st.selectbox(
        "Table", list(kept), format_func=lambda one: f"{seeds(papers[tables[one].paper])}: {tables[one].title}", key=session.TABLE,
        persist_state="session",
    )  # fmt: skip
    _head(papers[tables[name].paper])
    _table(board, tables[name], kept[name])


def _head(paper: Paper) -> None:
    st.header(plain(f"{seeds(paper)}: {paper.title}"), divider="gray")
    st.caption(plain(f"{paper.authors}, {paper.year}. {paper.note}"))


def _table(board: EvidenceBoard, table: Table, lines: Sequence[Line]) -> None:
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
        [_row(line, open_rows) for line in lines], hide_index=True, key=f"evidence.table.{table.id}", height=tall(len(lines)), on_select="rerun",
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


def _opened(board: EvidenceBoard, line: Line) -> None:
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


def _caveats(board: EvidenceBoard, lines: Sequence[Line]) -> None:
    """The sentence of every flag that the table shows, with where it is seen."""
    for name in dict.fromkeys(flag for line in lines for flag in line.flags):
        flag = board.papers.flags[name]
        st.caption(f"**{plain(name)}** {plain(flag.sentence)} ({plain(flag.source)})")


def _of_all(rows: Sequence[dict[str, Any]]) -> str:
    """Rows of several kinds in one table: what one kind has not stays empty."""
    return rows_to_csv(rows)


def export(board: EvidenceBoard, chosen: Filters) -> None:
    """All lines and verdicts that the filters leave as files, made on the click."""

    def lines() -> list[dict[str, Any]]:
        return [line.flat() for line in board.lines if chosen.keeps(line)]

    def verdicts() -> list[Verdict]:
        return [one for one in board.verdicts if chosen.keeps_paper(one.paper)]

    with st.popover("Export", icon=":material/download:"):
        kinds = (
            ("Tables, CSV", "evidence.csv", "text/csv", lambda: rows_to_csv(lines())),
            ("Tables, JSON", "evidence.json", "application/json", lambda: rows_to_json(lines())),
            ("Verdicts, CSV", "verdicts.csv", "text/csv", lambda: rows_to_csv([one.flat() for one in verdicts()])),
            ("Verdicts' figures, CSV", "verdicts-figures.csv", "text/csv", lambda: _of_all([row for one in verdicts() for row in one.rows()])),
        )
        for label, name, mime, make in kinds:
            st.download_button(label, make, name, mime, key=f"evidence.export.{name}", on_click="ignore", width="stretch")
