"""The same attack stepped on both checkpoints at once, and whether the text that it makes of one fools the other."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import streamlit as st

from core.attacking import prepare
from core.attacks.words.cost import estimate
from core.attacks.words.result import Replayed, replay
from core.document import Document
from core.errors import CoreError
from core.types import Classifier
from pages.parts import loading, session
from pages.parts.attack import controls
from pages.parts.attack.attacking import key_of
from pages.parts.attack.controls import AttackSetting
from pages.parts.attack.end import record_of, save
from pages.parts.attack.stepper import AttackRun, sayings
from pages.parts.attack.view import ENDINGS
from pages.parts.compare.duel import Duel, Side
from pages.parts.compare.pair import Pair
from pages.parts.explain.explaining import busy, duration, heard, working
from pages.parts.rows import keys
from pages.parts.show import plain, problem, sentences
from pages.parts.words import words

KEYS = {"Enter": "step", "ArrowRight": "step", "ArrowLeft": "back"}


def section(pair: Pair) -> Duel | None:
    """The setting, the start, and the attack under way. Returns it, if it is of this document, pair and setting."""
    st.header("The same attack on both")
    duel: Duel | None = session.get(session.DUEL)
    with st.expander("Goal and recipe", icon=":material/tune:", expanded=False):
        controls.goal_widgets(*pair)
        controls.recipe_widgets()
        controls.truth_widget()
    settings = [controls.current(side) for side in pair]
    if None in settings:
        unknown = [side.classifier.name for side in pair if side.chosen is None]
        said = f"{' and '.join(unknown)} cannot score this label." if session.get(session.LABEL) else "Choose a label above to attack it."
        st.markdown(f":gray[{plain(said)}]")
        return None
    made = [setting for setting in settings if setting is not None]
    key = tuple(key_of(setting, side) for setting, side in zip(made, pair, strict=True))
    st.markdown(f"**{plain(made[0].said(pair[0].classifier.labels))}** :gray[{plain(f'· {made[0].name}')}]")
    if duel is None or duel.key != key:
        st.button("Start on both", key="compare.start", type="primary", icon=":material/swords:", on_click=session.choose, args=(session.SENT, key))
        if session.take(session.SENT) != key:
            return None
        duel = Duel(key, (_begun(made[0], pair, 0), _begun(made[1], pair, 1)))
        session.choose(session.DUEL, duel)
        st.rerun()
    loading.count("attack", duel, duel)
    _perform(duel)
    _shown(duel, pair)
    return duel


def _begun(setting: AttackSetting, pair: Pair, at: int) -> Side:
    """One side, its words weighed; or why it cannot be attacked so."""
    side = pair[at]
    name = side.classifier.name
    try:
        with working("Attack", f"{name}: loading the language model and weighing the words") as progress:
            attack = prepare(setting.recipe, setting.goal, setting.name)
            if why := attack.refusal(side.classifier):
                return why
            made = attack.begin(side.classifier, side.original, setting.truth)
            if made.unmet:
                return made.unmet
            run = AttackRun(key_of(setting, side), setting, made, estimate(made))
            with heard(made, lambda done, total, what: progress(done, max(made.ranking_queries, done), what)):
                run.begin()
        return run
    except CoreError as error:
        return str(error)


def _perform(duel: Duel) -> None:
    """What the last click asked for."""
    wanted, duel.wanted = duel.wanted, None
    with sentences():
        if wanted == "step":
            for run in duel.due():
                with busy(run.session, f"{run.session.classifier.name} decides …"):
                    duel.advance(run)
            duel.show(duel.at + 1)
        elif wanted == "back":
            duel.show(duel.at - 1)
        elif wanted == "first":
            duel.show(0)
        elif wanted == "end":
            for run in duel.runs:
                _to_the_end(duel, run)
            duel.show(duel.last)


def _to_the_end(duel: Duel, run: AttackRun) -> None:
    """The steps that were made stand when someone presses Stop."""
    already = run.session.oracle.queries
    with working("Attack", f"{run.session.classifier.name}: the search goes on to its end") as report:

        def tick(done: int, total: int, what: str) -> None:
            report(done - already, max(run.cost.queries, done - already), what)

        with heard(run.session, tick):
            for _ in duel.finish(run):
                tick(run.session.oracle.queries, 0, "queries")


def _want(duel: Duel, action: str) -> None:
    duel.wanted = action


def _shown(duel: Duel, pair: Pair) -> None:
    if duel.runs:
        _buttons(duel)
        keys(KEYS, "compare.keys", lambda what: _want(duel, what))
        _chart(duel)
    with st.container(key="duel"):
        columns = st.columns(2, gap="medium")
    for at, (column, side) in enumerate(zip(columns, duel.sides, strict=True)):
        with column:
            st.markdown(f"**{plain(pair[at].classifier.name)}**")
            if isinstance(side, str):
                problem(side)
            else:
                _side(duel, side, at)
    fooled(duel, pair)


def _buttons(duel: Duel) -> None:
    ended = duel.over and duel.at == duel.last
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        for name, label, icon, off, said in (
            ("step", "Step both", ":material/step_over:", ended, "Enter or →"), ("back", "Back", ":material/undo:", duel.at == 0, "←"),
            ("first", "To the start", ":material/first_page:", duel.at == 0, None),
            ("end", "Run both to the end", ":material/fast_forward:", ended, None),
        ):  # fmt: skip
            kind = "primary" if name == "step" and not off else "secondary"
            st.button(label, key=f"compare.{name}", icon=icon, disabled=off, type=kind, help=said, on_click=_want, args=(duel, name))
        if not duel.over:
            costs = [f"{run.session.classifier.name} about {run.cost.queries:,} queries, {duration(run.cost.seconds)}" for run in duel.runs]
            st.markdown(f":gray[{plain('To the end: ' + '; '.join(costs) + '.')}]")


def _chart(duel: Duel) -> None:
    from core.render.compare import Pursued, pursuit

    sides = [
        Pursued(run.session.classifier.name, [step.view.rank(run.label) for step in run.steps[: duel.at + 1]], sayings(run.steps)[: duel.at + 1])
        for run in duel.runs
    ]
    figure = pursuit(sides, duel.runs[0].setting.goal.k)
    st.plotly_chart(figure, key="compare.pursuit", config={"displayModeBar": False}, alt="Rank of the attacked label on both checkpoints, by step")


def _side(duel: Duel, run: AttackRun, at: int) -> None:
    """Where one attack stands: what the last step did, the words, the file."""
    step, start = run.step, run.steps[0]
    moved = f"rank {start.view.rank(run.label):,} → {step.view.rank(run.label):,}"
    changed = f"{len(step.edits.swaps)} of at most {run.session.limit} words changed, {step.queries:,} queries"
    said = sayings(run.steps)[run.at]
    st.markdown(plain(f"Step {run.at}: {said}. {moved[0].upper()}{moved[1:]}, {changed}."))
    if step.ended:
        kind = st.success if step.status == "reached" else st.info
        kind(plain(ENDINGS.get(step.status, step.note)))
    importance = np.nan_to_num(np.asarray(step.edits.importance), neginf=0.0) if step.edits.importance else None
    words(
        step.document, f"compare.attack.{at}.{run.session.original.digest}", importance, "the goal when it is gone", run.session.words_read,
        [swap.position for swap in step.edits.swaps], titles={swap.position: f"{swap.new}: stands for {swap.old}" for swap in step.edits.swaps},
    )  # fmt: skip
    if step.edits.swaps:
        save(record_of(run), f"compare.save.{at}")


# -- does it fool the other?


def crossed(record: dict[str, Any], classifier: Classifier) -> Replayed:
    """A saved attack's text read by another checkpoint; two texts are scored."""
    key = ("transfer", classifier.digest, json.dumps(record, sort_keys=True))
    return loading.remembered(key, lambda: replay(record, classifier))


def fooled(duel: Duel, pair: Pair) -> None:
    """The text of each side at the shown step, read by the other."""
    from core.render.trace import table

    lines, refused = [], []
    for at, side in enumerate(duel.sides):
        if isinstance(side, str) or not side.step.edits.swaps:
            continue
        name, reader = side.session.classifier.name, pair[1 - at].classifier
        try:
            found = crossed(record_of(side), reader)
        except CoreError as error:
            refused.append(f"{reader.name}: {error}")
            continue
        if found.unmet:
            refused.append(f"{reader.name}: {found.unmet}")
        after = ", ".join(f"{rank:,}" for rank in found.ranks)
        before = ", ".join(f"{rank:,}" for rank in _before(record_of(side), reader, side.session.original))
        here = "reached" if side.step.status == "reached" else "not reached"
        there = "not asked: the goal does not fit" if found.unmet else "fooled, too" if found.success else "not fooled"
        lines.append((f"{name}, step {side.at}", here, reader.name, f"{before} → {after}", there))
    if lines:
        st.markdown("**Does the text of one fool the other?**")
        st.html(table(("Text of", "Goal there", "Read by", "Rank", "The other"), lines))
    for sentence in refused:
        st.caption(plain(sentence))


def _before(record: dict[str, Any], reader: Classifier, original: Document) -> list[int]:
    tracked = tuple(reader.labels.find(name) for name in record["tracked"])
    return [int(rank) for rank in loading.ranks_of(reader, [original], tracked)[0]]


def as_json(duel: Duel | None, pair: Pair) -> list[dict[str, Any]]:
    """The records of both attacks at the shown step, or the sentence why there is none, and what the other made of each text."""
    found: list[dict[str, Any]] = []
    for at, side in enumerate(duel.sides if duel else ()):
        name, reader = pair[at].classifier.name, pair[1 - at].classifier
        if isinstance(side, str):
            found.append({"checkpoint": name, "refused": side})
            continue
        record = record_of(side)
        other: dict[str, Any] = {"checkpoint": reader.name, "digest": reader.digest}
        try:
            read = crossed(record, reader)
            other.update(success=read.success, rank_after=list(read.ranks), unmet=read.unmet)
        except CoreError as error:  # it has no such label
            other.update(success=False, rank_after=None, unmet=str(error))
        found.append({**record, "read_by": other})
    return found
