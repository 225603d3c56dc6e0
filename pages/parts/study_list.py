"""Which studies there are, which are shown, and the one that runs: its progress, Stop and Resume."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from core.errors import CoreError
from core.study import campaigns, jobs
from core.study.campaigns import Campaign
from core.study.estimate import spoken
from core.training.runs import read_progress
from pages.parts import loading, session
from pages.parts.show import plain, problem

EVERY = 2.0
"""Seconds between two looks at a study that runs."""
MOST = 5
"""Studies shown beside each other."""


def choose(found: dict[str, Path]) -> list[Campaign]:
    """The studies to show, one at first; a sentence for each that cannot be read."""
    chosen = [name for name in session.get(session.STUDIES, []) if name in found]
    if session.get(session.STARTED) in found:
        chosen = list(dict.fromkeys([session.take(session.STARTED), *chosen]))[:MOST]
    session.choose(session.STUDIES, chosen or _first(found))
    names = st.multiselect("Studies", list(found), key=session.STUDIES, max_selections=MOST, persist_state="session")
    shown = []
    for name in names:
        try:
            shown.append(loading.campaign(found[name]))
        except CoreError as error:
            problem(f"{name}: {error}")
    return shown


def _first(found: dict[str, Path]) -> list[str]:
    """The latest that holds a record."""
    return [next((name for name, folder in found.items() if any(folder.glob("records.jsonl*"))), next(iter(found)))]


def watch() -> None:
    """The running study, if there is one; it is looked at again and again until it ends. One that this visitor started and that
    ended before it had drawn a pair says why."""
    started = session.get(session.STARTED)
    folder = jobs.running() or (jobs.folder_for(started) if started and jobs.starting(jobs.folder_for(started)) else None)
    if folder is not None:
        st.fragment(_live, run_every=EVERY)(folder)
    elif started and started not in names():
        session.forget(session.STARTED)
        problem(jobs.said(jobs.folder_for(started)) or f"Study '{started}' ended at once and did not say why.")


def _live(folder: Path) -> None:
    name = folder.name
    status = jobs.state(folder)
    if status is None or status["state"] != "running":
        if not jobs.starting(folder):
            st.rerun()
        st.progress(0.0, plain(f"{name}: starting …"))
        return
    done, total = int(status["step"]), max(int(status["total"]), 1)
    left = "" if status["eta"] is None else f", about {spoken(float(status['eta']))} left"
    with st.container(border=True):
        st.progress(
            min(done / total, 1.0), plain(f"{name}: {status['what']} {done:,} of {total:,}{left}" if status["what"] else f"{name}: loading …")
        )
        if foreseen := estimated(folder):
            st.caption(plain(f"Foreseen: {foreseen}"))
        asked = (folder / "stop").exists()
        st.button(
            "Stopping …" if asked else "Stop", icon=":material/stop_circle:", key="study.stop", disabled=asked, on_click=jobs.stop, args=(folder,),
            help="The pair under way is attacked again when the study goes on.",
        )  # fmt: skip


def estimated(folder: Path) -> str | None:
    """The estimate that the study made before it began."""
    found = [record["sentence"] for record in read_progress(folder) if record.get("kind") == "estimate"]
    return found[-1] if found else None


def unfinished(shown: list[Campaign]) -> None:
    """A line and a button for each shown study that stopped or crashed before its end."""
    for one in shown:
        status = jobs.state(one.folder)
        if status is None or status["state"] in ("running", "done"):
            continue
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(plain(f"{one.name} {_ended(status)} after {len(one.records):,} of {len(one.plan.pairs):,} pairs."))
            st.button(
                "Resume",
                key=f"study.resume.{one.name}",
                icon=":material/play_arrow:",
                disabled=jobs.running() is not None,
                on_click=_resume,
                args=(one,),
            )
        if status["state"] == "crashed" and (said := jobs.said(one.folder)):
            with st.expander("What it said last"):
                st.text(said)


def _ended(status: dict[str, Any]) -> str:
    return "was stopped" if status["state"] == "stopped" else "broke off"


def _resume(one: Campaign) -> None:
    try:
        jobs.start(one.request, one.folder)
    except CoreError as error:
        session.choose(session.REFUSED, str(error))


def refused() -> None:
    """Why the last click could not be followed: callbacks run before the page stands, so the sentence waits until here."""
    if sentence := session.take(session.REFUSED):
        problem(str(sentence))


def empty() -> None:
    """What to do where there is no study."""
    st.info(
        "There is no study yet. A study attacks some hundred pairs of document and label, drawn equally over label frequencies, and keeps a record "
        "of each. Start one above, or on the command line: `python -m core study --checkpoint debtags-linear --pairs 200 --out runs/my-study`.",
        icon=":material/science:",
    )


def names() -> dict[str, Path]:
    return campaigns.folders()
