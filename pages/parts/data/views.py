"""The sections of the data page: what a data set holds, clusters of its labels, and one label's documents."""

from __future__ import annotations

from math import ceil

import numpy as np
import streamlit as st

from core.data.dataset import Dataset, Split
from core.data.overview import Cluster, documents_with, label_clusters, together
from core.data.report import Report, SplitReport, Spread, describe
from core.labels import HEAD_FROM, TORSO_FROM, LabelSpace
from core.render.label_figures import cluster_map, rank_frequency
from core.types import IntArray
from pages.parts import loading, session
from pages.parts.show import plain

LISTED = 200
"""Labels offered at a time; a search finds the others."""
PAGE = 5
MAX_CHARACTERS = 1_500
CLUSTER_SIZE = 32


def distribution(labels: LabelSpace) -> None:
    """The long tail."""
    st.header("How often the labels occur")
    st.markdown(
        plain(
            f"Head: {HEAD_FROM} training documents and more; torso: {TORSO_FROM} to {HEAD_FROM - 1}; tail: fewer. Hover over a point for its label."
        )
    )
    st.plotly_chart(
        rank_frequency(labels.names, labels.counts), key="distribution", alt="Training documents of each label over its rank, both logarithmic"
    )


def overview(dataset: Dataset) -> None:
    """The report and the distribution."""
    with st.spinner("Counting …", show_time=True):
        report = loading.remembered(("report", dataset.digest), lambda: describe(dataset))
    st.caption(plain(" · ".join([report.source, *report.notes])))
    st.dataframe(report_rows(report), hide_index=True, key="report")
    if "train" in dataset.splits and dataset.counts.any():
        distribution(labels_of(dataset))
    else:
        st.info("There is no training split, so there are no training counts.")


def labels_of(dataset: Dataset) -> LabelSpace:
    """All labels of a data set with their training counts, those never trained on included."""
    return loading.remembered(
        ("labels", dataset.digest), lambda: LabelSpace.of(dataset.label_names, dataset.counts, len(dataset.splits.get("train", ())))
    )


def report_rows(report: Report) -> list[dict[str, str]]:
    """One row a measure, one column a split; measures that no split has are left out."""

    def spread(found: Spread | None) -> str:
        return f"{found.mean:,.2f} / {found.median:,g} / {found.largest:,}" if found else "–"

    def later(split: SplitReport, count: int) -> str:
        return "–" if split.name == "train" else f"{count:,}"

    cells = {
        "Documents": lambda s: f"{s.documents:,}",
        "Labels used": lambda s: f"{s.labels:,}",
        "Labels a document (mean / median / most)": lambda s: spread(s.labels_per_document),
        "Words a document (mean / median / most)": lambda s: spread(s.words),
        "Features a document (mean / median / most)": lambda s: spread(s.features_per_document),
        "Documents without a label": lambda s: f"{s.without_label:,}",
        "Empty documents": lambda s: f"{s.empty:,}",
        "Duplicates within the split": lambda s: f"{s.duplicates:,}",
        "Documents that are also in train": lambda s: later(s, s.in_train),
        "Labels never in train": lambda s: later(s, s.labels_unseen),
        "Uses of labels never in train": lambda s: later(s, s.assignments_unseen),
    }
    rows = [{"": name, **{split.name: cell(split) for split in report.splits}} for name, cell in cells.items()]
    return [row for row in rows if set(list(row.values())[1:]) != {"–"}]


def clusters(dataset: Dataset) -> None:
    """Balanced clusters over PIFA, as X-Transformer's label index makes them."""
    st.markdown(
        "Labels whose documents use the same words, split in halves until a cluster is small enough. An area is a label's training documents, "
        "teal for head, orange for torso, purple for tail. Click a cluster to open it."
    )
    size = st.slider("Labels in a cluster, at most", 8, 128, CLUSTER_SIZE, step=8, key="cluster-size")
    key = ("clusters", dataset.digest, size)
    found: tuple[Cluster, ...] | None = loading.kept(key)
    if found is None:
        bar = st.progress(0.0, "Clustering the labels …")
        with loading.heavy_work(lambda text: bar.progress(0.0, text)):
            found = label_clusters(dataset, size, 0, lambda done, total, what: bar.progress(done / total, f"Clustering the labels: {what} …"))
        loading.keep(key, found)
        bar.empty()
    st.plotly_chart(cluster_map(found, dataset.label_names, dataset.counts), key="clusters", alt="Clusters of labels, their areas training documents")
    rows = [
        {
            "Words that tell it": ", ".join(one.words),
            "Labels": len(one.labels),
            "Documents": one.documents,
            "Most frequent labels": ", ".join(dataset.label_names[i] for i in one.labels[:4].tolist()),
        }
        for one in found
    ]
    whole = st.column_config.NumberColumn(format="localized")
    st.dataframe(rows, column_config={"Documents": whole}, hide_index=True, key="cluster-table")


def label_picker(labels: LabelSpace) -> int | None:
    """A label by name: a list of those that match what was typed, the more frequent first."""
    asked = st.text_input(f"Search all {len(labels):,} labels", key="label-search", placeholder="a part of the name").strip()
    found = labels.search(asked, LISTED) if asked else np.argsort(-labels.counts, kind="stable")[:LISTED].tolist()
    if not found:
        st.info(plain(f"No label has '{asked}' in its name."))
        return None
    chosen = labels.ids.get(str(session.get(session.LABEL)))
    if chosen is not None and chosen not in found and not asked:
        found = [chosen, *found]
    names = {labels.names[i]: f"{labels.names[i]} ({int(labels.counts[i]):,}, {labels.mark(i)})" for i in found}
    session.default(session.LABEL, labels.names[found[0]], names)
    return labels.ids[st.selectbox("Label", list(names), format_func=names.__getitem__, key=session.LABEL, persist_state="session")]


def one_label(dataset: Dataset) -> None:
    """A label's documents, and the labels that share them."""
    labels = labels_of(dataset)
    left, right = st.columns([2, 3], gap="large")
    with left:
        label = label_picker(labels)
        if label is None:
            return
        name = st.segmented_control("Split", list(dataset.splits), default=next(iter(dataset.splits)), key="split", required=True)
        split = dataset.split(name)
        rows = documents_with(split.truth, label)
        st.header("Labels on the same documents")
        shared = [
            {"Label": labels.names[one.label], "Share": 100 * one.share, "Documents": one.documents, "Lift": one.lift}
            for one in together(split.truth, label)
        ]
        columns = {
            "Share": st.column_config.ProgressColumn(width="small", format="%.0f %%", min_value=0, max_value=100, help="of the label's documents"),
            "Lift": st.column_config.NumberColumn(format="%.1f", help="How many times as often as if the two were independent"),
        }
        st.dataframe(shared, column_config=columns, hide_index=True, key="together")
    with right:
        documents(dataset, split, name, label, rows)


def documents(dataset: Dataset, split: Split, name: str, label: int, rows: IntArray) -> None:
    """A page of the documents that carry a label. Their text is shown as it is, never as Markdown."""
    st.header(plain(f"{len(rows):,} of {len(split):,} documents in {name} carry {dataset.label_names[label]}"))
    if not len(rows):
        return
    page = st.pagination(max(1, ceil(len(rows) / PAGE)), key=f"page.{name}.{label}") if len(rows) > PAGE else 1
    for row in rows[(page - 1) * PAGE : page * PAGE].tolist():
        others = split.truth.indices[split.truth.indptr[row] : split.truth.indptr[row + 1]].tolist()
        with st.container(border=True):
            st.markdown(f"**{plain(split.ids[row])}**")
            if split.texts is None:
                st.caption("This data set holds vectors, no text.")
            else:
                text = split.texts[row]
                st.text(text[:MAX_CHARACTERS] + (" …" if len(text) > MAX_CHARACTERS else ""))
                if st.button(
                    "Explain this document", key=f"explain.{name}.{row}", on_click=session.put_text, args=(text,), icon=":material/ink_highlighter:"
                ):
                    st.switch_page("pages/explain.py")
            st.caption(plain(" · ".join(dataset.label_names[i] for i in others)))


def label_table(labels: LabelSpace) -> None:
    """Labels with their training counts, by a part of their name."""
    asked = st.text_input(f"Search all {len(labels):,} labels", key="label-search", placeholder="a part of the name").strip()
    found = labels.search(asked, LISTED)
    rows = [{"Label": labels.names[i], "Training documents": int(labels.counts[i]), "Part": labels.mark(i)} for i in found]
    st.dataframe(rows, column_config={"Training documents": st.column_config.NumberColumn(format="localized")}, hide_index=True, key="labels-table")
    if len(found) == LISTED < len(labels):
        st.caption(f"The {LISTED} most frequent that match. Type to find others.")
