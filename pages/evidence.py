"""Evidence: do the papers' numbers hold? What they print and what was measured here, with caveats, intervals and verdicts; one view at a time."""

from __future__ import annotations

import streamlit as st

from pages.parts import evidence_filters, evidence_records, evidence_tables, evidence_verdicts, exporting, loading, session
from pages.parts.frame import frame
from pages.parts.show import sentences

VIEWS = {
    evidence_filters.VERDICTS: "Verdicts",
    evidence_filters.TABLES: "Tables",
    evidence_filters.BEYOND: "Beyond the papers",
    evidence_filters.RECORDS: "Records",
}
DRAW = {
    evidence_filters.VERDICTS: evidence_verdicts.show,
    evidence_filters.TABLES: evidence_tables.show,
    evidence_filters.BEYOND: evidence_records.beyond,
    evidence_filters.RECORDS: evidence_records.browse,
}
"""Only the view that is looked at is computed."""


def main() -> None:
    frame("Evidence")
    head = st.container(horizontal=True, vertical_alignment="center")
    head.title("Do the papers hold?", width="stretch")
    with sentences():
        st.markdown(
            "Each number that the papers print stands beside what was measured here, with its interval, the data and whether the protocol is the "
            "same. Attacks of different kinds are never put together. A figure of ours opens the record that it is computed from."
        )
        session.default(session.EVIDENCE, evidence_filters.named(), VIEWS)
        view = st.segmented_control(
            "View", list(VIEWS), format_func=VIEWS.__getitem__, key=session.EVIDENCE, required=True, label_visibility="collapsed",
            persist_state="session",
        )  # fmt: skip
        board = loading.board()
        chosen = evidence_filters.choose(board, view)
        with head:
            evidence_tables.export(board, chosen)
            exporting.link()
        DRAW[view](board, chosen)


main()
