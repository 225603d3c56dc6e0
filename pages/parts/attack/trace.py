"""How an attack went so far: the bump chart, the figures, the list of steps."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.attacks.words.similarity import angular
from pages.parts import loading
from pages.parts.attack.stepper import AttackRun, sayings
from pages.parts.rows import TextRow, rows


def ranks(run: AttackRun, key: str = "bump") -> None:
    """The bump chart of all steps, later ones than the shown one pale."""
    from core.render.trace import bump, followed

    session, goal = run.session, run.setting.goal
    shown = followed([step.view for step in run.steps], goal.k, goal.targets, run.setting.truth or ())
    table = loading.ranks_of(session.classifier, [step.document for step in run.steps], tuple(one.label for one in shown))
    names = [session.classifier.labels.names[one.label] for one in shown]
    figure = bump(shown, names, table, goal.k, sayings(run.steps), run.at)
    st.plotly_chart(figure, key=f"attack.{key}", config={"displayModeBar": False}, alt="Ranks of the followed labels over the steps")


def figures(run: AttackRun) -> None:
    """Change rate by both denominators, similarity by both readings, queries."""
    from core.render.trace import table

    result, step, space, encoder = run.result, run.step, run.session.classifier.labels, run.session.attack.similarity
    cosine = loading.remembered(("cosine", encoder.source, run.session.original.digest, step.document.digest), result.cosine)
    moved = [(f"Rank of {space.names[j]}", f"{run.steps[0].view.rank(j):,} → {step.view.rank(j):,}") for j in run.setting.goal.targets]
    st.html(
        table(
            (),
            [
                *moved,
                ("Change rate, of all words", f"{100 * result.change_rate:.1f} % ({len(result.swaps)} of {len(run.session.original):,})"),
                ("Change rate, of words read", f"{100 * result.change_rate_read:.1f} % ({len(result.swaps)} of {run.session.words_read:,})"),
                (f"Similarity, cosine ({encoder.source})", f"{cosine:.3f}"),
                ("Similarity, 1 − arccos", f"{angular(cosine):.3f}"),
                ("Queries", f"{step.queries:,}"),
                ("Model calls", f"{step.model_calls:,}"),
            ],
        )
    )


def history(run: AttackRun, on_choose: Callable[[int], None]) -> None:
    """The steps; a click rewinds to one."""
    goal = run.setting.goal
    found = []
    for number, (step, text) in enumerate(zip(run.steps, sayings(run.steps), strict=True)):
        rank = ", ".join(f"{step.view.rank(label):,}" for label in goal.targets)
        cells = (f"{number}. {text}", rank, f"{step.queries:,}")
        found.append(TextRow(cells, step.status in ("reached", "restored"), number > run.at, f"Step {number}: {text}"))
    rows(("Step", "Rank", "Queries"), found, "attack.history", on_choose, "Steps; a click rewinds", current=run.at, follow=True)
