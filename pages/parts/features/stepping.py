"""The screen of an attack on features that is under way: where it stands, the next look, a person's own change, undo, the steps."""

from __future__ import annotations

import time

import streamlit as st

from pages.parts import session
from pages.parts.explain.explaining import busy, heard, working
from pages.parts.features import found
from pages.parts.features.stepper import FeatureRun, sayings
from pages.parts.rows import TextRow, keys, rows
from pages.parts.show import plain, sentences
from pages.parts.stepping import want

KEYS = {"Enter": "next", "u": "undo", "ArrowLeft": "undo", "ArrowRight": "redo"}
LEGEND = "Keys: Enter takes the next step, U or ← goes back, → forward again."
SEARCHES = {"hop-skip-jump": "HopSkipJump", "boundary": "Boundary", "zoo": "ZOO"}
LIVE = 0.4
"""Seconds between two drawings of a running attack."""


@st.fragment
def stepping(run: FeatureRun) -> None:
    """The whole screen; what is clicked here runs only this part of the page again."""
    with st.container(), sentences():
        _perform(run)
    _status(run)
    _actions(run)
    keys(KEYS, "vector.keys", lambda what: want(run, what))
    if run.step.ended:
        found.show(run.result)
        _history(run)
        return
    with st.container(key="trace"):
        left, right = st.columns([9, 6], gap="medium")
    with left:
        found.ranks(run.result, "bump")
    with right:
        _own(run)
    _history(run)
    found.changes_at(run.session, run.step)


def _perform(run: FeatureRun) -> None:
    wanted = run.taken()
    match wanted:
        case ("next",):
            with busy(run.session, "Looking on …"):
                run.forward()
        case ("choose", int(index), float(value)):
            with busy(run.session, "Trying it …"):
                run.choose(index, value)
        case ("finish",):
            with busy(run.session, "Making it real …"):
                run.finish()
        case ("end",):
            to_the_end(run)


def to_the_end(run: FeatureRun) -> None:
    """Ranks and distance are drawn as they come. Stop keeps the steps that were made."""
    live, shown = st.empty(), 0.0
    with working(SEARCHES.get(run.session.attack.search.NAME, ""), "The search goes on to its end") as progress, heard(run.session, progress):
        for step in run.to_the_end():
            if time.monotonic() - shown > LIVE:
                with live.container():
                    found.ranks(run.result, f"live.{step.index}")
                shown = time.monotonic()
    live.empty()


def _status(run: FeatureRun) -> None:
    """Where the attack stands, in a line."""
    step, oracle, names = run.step, run.session.oracle, run.session.classifier.labels.names
    where = ", ".join(f"{names[label]} at rank {step.view.rank(label):,}" for label in oracle.followed[:3])
    near = "no success yet" if step.nearest is None else f"nearest success {step.nearest:.4g} from the document"
    st.markdown(
        plain(f"Step {run.at} of {len(run.steps) - 1}: {sayings([step])[0]}. {where}; {near}; {step.queries:,} of {run.session.queries:,} queries.")
    )


def _actions(run: FeatureRun) -> None:
    over = run.step.ended
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Next step", key="vector.next", on_click=want, args=(run, "next"), type="secondary" if over else "primary", icon=":material/check:",
            disabled=over, help="Enter",
        )  # fmt: skip
        st.button("Undo", key="vector.undo", on_click=want, args=(run, "undo"), icon=":material/undo:", disabled=run.at == 0, help="U or ←")
        st.button(
            "Redo", key="vector.redo", on_click=want, args=(run, "redo"), icon=":material/redo:", disabled=run.at == len(run.steps) - 1, help="→"
        )
        st.button("Run to the end", key="vector.end", on_click=want, args=(run, "end"), icon=":material/fast_forward:", disabled=over)
        st.button(
            "Finish here", key="vector.finish", on_click=want, args=(run, "finish"), icon=":material/flag:",
            disabled=over or run.session.oracle.best is None, help="What the nearest success so far comes to: a feasible vector, and a text",
        )  # fmt: skip
    st.caption(LEGEND)


def _own(run: FeatureRun) -> None:
    """One feature by hand: any that may move, within its bounds."""
    own, space = run.session.coordinates, run.session.classifier.space
    names = [space.name(int(column)) for column in own.columns]
    index = st.selectbox("Change a feature by hand", range(len(names)), format_func=lambda i: plain(names[i]), key="vector.own.feature")
    low, high, now = float(own.low[index]), float(own.high[index]), float(run.step.point[index])
    key = f"vector.own.{run.at}.{index}"
    with st.form(f"{key}.form", border=False), st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        step = 1.0 if space.whole else max((high - low) / 20, 1e-6)
        st.number_input(f"Value, from {low:g} to {high:g}", low, high, min(max(now, low), high), step, key=key)
        st.form_submit_button("Set it", on_click=_put, args=(run, index, key))


def _put(run: FeatureRun, index: int, key: str) -> None:
    want(run, "choose", index, float(session.get(key)))


def _history(run: FeatureRun) -> None:
    """The steps; a click rewinds to one."""
    followed = run.session.oracle.followed[:3]
    listed = []
    for number, (step, text) in enumerate(zip(run.steps, sayings(run.steps), strict=True)):
        rank = ", ".join(f"{step.view.rank(label):,}" for label in followed)
        cells = (f"{number}. {text}", rank, f"{step.distance:.4g}", f"{step.queries:,}")
        listed.append(TextRow(cells, step.status == "reached", number > run.at, f"Step {number}: {text}"))
    rows(
        ("Step", "Rank", "Distance", "Queries"), listed, "vector.history", lambda to: want(run, "rewind", to), "Steps; a click rewinds",
        current=run.at, follow=True,
    )  # fmt: skip
