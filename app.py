"""The home page: what Tremor does, and a document to start with. `streamlit run app.py`, or `make app`."""

from pages.parts import frame, loading

card = frame.frame("Home")
loading.prewarm(card)
