"""Explain, for a document that is a feature vector: ranked labels, and bars of features in place of words."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.explainers.attribution import Attribution
from pages.parts import controls, exporting, labels, session
from pages.parts.cards import Card
from pages.parts.explain import comparing, explaining
from pages.parts.features import documents
from pages.parts.features.documents import FeatureReading
from pages.parts.show import plain


def page(card: Card, head: st.delta_generator.DeltaGenerator) -> None:
    one = documents.choose(card)
    with head:
        exporting.link()
    if one is None:
        return
    documents.about(one)
    with st.container(key="panes"):
        left, right = st.columns([5, 9], gap="large")
    with left:
        st.header("Labels")
        labels.ranked(one.reading, _ask)
        st.caption(f"A score is a {labels.UNITS[one.seen.unit]}; ranks are among all {len(one.seen.labels):,} labels.")
    with right:
        found = _features(one)
    with head:
        exporting.export([] if found is None else [found], exporting.ranking(one.reading))


def _ask(label: str) -> None:
    session.choose(session.LABEL, label)
    session.choose(session.ASKED, True)


def _features(one: FeatureReading) -> Attribution | None:
    """The document's features; with a chosen label, what each adds to its score and how far that can be trusted."""
    from core.render.features import bars

    if one.reading.chosen is None:
        st.header("Features")
        st.markdown(":gray[Choose a label: what each feature adds to its score is shown.]")
        st.html(documents.values(one))
        return None
    st.header(plain(one.reading.label))
    asked = explaining.ask(controls.choose(one.seen), one.reading)
    found = explaining.answer(asked, bool(session.get(session.ASKED)))
    if found is None:
        st.html(documents.values(one))
        return None
    st.html(bars(one.names, one.opened.vector.values.astype(np.float64), found.values[0], one.reading.label))
    found = explaining.measured(asked, found)
    comparing.trust(found)
    return found
