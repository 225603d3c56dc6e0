"""Two studies side by side, on the pairs that both attacked: success by bin, McNemar's test, coverage, texts of one read by the other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from core import checkpoint
from core.errors import CoreError
from core.study import follow
from core.study.campaigns import Campaign, read_config
from core.study.compare import Comparison, Coverage, Paired, clean_metrics, compare, defended, series, unlike
from core.study.records import Record, lacks_text
from core.study.settings import Request
from core.study.statistics import Interval
from core.study.summary import Filter
from pages.parts import loading, owner, running, session
from pages.parts.cards import Card, all_cards
from pages.parts.show import plain, problem
from pages.parts.study import listing, pairs, texts, views
from pages.parts.study.views import table

OUTCOMES = {(True, True): "both", (True, False): "only the first", (False, True): "only the second", (False, False): "neither"}


def section() -> None:
    """The pickers, then everything about the two."""
    running.refused()
    listing.watch()
    found = listing.names()
    if len(found) < 2:
        if found:
            name, folder = next(iter(found.items()))
            st.info(plain(f"There is one study, {name}, so there is nothing to compare it with."))
            pairs.offer(name, folder, all_cards()[0])
        else:
            listing.empty()
        return
    pair = _choose(found)
    if pair is None:
        return
    if why := unlike(pair[0].request.study, pair[1].request.study):
        problem(why)
        _offer(pair)
        return
    _said(pair)
    chosen = views.filters()
    key = ("compared", *((str(one.folder), one.digest, len(one.records)) for one in pair), chosen)
    both = loading.remembered(key, lambda: compare(pair[0].records, pair[1].records, [one.name for one in pair[0].bins], chosen))
    _coverage(pair, both)
    if both.whole.n:
        _success(pair, both, chosen)
        _metrics(pair)
        first, second = texts.shown(pair)
        _transfer((first, second))
        _pairs((first, second), both, chosen)


def _offer(pair: tuple[Campaign, Campaign]) -> None:
    """A study that would be comparable with the first."""
    pairs.offer(str(session.get(session.FIRST)), pair[0].folder, all_cards()[0])


def _choose(found: dict[str, Path]) -> tuple[Campaign, Campaign] | None:
    """Two pickers; at first a study and one that attacked its pairs, or two that asked for the same thing of two checkpoints."""
    _take_started(found)
    first, second = session.get(session.FIRST), session.get(session.SECOND)
    if missing := [name for name in (first, second) if name is not None and name not in found]:
        st.warning(plain(f"The link names study '{missing[0]}', which is not here."))
    if first not in found or second not in found:
        first, second = _fitting(found, first if first in found else None)
        session.choose(session.FIRST, first)
        session.choose(session.SECOND, second)
    left, right = st.columns(2)
    left.selectbox("First study", list(found), key=session.FIRST, persist_state="session")
    right.selectbox("Second study", list(found), key=session.SECOND, persist_state="session")
    names = (str(session.get(session.FIRST)), str(session.get(session.SECOND)))
    if names[0] == names[1]:
        st.info("Choose two different studies.")
        return None
    try:
        return loading.campaign(found[names[0]]), loading.campaign(found[names[1]])
    except CoreError as error:
        problem(error)
        return None


def _request(folder: Path) -> Request | None:
    """What a study was asked; None where its folder is damaged or of another version, which is said when it is chosen."""
    try:
        return Request.from_json(read_config(folder) or {})
    except CoreError:
        return None


def _take_started(found: dict[str, Path]) -> None:
    """A study that this visitor has started on the pairs of another is shown beside that one, once it has its pairs."""
    started = session.get(session.STARTED)
    request = _request(found[started]) if started in found else None
    if request is None:
        return
    session.forget(session.STARTED)
    base = _by_folder(found).get(Path(request.study.pairs_from).name)
    if base is not None:
        session.choose(session.FIRST, base)
        session.choose(session.SECOND, started)


def _by_folder(found: dict[str, Path]) -> dict[str, str]:
    """By the folder's own name, and by the one it had before it was passed on: the path was written where the command was given, and shipped
    studies have moved since."""
    before = {str(config["run"]): name for name, folder in found.items() if (config := read_config(folder) or {}).get("run")}
    return before | {folder.name: name for name, folder in found.items()}


def _fitting(found: dict[str, Path], first: str | None) -> tuple[str, str]:
    """Names of two studies worth comparing: from their config.json alone."""
    requests = {name: request for name, folder in found.items() if (request := _request(folder)) is not None}
    folders = _by_folder(found)
    for name, request in requests.items():
        base = folders.get(Path(request.study.pairs_from).name)
        if base is not None and base != name and first in (None, base, name):
            return base, name
    for one in [first] if first in requests else list(requests):
        for other in requests:
            mine, theirs = requests[one], requests[other]
            same = unlike(mine.study, theirs.study) is None and (mine.study.dataset, mine.recipe) == (theirs.study.dataset, theirs.recipe)
            if same and mine.study.checkpoint != theirs.study.checkpoint:
                return one, other
    one = first or next(iter(found))
    return one, next(name for name in found if name != one)


def _said(pair: tuple[Campaign, Campaign]) -> None:
    """What one should know before reading the figures."""
    for one in pair:
        if len(one.records) < len(one.plan.pairs):
            st.caption(plain(f"{one.name} has {len(one.records):,} of its {len(one.plan.pairs):,} pairs so far."))
    if (pair[0].request.recipe, pair[0].request.switches) != (pair[1].request.recipe, pair[1].request.switches):
        st.warning(plain(f"The attacks differ: {pair[0].request.recipe} and {pair[1].request.recipe}, or their switches."))
    if not any(one.request.study.pairs_from for one in pair):
        st.caption("Each study drew its own pairs, so few are common.")
        _offer(pair)


def _coverage(pair: tuple[Campaign, Campaign], both: Comparison) -> None:
    """Of each study's pairs, how many the other attacked, and why not the others."""
    rows = [
        {
            "pairs attacked in": one.name, "pairs": found.pairs, "attacked by both": found.both, "coverage %": _percent(found.share),
            "not held by the other": found.not_held, "errors there": found.failed, "never asked there": found.absent,
        }
        for one, found in zip(pair, (both.coverage, both.back), strict=True)
    ]  # fmt: skip
    st.markdown(plain(said_of(pair[0].name, pair[1].name, both.coverage)))
    table("Coverage", rows, "coverage")
    st.caption("Not held: the other checkpoint's ranking does not fit the goal, so it was not attacked there; it is neither success nor failure.")


def said_of(first: str, second: str, found: Coverage) -> str:
    if not found.both:
        return f"{first} and {second} have no attacked pair in common, so there is nothing to compare."
    return f"Of the {found.pairs:,} pairs attacked in {first}, {found.both:,} ({100 * found.share:.1f} %) were attacked in {second}, too."


def _success(pair: tuple[Campaign, Campaign], both: Comparison, chosen: Filter) -> None:
    from core.render.compare import success_by_bin

    names = (pair[0].name, pair[1].name)
    bins, sides = series(both, names)
    st.plotly_chart(success_by_bin(bins, sides, views.said(chosen)), key="compare.bins", alt="Success of both studies by bin, on the same pairs")
    table("Success on the pairs that both attacked", [_row(names, row) for row in (*both.bins, both.whole) if row.n], "compared")
    st.caption(
        "Intervals of a study: Wilson, 95 %. Difference: the second minus the first in percentage points, Newcombe's paired interval, widened "
        "for pairs of one document; it stays wide where there are few pairs or none differs. "
        "p: McNemar's exact test on the pairs that only one of them won; not corrected for the number of bins."
    )


def _row(names: tuple[str, str], row: Paired) -> dict[str, Any]:
    return {
        "bin": row.bin, "pairs": row.n, f"{names[0]} %": _interval(row.first), f"{names[1]} %": _interval(row.second),
        "difference": _interval(row.difference, "+"), "only the first": row.only_first, "only the second": row.only_second,
        "p (McNemar)": float(f"{row.p:.3g}"),
    }  # fmt: skip


def _interval(found: Interval, sign: str = "") -> str:
    """'84.0 [78.3, 88.4]'"""
    return f"{100 * found.value:{sign}.1f} [{100 * found.low:{sign}.1f}, {100 * found.high:{sign}.1f}]"


def _percent(share: float) -> float | None:
    return None if share != share else round(100 * share, 1)


def _card(one: Campaign) -> Card | None:
    """The checkpoint that a study attacked, if it is here with the very weights."""
    return next((card for card in all_cards()[0] if card.digest == one.digest), None)


def _metrics(pair: tuple[Campaign, Campaign]) -> None:
    """P@k as each checkpoint's card has it, and what a robust one's says of its defence."""
    rows: list[Mapping[str, Any]] = []
    for one in pair:
        card = _card(one)
        config = {} if card is None else checkpoint.read_config(card.name)
        clean = {name: _interval(value) for name, value in clean_metrics(config).items()}
        if clean:
            rows.append({"checkpoint": one.checkpoint, **clean})
        for each in defended(config):
            interval = Interval(each["value"], each["low"], each["high"])
            rows.append({"checkpoint": f"{one.checkpoint}: {each['who']}", each["measure"]: _interval(interval)})
    columns = list(dict.fromkeys(name for row in rows for name in row))
    table("As the checkpoints' cards say, %", [{name: row.get(name) for name in columns} for row in rows], "cards")


def _transfer(pair: tuple[Campaign, Campaign]) -> None:
    """Do the texts that succeeded on one work on the other?"""
    ways = [(pair[0], pair[1]), (pair[1], pair[0])]
    rows = []
    for one, other in ways:
        found = next((each for each in follow.read_transfers(one.folder) if each["digest"] == other.digest), None)
        if found is not None:
            fooled = {"fit the goal there": found["eligible"], "fool it, too": found["transferred"], "%": _percent(found["share"])}
            rows.append({"texts of": one.name, "read by": found["to"], "successful texts": found["texts"], **fooled})
    table("Do the texts that fool one fool the other?", rows, "crossed")
    readers = [(one, card) for one, other in ways if (card := _card(other)) is not None]
    off = len(readers) < 2 or any(one.without_texts for one in pair)
    if len(rows) < 2 and st.button("Let each read the other's texts", key="compare.read", icon=":material/forward:", disabled=off):
        owner.required(views.READS)
        bar = st.progress(0.0, "Reading …")
        with loading.heavy_work(lambda text: bar.progress(0.0, text)):
            for one, card in readers:
                classifier = loading.classifier(card)
                rows = follow.transfer(one.records, classifier, lambda done, total, what: bar.progress(done / max(total, 1), plain(what)))
                follow.write_transfer(one.folder, rows, classifier)
        st.rerun()


def _pairs(pair: tuple[Campaign, Campaign], both: Comparison, chosen: Filter) -> None:
    """Every pair that both attacked, those first that only one of them won; a row opens both texts."""
    found = sorted(both.pairs, key=lambda each: chosen.passes(each[0]) == chosen.passes(each[1]))
    st.markdown("**Pair by pair**")
    picked = st.dataframe(
        [_line(each, chosen) for each in found], hide_index=True, key="compare.pairs", on_select="rerun", selection_mode="single-row", placeholder="–"
    )
    rows = [row for row in picked.selection.rows if row < len(found)]
    if not rows:
        st.caption("Select a row to see the words that were changed in both.")
        return
    _open(pair, found[rows[0]])


def _line(each: tuple[Record, Record], chosen: Filter) -> dict[str, Any]:
    first, second = each
    return {
        "won by": OUTCOMES[(chosen.passes(first), chosen.passes(second))], "label": first["label"], "bin": first["bin"],
        "document": first["document"],
        **{f"rank, {name}": _moved(one) for name, one in (("first", first), ("second", second))},
        **{f"changed words, {name}": one["changed_words"] for name, one in (("first", first), ("second", second))},
    }  # fmt: skip


def _moved(record: Record) -> str | None:
    """Of the attacked label; a non-targeted attack has none."""
    return f"{record['rank_before'][0]:,} → {record['rank_after'][0]:,}" if record["labels"] else None


def _open(pair: tuple[Campaign, Campaign], each: tuple[Record, Record]) -> None:
    """`each`: two records of the comparison, which is made without texts; the studies may have theirs by now."""
    found = [next(own for own in one.records if own["pair"] == record["pair"]) for one, record in zip(pair, each, strict=True)]
    for place, (column, one, record) in enumerate(zip(st.columns(2, gap="medium"), pair, found, strict=True)):
        with column:
            st.markdown(f"**{plain(one.name)}**")
            texts.words(record, f"compare.changes.{place}")
    whole = next((record for record in found if not lacks_text(record)), None)
    st.button(
        "Open on one document", key="compare.open", icon=":material/compare:", on_click=_take, args=(pair, whole), disabled=whole is None
    )  # fmt: skip


def _take(pair: tuple[Campaign, Campaign], record: Record) -> None:
    """The document, the label and both checkpoints, on the other side of this page."""
    session.put_text(record["text"])
    session.choose(session.LABEL, record["label"])
    session.choose(session.GOAL, record["goal"])
    session.choose(session.K, int(record["k"]))
    for key, one in ((session.MODEL, pair[0]), (session.OTHER, pair[1])):
        if (card := _card(one)) is not None:
            session.choose(key, card.name)
    session.choose(session.SIDE, "document")
