"""How a document that is longer than the model's window is read: its beginning, as the model was trained and measured, or all of it in windows."""

from __future__ import annotations

from typing import cast

import streamlit as st

from core.document import Document
from core.types import Classifier
from core.windows import POOLINGS, WindowedClassifier, Windows
from pages.parts import session

FIRST = "first words"
WAYS = {FIRST: "The first words only", **{way: f"All of it in windows, {way}" for way in POOLINGS}}


def reader(classifier: Classifier, document: Document) -> Classifier:
    """The classifier itself, or over windows where the visitor chose so and the document is longer than one. Draws the choice."""
    read, words = classifier.words_read(document), len(document)
    if read >= words:
        return classifier
    session.default(session.WINDOWS, FIRST, WAYS)
    chosen = st.selectbox(
        "This document is longer than the model's window. Read", list(WAYS), format_func=WAYS.__getitem__, key=session.WINDOWS,
        persist_state="session",
        help="In windows every word can change a score. The model was trained and measured on first words only, so no figure of this app is of "
             "windows unless it says so.",
    )  # fmt: skip
    if chosen == FIRST:
        st.warning(f"The model reads the first {read:,} of {words:,} words. The others are grey: they cannot change a score.")
        return classifier
    found = Windows(pooling=chosen).over(classifier)
    _said(found, document)
    return cast("Classifier", found)


def _said(found: WindowedClassifier, document: Document) -> None:
    spans = found.spans(document)
    places = ", ".join(f"{first + 1:,}–{last:,}" for first, last in spans)
    st.caption(
        f"Read: all {len(document):,} words in {len(spans):,} windows (words {places}); a label's score is the {found.windows.pooling} over them. "
        "This is another classifier than the one that was measured: gradients and attention are of single windows and are not offered."
    )
