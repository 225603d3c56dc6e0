"""Data: what a data set holds, how its labels are distributed and cluster, and the documents of each."""

from __future__ import annotations

import streamlit as st

from pages.parts import exporting, loading, session
from pages.parts.cards import Card
from pages.parts.data import source as data_source
from pages.parts.data import views
from pages.parts.explain import across
from pages.parts.frame import frame
from pages.parts.show import place_for, plain, sentences

SECTIONS = {"overview": "Overview", "clusters": "Clusters", "labels": "Documents by label", "words": "Words that matter"}


def main() -> None:
    card = frame("Data")
    head = st.container(horizontal=True, vertical_alignment="center")
    head.title("Data", width="stretch")
    with head:
        exporting.link()
    with sentences():
        source = data_source.choose("the checkpoint" if card is None else card.name)
        with place_for("data", source):
            look_at(card, source)


def look_at(card: Card | None, source: str) -> None:
    if source == data_source.CHECKPOINT:
        checkpoint_labels(card)
        return
    dataset = data_source.read(source)
    if dataset is None:
        return
    session.default(session.SECTION, "overview", SECTIONS)
    section = st.segmented_control(
        "Section", list(SECTIONS), format_func=SECTIONS.__getitem__, key=session.SECTION, required=True, label_visibility="collapsed",
        persist_state="session",
    )  # fmt: skip
    if section == "words":
        across.words_that_matter(card, dataset)
    else:
        {"overview": views.overview, "clusters": views.clusters, "labels": views.one_label}[section](dataset)


def checkpoint_labels(card: Card | None) -> None:
    """What a checkpoint knows of the data it was trained on: no data set is read for it."""
    if card is None:
        st.markdown("Choose a data set, or upload a table.")
        return
    labels = loading.labels(card)
    st.markdown(plain(f"{card.name} knows {len(labels):,} labels, from {labels.documents:,} training documents."))
    views.distribution(labels)
    views.label_table(labels)


main()
