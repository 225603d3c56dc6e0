"""Trying other words: edits over the pasted document, and how the labels' ranks move."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.document import Document
from core.errors import InputError
from core.explainers.attribution import Attribution
from core.ranking import ranks, top_k
from core.render import heatmap
from core.render.tables import Move, moves
from pages.parts import loading, session
from pages.parts.labels import number
from pages.parts.reading import Reading
from pages.parts.show import plain, problem
from pages.parts.words import words

WATCHED = 5
"""Best labels before and after that the table of ranks shows."""

HINT = "<span class='hint'>Click a word for its number, double click (or F2) to change it.</span>"


def edited(original: Document) -> tuple[Document, list[int]]:
    """The document with the session's edits, and for each of its words the position in the original. An edit that cannot
    be made is dropped with a sentence."""
    document, gone = original, set()
    for position, word in session.edits().items():
        try:
            if word is None:
                original.delete([position])
                gone.add(position)
            else:
                document = document.replace({position: word})
        except InputError as error:
            problem(error)
            session.drop_edit(position)
    return document.delete(gone), [i for i in range(len(original)) if i not in gone]


def document(reading: Reading, found: Attribution | None) -> None:
    """The words, coloured by an explanation if there is one; what is done to them; and what that changed."""
    shown, read = reading.document, reading.words_read
    values = None if found is None else found.values[0]
    if values is not None:
        st.html(heatmap.legend(found is not None and found.unsigned, HINT))
    changed = [place for place, position in enumerate(reading.positions) if session.edits().get(position) is not None]
    clicked = words(
        shown, f"words.{shown.digest}", values, reading.label, read, changed, editable=True, unsigned=found is not None and found.unsigned
    )
    if clicked.edit is not None:
        session.edit(reading.positions[clicked.edit[0]], clicked.edit[1])
        st.rerun()
    if clicked.selected is not None:
        _panel(reading, clicked.selected, found)
    if session.edits():
        _movement(reading)


def _panel(reading: Reading, selected: int, found: Attribution | None) -> None:
    """What can be done to the selected word."""
    key = f"{reading.document.digest}.{selected}"
    with st.form(f"edit.{key}"):
        said = "" if found is None else f": {heatmap.said(found, 0, selected)}"
        st.markdown(f"**{plain(reading.document.words[selected])}** {plain(said)}")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            other = st.text_input("Put another word in its place", key=f"other.{key}", placeholder="one word")
            replaced = st.form_submit_button("Replace")
            deleted = st.form_submit_button("Delete the word")
    if deleted or (replaced and other.strip()):
        session.edit(reading.positions[selected], None if deleted else other.strip())
        st.rerun()


def _movement(reading: Reading) -> None:
    """The table of ranks before and after the edits, with a button that takes them back."""
    labels, unit = reading.classifier.labels, reading.classifier.unit
    before, after = loading.scores(reading.classifier, reading.original), reading.scores
    best = [*top_k(before[None], WATCHED)[0].tolist(), *top_k(after[None], WATCHED)[0].tolist()]
    watched = [*reading.pins, *([] if reading.chosen is None else [reading.chosen])]
    ids = np.asarray(list(dict.fromkeys([*best, *watched])), dtype=np.int64)
    old, new = ranks(before[None], ids)[0], ranks(after[None], ids)[0]
    found = [
        Move(labels.names[j], int(was), int(now), number(float(before[j]), unit), number(float(after[j]), unit))
        for j, was, now in sorted(zip(ids.tolist(), old, new, strict=True), key=lambda row: int(row[1]))
    ]
    with st.container(border=True):
        st.html(moves(found))
        count = len(session.edits())
        st.button(f"Undo {count:,} edit{'s' if count > 1 else ''}", icon=":material/undo:", on_click=session.undo_edits)
