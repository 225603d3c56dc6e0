"""The home page: what Tremor does, and a document to start with. `streamlit run app.py`, or `make app`."""

import streamlit as st

from pages.parts import documents, loading
from pages.parts.frame import frame

card = frame("Home")
st.html("<h1 class='claim'>Which labels does it get, and which words are to blame?</h1>")
st.markdown(
    "Tremor reads a document with a classifier and ranks every label that the classifier knows. Then it shows, for any of them, which words "
    "speak for it and which against it, by five explainers side by side, and says how far each can be trusted."
)
with st.container(key="start"):
    taken = documents.paste(height=170)
if taken:
    st.switch_page("pages/explain.py")
st.caption("Everything runs on this machine. The document is kept for this visit only and is never put into a link.")
loading.prewarm(card)
