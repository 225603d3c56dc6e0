"""Before an attack: the setting, what it would cost, whether it can be made at all, and the start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from core.attacking import prepare
from core.attacks import WordSession
from core.attacks.targets import naive, siblings
from core.attacks.words.cost import AttackCost, estimate
from core.attacks.words.oracle import WordOracle
from pages.parts import labels, loading, session
from pages.parts.attack import controls
from pages.parts.attack.controls import AttackSetting
from pages.parts.attack.stepper import AttackRun
from pages.parts.explain.explaining import duration, heard, working
from pages.parts.reading import Reading
from pages.parts.show import place_for, plain, problem, sentences
from pages.parts.words import words

OFFERED = 6
"""Labels that are proposed for a negative-targeted attack, from their clusters; half as many at random."""


def key_of(setting: AttackSetting, reading: Reading) -> tuple[Any, ...]:
    """All that decides an attack."""
    return (reading.classifier.digest, reading.original.digest, *setting.key)


def under_way(reading: Reading) -> AttackRun | None:
    """The visitor's attack, if it is of this document, checkpoint and setting, and the setting is not being looked at."""
    run: AttackRun | None = session.get(session.ATTACK)
    if run is None or session.get(session.SETUP):
        return None
    setting = controls.current(reading)
    if setting is None or run.key != key_of(setting, reading):
        return None
    loading.count("attack", run, run)
    return run


def setup(reading: Reading) -> None:
    """Goal, label and recipe; then the start."""
    controls.goal_widgets(reading)
    with st.container(key="stepping"):
        left, right = st.columns([6, 9], gap="large")
    with left:
        _label(reading)
    with right:
        start = st.container(border=True)
        controls.recipe_widgets()
        controls.truth_widget()
        setting = controls.current(reading)
        with start, place_for("attack.start", None if setting is None else key_of(setting, reading)), sentences():
            _start(setting, reading)
        words(reading.original, f"attack.text.{reading.original.digest}", read=reading.words_read)


def _label(reading: Reading) -> None:
    kind, k = controls.chosen_goal(), controls.chosen_k(reading)
    if kind == "non-targeted":
        st.header("Labels now")
        labels.ranked(reading, _chosen, [(f"Top {k}: any of them shall leave", reading.top.tolist()[:k])])
        return
    st.header("Label")
    if kind == "negative-targeted":
        labels.ranked(reading, _chosen, _targets(reading, k))
        return
    top = reading.top.tolist()[:k]
    others = [] if reading.chosen is None or reading.chosen in top else [("Chosen", [reading.chosen])]
    labels.ranked(reading, _chosen, [(f"Top {k}: choose the one that shall leave", top), *others])


def _targets(reading: Reading, k: int) -> list[tuple[str, Sequence[int]]]:
    """Labels that could be brought in: those that share a cluster with the document's labels (worth trying), a naive draw beside
    them, and the first outside the top k."""
    top, space = reading.top.tolist()[:k], reading.classifier.labels
    truth = controls.truth_or_none(space) or ()
    near = [label for label in siblings(space, truth or top) if label not in top][:OFFERED]
    drawn = naive(space, {*top, *truth}, np.random.default_rng(0), OFFERED // 2)
    groups: list[tuple[str, Sequence[int]]] = [
        ("In a label cluster with its labels", near),
        (f"Next below rank {k}", [label for label in reading.top.tolist()[k : k + OFFERED // 2] if label not in near]),
        ("Drawn at random, to compare", drawn),
    ]
    chosen = [] if reading.chosen is None or any(reading.chosen in ids for _, ids in groups) else [("Chosen", [reading.chosen])]
    return [*chosen, *((title, ids) for title, ids in groups if ids)]


def _chosen(label: str) -> None:
    session.choose(session.LABEL, label)


def _start(setting: AttackSetting | None, reading: Reading) -> None:
    """What it would cost, or why it cannot be made, and the button."""
    run = session.get(session.ATTACK)
    if setting is None:
        st.markdown(":gray[Choose a label first. Then its attack can be started here.]")
        return
    key = key_of(setting, reading)
    if run is not None and run.key == key:
        st.markdown(plain(f"The attack stands at step {run.at}."))
        st.button("Back to the attack", on_click=session.forget, args=(session.SETUP,), type="primary", icon=":material/arrow_back:")
        return
    st.markdown(f"**{plain(setting.said(reading.classifier.labels))}**")
    if why := _unmet(setting, reading, key):
        problem(why)
        return
    prepared = _prepared(setting, reading, key)
    if prepared is None:
        return
    made, cost = prepared
    st.markdown(
        f"About **{cost.queries:,} queries** and **{duration(cost.seconds)}** to the end on this machine, at most {cost.most:,} queries; "
        f"up to {made.limit} of {len(reading.original):,} words may change."
    )
    st.button("Start", key="attack.start", type="primary", icon=":material/swords:", on_click=session.choose, args=(session.ASKED, key))
    if session.get(session.ASKED) == key:
        session.forget(session.ASKED)
        begun = AttackRun(key, setting, made, cost)
        with working("Attack", "Weighing the words") as progress, heard(made, lambda done, total, what: progress(done, reading.words_read, what)):
            begun.begin()
        session.choose(session.ATTACK, begun)
        session.forget(session.SETUP, session.PREPARED)
        st.rerun()


def _unmet(setting: AttackSetting, reading: Reading, key: tuple[Any, ...]) -> str:
    """Why the goal does not fit the document; empty if it does."""

    def unmet() -> str:
        return setting.goal.unmet(WordOracle(reading.classifier, setting.goal, reading.original, setting.truth).start) or ""

    return loading.remembered(("unmet", *key), unmet)


def _prepared(setting: AttackSetting, reading: Reading, key: tuple[Any, ...]) -> tuple[WordSession, AttackCost] | None:
    """The attack, made ready, and its cost; kept for the visitor until another is prepared. A refusal is said."""
    kept = session.get(session.PREPARED)
    if kept is not None and kept[0] == key:
        return kept[1], kept[2]
    with st.spinner("Loading the language model and estimating …"):
        attack = prepare(setting.recipe, setting.goal, setting.name)
        if why := attack.refusal(reading.classifier):
            problem(why)
            return None
        made = attack.begin(reading.classifier, reading.original, setting.truth)
        cost = estimate(made)
    session.choose(session.PREPARED, (key, made, cost))
    loading.count("attack", made, made)
    return made, cost
