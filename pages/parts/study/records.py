"""A study's records one by one: what was changed, made again here or on the Attack page."""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from core.study import exports, follow
from core.study.campaigns import Campaign
from core.study.records import Record, lacks_text
from pages.parts import loading, session
from pages.parts.cards import Card
from pages.parts.show import plain
from pages.parts.study import texts

OUTCOMES = {"reached": "success", "exhausted": "failed", "budget": "failed", "refused": "skipped", "error": "skipped"}


def browse(shown: list[Campaign], cards: list[Card]) -> None:
    """A table of one study's records; a row opens."""
    one = next(each for each in shown if each.name == st.selectbox("Study", [each.name for each in shown], key="study.browsed"))
    if not one.records:
        st.info("This study has no record yet.")
        return
    (one,) = texts.shown([one])
    _files(one)
    _replay(one, cards)
    picked = st.dataframe(
        [_line(record) for record in one.records], hide_index=True, key=f"study.records.{one.name}", on_select="rerun", selection_mode="single-row",
        column_config={"similarity": st.column_config.NumberColumn(format="%.3f"), "change %": st.column_config.NumberColumn(format="%.1f")},
    )  # fmt: skip
    rows = [row for row in picked.selection.rows if row < len(one.records)]
    if rows:
        _open(one.records[rows[0]])
    else:
        st.caption("Select a row to see the changed words." if one.without_texts else "Select a row to see the text.")


def _line(record: Record) -> dict[str, Any]:
    attacked = record["reason"] != "error"
    return {
        "outcome": OUTCOMES[record["reason"]], "label": record["label"], "bin": record["bin"], "training documents": record["count"],
        "rank": f"{record['rank_before'][0]} → {record['rank_after'][0]}" if attacked and record["labels"] else "",
        "changed words": record.get("changed_words"), "change %": 100 * record["change_rate"] if attacked else None,
        "similarity": record.get("similarity"), "queries": record.get("queries"), "document": record["document"], "why": record["note"],
    }  # fmt: skip


def _open(record: Record) -> None:
    with st.container(border=True):
        st.markdown(plain(f"{record['document']}: {record['label'] or 'any right label'}, {record['note'] or OUTCOMES[record['reason']]}"))
        texts.words(record, f"study.changes.{record['pair']}")
        if record["reason"] == "error" or lacks_text(record):
            return
        if st.button("Replay on the Attack page", key="study.open", icon=":material/swords:", on_click=_take, args=(record,)):
            st.switch_page("pages/attack.py")


def _take(record: Record) -> None:
    session.choose(session.RECORD, json.dumps(record, ensure_ascii=False).encode())


def _files(one: Campaign) -> None:
    with st.container(horizontal=True):
        for name, ending, mime, make in (
            ("Records, CSV", "csv", "text/csv", lambda: exports.to_csv(one.records)),
            (
                "Records, JSON lines",
                "jsonl",
                "application/jsonl",
                lambda: exports.to_lines(one.records),
            ),
            ("Records, parquet", "parquet", "application/vnd.apache.parquet", lambda: exports.to_parquet(one.records)),
            ("Summary, JSON", "json", "application/json", lambda: exports.rows_to_json([one.summary()])),
        ):
            st.download_button(name, make, f"{one.name}.{ending}", mime, key=f"study.file.{ending}", on_click="ignore", icon=":material/download:")


def _replay(one: Campaign, cards: list[Card]) -> None:
    """Every record made again on its checkpoint: text, ranks and outcome must be as saved."""
    card = next((card for card in cards if card.name == one.checkpoint), None)
    key = ("replayed", str(one.folder), one.digest, len(one.records))
    asked = st.button("Replay every record", key="study.replay", icon=":material/replay:", disabled=card is None or one.without_texts)
    if asked and card is not None and loading.kept(key) is None:
        bar = st.progress(0.0, "Replaying …")
        with loading.heavy_work(lambda text: bar.progress(0.0, text)):
            classifier = loading.classifier(card)
            found = follow.replay_all(
                one.records, classifier, lambda done, total, what: bar.progress(done / total, f"Replaying {done:,} of {total:,}")
            )
        loading.keep(key, found)
        bar.empty()
    done = loading.kept(key)
    if done is not None and done["different"]:
        st.warning(plain(f"{len(done['different'])} of {done['replayed']} records came out otherwise: {done['different'][:5]}"))
    elif done is not None:
        st.success(plain(f"All {done['replayed']} records came out as saved: text, ranks and outcome."))
