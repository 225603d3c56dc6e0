"""Evidence: do the papers' numbers hold? What they print and what was measured here, table by table, with caveats, intervals and verdicts."""

from __future__ import annotations

import streamlit as st

from pages.parts import evidence_filters, evidence_records, evidence_tables, evidence_verdicts, exporting, loading
from pages.parts.frame import frame
from pages.parts.show import sentences


def main() -> None:
    frame("Evidence")
    head = st.container(horizontal=True, vertical_alignment="center")
    head.title("Do the papers hold?", width="stretch")
    with sentences():
        st.markdown(
            "Each number that the papers print stands beside what was measured here, with its interval, the data and whether the protocol is the "
            "same. Attacks of different kinds are never put together. A figure of ours opens the record that it is computed from."
        )
        board = loading.board()
        chosen = evidence_filters.choose(board)
        with head:
            evidence_tables.export(board, chosen)
            exporting.link()
        evidence_verdicts.show(board, chosen)
        evidence_tables.show(board, chosen)
        evidence_records.beyond(board, chosen)
        evidence_records.browse(board)


main()
