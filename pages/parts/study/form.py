"""A new study: what it asks, what it will cost, and its start in a process of its own."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from core.attacks import ATTACKS, FIDELITIES, GOALS, Promote, Recipe, recipe
from core.attacks.features import FEATURE_ATTACKS
from core.attacks.goals import TITLES
from core.data import DATASETS, is_present
from core.data.debtags import cached_file
from core.errors import CoreError, InputError
from core.study.kind import StudyKind
from core.study.kinds import feature_campaigns, features
from core.study.kinds.words import WordKind
from core.study.settings import AUTO, EDGES, Request, Study
from pages.parts import forms, loading, owner, running, session
from pages.parts.attack import controls
from pages.parts.cards import Card, titled
from pages.parts.datasets import TEXTS, offered
from pages.parts.features.stepping import SEARCHES
from pages.parts.show import plain
from pages.parts.study import listing
from pages.parts.study import pairs as study_pairs

SEVERAL = "qaraei-babbar-2021"
"""The recipe with several fidelities."""
Place = st.delta_generator.DeltaGenerator
MAX_WORKERS = 8
DRAWN = ""
SOURCES = "Two studies on the same pairs can be compared pair by pair (Compare, On a campaign). A study whose pairs are taken must have ended."


def form(cards: list[Card]) -> None:
    """Everything about a study, with an estimate before and a start."""
    if not cards or not owner.offers(running.STARTS):
        return
    try:
        kind, workers = _asked(cards)
    except CoreError as error:
        st.error(plain(str(error)))
        return
    name = st.text_input("Name of its folder under runs/", value=_name(kind), key=f"study.name.{_name(kind)}")
    missing = kind.study.dataset == "debtags" and not cached_file().is_file()
    if missing:
        st.warning("debtags is not built yet. Build it on the Data page first: that takes a click and a minute.")
    with st.container(horizontal=True, vertical_alignment="center"):
        estimate = st.button("Estimate", key="study.estimate", icon=":material/timer:", disabled=missing)
        st.button(
            "Start", key="study.start", type="secondary" if missing else "primary", icon=":material/play_arrow:", disabled=missing,
            on_click=study_pairs.launch,
            args=(kind, name, workers), help="One job at a time; others wait in line.",
        )  # fmt: skip
    st.caption("It runs in a process of its own: leave the page, or stop the server, and it goes on.")
    if estimate:
        _estimate(kind, workers, next(card for card in cards if card.name == kind.study.checkpoint))


def _asked(cards: list[Card]) -> tuple[StudyKind, int]:
    """The study that the widgets say: on pairs drawn anew, or on those of another study, which brings its settings along."""
    found = {**listing.names(), **feature_campaigns.folders()}
    source = st.selectbox(
        "Which pairs", [DRAWN, *study_pairs.givers(found)], key="study.from", format_func=lambda name: _source(str(name)), help=SOURCES
    )
    if source == DRAWN:
        return _drawn(cards)
    return study_pairs.taken(str(source), found, cards), _workers()


def _source(name: str) -> str:
    return "Drawn anew" if name == DRAWN else f"Those of {name}"


def _workers() -> int:
    return int(st.number_input("Processes", 1, MAX_WORKERS, 1, key="study.workers", help="Each loads the checkpoint and uses one thread"))


def _drawn(cards: list[Card]) -> tuple[StudyKind, int]:
    names, model = [card.name for card in cards], session.get(session.MODEL)
    first, second, third = st.columns(3)
    with first:
        at = names.index(model) if model in names else 0
        checkpoint = st.selectbox("Checkpoint", names, index=at, format_func=titled(cards), key="study.checkpoint")
    card = next(card for card in cards if card.name == checkpoint)
    if card.vectors:
        return _of_features(str(checkpoint), first, second, third)
    with first:
        choices = offered(cached_file().is_file(), loading.labels(card).ids, card.dataset)
        dataset = st.selectbox("Data", choices, key=f"study.dataset.{card.dataset}")
        split = st.selectbox("Split", ["test", "dev", "train"], key="study.split")
        usual = 120 if dataset == "debtags" else 0  # the others are cut to 150 words, or so few that none is left out
        longest = st.number_input("Longest document, words (0: any)", 0, 5_000_000, usual, key=f"study.words.{usual}")
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
    return WordKind(Request(study, named if fidelity == "fixed" else f"{named}:{fidelity}", switches)), workers


def _of_features(checkpoint: str, first: Place, second: Place, third: Place) -> tuple[StudyKind, int]:
    """The same of documents that are feature vectors."""
    with first:
        places = [name for name in DATASETS if is_present(name) and name not in TEXTS]
        own = next((place for place, name in enumerate(places) if name in checkpoint), 0)
        dataset = st.selectbox("Data", places, index=own, key="study.vectors.dataset")
        split = st.selectbox("Split", ["test", "dev", "train"], key="study.split")
    with second:
        goal = st.selectbox("Goal", list(features.GOALS), key="study.vectors.goal", format_func=TITLES.__getitem__, help=controls.HELP)
        k = st.number_input("k", 1, 1_000, 5, key="study.k")
    with third:
        documents = st.number_input("Documents", 1, 100_000, 50, key="study.documents")
        named = st.selectbox("Attack", list(FEATURE_ATTACKS), key="study.search", format_func=lambda name: SEARCHES.get(name, name))
        workers = _workers()
    with st.expander("Every setting of the attack"):
        search = forms.form(FEATURE_ATTACKS[str(named)](), f"study.search.{named}")
    if dataset is None:
        raise InputError("no data set of feature vectors is here; get one that docs/data.md names, and set TREMOR_DATA to its folder")
    study = features.FeatureStudy(checkpoint, dataset, split, str(goal), int(k), documents=int(documents))
    return features.FeatureKind(study, search), workers


def _name(kind: StudyKind) -> str:
    """A name that says what it is; a number where there is one already."""
    study = kind.study
    if study.pairs_from:
        return study_pairs.name_for(kind)
    what = f"{study.goal}-{study.targets}" if isinstance(study, Study) and study.goal == Promote.NAME else str(getattr(study, "goal", ""))
    search = f"-{kind.search.NAME}" if isinstance(kind, features.FeatureKind) else ""
    return study_pairs.folder_name(f"{study.checkpoint}{search}-{what}-{datetime.now().astimezone():%m%d}")


def _estimate(kind: StudyKind, workers: int, card: Card) -> None:
    from core.study.estimate import foresee

    bar = st.progress(0.0, "Looking at a part of the split …")
    with loading.heavy_work(lambda text: bar.progress(0.0, text)):
        classifier = loading.classifier(card)
        dataset = loading.completed(kind.study.dataset)
        found = foresee(kind, classifier, dataset, workers, lambda done, total, what: bar.progress(done / max(total, 1), plain(what)))
    bar.empty()
    st.info(plain(found.sentence()), icon=":material/timer:")
