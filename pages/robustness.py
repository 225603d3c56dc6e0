"""Robustness: how easily do labels go away, over hundreds of attacks? Studies, live and saved, and what they found."""

from __future__ import annotations

import streamlit as st

from pages.parts import exporting, running, session
from pages.parts.cards import Card, all_cards
from pages.parts.features import studies
from pages.parts.frame import frame
from pages.parts.show import sentences
from pages.parts.study import form, listing, records, squeezing, views

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
            form.form(cards)
        with head:
            exporting.link()
        listing.watch()
        if session.get(session.SECTION) == "vectors":
            vectors = studies.choose()
            section_of()
            studies.show(vectors, cards)
            return
        found = listing.names()
        if not found:
            listing.empty()
            section_of()
            return
        shown = listing.choose(found)
        listing.unfinished(shown)
        if shown:
            results(shown, cards)


def section_of() -> str:
    session.default(session.SECTION, "success", SECTIONS)
    return st.segmented_control(
        "Section", list(SECTIONS), format_func=SECTIONS.__getitem__, key=session.SECTION, required=True, label_visibility="collapsed",
        persist_state="session",
    )  # fmt: skip


def results(shown: list[listing.Campaign], cards: list[Card]) -> None:
    section = section_of()
    if section == "records":
        records.browse(shown, cards)
    elif section == "transfer":
        views.transfers(shown, cards)
    elif section == "squeezing":
        squeezing.squeezed(shown)
    else:
        chosen = views.filters()
        {"success": views.success, "paper": views.paper, "costs": views.costs, "fragile": views.fragile}[section](shown, chosen)


main()
