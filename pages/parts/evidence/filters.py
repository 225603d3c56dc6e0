"""Which view of the Evidence page is shown, and which papers, models and lines in it."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from core.evidence.board import EvidenceBoard, Line
from core.evidence.papers import Paper
from pages.parts import session

VERDICTS, TABLES, BEYOND, RECORDS = "verdicts", "tables", "beyond", "records"
"""The views."""


@dataclass(frozen=True)
class Filters:
    """Nothing chosen means all."""

    papers: tuple[str, ...]
    models: tuple[str, ...]
    measured: bool

    def keeps(self, line: Line) -> bool:
        of_model = not self.models or line.model in self.models or line.our_model in self.models
        return self.keeps_paper(line.paper) and of_model and (not self.measured or line.measured)  # whether it is costs its figure

    def keeps_paper(self, paper: str) -> bool:
        return not self.papers or paper in self.papers


def seeds(paper: Paper) -> str:
    """'Seed 000', 'Seeds 003 and 004'."""
    _, *more = paper.seeds
    return f"Seed{'s' if more else ''} {' and '.join(paper.seeds)}"


def named() -> str:
    """The view that shows what the address names, where it names no view."""
    if session.get(session.CELL):
        return RECORDS
    lines = session.get(session.TABLE) or session.get(session.MODELS) or session.get(session.MEASURED)
    return TABLES if lines and not session.get(session.CLAIM) else VERDICTS


def choose(board: EvidenceBoard, view: str) -> Filters:
    """The filters that the view heeds; what was chosen for the others is kept."""
    papers = board.papers.papers
    models = sorted({name for name in (*(row.model for row in board.papers.rows.values()), *(one.cell.model for one in board.states)) if name})
    for name, valid in ((session.PAPERS, papers), (session.MODELS, models)):
        session.choose(name, [one for one in session.get(name, []) if one in valid])
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if view in (VERDICTS, TABLES):
            st.multiselect(
                "Papers", list(papers), format_func=lambda one: f"{seeds(papers[one])}: {papers[one].title}", key=session.PAPERS,
                placeholder="All papers", persist_state="session",
            )  # fmt: skip
        if view in (TABLES, BEYOND):
            st.multiselect("Models", models, key=session.MODELS, placeholder="All models", persist_state="session")
        if view == TABLES:
            st.toggle("Only what was measured", key=session.MEASURED, persist_state="session")
    return Filters(tuple(session.get(session.PAPERS)), tuple(session.get(session.MODELS)), bool(session.get(session.MEASURED)))
