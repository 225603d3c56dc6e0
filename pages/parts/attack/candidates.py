"""The candidates of a word: what each would do, and why others are refused."""

from __future__ import annotations

import streamlit as st

from core.attacks import Option
from pages.parts.attack.stepper import AttackRun
from pages.parts.explain.explaining import busy
from pages.parts.labels import number
from pages.parts.rows import TextRow, rows
from pages.parts.show import plain
from pages.parts.stepping import want


def candidates(run: AttackRun, position: int | None) -> None:
    """The candidates of the chosen word, the best first, with what each would do; a click puts one in."""
    if position is None:
        st.markdown(":gray[The search is over here. Click any word to see its candidates, or undo.]")
        return
    word, step = run.step.document.words[position], run.step
    original = run.session.original.words[position]
    st.markdown(f"**Candidates for {plain(word)}**" + (f" :gray[{plain(f'(was {original})')}]" if original != word else ""))
    if why := run.session.proposals.stays(position):
        st.caption(plain(f"The search leaves this word alone: {why}. You may still change it."))
    with busy(run.session, "Scoring its candidates …"):
        options = run.options(position)
    columns, found = table(run, options)
    refused = list(run.refusals(position).items())
    rows(
        columns, found, "attack.candidates", lambda row: want(run, "choose", position, options[row].word), f"Candidates for {word}",
        empty=f"No candidate passes the constraints ({len(refused)} refused). Skip the word, or type one of your own.",
        more=(f"{len(refused)} refused by the constraints", refused),
    )  # fmt: skip
    if step.edits.order is not None and position in step.edits.order:
        st.caption(f"Word {step.edits.order.index(position) + 1} of {len(step.edits.order)} by importance. A row's click puts the word in.")


def table(run: AttackRun, options: tuple[Option, ...]) -> tuple[tuple[str, ...], list[TextRow]]:
    """Columns and rows: word, the target's score and rank. Without a target: the gain, and what has left the top k."""
    goal, unit, space = run.setting.goal, run.session.classifier.unit, run.session.classifier.labels
    if goal.targets:
        target = goal.targets[0]
        cells = [(one.word, number(one.view.score(target), unit), f"{one.view.rank(target):,}") for one in options]
        columns: tuple[str, ...] = ("Word", "Score", "Rank")
    else:
        gone = [[space.names[label] for label in run.session.oracle.start.top if one.view.rank(label) > goal.k] for one in options]
        cells = [(one.word, number(one.gain, "margin"), ", ".join(names) or "none") for one, names in zip(options, gone, strict=True)]
        columns = ("Word", "Gain", f"Out of the top {goal.k}")
    found = []
    for one, row in zip(options, cells, strict=True):
        note = f"; refused: {one.refused}" if one.refused else "; reaches the goal" if one.reached else ""
        title = ", ".join(f"{name.lower()} {cell}" for name, cell in zip(columns, row, strict=True)) + note
        found.append(
            TextRow((*row, one.refused or ("✓" if one.reached else "")), one.reached and not one.refused, bool(one.refused or one.gain <= 0), title)
        )
    return (*columns, "Result"), found
