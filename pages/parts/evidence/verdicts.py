"""The verdicts on the papers' claims: a line a claim, and for the one that is chosen its quote, its rule and the figures that say so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import streamlit as st

from core.evidence.board import EvidenceBoard
from core.evidence.claims import HOLDS, NOT, PARTLY, UNDECIDED, VERDICTS, Verdict
from core.evidence.papers import Paper
from pages.parts import session
from pages.parts.evidence.filters import Filters, seeds
from pages.parts.show import plain

MARKS = {
    HOLDS: (":material/check_circle:", "green"), NOT: (":material/cancel:", "red"), PARTLY: (":material/contrast:", "orange"),
    UNDECIDED: (":material/help:", "gray"),
}  # fmt: skip
"""A verdict's sign and colour; a word stands beside them."""
OTHER = (":material/pending:", "gray")


def show(board: EvidenceBoard, chosen: Filters) -> None:
    found = [one for one in board.verdicts if chosen.keeps_paper(one.paper)]
    if session.get(session.CLAIM) not in [one.claim.id for one in found]:
        session.forget(session.CLAIM)
    with st.container(horizontal=True):
        for name in VERDICTS:
            if count := sum(one.verdict == name for one in found):
                icon, colour = MARKS.get(name, OTHER)
                st.badge(f"{name}: {count}", icon=icon, color=colour)
    st.caption("Choose a claim to see the paper's words, the rule and the figures. Behind it stands how many cells speak for it or against it.")
    for paper in board.papers.papers.values():
        if own := [one for one in found if one.paper == paper.id]:
            with st.expander(plain(f"{seeds(paper)}: {paper.title}"), expanded=True):
                _claims(paper, own)
                for one in own:
                    if one.claim.id == session.get(session.CLAIM):
                        _detail(board, one)


def _claims(paper: Paper, own: Sequence[Verdict]) -> None:
    """One line a claim. The lists of all papers hold one choice between them, which the address carries."""
    by_id = {one.claim.id: one for one in own}
    key = f"evidence.claims.{paper.id}"
    session.choose(key, session.get(session.CLAIM) if session.get(session.CLAIM) in by_id else None)
    st.radio(
        plain(f"Claims of {paper.title}"), list(by_id), index=None, key=key, format_func=lambda name: _line(by_id[name]), on_change=_choose,
        args=(key,), label_visibility="collapsed", width="stretch",
    )  # fmt: skip


def _choose(key: str) -> None:
    session.choose(session.CLAIM, session.get(key))


def _line(one: Verdict) -> str:
    """The verdict, the claim, and what its cells say. assets/page.css puts the three in columns."""
    icon, colour = MARKS.get(one.verdict, OTHER)
    cells = " · ".join(f"{count} {name}" for name, count in one.counts.items() if count)
    return f":{colour}-badge[{icon} {plain(one.verdict)}] {plain(one.claim.said)} :small[{cells or '–'}]"


def _detail(board: EvidenceBoard, one: Verdict) -> None:
    claim = one.claim
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{plain(claim.said)}**", width="stretch")
            st.button(
                "Close", key=f"evidence.close.{claim.id}", icon=":material/close:", type="tertiary", on_click=session.forget, args=(session.CLAIM,)
            )
        st.markdown(f"**The paper**, {plain(claim.place)}: “{plain(claim.quote)}”")
        if claim.rule.states:
            st.markdown(f"**Rule**: {plain(claim.rule.states)}.")
        if not one.outcomes:
            st.info(plain(one.sentence))
            return
        _figures(one)
        for sentence in _caveats(board, one):
            st.caption(sentence)


def _figures(one: Verdict) -> None:
    from core.render import forest

    st.plotly_chart(
        forest.forest(one.outcomes, one.border), key=f"evidence.forest.{one.claim.id}", config={"displayModeBar": False},
        alt=forest.described(one.outcomes, one.border),
    )  # fmt: skip
    st.html(forest.figures(one.outcomes, one.border))


def _caveats(board: EvidenceBoard, one: Verdict) -> Iterable[str]:
    """How to read the figures, what is said of the printed ones, and where the measured ones come from."""
    if one.claim.rule.printed:
        yield "These are the paper's own printed numbers, which come without intervals: each counts as it stands."
        flags = dict.fromkeys(flag for row in one.claim.rule.printed for flag in board.papers.rows[row].flags)
        for flag in (board.papers.flags[name] for name in flags):
            yield f"**{plain(flag.name)}** {plain(flag.sentence)} ({plain(flag.source)})"
    else:
        yield (
            "A cell speaks for a claim where its whole 95 % interval lies on the claimed side, against it where it lies on the other side, "
            "and leaves it open otherwise."
        )
        yield f"Records: {plain(', '.join(one.cells))}"
