"""A study on the pairs of another, so that two checkpoints are compared on the same ones: which studies can give theirs, and its start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import streamlit as st

from core.attacks.goals import called
from core.errors import CoreError, InputError
from core.runs import jobs
from core.study import launching as study_jobs
from core.study.kind import StudyKind
from core.study.kinds import read_kind
from core.study.kinds.features import FeatureKind
from core.study.kinds.words import WordKind
from core.study.run import same_attack
from core.study.texts import at_hand
from pages.parts import loading, owner, running, session
from pages.parts.cards import Card, titled
from pages.parts.compare.kin import relatives
from pages.parts.show import plain

LONGEST = 60
"""Letters of a proposed folder's name, to which a number may be added."""


def givers(found: Mapping[str, Path]) -> list[str]:
    """The studies whose pairs another checkpoint could attack: their settings can be read and their data are here."""
    names = []
    for name, folder in found.items():
        try:
            kind, _ = read_kind(folder)
            if at_hand(kind.study.dataset):
                names.append(name)
        except CoreError:
            continue  # a study of another version; the page that shows it says so
    return names


def refusal(folder: Path) -> str:
    """Why its pairs cannot be taken yet; empty if they can."""
    plan, saved = loading.pairs(folder)
    missing = len({pair.id for pair in plan.pairs} - saved)
    return f"{folder.name} has not attacked {missing:,} of its {len(plan.pairs):,} pairs yet. Let it end first." if missing else ""


def said(kind: StudyKind, name: str) -> str:
    """What is taken over from the study, in a sentence."""
    if isinstance(kind, FeatureKind):
        asked = kind.study
        return (
            f"As in {name}: {asked.dataset}, {asked.split}; {called(asked.goal)}, k = {asked.k}; attack {kind.search.NAME} with its settings. "
            "Documents whose label this checkpoint does not hold are recorded as such."
        )
    assert isinstance(kind, WordKind)
    request, study = kind.request, kind.request.study
    length = f", documents of at most {study.max_words:,} words" if study.max_words else ""
    return (
        f"As in {name}: {study.dataset}, {study.split}{length}; {called(study.goal)}, k = {study.k}; up to {study.pairs:,} pairs, bins {study.bins}; "
        f"recipe {request.recipe} with its switches. Pairs that this checkpoint does not hold are recorded as such."
    )


def folder_name(base: str) -> str:
    """The same for a folder that is not there yet: with a number where there is one of that name."""
    taken = (base, *(f"{base}-{number}" for number in range(2, 100)))
    return next((name for name in taken if not (jobs.root() / name).exists()), base)


def name_for(kind: StudyKind) -> str:
    base = f"{Path(kind.study.checkpoint).name}-on-{Path(kind.study.pairs_from).name}"
    return folder_name(base[:LONGEST])


def launch(kind: StudyKind, name: str, workers: int) -> None:
    """Start a study as a job, in a click's callback; a refusal is said by the next run of the page. Every study of a page begins here."""
    if running.launch(name, lambda folder: study_jobs.words(kind, folder, workers), "cpu"):
        session.choose(session.STARTED, name)
        if isinstance(kind, FeatureKind):
            session.choose(session.SECTION, "vectors")


def partners(folder: Path, cards: Sequence[Card]) -> list[str]:
    """The checkpoints that could attack the same pairs, the likeliest first: all that read texts, or features, as the study's own does."""
    kind, _ = read_kind(folder)
    alike = [card for card in cards if card.vectors == isinstance(kind, FeatureKind)]
    own = next((card for card in cards if card.name == Path(kind.study.checkpoint).name), None)
    if own is None:
        return [card.name for card in alike]
    return [one.card.name for one in relatives(own, alike)]


def offer(name: str, folder: Path, cards: Sequence[Card]) -> None:
    """The same attack on another checkpoint, started where one misses it."""
    if name not in givers({name: folder}):
        st.caption(plain(f"The data of {name} are not on this machine, so its pairs cannot be attacked here."))
        return
    if why := refusal(folder):
        st.caption(plain(why))
        return
    if not owner.offers(running.STARTS):
        return
    others = partners(folder, cards)
    if not others:
        st.caption("There is no other checkpoint here that reads such documents. Train one, or make a robust one, on the Train page.")
        return
    with st.container(border=True, key="compare.offer"):
        st.markdown(plain(f"Attack the pairs of {name} with another checkpoint:"))
        with st.container(horizontal=True, vertical_alignment="bottom"):
            checkpoint = str(st.selectbox("Checkpoint", others, format_func=titled(cards), key=f"pairs.checkpoint.{name}", width=320))
            kind = same_attack(folder, checkpoint)
            st.button(
                "Attack the same pairs", key="pairs.start", type="primary", icon=":material/play_arrow:", on_click=launch,
                args=(kind, name_for(kind), 1), help="One job at a time; others wait in line.",
            )  # fmt: skip
        st.caption(plain(said(kind, name)))


def taken(name: str, found: Mapping[str, Path], cards: Sequence[Card]) -> StudyKind:
    """In the form of a new study: the checkpoint that shall attack the pairs of a study, and what comes from there."""
    folder = found[name]
    others = partners(folder, cards)
    if not others:
        raise InputError("there is no other checkpoint here that reads such documents")
    model = session.get(session.MODEL)
    at = others.index(model) if model in others else 0
    kind = same_attack(folder, str(st.selectbox("Checkpoint", others, index=at, format_func=titled(cards), key="study.partner")))
    st.caption(plain(said(kind, name)))
    if why := refusal(folder):
        raise InputError(why)
    return kind
