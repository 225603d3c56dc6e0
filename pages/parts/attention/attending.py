"""The views of the attention page: each draws one reading of one document's attention."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from core.document import Document
from core.evaluation.agreement import agreement
from core.explainers import explain, preset
from core.explainers.attention import Attention, rollout, to_words, word_matrix
from core.explainers.attribution import Attribution
from core.ranking import top_k
from core.render import attention_map, bert_view, heatmap, tables
from core.types import Attended, Classifier, FloatArray, LabelAttentive
from pages.parts import labels, loading, session
from pages.parts.explain import comparing, explaining
from pages.parts.reading import Reading
from pages.parts.show import place_for, plain
from pages.parts.words import words as draw_words

SHOWN = 10
"""Best labels listed."""
MOST = 15
"""Words in a bar chart."""
FRAME_HEIGHT = 820
FIRST = 0
"""The layer that the head view shows where none is chosen."""


def bertviz(view: str, title: str, attended: Attended, layer: int | None, head: int | None) -> None:
    """BertViz's model view, or its head view, which shows one layer: the one that is chosen here, so that there is one choice of it."""
    draw = bert_view.head_view if view == "head" else bert_view.model_view
    one = FIRST if layer is None and view == "head" else layer
    picture = draw(
        attended.weights, attended.tokens, layers=None if one is None else [one], heads=None if head is None else [head],
        dark=st.context.theme.type == "dark",
    )  # fmt: skip
    if picture.note:
        st.caption(plain(picture.note))
    st.iframe(picture.html, height=min(picture.height, FRAME_HEIGHT), alt=f"BertViz {title.lower()} of the document's tokens")
    st.download_button("Save this view as HTML", picture.html, f"attention-{view}.html", "text/html", on_click="ignore", icon=":material/download:")


def between_words(attended: Attended, document: Document, layer: int | None, head: int | None) -> None:
    matrix = word_matrix(attention_map.chosen(attended.weights, layer, head), attended.owner, len(document))
    draw_map(matrix, document, "Attention from each word (row) to each word (column)")


def draw_map(matrix: FloatArray, document: Document, alt: str) -> None:
    if said := attention_map.left_out(document.words):
        st.caption(plain(said))
    st.plotly_chart(attention_map.heat_map(matrix, document.words), key="attention-map", alt=alt)


def rolled_out(attended: Attended, document: Document) -> None:
    flow = rollout(attended.weights)
    values = to_words(attended.pooling.astype(np.float64) @ flow, attended.owner, len(document))
    st.header("Into the document's vector")
    st.html(heatmap.legend(unsigned=True))
    draw_words(document, key=f"rollout.{document.digest}", values=values, toward="the document's vector", unsigned=True)
    st.plotly_chart(attention_map.bars(values, document.words, most=MOST), key="rollout-bars", alt="The words that the document's vector reads most")
    st.header("Between words")
    draw_map(word_matrix(flow, attended.owner, len(document)), document, "Rollout from each word (row) to each word (column)")


def own(classifier: LabelAttentive, original: Document, document: Document, positions: Sequence[int], part: Document) -> None:
    """A model whose labels attend by themselves: the ranked labels; what the chosen one, or else the best, reads of the words (`part`, the
    document's first ones), beside what Integrated Gradients says of them; and all the best labels at once."""
    reading = _reading(classifier, original, document, positions, len(part))
    with _beside_labels(reading):
        found = _side(reading, "attention", "What the label reads", "The label's own attention over the words; it adds up to 1.")
        _side(reading, "integrated-gradients", "What speaks for it", "Integrated Gradients: the words for the label, and those against it.")
    st.header("The best labels side by side")
    if said := attention_map.left_out(part.words):
        st.caption(plain(said))
    weights = classifier.label_attention(part, reading.top)
    values = to_words(weights.weights.astype(np.float64), weights.owner, len(part))
    names = [classifier.labels.names[label] for label in reading.top]
    st.plotly_chart(
        attention_map.label_map(values, names, part.words), key="label-map", alt="How much each label (row) reads from each word (column)"
    )
    if found is not None:
        comparing.drawer(found)


def _beside_labels(reading: Reading) -> st.delta_generator.DeltaGenerator:
    """The ranked labels on the left; on the right the place for what is said of the chosen one, under its name."""
    with st.container(key="panes"):
        left, right = st.columns([5, 9], gap="large")
    with left:
        st.header("Labels")
        labels.ranked(reading, lambda name: session.choose(session.LABEL, name))
    with right:
        found = place_for("attention.label", reading.classifier.digest, reading.document.digest, reading.chosen)
    found.header(plain(reading.label))
    return found


def _side(reading: Reading, explainer: str, title: str, said: str) -> Attribution | None:
    st.markdown(f"**{title}**")
    found = explaining.answer(explaining.ask(preset(explainer), reading), requested=True)
    if found is not None:
        st.caption(said)
        st.html(heatmap.legend(found.unsigned))
        draw_words(
            found.document, f"own.{explainer}.{found.document.digest}", found.values[0], reading.label, reading.words_read, unsigned=found.unsigned
        )
    return found


def _reading(classifier: Classifier, original: Document, document: Document, positions: Sequence[int], read: int) -> Reading:
    scores = loading.scores(classifier, document)
    top = top_k(scores[None], SHOWN)[0]
    chosen = classifier.labels.ids.get(str(session.get(session.LABEL)), int(top[0]))
    return Reading(classifier, original, document, tuple(positions), scores, top, chosen, (), read)


def for_label(classifier: Classifier, original: Document, document: Document, positions: Sequence[int], read: int) -> None:
    """The ranked labels beside the words that the attention for the chosen one, or else the best, rests on."""
    reading = _reading(classifier, original, document, positions, read)
    beside = _beside_labels(reading)
    below = place_for("attention.below", classifier.digest, document.digest, reading.chosen)
    with beside:
        found = explaining.answer(explaining.ask(preset("attention"), reading), requested=True)
        if found is not None:
            st.html(heatmap.legend(unsigned=True))
            draw_words(document, key=f"label.{document.digest}", values=found.values[0], toward=reading.label, read=read, unsigned=True)
            comparing.trust(found)
    if found is not None:
        with below:
            _agreement(found, reading)
            comparing.side_by_side(found, reading)
            comparing.drawer(found)


def _agreement(found: Attribution, reading: Reading) -> None:
    """How much of it the readings that know nothing of the label would have said too."""
    others = []
    for view, name in (("rollout", "Rollout, the same for every label"), ("last-layer", "Last layer, the same for every label")):
        asked = explaining.ask(Attention(view=view), reading)
        other = loading.remembered(
            ("bare", *asked.key, reading.chosen), lambda asked=asked: explain(asked.explainer, asked.classifier, asked.document, [reading.chosen])
        )
        others.append((name, agreement(found, other, reading.label)))
    st.html(tables.agreements(others, "Attention for this label"))
