"""Which words matter for a label over many documents of a data set: SHAP's global view, for any explainer."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core import fields
from core.data.dataset import Dataset, Split
from core.data.overview import documents_with
from core.document import Document
from core.explainers import Explainer, estimate, preset
from core.explainers.global_importance import GlobalImportance, global_importance
from core.render.importance import importance
from core.types import Classifier
from pages.parts import loading
from pages.parts.cards import Card
from pages.parts.controls import fitting, title
from pages.parts.data.views import label_picker, labels_of
from pages.parts.explain.explaining import duration, working
from pages.parts.show import plain

SAMPLE = (10, 25, 50, 100, 200)


def words_that_matter(card: Card | None, dataset: Dataset) -> None:
    """Choose a label, an explainer and a sample; explained on the button only."""
    if card is None:
        st.markdown("This needs a checkpoint to explain.")
        return
    st.markdown(
        "What does a label rest on? A sample of the documents that carry it is explained one by one, and each word's values are put together: the "
        "words that speak for the label all over the data, among them those that should not."
    )
    label = label_picker(labels_of(dataset))
    if label is None:
        return
    classifier, name = loading.classifier(card), dataset.label_names[label]
    if name not in classifier.labels.ids:
        st.info(plain(f"{card.name} does not know the label '{name}': too few documents carried it in training."))
        return
    names, _ = fitting(classifier)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox("Explainer", names, format_func=title, key="across.explainer", width=240)
        count = st.selectbox("Documents at most", SAMPLE, index=1, key="across.count", width=180)
    split = dataset.splits.get("test") or next(reversed(dataset.splits.values()))
    documents = sample(split, label, int(count))
    if not documents:
        st.info("No document of this data set carries the label, or it holds no texts.")
        return
    found = _gathered(preset(chosen, "quick"), classifier, documents, classifier.labels.ids[name], dataset.digest)
    if found is not None:
        st.html(importance(found))
        st.caption("Sums over documents are won by whatever word is frequent, so sizes are per occurrence. Words in one document only are left out.")


def sample(split: Split, label: int, count: int) -> list[Document]:
    """Up to `count` documents with the label, drawn with a fixed seed."""
    if split.texts is None:
        return []
    rows = np.random.default_rng(0).permutation(documents_with(split.truth, label))[:count]
    return [document for row in sorted(rows.tolist()) if len(document := Document.from_text(split.texts[row]))]


def _gathered(explainer: Explainer, classifier: Classifier, documents: list[Document], label: int, data: str) -> GlobalImportance | None:
    key = ("across", explainer.NAME, tuple(fields.to_json(explainer).items()), classifier.digest, data, label, len(documents))
    found: GlobalImportance | None = loading.kept(key)
    if found is None:
        longest = max(documents, key=len)
        cost = loading.remembered(("cost", *key), lambda: estimate(explainer, classifier, longest, [label]))
        said = f"{len(documents)} documents, at most {duration(len(documents) * cost.seconds)}"
        if not st.button(f"Explain {said}", key="across.go", type="primary"):
            return None
        with working(title(explainer.NAME), said) as progress:
            found = global_importance(explainer, classifier, documents, [label], progress)
        loading.keep(key, found)
    return found
