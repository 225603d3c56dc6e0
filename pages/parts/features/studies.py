"""Studies of feature vectors: which there are, how the chosen ones stand beside each other, and how near their successes lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from core.attacks.features.steps import REALISM_LEVELS
from core.errors import CoreError
from core.runs import jobs
from core.runs.run import read_status
from core.study.exports import rows_to_csv, rows_to_json
from core.study.kinds import feature_campaigns, feature_tables
from core.study.kinds.feature_campaigns import FeatureCampaign
from pages.parts import loading, running, session
from pages.parts.cards import Card
from pages.parts.features import study_records
from pages.parts.show import plain, problem
from pages.parts.study.listing import MOST, first, readable

COMMAND = "python -m core study --recipe hop-skip-jump --checkpoint bibtex-linear --dataset bibtex --documents 50 --out runs/bibtex-hsj"


def choose() -> list[FeatureCampaign]:
    """The studies to show, the latest with a record at first; a sentence for each that cannot be read or is not here."""
    found = feature_campaigns.folders()
    asked = session.get(session.VECTOR_STUDIES, [])
    if session.get(session.STARTED) in found:
        asked = list(dict.fromkeys([session.take(session.STARTED), *asked]))
    for name in [name for name in asked if name not in found][:MOST]:
        problem(f"There is no study '{name}' of feature vectors under runs/.")
    for name in feature_campaigns.strays():
        problem(f"{name} holds a study's records, but its config.json cannot be read, so nobody can tell what was attacked.")
    if not found:
        return []
    session.choose(session.VECTOR_STUDIES, [name for name in asked if name in found][:MOST] or first(found))
    names = st.multiselect("Studies of feature vectors", list(found), key=session.VECTOR_STUDIES, max_selections=MOST, persist_state="session")
    return readable(names, found, loading.feature_campaign)


def show(shown: Sequence[FeatureCampaign], cards: Sequence[Card]) -> None:
    """Everything about the chosen studies; what such a study is, where there is none."""
    if not feature_campaigns.folders():
        empty()
        return
    unfinished(shown)
    shown = [one for one in shown if one.records]
    if not shown:
        return
    _beside(shown)
    _distances(shown)
    study_records.browse(shown, cards)


def empty() -> None:
    st.info(
        "There is no study of feature vectors yet. Such a study attacks documents of a data set of vectors (BibTeX, Delicious, MediaMill): how far "
        "must a document's numbers move until the ranking changes, and is what is found still a vector that a document could have, or a text? Each "
        "document leaves a record, which can be replayed. This command makes one; it takes some minutes, and goes on after a stop:",
        icon=":material/scatter_plot:",
    )
    st.code(COMMAND, language="bash", wrap_lines=True)


def unfinished(shown: Sequence[FeatureCampaign]) -> None:
    """How far those have come that are at work, that stopped or that broke off."""
    for one in shown:
        job = _job(one)
        total = int(job.status["total"]) if job is not None else _total(one)
        far = f" after {len(one.records):,} of {total or one.study.documents:,} documents"
        if job is not None and job.state in ("stopped", "crashed"):
            running.ended(job, far)
        elif job is not None and job.alive:
            st.caption(plain(f"{one.name} is at work: this is what it found{far}."))
        elif not one.records:
            st.info(plain(f"{one.name} has no record yet."))


def _job(one: FeatureCampaign) -> jobs.Job | None:
    return next((job for job in jobs.jobs() if job.folder == one.folder.resolve()), None)


def _total(one: FeatureCampaign) -> int:
    """Documents drawn; 0 where the folder is a copy without its status."""
    try:
        return int(read_status(one.folder)["total"])
    except CoreError:
        return 0


def _beside(shown: Sequence[FeatureCampaign]) -> None:
    rows = feature_tables.side_by_side(shown)
    files("Side by side", [feature_tables.summary_row(one) for one in shown], "vector-studies")
    st.dataframe(rows, hide_index=True, key="vectors.beside", height="content")
    st.caption(
        "Success is of the documents that could be attacked, with Wilson's 95 % interval; refused: no true label stands in the top k, or all values "
        "are 0. Medians are over successes. P@k and R@k are of the same documents before and after, refused ones as they were; a success counts at "
        "its most real level: a text before a feasible vector before numbers."
    )
    st.caption(plain(f"Levels: {'; '.join(f'{name}: {what}' for name, what in REALISM_LEVELS.items())}."))
    if any(record.get("feature_kind") == "bits" for one in shown for record in one.records):
        st.caption(
            "Of a bag of bits, features changed (bits flipped) count at the levels feasible and text; a Euclidean distance means little there."
        )
    if not feature_tables.same_documents(shown):
        st.caption("These studies did not attack the very same documents (so far), so part of a difference may be the documents'.")


def _distances(shown: Sequence[FeatureCampaign]) -> None:
    from core.render.feature_studies import within_distance

    session.default(session.LEVEL, "continuous", REALISM_LEVELS)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**Success within a distance**", width="stretch")
        level = st.segmented_control(
            "Level", list(REALISM_LEVELS), key=session.LEVEL, format_func=str.capitalize, required=True, label_visibility="collapsed",
            persist_state="session",
        )  # fmt: skip
    series = feature_tables.within(shown, level)
    for one in series:
        if not one.x:
            st.caption(plain(f"{one.name} has no line: no document was attacked, or its records are of an older version, without the documents."))
    st.plotly_chart(
        within_distance(series, level), key="vectors.within",
        alt="Share of attempted documents whose goal is reached within a distance, relative to the document's length",
    )  # fmt: skip


def files(title: str, rows: Sequence[Mapping[str, Any]], name: str) -> None:
    """A table's title with its numbers as files."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{plain(title)}**", width="stretch")
        for ending, mime, make in (("csv", "text/csv", rows_to_csv), ("json", "application/json", rows_to_json)):
            st.download_button(
                ending.upper(), make(rows), f"{name}.{ending}", mime, key=f"vectors.{name}.{ending}", on_click="ignore", icon=":material/download:",
                type="tertiary",
            )  # fmt: skip
