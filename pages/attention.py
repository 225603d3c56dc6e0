"""Attention: where an encoder looks, in five readings, with what none of them proves; or what each label reads, where labels have
attentions of their own."""

from __future__ import annotations

import streamlit as st

from core.document import Document
from core.errors import InputError
from core.explainers.attention import CAVEAT, LABEL_CAVEAT
from core.explainers.masking import read_part
from core.types import Attended, Attentive, LabelAttentive
from pages.parts import documents, exporting, loading, session
from pages.parts.attention import attending
from pages.parts.cards import Card, all_cards
from pages.parts.explain import editing
from pages.parts.frame import frame
from pages.parts.show import place_for, plain, sentences

VIEWS = {"head": "Head view", "model": "Model view", "words": "Between words", "rollout": "Rollout", "label": "For a label"}
SAID = {
    "head": "Lines run from each token to the tokens it reads, one colour a head; with all heads they are faint, so choose one to see it at full "
    "strength. Hover over a token to see its lines alone; click a square to switch its head off, double-click it to see the head alone.",
    "model": "Every layer (row) and head (column) at once. Click a picture to open it with its tokens.",
    "words": "Each row reads from the columns. Word pieces are merged: what a word is given is summed, what it gives is averaged. Special tokens "
    "and punctuation are left out, so a row may sum to less than 1.",
    "rollout": "Layers chained (Abnar & Zuidema 2020): how much of the document's vector, and of each word's last one, comes from each word.",
    "label": "Heads weighted by the positive part of gradient × attention (Chefer, Gur & Wolf 2021). Only this view depends on the label.",
}


def main() -> None:
    card = frame("Attention")
    head = st.container(horizontal=True, vertical_alignment="center")
    head.title("Attention", width="stretch")
    if not session.text().strip():
        st.markdown("Paste a document to see which of its words the encoder reads together.")
        documents.paste(card)
    elif card is not None:
        with head.popover("Document", icon=":material/edit_note:"):
            documents.paste(card)
        with head:
            exporting.link()
        with place_for("attention", card.digest, session.text()), sentences():
            attention_page(card)


def attention_page(card: Card) -> None:
    with st.spinner(f"Loading {card.name} …"):
        classifier = loading.classifier(card)
    if not isinstance(classifier, Attentive | LabelAttentive):
        _refused(card)
        return
    own = isinstance(classifier, LabelAttentive)
    said = LABEL_CAVEAT if own else f"{CAVEAT} The score may also rest on parts that have no attention: an X-Transformer ranks by TF-IDF too."
    st.info(plain(said), icon=":material/info:")
    original = Document.from_text(session.text())
    whole, positions = editing.edited(original)
    document = read_part(classifier, whole)
    if not len(document):
        raise InputError("The model reads no words in this document, so there is no attention between words. Give it at least one word.")
    if len(document) < len(whole):
        st.warning(f"The model reads the first {len(document):,} of {len(whole):,} words. Attention reaches no further.")
    if isinstance(classifier, LabelAttentive):
        attending.own(classifier, original, whole, positions, document)
        return
    with st.spinner("Reading the document …"):
        attended = loading.attention(card, document)
    view, layer, head = _controls(attended)
    with place_for("attention.view", view, layer, head, document.digest):
        st.markdown(plain(SAID[view]))
        if view == "label":
            attending.for_label(classifier, original, whole, positions, len(document))
        elif view == "rollout":
            attending.rolled_out(attended, document)
        elif view == "words":
            attending.between_words(attended, document, layer, head)
        else:
            attending.bertviz(view, VIEWS[view], attended, layer, head)


def _refused(card: Card) -> None:
    """A model without attention: what to do instead."""
    said = "Choose an X-Transformer or an APLC-XLNet checkpoint, whose encoders have, or an AttentionXML, in which every label has its own."
    st.info(plain(f"'{card.name}' has no attention to look at. {said}"), icon=":material/hub:")
    for other in all_cards()[0]:
        if other.model in ("x-transformer", "aplc-xlnet", "attention-xml"):
            st.button(
                plain(f"Choose {other.name}"), key=f"choose.{other.name}", on_click=session.choose, args=(session.MODEL, other.name), type="primary"
            )


def _controls(attended: Attended) -> tuple[str, int | None, int | None]:
    """View, layer and head. What a link names and the model lacks is dropped."""
    layers, heads = (range(count) for count in attended.weights.shape[:2])
    session.default(session.VIEW, "head", VIEWS)
    views, first, second = st.columns([4, 1, 1], vertical_alignment="bottom")
    view = views.segmented_control("View", list(VIEWS), format_func=VIEWS.__getitem__, key=session.VIEW, required=True, persist_state="session")
    if view in ("rollout", "label"):
        return view, None, None
    session.default(session.LAYER, None, layers)
    session.default(session.HEAD, None, heads)
    none = "Mean of all" if view == "words" else "All"
    layer = first.selectbox(
        "Layer",
        layers,
        index=None,
        key=session.LAYER,
        placeholder=f"{attending.FIRST}" if view == "head" else none,
        help="Counted from 0, as BertViz does",
        persist_state="session",
    )
    head = second.selectbox(
        "Head", heads, index=None, key=session.HEAD, placeholder=none, help="Counted from 0, as BertViz does", persist_state="session"
    )
    return view, layer, head


main()
