"""A saved attack walked through on the page, whatever it moved: which step is shown, and the ranks over all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import streamlit as st

from core.attacks import View
from core.attacks.goals import Goal
from core.types import Classifier, IntArray
from pages.parts.show import plain


class Stage(Protocol):
    """What stands after a step."""

    @property
    def view(self) -> View: ...
    @property
    def said(self) -> str: ...


class Walked(Protocol):
    """core.attacks.words.walk, or core.attacks.features.walk."""

    @property
    def goal(self) -> Goal: ...
    @property
    def truth(self) -> tuple[int, ...]: ...
    @property
    def stages(self) -> Sequence[Stage]: ...
    def ranks(self, classifier: Classifier, labels: Sequence[int]) -> IntArray: ...


def step_through(walked: Walked, first: str) -> int:
    """Which stage is shown: the last, until the slider is moved. Arrow keys move it. `first`: what the stage before any step is called."""
    last = len(walked.stages) - 1
    if last == 0:
        return 0
    named = {number: f"{number}. {stage.said}" if number else first for number, stage in enumerate(walked.stages)}
    return int(st.select_slider("Step through it", list(named), last, format_func=lambda number: plain(named[number]), key="attack.walk"))


def chart(walked: Walked, classifier: Classifier, at: int) -> None:
    """Ranks over the stages, as the attack drew them."""
    from core.render.trace import bump, followed

    goal, stages = walked.goal, walked.stages
    lines = followed([stage.view for stage in stages], goal.k, goal.targets, walked.truth)
    ranks = walked.ranks(classifier, [one.label for one in lines])
    names = [classifier.labels.names[one.label] for one in lines]
    figure = bump(lines, names, ranks, goal.k, [stage.said for stage in stages], at)
    st.plotly_chart(figure, key="attack.walked", config={"displayModeBar": False}, alt="Ranks of the followed labels over the steps")
