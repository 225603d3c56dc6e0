"""The home page: what Tremor answers, a document to start with, and where else to go."""

from __future__ import annotations

import streamlit as st

from pages.parts import documents, loading
from pages.parts.frame import frame
from pages.parts.home import tour


def show() -> None:
    card = frame("Home")
    with st.container(key="start"):
        st.html("<h1 class='claim'>Which words bring a label, and how few take it away?</h1>")
        st.markdown(
            "Tremor reads a document with a classifier and ranks every label that the classifier knows. For any of them it shows which words speak "
            "for it and which against it, by five explainers side by side, and says how far each can be trusted. Then it attacks: word by word, how "
            "little must change until the label goes away."
        )
        chosen = documents.start(card)
    if chosen:
        st.switch_page(chosen)
    st.caption("Everything runs on this machine. The document is kept for this visit only and is never put into a link.")
    tour.show()
    loading.prewarm(card)
