"""What studies found: figures and tables drawn from saved records; a slider filters what was found and runs nothing again."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from core.attacks import Demote, Promote
from core.attacks.goals import called
from core.render import robustness
from core.study import follow, tables
from core.study.campaigns import Campaign
from core.study.exports import rows_to_csv, rows_to_json
from core.study.statistics import Interval
from core.study.summary import Filter, by_bin, gap, query_area, row
from pages.parts import loading, owner
from pages.parts.cards import Card, titled
from pages.parts.show import plain
from pages.parts.study import texts

KINDS = {"cosine": "cosine", "angular": "1 − arccos(cosine), as the paper's code has it"}
LISTED = 40
"""Rows of a table that are shown without scrolling."""
READS = "lets other checkpoints read a study's texts, for what they make of them is kept in its folder"
"""What is the owner's, after 'Only the owner of this server'."""
COSTS: dict[str, tuple[tables.CostColumn, bool]] = {"Queries": ("queries", True), "Changed words": ("changed_words", False)}


def filters() -> Filter:
    """What counts as a success."""
    rate, mark, kind, least = st.columns([3, 1, 3, 3], vertical_alignment="bottom")
    share = rate.slider("Change rate, at most, %", 0.0, 100.0, 10.0, 0.5, key="study.rate", help="Changed words over all words of the document")
    strict = (
        mark.segmented_control("Limit", ["≤", "<"], default="≤", key="study.strict", required=True, help="The paper's two scripts differ here") == "<"
    )
    chosen = kind.selectbox("Similarity as", list(KINDS), format_func=KINDS.__getitem__, key="study.kind")
    low = least.slider("Similarity above (−1: any)", -1.0, 1.0, -1.0, 0.01, key="study.similarity", help="The paper's 0.8 belongs to USE-large")
    return Filter(share / 100, strict, None if low <= -1 else low, chosen)


def said(chosen: Filter) -> str:
    """'change rate ≤ 10 %, cosine > 0.8'"""
    similar = "" if chosen.similarity is None else f", {'cosine' if chosen.kind == 'cosine' else '1 − arccos'} > {chosen.similarity:g}"
    return f"change rate {'<' if chosen.strict else '≤'} {100 * chosen.change_rate:g} %{similar}"


def success(shown: Sequence[Campaign], chosen: Filter) -> None:
    """Figure 2, success by bin, and the tail against the head."""
    st.plotly_chart(
        robustness.success_by_frequency(tables.figure_2(shown, chosen), said(chosen)), key="study.figure2",
        alt="Success of the attacks over training documents of the label, with intervals",
    )  # fmt: skip
    kinds = sorted({record["similarity_kind"] for one in shown for record in one.records if "similarity_kind" in record})
    st.caption(
        plain(f"Intervals: Wilson, 95 %. Similarity: {'; '.join(kinds) or 'none recorded'}. The paper's figure is of USE-large, on other data.")
    )
    rows = []
    for one in shown:
        for each in [*by_bin(one.records, one.bins, chosen), row("all", one.records, chosen)]:
            rows.append({"study": one.name, **_bin_row(each.to_json())})
    table("Success by bin", rows, "bins")
    table("Tail against head", [found for one in shown if (found := _gap_row(one, chosen))], "tail-head")
    st.caption(
        "Success in the tail bin minus success in the head bin, in percentage points. Plain: Newcombe's interval. Matched: within strata of equal "
        "start rank, or of fifths of the margin to rank k + 1, weighted after Mantel and Haenszel; intervals there by 2,000 bootstrap draws of whole "
        "documents. Comparable: pairs in strata that hold both bins. Rare labels start lower in the top k, so the plain gap is partly that."
    )


def _bin_row(found: dict[str, Any]) -> dict[str, Any]:
    percent = {
        f"{name} %": None if found[key] is None else round(100 * found[key], 2)
        for name, key in (("success", "rate"), ("low", "low"), ("high", "high"))
    }
    means = {
        "change %": None if found["change_rate"] is None else round(100 * found["change_rate"], 2), "similarity": _rounded(found["similarity"]),
        "queries": _rounded(found["queries"], 1),
    }  # fmt: skip
    without = found["rate_without_exhausted"]
    return {
        "bin": found["bin"], "n": found["n"], "successes": found["success"], **percent, **means,
        "paper's similarity": _rounded(found["paper_similarity"]), "refused": found["refused"], "errors": found["errors"],
        "exhausted": found["exhausted"], "success % without exhausted": None if without is None else round(100 * without, 2),
    }  # fmt: skip


def _rounded(value: float | None, digits: int = 3) -> float | None:
    return None if value is None else round(value, digits)


def _gap_row(one: Campaign, chosen: Filter) -> dict[str, Any] | None:
    found = loading.remembered(
        ("gap", str(one.folder), one.digest, len(one.records), chosen), lambda: (gap(one.records, one.bins, chosen),)
    )[0]  # fmt: skip
    if found is None:
        return None

    def points(interval: Interval) -> str:
        if math.isnan(interval.value):
            return "–"
        return f"{100 * interval.value:+.1f} [{100 * interval.low:+.1f}, {100 * interval.high:+.1f}]"

    return {
        "study": one.name, "tail": f"{found.tail} (n = {found.tail_n})", "head": f"{found.head} (n = {found.head_n})", "plain": points(found.plain),
        "plain, by document": points(found.by_document), "matched on start rank": points(found.rank),
        "comparable, rank": found.rank_pairs, "matched on margin": points(found.margin), "comparable, margin": found.margin_pairs,
    }  # fmt: skip


def paper(shown: Sequence[Campaign], chosen: Filter) -> None:
    """Tables 3 and 5 beside the paper's rows."""
    table(f"Table 3: {called(Demote.NAME)}", tables.table_3(shown, chosen), "table-3")
    table(f"Table 5: {called(Promote.NAME)}", tables.table_5(shown, chosen), "table-5")
    st.caption(
        "The paper's rows are of other data, other classifiers and another sentence encoder: its protocol is replicated, not its numbers. Its "
        "similarity is 1 − arccos averaged over all attacks, failures as 0, as its released code prints it; the other is the cosine over successes."
    )


def costs(shown: Sequence[Campaign], chosen: Filter) -> None:
    """Success against what it costs."""
    for name, (cost, logarithmic) in COSTS.items():
        st.plotly_chart(
            robustness.staircase(tables.anytime(shown, cost, chosen), f"{name.lower()}{' (log)' if logarithmic else ''}", logarithmic),
            key=f"study.anytime.{cost}", alt=f"Share of attacks that have succeeded, over {name.lower()}",
        )  # fmt: skip
    horizon = max((record["queries"] for one in shown for record in one.records if "queries" in record), default=0)
    rows = [
        {"study": one.name, "area under success against queries": _number(query_area(one.records, horizon)), "up to queries": horizon}
        for one in shown
    ]
    table("Area under the curve of queries (no filter)", rows, "areas")


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)


def fragile(shown: Sequence[Campaign], chosen: Filter) -> None:
    """How few words it takes to lose each label."""
    found = tables.fragility([record for one in shown for record in one.records], chosen)
    if not found:
        st.info(f"None of these studies has the goal “{called(Demote.NAME)}”, so no label was there to lose.")
        return
    st.plotly_chart(robustness.fragile_labels(found), key="study.fragile", alt="Median changed words until a label is lost, over its training count")
    rows = [
        {"label": one.label, "checkpoint": one.checkpoint, "training documents": one.count, "attacks": one.attacks, "lost": one.lost,
         "lost, at least %": round(100 * one.share.low, 1), "lost, at most %": round(100 * one.share.high, 1),
         "median changed words": one.median_words if math.isfinite(one.median_words) else None}
        for one in found
    ]  # fmt: skip
    table("Labels, the most surely fragile first", rows, "fragile-labels")
    st.caption(
        "Each checkpoint by itself, ordered by the lower end of Wilson's 95 % interval of the share lost: one attack that succeeded says little. "
        "No median: more than half of the attacks failed. Few training documents and few words to lose it: the label needs more data."
    )


def transfers(shown: Sequence[Campaign], cards: Sequence[Card]) -> None:
    """Do texts made on one checkpoint work on another?"""
    found = tables.transfer_matrix(shown, [follow.read_transfers(one.folder) for one in shown])
    st.plotly_chart(robustness.transfer_map(found), key="study.transfer", alt="Share of successful texts that work on another checkpoint")
    rows = [
        {"study": study, "read by": name, "texts that fit": n, "work there %": None if share is None else round(100 * share, 1)}
        for study, shares, counts in zip(found.studies, found.share, found.texts, strict=True)
        for name, share, n in zip(found.checkpoints, shares, counts, strict=True)
    ]
    table("Transfer", rows, "transfer")
    st.caption("Texts that fit: those whose original meets the goal's condition there, too. Two queries a text.")
    shown = texts.shown(shown)
    if any(one.without_texts for one in shown):
        return
    if not owner.offers(READS):
        return
    readers = st.multiselect("Let the saved texts be read by", [card.name for card in cards], format_func=titled(cards), key="study.readers")
    if st.button("Read", key="study.read", icon=":material/forward:", disabled=not readers):
        _read(shown, [card for card in cards if card.name in readers])
        st.rerun()


def _read(shown: Sequence[Campaign], cards: Sequence[Card]) -> None:
    owner.required(READS)
    bar = st.progress(0.0, "Reading …")
    with loading.heavy_work(lambda text: bar.progress(0.0, text)):
        for card in cards:
            classifier = loading.classifier(card)
            for one in shown:
                found = follow.transfer(one.records, classifier, lambda done, total, what: bar.progress(done / total, plain(what)))
                follow.write_transfer(one.folder, found, classifier)
    bar.empty()


def table(title: str, rows: Sequence[Mapping[str, Any]], name: str) -> None:
    """A table with its files; nothing where it has no row."""
    if not rows:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{plain(title)}**", width="stretch")
        for ending, mime, make in (("csv", "text/csv", rows_to_csv), ("json", "application/json", rows_to_json)):
            st.download_button(
                ending.upper(),
                make(rows),
                f"{name}.{ending}",
                mime,
                key=f"study.{name}.{ending}",
                on_click="ignore",
                icon=":material/download:",
                type="tertiary",
            )
    st.dataframe(list(rows), hide_index=True, key=f"study.table.{name}", placeholder="–", height="content" if len(rows) <= LISTED else "auto")
