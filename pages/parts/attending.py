"""The views of the attention page: each draws one reading of one document's attention."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.document import Document
from core.explainers import EXPLAINERS, LEVELS, preset
from core.explainers.agreement import kendall_tau, top_words
from core.explainers.attention import last_layer, rollout, to_words, word_matrix
from core.ranking import top_k
from core.render import attention_map, bert_view
from core.types import Attended, Attentive, FloatArray
from pages.parts import explaining, labels, loading, session, show
from pages.parts.loading import Card
from pages.parts.words import words as draw_words

MOST = 15
"""Words in a bar chart."""
FRAME_HEIGHT = 820


def bertviz(view: str, title: str, attended: Attended, layer: int | None, head: int | None) -> None:
    draw = bert_view.head_view if view == "head" else bert_view.model_view
    picture = draw(
        attended.weights, attended.tokens, layers=None if layer is None else [layer], heads=None if head is None else [head],
        dark=st.context.theme.type == "dark",
    )  # fmt: skip
    if picture.note:
        st.caption(show.plain(picture.note))
    st.iframe(picture.html, height=min(picture.height, FRAME_HEIGHT), alt=f"BertViz {title.lower()} of the document's tokens")
    st.download_button("Save this view as HTML", picture.html, f"attention-{view}.html", "text/html", on_click="ignore", icon=":material/download:")


def between_words(attended: Attended, document: Document, layer: int | None, head: int | None) -> None:
    matrix = word_matrix(attention_map.chosen(attended.weights, layer, head), attended.owner, len(document))
    draw_map(matrix, document, "Attention from each word (row) to each word (column)")


def draw_map(matrix: FloatArray, document: Document, alt: str) -> None:
    if said := attention_map.left_out(document.words):
        st.caption(show.plain(said))
    st.plotly_chart(attention_map.heat_map(matrix, document.words), key="attention-map", alt=alt)


def rolled_out(attended: Attended, document: Document) -> None:
    flow = rollout(attended.weights)
    values = to_words(attended.pooling.astype(np.float64) @ flow, attended.owner, len(document))
    st.subheader("Into the document's vector")
    draw_words(document, key=f"rollout.{document.digest}", values=values, toward="the document's vector")
    st.plotly_chart(attention_map.bars(values, document.words, most=MOST), key="rollout-bars", alt="The words that the document's vector reads most")
    st.subheader("Between words")
    draw_map(word_matrix(flow, attended.owner, len(document)), document, "Rollout from each word (row) to each word (column)")


def for_label(card: Card, model: Attentive, attended: Attended, document: Document) -> None:
    scores = loading.remembered(("scores", card.digest, document.digest), lambda: model.score([document.text])[0])
    best = top_k(scores[None], 10)[0]
    label = model.labels.ids.get(session.get(session.LABEL, ""), int(best[0]))
    left, right = st.columns([2, 3], gap="large")
    with left:
        labels.ranked(scores, model.labels, model.unit, best, label, lambda name: session.choose(session.LABEL, name))
    with right:
        st.subheader(show.plain(model.labels.names[label]))
        found = explaining.answer(explaining.ask(preset("attention"), model, document, label, ()), requested=True)
        if found is not None:
            row = found.labels.tolist().index(label)
            draw_words(document, key=f"label.{document.digest}", values=found.values[row], toward=found.label_names[row])
            compared(model, attended, document, label, found.values[row])


def compared(model: Attentive, attended: Attended, document: Document, label: int, values: FloatArray) -> None:
    """How far the other readings of attention, and whatever explanations are known, agree with the one for the label."""
    into = attended.pooling.astype(np.float64)
    others = {
        "Rollout (the same for every label)": to_words(into @ rollout(attended.weights), attended.owner, len(document)),
        "Last layer (the same for every label)": to_words(last_layer(attended.weights, attended.pooling), attended.owner, len(document)),
    }
    for name, level in ((name, level) for name in EXPLAINERS if name != "attention" for level in LEVELS):
        if (known := explaining.known(explaining.ask(preset(name, level), model, document, label, ()))) is not None:
            others[f"{explaining.title(name)}, {level}"] = known.values[known.labels.tolist().index(label)]
    st.subheader("Does it agree with others?")
    top = top_words(values)
    rows = [
        {"Explanation": name, "Kendall's tau": kendall_tau(values, other), "Same of the top ten": len(top & top_words(other)) / len(top)}
        for name, other in others.items()
    ]
    columns = {
        "Kendall's tau": st.column_config.NumberColumn(format="%.2f", help="Of the two rankings of all words: 1 the same, 0 unrelated, −1 reversed"),
        "Same of the top ten": st.column_config.NumberColumn(format="percent", help="Words in both lists of the ten strongest"),
    }
    st.dataframe(rows, column_config=columns, hide_index=True, key="agreement")
    if len(others) == 2:
        explaining.answer(explaining.ask(preset("integrated-gradients", "quick"), model, document, label, ()), requested=False)
