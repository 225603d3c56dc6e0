"""A document that is a feature vector: which one, of which data set, and what a page knows of it. A link restores it: data sets are public."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st

from core.data import DATASETS, is_present
from core.data.samples import SETS
from core.errors import InputError
from core.explainers.features import FeatureDocument
from core.ranking import top_k
from core.study.opening import Opened, open_document
from pages.parts import loading, owner, session
from pages.parts.cards import Card
from pages.parts.reading import Reading
from pages.parts.show import plain, problem

VECTOR, TEXT = "vector", "text"
KINDS = {VECTOR: "A document of a data set", TEXT: "A text, read as its bag of words"}
SPLITS = ("test", "dev", "train")
SHOWN = 12
ORDER = (
    "The features are words, in the order of the file's columns: a bag knows no other. XML-CNN and X-Transformer trained on such a data set read the "
    "bag as a text in this order."
)


def chosen(card: Card) -> bool:
    """Whether the visitor looks at vectors, not at a text; always where the features are no words. A text that a link or another page
    brought along stays chosen."""
    session.default(session.READ_AS, TEXT if session.text().strip() else VECTOR, KINDS)
    st.segmented_control(
        "Document", list(KINDS), key=session.READ_AS, format_func=KINDS.__getitem__, required=True, label_visibility="collapsed",
        persist_state="session",
    )  # fmt: skip
    return bool(session.get(session.READ_AS) == VECTOR)


@dataclass(frozen=True)
class FeatureReading:
    """A document of a data set under a classifier of vectors: `opened`, the same as explainers and label lists see it, and the data set."""

    opened: Opened
    seen: FeatureDocument
    reading: Reading
    where: str
    split: str
    number: int

    @property
    def key(self) -> tuple[str, ...]:
        return (self.seen.digest, self.opened.vector.digest)

    @property
    def names(self) -> tuple[str, ...]:
        return self.seen.document.words


def choose(card: Card) -> FeatureReading | None:
    """The widgets; the document once its data set was read, which waits for a click."""
    places = [name for name in DATASETS if is_present(name) and name not in ("debtags", *SETS)]
    given = session.get(session.DATASET)
    if given is not None and given not in places and owner.allowed() and Path(str(given)).exists():
        places = [str(given), *places]
    if not places:
        problem("No data set of vectors is on this machine. Get one that its README names, and set TREMOR_DATA to the folder that holds it.")
        return None
    own = next((name for name in places if name in card.name), places[0])
    session.default(session.DATASET, own, places)
    session.default(session.SPLIT, SPLITS[0], SPLITS)
    session.default(session.DOCUMENT, 1, range(1, 10**9))
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        where = st.selectbox("Data set", places, key=session.DATASET, persist_state="session")
        split = st.selectbox("Split", SPLITS, key=session.SPLIT, persist_state="session", width=110)
        st.number_input("Document", min_value=1, step=1, key=session.DOCUMENT, persist_state="session", width=150)
        if where not in session.get(session.READ, []):
            st.button("Open", key="vector.open", type="primary", on_click=_remember, args=(where,), icon=":material/folder_open:")
            st.caption("Reading the data set takes some seconds.")
            return None
    with st.spinner(plain(f"Reading {where} …")):
        dataset = loading.completed(str(where))
        classifier = loading.classifier(card)
    number = int(session.get(session.DOCUMENT))
    opened = open_document(classifier, dataset, str(split), number)  # type: ignore[arg-type]  # a card with `vectors` is of such a classifier
    return FeatureReading(opened, *_read(opened), str(where), str(split), number)


def _remember(where: str) -> None:
    session.choose(session.READ, [*session.get(session.READ, []), where])


def _read(opened: Opened) -> tuple[FeatureDocument, Reading]:
    """InputError for a document of zeros."""
    if not len(opened.vector):
        raise InputError("all values of this document are 0, so there is nothing to look at: choose another")
    seen = FeatureDocument(opened.classifier, opened.vector)
    scores = opened.classifier.score_features(opened.vector.matrix)[0]
    label = session.get(session.LABEL)
    if label is not None and label not in seen.labels.ids:
        problem(f"{seen.name} has no label '{label}'. Search for another.")
    best = top_k(scores[None], max(SHOWN, int(session.get(session.K, 5)) + 7))[0]
    retrieved = tuple(opened.classifier.retrieve_features(opened.vector.matrix, min(10, len(seen.labels)))[0][0].tolist())
    document = seen.document
    read = Reading(seen, document, document, tuple(range(len(document))), scores, best, seen.labels.ids.get(label or ""), retrieved, len(document))
    return seen, read


def about(one: FeatureReading) -> None:
    """What kind of document it is, and its true labels."""
    space, labels = one.opened.classifier.space, one.seen.labels
    true = ", ".join(labels.names[label] for label in one.opened.truth) or "none that this model knows"
    st.markdown(
        plain(f"Document {one.number} of {one.where}, {one.split}: {len(one.opened.vector):,} of {len(space):,} features are not 0 ({space.kind}).")
    )
    st.markdown(plain(f"True labels: {true}."))
    if space.words:
        st.caption(ORDER)


def values(one: FeatureReading) -> str:
    """Its features as bars."""
    from core.render.features import value_bars

    return value_bars(one.names, one.opened.vector.values.astype(np.float64))
