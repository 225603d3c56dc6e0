"""Explain: a document, its ranked labels, and which words speak for each."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.document import Document
from core.explainers.attribution import Attribution
from core.predict import predict
from core.ranking import top_k
from pages.parts import controls, documents, exporting, labels, loading, session, windowing
from pages.parts.cards import Card
from pages.parts.explain import comparing, editing, explaining
from pages.parts.features import documents as feature_documents
from pages.parts.features import explaining as feature_explaining
from pages.parts.frame import frame
from pages.parts.reading import Reading
from pages.parts.show import place_for, plain, problem, sentences

SHOWN = 10
"""Best labels listed."""


def main() -> None:
    card = frame("Explain")
    head = st.container(horizontal=True, vertical_alignment="center")
    head.title("Explain", width="stretch")
    if card is not None and card.vectors and feature_documents.chosen(card):
        with sentences():
            feature_explaining.page(card, head)
    elif not session.text().strip():
        st.markdown("Paste a document to see its labels, and which of its words speak for each of them.")
        documents.paste(card)
    elif card is not None:
        with head.popover("Document", icon=":material/edit_note:"):
            documents.paste(card)
        with place_for("explain", card.digest, session.text()), sentences():
            explain_page(card, head)


def explain_page(card: Card, head: st.delta_generator.DeltaGenerator) -> None:
    reading = read(card)
    with st.container(key="panes"):
        left, right = st.columns([5, 9], gap="large")
    with left:
        st.header("Labels")
        labels.ranked(reading, ask)
        said_of_scores(reading)
    below = place_for("explain.below", *asked_of(reading))
    with right, place_for("explain.label", reading.chosen):
        first = document_side(reading)
    shown = [] if first is None else [first]
    if first is not None:
        with below:
            shown += comparing.side_by_side(first, reading)
            comparing.drawer(first)
    with head:
        exporting.export(shown, exporting.ranking(reading))
        exporting.link()


def document_side(reading: Reading) -> Attribution | None:
    """The chosen label's words and how far to trust them. Returns the explanation, if there is one."""
    if reading.chosen is None:
        st.header("Words")
        st.markdown(":gray[Choose a label: the words that speak for it light up.]")
        editing.document(reading, None)
        return None
    st.header(plain(reading.label))
    explainer = controls.choose(reading.classifier)
    asked = explaining.ask(explainer, reading)
    with place_for("explain.words", *asked_of(reading)):
        found = explaining.answer(asked, bool(session.get(session.ASKED)))
        editing.document(reading, found)
        if found is not None:
            found = explaining.measured(asked, found)
            comparing.trust(found)
    return found


def asked_of(reading: Reading) -> tuple[Any, ...]:
    """What decides the explanation that is shown."""
    choices = (session.get(name) for name in (session.EXPLAINER, session.PRESET, session.SETTINGS))
    return (reading.classifier.digest, reading.document.digest, reading.chosen, *map(str, choices))


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
