"""The screen of an attack that is under way: words, candidates, decisions, ranks."""

from __future__ import annotations

import numpy as np
import streamlit as st

from pages.parts import session
from pages.parts.attack import end
from pages.parts.attack.candidates import candidates
from pages.parts.attack.certificate import certificate
from pages.parts.attack.stepper import AttackRun
from pages.parts.attack.trace import figures, history, ranks
from pages.parts.attack.why import why
from pages.parts.explain.explaining import busy, heard, working
from pages.parts.rows import keys
from pages.parts.show import plain, sentences
from pages.parts.stepping import want
from pages.parts.words import words

LEGEND = (
    "<p class='legend'><span class='for'>the goal gains when it goes</span><span class='against'>it loses</span>"
    "<span class='hint'>Dashed frame: the next word. Click any word for its candidates. "
    "<kbd>Enter</kbd> accept, <kbd>S</kbd> skip, <kbd>U</kbd> or <kbd>←</kbd> undo, <kbd>→</kbd> redo.</span></p>"
)
KEYS = {"Enter": "accept", "s": "skip", "u": "undo", "ArrowLeft": "undo", "ArrowRight": "redo"}
ENDINGS = {
    "reached": "The goal is reached, and a replay from the original text confirmed it.",
    "exhausted": "Every word that may be changed was tried, and the goal is not reached.",
    "refused": "This document cannot be attacked so.",
}


@st.fragment
def stepping(run: AttackRun) -> None:
    """The whole screen; what is clicked here runs only this part of the page again."""
    problems = st.container()
    with problems, sentences():
        _perform(run)
    position = run.picked if run.picked is not None else run.coming
    _status(run)
    with st.container(key="stepping"):
        left, right = st.columns([9, 6], gap="medium")
    with left:
        _document(run, position)
        _actions(run, position)
    with right:
        beside = st.container()
    keys(KEYS, "attack.keys", lambda what: want(run, what))
    _below(run)
    with beside, sentences():
        candidates(run, position)


def _below(run: AttackRun) -> None:
    with st.container(key="trace"):
        chart, facts = st.columns([9, 6], gap="medium")
    with chart:
        ranks(run)
    with facts:
        figures(run)
        history(run, lambda to: want(run, "rewind", to))
    with st.container(), sentences():
        why(run)
        certificate(run)
    if run.step.ended or run.step.status == "restored":
        end.end(run)


def _perform(run: AttackRun) -> None:
    wanted = run.taken()
    match wanted:
        case ("accept",):
            with busy(run.session, "Deciding …"):
                run.accept(run.picked)
        case ("skip",) if (position := run.picked if run.picked is not None else run.coming) is not None:
            with busy(run.session, "Scoring its candidates …"):
                run.choose(position, None)
        case ("choose", int(position), str(word)):
            with busy(run.session, "Trying it …"):
                run.choose(position, word)
        case ("end",):
            _to_the_end(run)
        case ("prune",):
            with busy(run.session, "Putting words back …"):
                put_back = list(run.prune())
            if not put_back:
                st.info("Nothing was put back: the goal needs each of the changed words, or the budget of queries is spent.", icon=":material/info:")


def _to_the_end(run: AttackRun) -> None:
    """Steps appear as they come; Stop keeps those that were made."""
    live = st.empty()
    already = run.session.oracle.queries
    with working("Attack", "The search goes on to its end") as report:

        def tick(done: int, total: int, what: str) -> None:
            report(done - already, max(run.cost.queries, done - already), what)

        with heard(run.session, tick):
            for _ in run.to_the_end():
                with live.container():
                    ranks(run, f"live.{run.at}")
    live.empty()


def _status(run: AttackRun) -> None:
    """Where the attack stands, in a line."""
    step, space = run.step, run.session.classifier.labels
    head = f"**{plain(run.setting.said(space))}**"
    where = ", ".join(f"{space.names[label]} at rank {step.view.rank(label):,}" for label in run.setting.goal.targets)
    changed = f"{len(step.edits.swaps)} of at most {run.session.limit} words changed"
    if step.status == "reached" or step.status == "restored":
        st.success(f"{head}: {ENDINGS['reached']} {plain(where)}. {changed}.", icon=":material/flag:")
    elif step.ended:
        st.info(f"{head}: {plain(ENDINGS.get(step.status, step.note))} {plain(where)}. You can go on by hand, or undo.", icon=":material/info:")
    else:
        st.markdown(f"{head} :gray[{plain(f'· {where} · {changed}' if where else f'· {changed}')}]")


def _document(run: AttackRun, position: int | None) -> None:
    """The words, lit by how much the goal gains without them."""
    step = run.step
    st.html(LEGEND)
    importance = np.nan_to_num(np.asarray(step.edits.importance), neginf=0.0) if step.edits.importance else None
    coming = run.coming
    words(
        step.document, "attack.words", importance, "the goal when it is gone", run.session.words_read,
        [swap.position for swap in step.edits.swaps], coming=coming, titles=_titles(run, coming), held=position,
        on_click=lambda word: _pick(run, word),
    )  # fmt: skip


def _titles(run: AttackRun, coming: int | None) -> dict[int, str]:
    """What is to be said of words that were changed, or come next."""
    step = run.step
    found = {swap.position: f"{swap.new}: stands for {swap.old}" for swap in step.edits.swaps}
    if coming is not None:
        found[coming] = f"{step.document.words[coming]}: the next word"
    return found


def _pick(run: AttackRun, word: int) -> None:
    run.picked = word


def _actions(run: AttackRun, position: int | None) -> None:
    over = run.step.status == "reached" or position is None
    label = "Finish" if run.spent else "Accept best"
    with st.container(horizontal=True, gap="small"):
        st.button(
            label, key="attack.accept", on_click=want, args=(run, "accept"), type="secondary" if over else "primary",
            icon=":material/check:", disabled=over, help="Enter",
        )  # fmt: skip
        st.button("Skip", key="attack.skip", on_click=want, args=(run, "skip"), icon=":material/skip_next:", disabled=over, help="S")
        st.button("Undo", key="attack.undo", on_click=want, args=(run, "undo"), icon=":material/undo:", disabled=run.at == 0, help="U or ←")
        st.button(
            "Run to the end", key="attack.end", on_click=want, args=(run, "end"), icon=":material/fast_forward:", disabled=run.step.ended,
        )  # fmt: skip
    if position is not None:
        _own(run, position)


def _own(run: AttackRun, position: int) -> None:
    key = f"attack.own.{run.at}.{position}"
    with st.form(f"{key}.form", border=False), st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.text_input(f"Your own word for {plain(run.step.document.words[position])}", key=key, placeholder="one word", max_chars=100)
        st.form_submit_button("Put it in", on_click=_put, args=(run, position, key))


def _put(run: AttackRun, position: int, key: str) -> None:
    if typed := str(session.get(key, "")).strip():
        want(run, "choose", position, typed)
