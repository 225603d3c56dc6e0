"""Asking for an explanation: what it costs, whether to go ahead, progress, and stopping.

A click is a request: what is estimated to take at most AT_ONCE seconds then runs at once; more waits for a second click.
Nothing runs because a page was opened. Results are kept under all that decides them, so a second look is free.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol

import streamlit as st

from core import fields
from core.document import Document
from core.explainers import Explainer, ExplanationCost, estimate, explain
from core.explainers.attribution import Attribution
from core.explainers.fidelity import measure_fidelity
from core.types import Classifier, Progress, silent
from pages.parts import loading, session
from pages.parts.controls import title
from pages.parts.reading import Reading

AT_ONCE = 6.0
"""Seconds that a click may cost without being asked again."""

FEW = 16
"""Model evaluations that are not worth an estimate, which would take some itself."""

BETWEEN = 0.2
"""Seconds between two reports of progress: each is a message to the browser, and a chance to stop."""


@dataclass(frozen=True)
class Ask:
    """One request: an explainer with its settings, for labels of a document, the chosen label first."""

    explainer: Explainer
    classifier: Classifier
    document: Document
    labels: tuple[int, ...]

    @property
    def name(self) -> str:
        return title(self.explainer.NAME)

    @property
    def key(self) -> tuple[Any, ...]:
        """All that decides the result but the labels."""
        return ("explain", self.explainer.NAME, tuple(fields.to_json(self.explainer).items()), self.classifier.digest, self.document.digest)


def ask(explainer: Explainer, reading: Reading) -> Ask:
    """About the chosen label. The other labels on the page come along where they cost no further model evaluations, so that
    a click on one of them answers at once."""
    words = max(1, len(reading.document))
    free = explainer.queries(words, len(reading.shown)) == explainer.queries(words, 1)
    chosen = [] if reading.chosen is None else [reading.chosen]
    return Ask(explainer, reading.classifier, reading.document, tuple(dict.fromkeys([*chosen, *(reading.shown if free else [])])))


def answer(asked: Ask, requested: bool) -> Attribution | None:
    """The explanation of the chosen label, its fidelity not yet measured: kept, or computed now if it was `requested` and is
    cheap, or confirmed; else the offer to compute it, and None."""
    label = asked.labels[0]
    found: Attribution | None = loading.kept((*asked.key, label))
    if found is None:
        queries = asked.explainer.queries(len(asked.document), len(asked.labels))
        if not (requested and queries <= FEW):
            cost: ExplanationCost = loading.remembered(("cost", *asked.key, len(asked.labels)), lambda: _estimated(asked))
            if not _confirmed(asked) and not (requested and cost.seconds <= AT_ONCE):
                return _offer(asked, cost)
        found = _computed(asked, queries)
    return only(found, label)


def measured(asked: Ask, one: Attribution) -> Attribution:
    """The explanation with its fidelity, or as it is beside a button where nobody asked for more. To be called where the
    figures will stand, below words that are drawn already."""
    key = ("fidelity", *asked.key, asked.labels[0])
    if loading.kept(key) is None and not session.get(session.ASKED) and not _confirmed(asked):
        st.button(f"Measure how far {asked.name} can be trusted", key=f"measure.{asked.explainer.NAME}", on_click=_confirm, args=(asked,))
        return one
    return loading.remembered(key, lambda: _measured(asked, one))


def only(attribution: Attribution, label: int) -> Attribution:
    """The same for one of its labels."""
    row = attribution.labels.tolist().index(label)
    cut = slice(row, row + 1)
    return replace(
        attribution,
        labels=attribution.labels[cut],
        label_names=attribution.label_names[cut],
        values=attribution.values[cut],
        base=attribution.base[cut],
        total=attribution.total[cut],
        residual=None if attribution.residual is None else attribution.residual[cut],
        fidelity={name: column[cut] for name, column in attribution.fidelity.items()},
    )


def _offer(asked: Ask, cost: ExplanationCost) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"{asked.name} asks the model about **{cost.queries:,} times**: **{duration(cost.seconds)}** on this machine.", width="stretch")
        st.button(f"Explain with {asked.name}", key=f"go.{asked.explainer.NAME}", type="primary", on_click=_confirm, args=(asked,))


def _estimated(asked: Ask) -> ExplanationCost:
    with st.spinner("Estimating …"):
        return estimate(asked.explainer, asked.classifier, asked.document, asked.labels)


def _confirm(asked: Ask) -> None:
    session.choose(session.CONFIRMED, str(asked.key))


def _confirmed(asked: Ask) -> bool:
    return bool(session.get(session.CONFIRMED) == str(asked.key))


def _stop() -> None:
    session.forget(session.CONFIRMED, session.ASKED)


def _computed(asked: Ask, queries: int) -> Attribution:
    with working(asked.name, f"{asked.name}: {queries:,} queries") as progress:
        found = explain(asked.explainer, asked.classifier, asked.document, asked.labels, progress)
    for label in asked.labels:
        loading.keep((*asked.key, label), found)
    return found


def _measured(asked: Ask, one: Attribution) -> Attribution:
    with working(asked.name, f"{asked.name}: measuring how far it can be trusted") as progress:
        return measure_fidelity(one, asked.classifier, progress=progress)


@contextmanager
def working(name: str, text: str) -> Iterator[Progress]:
    """A bar with a Stop button, and the machine's turn at heavy work. Each report of progress is a Streamlit call: a click on Stop, or a
    visitor who leaves, ends the work there."""
    place = st.empty()
    with place.container(horizontal=True, vertical_alignment="top"):
        # First and at the top: beside a text that grows and wraps, the button would move away between press and release.
        st.button("Stop", key=f"stop.{text}", on_click=_stop)
        bar = st.progress(0.0, text)
    start = shown = time.monotonic()

    def progress(done: int, total: int, what: str) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - shown < BETWEEN and done < total:
            return
        shown, part = now, min(1.0, done / max(total, 1))
        left = f", about {duration((now - start) * (1 - part) / part)} left" if part else ""
        bar.progress(part, f"{name}: {done:,} of {total:,} {what}{left}")

    with loading.heavy_work(lambda waiting: bar.progress(0.0, waiting)):
        yield progress
    place.empty()


class Interruptible(Protocol):
    """Work that reports its progress between its parts."""

    progress: Progress


@contextmanager
def heard(work: Interruptible, progress: Progress) -> Iterator[None]:
    """The work reports to `progress`; afterwards to nobody, for what was drawn in this run is gone in the next."""
    work.progress = progress
    try:
        yield
    finally:
        work.progress = silent


def _say(place: st.delta_generator.DeltaGenerator, text: str) -> None:
    place.caption(text)


@contextmanager
def busy(work: Interruptible, text: str) -> Iterator[None]:
    """The machine's turn at heavy work for something short, with a line that says what is done. Each pause of the work is a Streamlit call: there
    a visitor who has gone on ends it."""
    place = st.empty()
    place.caption(text)
    with loading.heavy_work(lambda waiting: place.caption(waiting)), heard(work, lambda done, total, what: _say(place, text)):
        yield
    place.empty()


def duration(seconds: float) -> str:
    """'less than a second', '7 s', '3 min'."""
    if seconds < 1:
        return "less than a second"
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
