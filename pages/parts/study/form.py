"""A new study: what it asks, what it will cost, and its start in a process of its own."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from core.attacks import ATTACKS, FIDELITIES, GOALS, Promote, Recipe, recipe
from core.attacks.goals import TITLES
from core.data import DATASETS, is_present
from core.data.debtags import cached_file
from core.errors import CoreError, InputError
from core.study.settings import AUTO, EDGES, Request, Study
from pages.parts import forms, loading, owner, running, session
from pages.parts.attack import controls
from pages.parts.cards import Card
from pages.parts.show import plain
from pages.parts.study import listing
from pages.parts.study import pairs as study_pairs

TEXTS = ("debtags", "eurlex57k", "reuters21578")
"""Registered data sets whose documents are text."""
SEVERAL = "qaraei-babbar-2021"
"""The recipe with several fidelities."""
MAX_WORKERS = 8
DRAWN = ""
SOURCES = "Two studies on the same pairs can be compared pair by pair (Compare, On a campaign). A study whose pairs are taken must have ended."


def form(cards: list[Card]) -> None:
    """Everything about a study, with an estimate before and a start."""
    if not cards or not owner.offers(running.STARTS):
        return
    try:
        request, workers = _asked(cards)
    except CoreError as error:
        st.error(plain(str(error)))
        return
    name = st.text_input("Name of its folder under runs/", value=_name(request), key=f"study.name.{_name(request)}")
    missing = request.study.dataset == "debtags" and not cached_file().is_file()
    if missing:
        st.warning("debtags is not built yet. Build it on the Data page first: that takes a click and a minute.")
    with st.container(horizontal=True, vertical_alignment="center"):
        estimate = st.button("Estimate", key="study.estimate", icon=":material/timer:", disabled=missing)
        st.button(
            "Start", key="study.start", type="secondary" if missing else "primary", icon=":material/play_arrow:", disabled=missing,
            on_click=study_pairs.launch,
            args=(request, name, workers), help="One job at a time; others wait in line.",
        )  # fmt: skip
    st.caption("It runs in a process of its own: leave the page, or stop the server, and it goes on.")
    if estimate:
        _estimate(request, workers, next(card for card in cards if card.name == request.study.checkpoint))


def _asked(cards: list[Card]) -> tuple[Request, int]:
    """The study that the widgets say: on pairs drawn anew, or on those of another study, which brings its settings along."""
    found = listing.names()
    source = st.selectbox(
        "Which pairs", [DRAWN, *study_pairs.givers(found)], key="study.from", format_func=lambda name: _source(str(name)), help=SOURCES
    )
    if source == DRAWN:
        return _drawn([card.name for card in cards])
    return study_pairs.taken(str(source), found, cards), _workers()


def _source(name: str) -> str:
    return "Drawn anew" if name == DRAWN else f"Those of {name}"


def _workers() -> int:
    return int(st.number_input("Processes", 1, MAX_WORKERS, 1, key="study.workers", help="Each loads the checkpoint and uses one thread"))


def _drawn(checkpoints: list[str]) -> tuple[Request, int]:
    first, second, third = st.columns(3)
    with first:
        model = session.get(session.MODEL)
        checkpoint = st.selectbox("Checkpoint", checkpoints, index=checkpoints.index(model) if model in checkpoints else 0, key="study.checkpoint")
        dataset = st.selectbox("Data", [name for name in TEXTS if name in DATASETS and is_present(name)], key="study.dataset")
        split = st.selectbox("Split", ["test", "dev", "train"], key="study.split")
        longest = st.number_input("Longest document, words (0: any)", 0, 5_000_000, 120, key="study.words")
    with second:
        goal = st.selectbox("Goal", list(GOALS), key="study.goal", format_func=TITLES.__getitem__, help=controls.HELP)
        k = st.number_input("k", 1, 1_000, 5, key="study.k")
        targets = "cluster"
        if goal == Promote.NAME:
            targets = st.selectbox("Targets", ["cluster", "naive"], key="study.targets", help="Labels that share a cluster with a true one, or any")
        bins = st.selectbox(
            "Bins", [EDGES, AUTO], key="study.bins", help="Fixed edges 1, 5, 20, 100, 1000, or closed by the number of labels in them"
        )
    with third:
        pairs = st.number_input("Pairs", 1, 100_000, 200, key="study.pairs")
        named = st.selectbox("Recipe", list(ATTACKS), key="study.recipe")
        fidelity = st.selectbox("Fidelity", FIDELITIES, key="study.fidelity") if named == SEVERAL else "fixed"
        workers = _workers()
    with st.expander("Every switch of the recipe"):
        switches: Recipe = forms.form(recipe(named, fidelity), f"study.switch.{named}.{fidelity}")
    if dataset is None:
        raise InputError("no data set with texts is here; build debtags on the Data page")
    study = Study(checkpoint, dataset, split, goal, targets, int(k), pairs=int(pairs), bins=bins, max_words=int(longest))
    return Request(study, named if fidelity == "fixed" else f"{named}:{fidelity}", switches), workers


def _name(request: Request) -> str:
    """A name that says what it is; a number where there is one already."""
    study = request.study
    if study.pairs_from:
        return study_pairs.name_for(request)
    targets = f"-{study.targets}" if study.goal == Promote.NAME else ""
    return study_pairs.folder_name(f"{study.checkpoint}-{study.goal}{targets}-{datetime.now().astimezone():%m%d}")


def _estimate(request: Request, workers: int, card: Card) -> None:
    from core.study.estimate import foresee

    bar = st.progress(0.0, "Looking at a part of the split …")
    with loading.slot(lambda text: bar.progress(0.0, text)):
        classifier, dataset = loading.classifier(card), loading.dataset(request.study.dataset)
        found = foresee(request, classifier, dataset, workers, lambda done, total, what: bar.progress(done / max(total, 1), plain(what)))
    bar.empty()
    st.info(plain(found.sentence()), icon=":material/timer:")
