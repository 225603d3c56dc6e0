"""The record behind a figure: what decides it, every figure it gives, its counts, its commands and its files; and the records about which
no paper prints anything."""

from __future__ import annotations

import streamlit as st

from core.evidence import details
from core.evidence.board import EvidenceBoard
from core.evidence.records import Record
from pages.parts import loading, session
from pages.parts.evidence.filters import Filters
from pages.parts.show import plain, tall


def beyond(board: EvidenceBoard, chosen: Filters) -> None:
    """What was measured here though no paper prints it, a table a study."""
    st.header("Beyond the papers", divider="gray")
    mine = [one for one in details.alone(board.states) if not chosen.models or one.cell.model in chosen.models]
    if not mine:
        st.info("Nothing that no paper prints was measured here, or none of it with the chosen models.")
    for study in {one.study.NAME: one.study for one in mine}.values():
        records = [one.record for one in mine if one.study.NAME == study.NAME and one.record is not None]
        digests = tuple(one.digest for one in records)
        rows = loading.remembered(("evidence beyond", *digests), lambda records=records: details.side_by_side(records))
        st.markdown(f"**{plain(study.NAME)}**: {plain(study.ABOUT)}")
        st.dataframe(rows, hide_index=True, key=f"evidence.beyond.{study.NAME}", height=tall(len(rows)), placeholder="–")


def browse(board: EvidenceBoard, _: Filters) -> None:
    """Any record by its name; and the cells that nobody has measured yet."""
    st.header("Records", divider="gray")
    measured = {one.name: one.record for one in board.states if one.record is not None}
    if not measured:
        st.info(
            "Nothing was measured yet. `python -m core evidence list` names the studies, `python -m core evidence run STUDY` measures one.",
            icon=":material/science:",
        )
    else:
        if session.get(session.CELL) not in measured:
            session.forget(session.CELL)
        name = st.selectbox("Record", list(measured), index=None, key=session.CELL, placeholder="Choose a cell", persist_state="session")
        if name is not None:
            panel(measured[name], "browse")
    open_cells = [one for one in board.states if one.record is None]
    if open_cells:
        with st.expander(f"Not measured yet ({len(open_cells)})"):
            st.dataframe(
                [{"cell": one.name, "needs": one.needs or "", "command": f"python -m core evidence run {one.study.NAME} --cell {one.cell.name}"}
                 for one in open_cells],
                hide_index=True, key="evidence.open", height="content", placeholder="–",
            )  # fmt: skip


def panel(record: Record, place: str) -> None:
    """One record. `place` says where on the page it stands, for the keys."""
    name = record.header.name
    key = f"{place}.{name}"
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{plain(name)}**", width="stretch")
            files = (("JSONL", "jsonl", "application/jsonl", details.jsonl), ("CSV", "csv", "text/csv", details.items_csv))
            for label, ending, mime, make in files:
                st.download_button(
                    label, lambda make=make: make(record), f"{name.replace('/', '-')}.{ending}", mime, key=f"evidence.{ending}.{key}",
                    on_click="ignore", icon=":material/download:", type="tertiary",
                )  # fmt: skip
        st.markdown(" · ".join(f"{plain(what)}: **{plain(value)}**" for what, value in details.facts(record)))
        rows = loading.remembered(("evidence figures", record.digest), lambda: details.figures(record))
        st.dataframe(rows, hide_index=True, key=f"evidence.figures.{key}", height=tall(len(rows)), placeholder="–")
        for title, found in (("By label frequency", details.bins(record)), ("Samples", details.samples(record))):
            if found:
                st.markdown(f"**{title}**")
                st.dataframe(found, hide_index=True, key=f"evidence.{title}.{key}", height="auto", placeholder="–")
        with st.expander("Settings and commands"):
            st.json(details.settings(record))
            measured, again = details.commands(record)
            st.code(f"{measured}\n{again}", language="bash")
            st.caption("The first measures the cell where it has no record; the second measures it again and compares every figure.")
