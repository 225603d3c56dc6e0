"""Which studies there are, which are shown, and the one that runs: its progress, Stop and Resume."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import streamlit as st

from core.errors import CoreError
from core.runs import jobs
from core.runs.run import read_progress
from core.study import campaigns
from core.study.campaigns import Campaign
from core.study.kinds import feature_campaigns, read_kind
from pages.parts import loading, running, session
from pages.parts.show import plain, problem

C = TypeVar("C")

MOST = 5
"""Studies shown beside each other."""


def choose(found: dict[str, Path]) -> list[Campaign]:
    """The studies to show, one at first; a sentence for each that cannot be read."""
    chosen = [name for name in session.get(session.STUDIES, []) if name in found]
    if session.get(session.STARTED) in found:
        chosen = list(dict.fromkeys([session.take(session.STARTED), *chosen]))[:MOST]
    session.choose(session.STUDIES, chosen or first(found))
    names = st.multiselect("Studies", list(found), key=session.STUDIES, max_selections=MOST, persist_state="session")
    shown = readable(names, found, loading.campaign)
    if passed_on := [one for one in shown if one.without_texts]:
        st.caption(plain(said(passed_on)))
    if examples := [one.name for one in shown if one.shipped and not one.without_texts]:
        what = "examples on seven of the app's sample documents, tagged by hand. They show" if examples[1:] else (
            "an example on seven of the app's sample documents, tagged by hand. It shows"
        )  # fmt: skip
        small = "are" if examples[1:] else "is"
        st.caption(
            plain(
                f"{', '.join(examples)}: {what} what a study looks like and {small} too small to conclude from; start one of some hundred pairs "
                "with New study."
            )
        )
    return shown


def said(passed_on: Sequence[Campaign]) -> str:
    """What studies without texts are, and what is known of their figures."""
    each = [
        f"{one.name} ({len(one.records):,} pairs of {one.data}, {one.request.study.split} split; {one.checkpoint}, weights {one.digest})"
        for one in passed_on
    ]
    return (
        f"{', '.join(each)}: passed on without texts. Every attack was made again on these weights when that was done, and came out as saved; "
        "whether it does here shows under Records."
    )


def readable(names: Sequence[str], found: Mapping[str, Path], read: Callable[[Path], C]) -> list[C]:
    """The studies of these names; a sentence for each that cannot be read."""
    shown = []
    for name in names:
        try:
            shown.append(read(found[name]))
        except CoreError as error:
            problem(f"{name}: {error}")
    return shown


def first(found: Mapping[str, Path]) -> list[str]:
    """What a visit begins with: the latest that holds a record; where none was made here, the shipped one of the visit's checkpoint. There must
    be some."""
    held = {name: folder for name, folder in found.items() if any(folder.glob("records.jsonl*"))} or dict(found)
    shipped = [name for name, folder in held.items() if folder.is_relative_to(campaigns.SHIPPED)]
    if len(shipped) < len(held):
        return [next(name for name in held if name not in shipped)]
    return [next((name for name in shipped if attacked(held[name]) == session.get(session.MODEL)), shipped[0])]


def attacked(folder: Path) -> str:
    """The checkpoint that a study attacked; empty where its settings cannot be read, which is said when it is shown."""
    try:
        return Path(read_kind(folder)[0].study.checkpoint).name
    except CoreError:
        return ""


def watch() -> None:
    """The studies at work and in the line, each looked at again and again until it ends. One that this visitor started and that ended
    before it had drawn a pair says why."""
    for job in reversed([job for job in jobs.jobs("study") if job.alive]):
        running.watch(job.name, foreseen)
    started = session.get(session.STARTED)
    if started and started not in (names() | feature_campaigns.folders()) and not (job := jobs.find(started)).alive:
        session.forget(session.STARTED)
        problem(running.why(job) or jobs.said(job.folder) or f"Study '{started}' ended at once and did not say why.")


def foreseen(job: jobs.Job) -> None:
    if sentence := estimated(job.folder):
        st.caption(plain(f"Foreseen: {sentence}"))


def estimated(folder: Path) -> str | None:
    """The estimate that the study made before it began."""
    found = [str(record["sentence"]) for record in read_progress(folder) if record.get("kind") == "estimate" and "sentence" in record]
    return found[-1] if found else None


def unfinished(shown: list[Campaign]) -> None:
    """A line and a button for each shown study that stopped or crashed before its end."""
    at = {job.folder: job for job in jobs.jobs() if job.state in ("stopped", "crashed")}
    for one in shown:
        if (job := at.get(one.folder.resolve())) is not None:
            running.ended(job, f" after {len(one.records):,} of {len(one.plan.pairs):,} pairs")


def empty() -> None:
    """What to do where there is no study."""
    st.info(
        "There is no study yet. A study attacks some hundred pairs of document and label, drawn equally over label frequencies, and keeps a record "
        "of each. Start one above, or on the command line: "
        "`python -m core study --checkpoint eurlex-linear --dataset samples --pairs 20 --out runs/my-study`.",
        icon=":material/science:",
    )


def names() -> dict[str, Path]:
    return campaigns.folders()
