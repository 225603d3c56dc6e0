"""Attack, for a document that is a feature vector: the setting, the search as it goes, and what it found."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core import fields
from core.attacks.features import FEATURE_ATTACKS, FeatureAttack, PointSearch
from core.attacks.features.coordinates import Pool
from core.attacks.goals import ALL_GOALS, TITLES, AllWrong, AnyGoal, Demote, Disturb, Promote, SetChange, to_json
from pages.parts import labels, loading, session
from pages.parts.cards import Card
from pages.parts.features import documents, stepping
from pages.parts.features.documents import FeatureReading
from pages.parts.features.stepper import FeatureRun
from pages.parts.forms import form
from pages.parts.show import plain, problem, sentences


def page(card: Card) -> None:
    one = documents.choose(card)
    if one is None:
        return
    documents.about(one)
    _defaults(one)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.segmented_control("Goal", list(TITLES), key=session.GOAL, format_func=TITLES.__getitem__, required=True, persist_state="session")
        st.number_input("k", min_value=1, max_value=len(one.seen.labels), step=1, key=session.K, persist_state="session", width=110)
        if session.get(session.GOAL) == SetChange.NAME:
            st.number_input("Jaccard below", min_value=0.01, max_value=1.0, step=0.05, key=session.TAU, persist_state="session", width=130)
    with st.container(key="panes"):
        left, right = st.columns([5, 9], gap="large")
    with left:
        _labels(one)
    with right:
        search = _search()
        goal = _goal(one)
        with sentences():
            _attack(one, goal, search)


def _defaults(one: FeatureReading) -> None:
    session.default(session.GOAL, Demote.NAME, ALL_GOALS)
    session.default(session.K, min(5, len(one.seen.labels)), range(1, len(one.seen.labels) + 1))
    session.default(session.TAU, 0.5)
    session.default(session.SEARCH, next(iter(FEATURE_ATTACKS)), FEATURE_ATTACKS)


def _labels(one: FeatureReading) -> None:
    k, kind, top = int(session.get(session.K)), session.get(session.GOAL), one.reading.top.tolist()
    st.header("Label")
    offered: list[tuple[str, Sequence[int]]]
    if kind == Promote.NAME:
        offered = [(f"Below rank {k}: choose the one that shall enter", top[k:])]
    elif kind == Demote.NAME:
        offered = [(f"Top {k}: choose the one that shall leave", top[:k])]
    else:
        offered = [(f"Top {k}", top[:k])]
    ids = [label for _, group in offered for label in group]
    chosen = one.reading.chosen
    others = [] if chosen is None or chosen in ids else [("Chosen", [chosen])]
    labels.ranked(one.reading, _chosen, [*offered, *others])


def _chosen(label: str) -> None:
    session.choose(session.LABEL, label)


def _search() -> PointSearch:
    """The attack and its settings."""
    st.segmented_control(
        "Attack", list(FEATURE_ATTACKS), key=session.SEARCH, format_func=lambda name: stepping.SEARCHES.get(name, name), required=True,
        persist_state="session",
    )  # fmt: skip
    kind = FEATURE_ATTACKS[str(session.get(session.SEARCH))]
    st.caption(plain(f"{kind.__doc__} {kind.SOURCE}."))
    with st.popover("Settings", icon=":material/tune:"):
        return form(kind(), f"vector.set.{kind.NAME}")


def _goal(one: FeatureReading) -> AnyGoal | None:
    """What the widgets say; None where a label is still to be chosen."""
    kind, k, label = session.get(session.GOAL), int(session.get(session.K)), one.reading.chosen
    if kind == SetChange.NAME:
        return SetChange(k, float(session.get(session.TAU)))
    if kind == AllWrong.NAME:
        return AllWrong(k)
    if kind == Disturb.NAME:
        return Disturb(k, "predicted")
    if label is None:
        return None
    return Promote((label,), k) if kind == Promote.NAME else Demote((label,), k)


def _attack(one: FeatureReading, goal: AnyGoal | None, search: PointSearch) -> None:
    """The start, or the attack that was made with just this setting."""
    if goal is None:
        st.markdown(":gray[Choose a label first. Then its attack can be started here.]")
        st.html(documents.values(one))
        return
    key = (*one.key, str(to_json(goal)), search.NAME, tuple(fields.to_json(search).items()))
    run: FeatureRun | None = session.get(session.FEATURE_ATTACK)
    if run is not None and run.key == key:
        loading.count("attack", run, run)
        stepping.stepping(run)
        return
    st.markdown(plain(f"At most {search.queries:,} queries, everything counted."))
    with st.container(horizontal=True, gap="small"):
        whole = st.button("Start", key="vector.start", type="primary", icon=":material/swords:", help="To its end; every step can be gone back to")
        single = st.button("Step by step", key="vector.step", icon=":material/footprint:")
    if not (whole or single):
        st.html(documents.values(one))
        return
    made = FeatureAttack(goal, search).begin(
        one.opened.classifier, one.opened.vector, Pool.of(one.opened.classifier, one.opened.dataset), one.opened.truth
    )
    if made.unmet:
        problem(made.unmet)
        return
    run = FeatureRun(key, made)
    run.begin()
    session.choose(session.FEATURE_ATTACK, run)  # before it runs: Stop keeps the steps that were made
    if whole:
        stepping.to_the_end(run)
    st.rerun()
