"""A vector study's records one by one: what was changed in a document, the document on the Attack page, and all of them replayed."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import streamlit as st

from core.attacks.features import FEATURE_ATTACKS
from core.attacks.goals import Demote
from core.study import exports
from core.study.exports import rows_to_csv
from core.study.kinds import feature_tables
from core.study.kinds.feature_campaigns import FeatureCampaign
from core.study.records import Record
from pages.parts import loading, session
from pages.parts.cards import Card
from pages.parts.explain.explaining import working
from pages.parts.features import documents
from pages.parts.show import plain, problem, sentences

LISTED = 5
"""Records that came out otherwise and are named; the others are counted."""


def browse(shown: Sequence[FeatureCampaign], cards: Sequence[Card]) -> None:
    """The records of one of the studies; a row opens."""
    names = [one.name for one in shown]
    name = st.selectbox("Records of", names, key="vectors.browsed") if len(names) > 1 else names[0]
    one = next(each for each in shown if each.name == name)
    with st.container(), sentences():  # always there, so that the bar takes no other element's place
        _replay(one, cards)
    _files(one)
    share = st.column_config.NumberColumn(format="%.3f", help="Level continuous: how far it moved, as a share of the document's length")
    picked = st.dataframe(
        [feature_tables.record_cells(record) for record in one.records], hide_index=True, key=f"vectors.records.{one.name}", on_select="rerun",
        selection_mode="single-row", placeholder="–", column_config={"L2 / length": share},
    )  # fmt: skip
    chosen = [row for row in picked.selection.rows if row < len(one.records)]
    if chosen:
        _open(one, one.records[chosen[0]], cards)
    else:
        st.caption("Select a row to see what was changed, and to open the document on the Attack page.")


def _files(one: FeatureCampaign) -> None:
    def table() -> str:
        return rows_to_csv([feature_tables.record_row(record) for record in one.records])

    def parquet() -> bytes:
        return exports.parquet([feature_tables.record_row(record) for record in one.records], feature_tables.ROW)

    def lines() -> str:
        return "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in one.records)

    def summary() -> str:
        return json.dumps(one.to_json(), indent=1, ensure_ascii=False) + "\n"

    with st.container(horizontal=True):
        for name, ending, mime, make in (
            ("Records, CSV", "csv", "text/csv", table),
            ("Records, parquet", "parquet", "application/vnd.apache.parquet", parquet),
            ("Records, JSON lines", "jsonl", "application/jsonl", lines),
            ("Summary, JSON", "json", "application/json", summary),
        ):
            file = f"{one.name.replace('/', '-')}.{ending}"
            st.download_button(name, make, file, mime, key=f"vectors.file.{ending}", on_click="ignore", icon=":material/download:")


def _open(one: FeatureCampaign, record: Record, cards: Sequence[Card]) -> None:
    card = _card(one, cards)
    with st.container(border=True):
        st.markdown(plain(f"Document {record['row'] + 1} of {one.data}, {one.study.split} ({record['document']}): {_outcome(record)}"))
        _changes(record)
        if st.button(
            "Open on the Attack page", key="vectors.open", icon=":material/swords:", on_click=_take, args=(one, record, card), disabled=card is None,
            help="The document, the goal and the attack, ready to be started" if card else "Its checkpoint is not here.",
        ):  # fmt: skip
            st.switch_page("pages/attack.py")


def _outcome(record: Record) -> str:
    if record["reason"] == "refused":
        return "refused, for no true label stands in the top k, or all its values are 0."
    row = feature_tables.record_row(record)
    what = f"{row['label']}, rank {row['rank']}" if row["rank"] else row["label"] or "any label"
    return (
        f"{what}: {'the goal is reached' if record['success'] else 'the goal is not reached'}, {row['queries']:,} queries. {record.get('note', '')}"
    )


def _changes(record: Record) -> None:
    """The features that the most real vector changed, and the words that its text lost and gained."""
    from core.render.features import changes

    levels = [level for level in record["levels"] if level["reached"] and level.get("vector") is not None]
    real = next((level for level in reversed(levels) if level["level"] != "text"), None)
    if real is None or "vector" not in record:
        return
    names = {column: name for rows in (record["vector"], real["vector"]) for column, name, _ in rows}
    before, after = ({column: value for column, _, value in rows} for rows in (record["vector"], real["vector"]))
    moved = [column for column in sorted(names) if before.get(column, 0) != after.get(column, 0)]
    values = (np.asarray([side.get(column, 0) for column in moved], dtype=np.float64) for side in (before, after))
    st.html(changes([names[column] for column in moved], *values))
    text = next((level for level in levels if level["level"] == "text"), None)
    if text is not None:
        lost, gained = (", ".join(map(str, text.get(key, []))) for key in ("removed", "put_in"))
        st.markdown(plain(f"As a text: without {lost or 'nothing'}; with {gained or 'nothing new'}."))


def _card(one: FeatureCampaign, cards: Sequence[Card]) -> Card | None:
    """The checkpoint with the very weights, or one of its name."""
    by_weights = next((card for card in cards if card.vectors and card.digest == one.digest), None)
    return by_weights or next((card for card in cards if card.vectors and card.name == one.checkpoint), None)


def _take(one: FeatureCampaign, record: Record, card: Card) -> None:
    """Everything that the Attack page needs to stand before this attack."""
    chosen = {
        session.MODEL: card.name, session.READ_AS: documents.VECTOR, session.DATASET: one.study.dataset, session.SPLIT: one.study.split,
        session.DOCUMENT: record["row"] + 1, session.GOAL: one.study.goal, session.K: one.study.k, session.TAU: one.study.tau,
        session.READ: list(dict.fromkeys([*session.get(session.READ, []), one.study.dataset])),
    }  # fmt: skip
    for name, value in chosen.items():
        session.choose(name, value)
    if one.recipe in FEATURE_ATTACKS:
        session.choose(session.SEARCH, one.recipe)
    session.forget(session.RECORD, session.LABEL)
    if one.study.goal == Demote.NAME and record.get("label"):
        session.choose(session.LABEL, record["label"])


def _replay(one: FeatureCampaign, cards: Sequence[Card]) -> None:
    """Every record made again: the document from the data set, the changes from the record, the answer from the classifier."""
    from core.study.kinds.feature_replay import replay_all, said, too_old

    if why := too_old(one):
        problem(why)
        return
    card, key = _card(one, cards), ("vector-replayed", str(one.folder), one.digest, one.data_digest, one.stamp)
    asked = st.button(
        "Replay", key="vectors.replay", icon=":material/replay:", disabled=card is None,
        help="Each saved success is applied to its document again, and the classifier asked afresh" if card else "Its checkpoint is not here.",
    )  # fmt: skip
    if asked and card is not None and loading.kept(key) is None:
        with working("Replay", "Replaying: reading the data set and the checkpoint …") as progress:
            found = replay_all(one, loading.classifier(card), loading.completed(one.study.dataset), progress)  # type: ignore[arg-type] # as card.vectors
        loading.keep(key, found)
    done = loading.kept(key)
    if done is None:
        return
    if not done["different"]:
        st.success(plain(f"{said(done)}. Digests of weights and data are those of the study."), icon=":material/verified:")
        return
    listed = "; ".join(f"{row['pair']} ({', '.join(row['differences'])})" for row in done["different"][:LISTED])
    more = len(done["different"]) - LISTED
    st.warning(plain(f"{said(done)}. Otherwise: {listed}{f'; and {more:,} more' if more > 0 else ''}."), icon=":material/difference:")
