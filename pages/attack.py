"""Attack: which few words must change until a label leaves the ranking, or enters it? Step by step."""

from __future__ import annotations

import streamlit as st

from core.document import Document
from core.predict import predict
from core.ranking import top_k
from pages.parts import documents, exporting, loading, session, windowing
from pages.parts.attack import attacking, embeddings, replay, view
from pages.parts.cards import Card
from pages.parts.features import attacking as feature_attacking
from pages.parts.features import documents as feature_documents
from pages.parts.frame import frame
from pages.parts.reading import Reading
from pages.parts.show import place_for, problem, sentences

SHOWN = 12
"""Best labels known, at least: those that could leave or enter."""


def main() -> None:
    card = frame("Attack")
    head = st.container(horizontal=True, vertical_alignment="center")
    head.title("Attack", width="stretch")
    with head:
        replay.upload()
    if replay.show(card):
        return
    if card is not None and card.vectors and feature_documents.chosen(card):
        with head:
            exporting.link()
        with sentences():
            feature_attacking.page(card)
        return
    if not session.text().strip():
        st.markdown("Paste a document, then choose one of its labels: word by word, see how little must change until the label goes away.")
        documents.paste(card, submit="Read it")
    elif card is not None:
        with head.popover("Document", icon=":material/edit_note:"):
            documents.paste(card, submit="Read it")
        with head:
            exporting.link()
        with place_for("attack", card.digest, session.text()), sentences():
            attack_page(card, head)


def attack_page(card: Card, head: st.delta_generator.DeltaGenerator) -> None:
    reading = read(card)
    run = attacking.under_way(reading)
    if run is None:
        attacking.setup(reading)
        embeddings.section(reading)
        return
    head.button("Setting", icon=":material/tune:", on_click=session.choose, args=(session.SETUP, True))
    view.stepping(run)


def read(card: Card) -> Reading:
    """The labels of the document as it was pasted; edits made on other pages do not count here."""
    with st.spinner(f"Loading {card.name} …"):
        classifier = loading.classifier(card)
    document = Document.from_text(session.text())
    classifier = windowing.reader(classifier, document)
    found = loading.remembered(("predict", classifier.digest, document.digest), lambda: predict(classifier, document.text, 10))
    scores = loading.scores(classifier, document)
    label = session.get(session.LABEL)
    if label is not None and label not in classifier.labels.ids:
        problem(f"{card.name} has no label '{label}'. Search for another.")
    chosen = classifier.labels.ids.get(label) if label is not None else None
    best = top_k(scores[None], max(SHOWN, int(session.get(session.K, 5)) + 7))[0]
    return Reading(classifier, document, document, tuple(range(len(document))), scores, best, chosen, found.ids, found.words_read)


main()
