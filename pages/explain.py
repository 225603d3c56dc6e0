"""Explain: a document, its ranked labels, and which words speak for each."""

from __future__ import annotations

import streamlit as st

from core.document import Document
from core.explainers.attribution import Attribution
from core.predict import predict
from core.ranking import top_k
from pages.parts import (
    comparing,
    controls,
    documents,
    editing,
    explaining,
    exporting,
    labels,
    loading,
    session,
    vector_documents,
    vector_explaining,
    windowing,
)
from pages.parts.cards import Card
from pages.parts.frame import frame
from pages.parts.reading import Reading
from pages.parts.show import plain, problem, sentences

SHOWN = 10
"""Best labels listed."""


def main() -> None:
    card = frame("Explain")
    head = st.container(horizontal=True, vertical_alignment="center")
    head.title("Explain", width="stretch")
    if card is not None and card.vectors and vector_documents.chosen(card):
        with sentences():
            vector_explaining.page(card, head)
    elif not session.text().strip():
        st.markdown("Paste a document to see its labels, and which of its words speak for each of them.")
        documents.paste()
    elif card is not None:
        with head.popover("Document", icon=":material/edit_note:"):
            documents.paste()
        with sentences():
            explain_page(card, head)


def explain_page(card: Card, head: st.delta_generator.DeltaGenerator) -> None:
    reading = read(card)
    with st.container(key="panes"):
        left, right = st.columns([5, 9], gap="large")
    with left:
        st.subheader("Labels")
        labels.ranked(reading, ask)
        said_of_scores(reading)
    with right:
        first = document_side(reading)
    shown = [] if first is None else [first, *comparing.side_by_side(first, reading)]
    if first is not None:
        comparing.drawer(first)
    with head:
        exporting.export(shown, exporting.ranking(reading))
        exporting.link()


def document_side(reading: Reading) -> Attribution | None:
    """The chosen label's words and how far to trust them. Returns the explanation, if there is one."""
    if reading.chosen is None:
        st.subheader("Words")
        st.markdown(":gray[Choose a label: the words that speak for it light up.]")
        editing.document(reading, None)
        return None
    st.subheader(plain(reading.label))
    explainer = controls.choose(reading.classifier)
    asked = explaining.ask(explainer, reading)
    found = explaining.answer(asked, bool(session.get(session.ASKED)))
    editing.document(reading, found)
    if found is None:
        return None
    found = explaining.measured(asked, found)
    comparing.trust(found)
    return found


def read(card: Card) -> Reading:
    """Predict: the only thing that runs because the page was opened."""
    with st.spinner(f"Loading {card.name} …"):
        classifier = loading.classifier(card)
    original = Document.from_text(session.text())
    document, positions = editing.edited(original)
    classifier = windowing.reader(classifier, document)
    found = loading.remembered(("predict", classifier.digest, document.digest), lambda: predict(classifier, document.text, SHOWN))
    scores = loading.scores(classifier, document)
    label = session.get(session.LABEL)
    if label is not None and label not in classifier.labels.ids:
        problem(f"{card.name} has no label '{label}'. Search for another.")
        label = None
    chosen = None if label is None else classifier.labels.ids[label]
    return Reading(classifier, original, document, tuple(positions), scores, top_k(scores[None], SHOWN)[0], chosen, found.ids, found.words_read)


def ask(label: str) -> None:
    """A click on a label is a request to explain it."""
    session.choose(session.LABEL, label)
    session.choose(session.ASKED, True)


def said_of_scores(reading: Reading) -> None:
    st.caption(f"A score is a {labels.UNITS[reading.classifier.unit]}; ranks are among all {len(reading.classifier.labels):,} labels.")
    missed = [reading.classifier.labels.names[j] for j in reading.top[:5].tolist() if j not in reading.retrieved]
    if missed:
        st.caption(plain(f"The model's own beam search passes over {', '.join(missed)}; ranks here come from the score of every label."))


main()
