"""The verdicts on the papers' claims: how many hold, and for each the rule and the figures that say so."""

from __future__ import annotations

import streamlit as st

from core.evidence.board import Board
from core.evidence.claims import HOLDS, NOT, PARTLY, UNDECIDED, VERDICTS
from pages.parts.evidence_filters import Chosen, seeds
from pages.parts.show import plain

MARKS = {HOLDS: ":material/check_circle:", NOT: ":material/cancel:", PARTLY: ":material/contrast:", UNDECIDED: ":material/help:"}
OTHER = ":material/pending:"


def show(board: Board, chosen: Chosen) -> None:
    found = [one for one in board.verdicts if chosen.keeps_paper(one.paper)]
    st.subheader("Verdicts")
    counts = {name: sum(one.verdict == name for one in found) for name in VERDICTS}
    with st.container(horizontal=True):
        for name, count in counts.items():
            if count:
                st.badge(f"{name}: {count}", icon=MARKS.get(name, OTHER), color="gray")
    for paper in board.papers.papers.values():
        own = [one for one in found if one.paper == paper.id]
        if not own:
            continue
        with st.expander(plain(f"{seeds(paper)}: {paper.title}"), expanded=True):
            for one in own:
                claim = one.claim
                st.markdown(f"{MARKS.get(one.verdict, OTHER)} **{plain(one.verdict)}** — {plain(claim.said)}")
                parts = [f"{claim.place}: “{claim.quote}”.", f"Rule: {claim.rule.states}." if claim.rule.states else "", one.sentence]
                st.caption(" ".join(plain(part) for part in parts if part))
    st.caption(
        "A cell speaks for a claim where its whole 95 % interval lies on the claimed side, against it where it lies on the other side, and leaves it "
        "open otherwise. Claims judged by a paper's own tables have no interval, because the paper prints none."
    )
