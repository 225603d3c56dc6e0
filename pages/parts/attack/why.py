"""Why the attacked label's score moved, in the model's own parts."""

from __future__ import annotations

import streamlit as st

from core.attacks import contributions
from core.types import Contributions
from pages.parts import loading
from pages.parts.attack.stepper import AttackRun
from pages.parts.explain.explaining import busy
from pages.parts.show import plain

SPANS = {"step": "By this step", "all": "Since the original text"}


def why(run: AttackRun) -> None:
    """Asked for by a click; answered for the step that is shown."""
    if run.at == 0:
        return
    st.markdown(plain(f"Why did the score of {run.session.classifier.labels.names[run.label]} move?"))
    span = st.segmented_control("Why did the score move?", list(SPANS), format_func=SPANS.__getitem__, key="attack.why", label_visibility="collapsed")
    if span is None:
        return
    if sentence := contributions.refusal(run.session.classifier):
        st.caption(plain(sentence))
        return
    from core.render.contributions import html

    st.html(html(_contributions(run, span)))


def _contributions(run: AttackRun, span: str) -> Contributions:
    before = run.steps[0 if span == "all" else run.at - 1]
    key = ("blame", run.session.classifier.digest, before.document.digest, run.step.document.digest, run.label)
    found: Contributions | None = loading.kept(key)
    if found is None:
        with busy(run.session, "Asking the model …"):
            found = contributions.of_step(run.session.classifier, before, run.step, run.label)
        loading.keep(key, found)
    return found
