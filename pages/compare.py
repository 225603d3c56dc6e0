"""Compare: two checkpoints on one document, and on one campaign. What did a defence change?"""

from __future__ import annotations

import streamlit as st

from pages.parts import documents, exporting, session
from pages.parts.cards import Card
from pages.parts.compare import attack, export, studies, words
from pages.parts.compare import pair as compare_pair
from pages.parts.compare.pair import Pair
from pages.parts.frame import frame
from pages.parts.show import place_for, plain, sentences

SIDES = {"document": "On one document", "studies": "On a campaign"}


def main() -> None:
    card = frame("Compare")
    head = st.container(horizontal=True, vertical_alignment="center")
    head.title("Compare", width="stretch")
    if card is None:
        return
    session.default(session.SIDE, "document", SIDES)
    chosen = st.segmented_control(
        "What is compared", list(SIDES), format_func=SIDES.__getitem__, key=session.SIDE, required=True, label_visibility="collapsed",
        persist_state="session",
    )  # fmt: skip
    with sentences():
        if chosen == "studies":
            with head:
                exporting.link()
            studies.section()
        else:
            document_side(card, head)


def document_side(card: Card, head: st.delta_generator.DeltaGenerator) -> None:
    other = compare_pair.other(card)
    if other is None:
        return
    if not session.text().strip():
        st.markdown("Paste a document: its labels, the words that speak for them and an attack are shown under both checkpoints.")
        documents.paste(card, submit="Compare them")
        return
    with head.popover("Document", icon=":material/edit_note:"):
        documents.paste(card, submit="Compare them")
    with place_for("compare", card.digest, other.digest, session.text()):
        compared(head, (compare_pair.read(card), compare_pair.read(other)))


def compared(head: st.delta_generator.DeltaGenerator, pair: Pair) -> None:
    """Labels, explanations, attack. The attack runs first, for the explanations follow its texts."""
    said_of_label(pair)
    found = compare_pair.both(pair)
    label = session.get(session.LABEL)
    labels, explained, attacked = st.container(), place_for("compare.explained", label), place_for("compare.attacked", label)
    with labels:
        compare_pair.ranks(pair, found)
    duel = None
    with attacked, sentences():
        duel = attack.section(pair)
    drifts: list[words.Drift] = []
    with explained, sentences():
        drifts = words.explanations(pair, duel.attacked if duel else (None, None))
    with head:
        export.export(pair, found, drifts, duel)
        exporting.link()


def said_of_label(pair: Pair) -> None:
    """A link may name a label that a checkpoint does not know."""
    label = session.get(session.LABEL)
    unknown = [side.classifier.name for side in pair if label is not None and side.chosen is None]
    if unknown:
        st.warning(plain(f"{' and '.join(unknown)} {'know' if len(unknown) > 1 else 'knows'} no label '{label}'."))


main()
