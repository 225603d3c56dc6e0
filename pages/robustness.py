"""Robustness: how easily do labels go away, over hundreds of attacks? Studies, live and saved, and what they found."""

from __future__ import annotations

import streamlit as st

from pages.parts import exporting, running, session, squeeze_views, study_form, study_list, study_records, study_views, vector_studies
from pages.parts.cards import Card, all_cards
from pages.parts.frame import frame
from pages.parts.show import sentences

SECTIONS = {
    "success": "By label frequency", "paper": "Beside the paper", "costs": "Against cost", "fragile": "Fragile labels", "transfer": "Transfer",
    "squeezing": "Squeezing", "records": "Records", "vectors": "Feature vectors",
}  # fmt: skip


def main() -> None:
    frame("Robustness")
    head = st.container(horizontal=True, vertical_alignment="center")
    head.title("Robustness", width="stretch")
    cards = all_cards()[0]
    with sentences():
        running.refused()
        running.damaged("study")
        with head.popover("New study", icon=":material/add:", width="content"):
            study_form.form(cards)
        with head:
            exporting.link()
        study_list.watch()
        if session.get(session.SECTION) == "vectors":
            vectors = vector_studies.choose()
            section_of()
            vector_studies.show(vectors, cards)
            return
        found = study_list.names()
        if not found:
            study_list.empty()
            section_of()
            return
        shown = study_list.choose(found)
        study_list.unfinished(shown)
        if shown:
            results(shown, cards)


def section_of() -> str:
    session.default(session.SECTION, "success", SECTIONS)
    return st.segmented_control(
        "Section", list(SECTIONS), format_func=SECTIONS.__getitem__, key=session.SECTION, required=True, label_visibility="collapsed",
        persist_state="session",
    )  # fmt: skip


def results(shown: list[study_list.Campaign], cards: list[Card]) -> None:
    section = section_of()
    if section == "records":
        study_records.browse(shown, cards)
    elif section == "transfer":
        study_views.transfers(shown, cards)
    elif section == "squeezing":
        squeeze_views.squeezed(shown)
    else:
        chosen = study_views.filters()
        {"success": study_views.success, "paper": study_views.paper, "costs": study_views.costs, "fragile": study_views.fragile}[section](
            shown, chosen
        )


main()
