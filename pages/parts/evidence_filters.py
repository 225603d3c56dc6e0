"""Which papers, models and lines the Evidence page shows."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from core.evidence.board import Board, Line
from core.evidence.papers import Paper
from pages.parts import session


@dataclass(frozen=True)
class Chosen:
    """Nothing chosen means all."""

    papers: tuple[str, ...]
    models: tuple[str, ...]
    measured: bool

    def keeps(self, line: Line) -> bool:
        of_model = not self.models or line.model in self.models or line.our_model in self.models
        return self.keeps_paper(line.paper) and of_model and (line.measured or not self.measured)

    def keeps_paper(self, paper: str) -> bool:
        return not self.papers or paper in self.papers


def seeds(paper: Paper) -> str:
    """'Seed 000', 'Seeds 003 and 004'."""
    _, *more = paper.seeds
    return f"Seed{'s' if more else ''} {' and '.join(paper.seeds)}"


def choose(board: Board) -> Chosen:
    papers = board.papers.papers
    models = sorted({name for line in board.lines for name in (line.model, line.our_model) if name})
    for name, valid in ((session.PAPERS, papers), (session.MODELS, models)):
        session.choose(name, [one for one in session.get(name, []) if one in valid])
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.multiselect(
            "Papers", list(papers), format_func=lambda one: f"{seeds(papers[one])}: {papers[one].title}", key=session.PAPERS,
            placeholder="All papers", persist_state="session",
        )  # fmt: skip
        of = st.multiselect("Models", models, key=session.MODELS, placeholder="All models", persist_state="session")
        measured = st.toggle("Only what was measured", key=session.MEASURED, persist_state="session")
    return Chosen(tuple(chosen), tuple(of), measured)
