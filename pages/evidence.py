"""Evidence: do the papers' numbers hold? What they print and what was measured here, with caveats, intervals and verdicts; one view at a time."""

from __future__ import annotations

import streamlit as st

from pages.parts import exporting, loading, session
from pages.parts.evidence import filters, records, tables, verdicts
from pages.parts.frame import frame
from pages.parts.show import sentences

VIEWS = {
    filters.VERDICTS: "Verdicts",
    filters.TABLES: "Tables",
    filters.BEYOND: "Beyond the papers",
    filters.RECORDS: "Records",
}
DRAW = {
    filters.VERDICTS: verdicts.show,
    filters.TABLES: tables.show,
    filters.BEYOND: records.beyond,
    filters.RECORDS: records.browse,
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
        session.default(session.EVIDENCE, filters.named(), VIEWS)
        view = st.segmented_control(
            "View", list(VIEWS), format_func=VIEWS.__getitem__, key=session.EVIDENCE, required=True, label_visibility="collapsed",
            persist_state="session",
        )  # fmt: skip
        board = loading.board()
        chosen = filters.choose(board, view)
        with head:
            tables.export(board, chosen)
            exporting.link()
        DRAW[view](board, chosen)


main()
