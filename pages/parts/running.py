"""A job as a page shows it: its bar, what is left, its place in the line, Stop and Resume, and how it ended; and the one place from which
pages start, stop and resume jobs: on a shared server these are its owner's. The page only reads the run's folder; the work is done elsewhere
(core.runs.jobs)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from core.cli import parser
from core.errors import CoreError, InputError
from core.exhaustion import as_sentence
from core.runs import jobs
from core.runs.duration import spoken
from core.runs.jobs import Job
from pages.parts import owner, session
from pages.parts.serving import settings
from pages.parts.show import plain, problem, sentences

EVERY = 2.0
"""Seconds between two looks at a job at work."""

STARTS = "starts, stops and resumes trainings and studies"
"""What is the owner's, after 'Only the owner of this server'."""

STATES = {"queued": "is waiting", "running": "is running", "done": "is done", "stopped": "was stopped", "crashed": "broke off"}


def said(job: Job) -> str:
    """'x: training 120 of 1,300, about 3 min left'"""
    status = job.status
    if job.stopping:
        return f"{job.name}: stopping …"
    if job.state == "queued":
        before = "next" if job.place in (None, 1) else f"{(job.place or 1) - 1} before it"
        return f"{job.name}: waiting for the {'CPU' if job.device == 'cpu' else 'GPU'}, {before}"
    if status["what"] == "ending":
        return f"{job.name}: ending …"
    if not status["total"] or status["what"] in ("", "starting"):
        return f"{job.name}: loading the data and the model …"
    if int(status["step"]) >= int(status["total"]):  # what follows a training, an evaluation above all, is counted from its own beginning
        return f"{job.name}: {status['what']} is through its {int(status['total']):,} steps, what follows is under way …"
    left = "" if status["eta"] is None else f", about {spoken(float(status['eta']))} left"
    return f"{job.name}: {status['what']} {int(status['step']):,} of {int(status['total']):,}{left}"


def watch(name: str, more: Callable[[Job], None] = lambda job: None) -> None:
    """A job at work, looked at again and again; once it has ended the whole page is drawn anew. `more` draws what else stands there."""
    st.fragment(_live, run_every=EVERY)(name, more)


def _live(name: str, more: Callable[[Job], None]) -> None:
    with sentences():  # a fragment runs on its own: nobody else shows what is wrong with a folder
        _look(name, more)


def _look(name: str, more: Callable[[Job], None]) -> None:
    job = jobs.find(name)
    if not job.alive:
        st.rerun()
    share = int(job.status["step"]) / max(int(job.status["total"]), 1) if job.state == "running" else 0.0
    with st.container(border=True, key=f"live.{name}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.progress(min(share, 1.0), plain(said(job)), width="stretch")
            if owner.allowed():
                st.button(
                    "Leave the line" if job.state == "queued" else "Stop", icon=":material/stop_circle:", key=f"job.stop.{name}",
                    disabled=job.stopping, on_click=_obeyed, args=(jobs.stop, name), help="It can be resumed from its last saved state.",
                )  # fmt: skip
        more(job)


def ended(job: Job, note: str = "") -> None:
    """How a job ended, with Resume and the last it printed where it is not done. `note` says how far it came."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(plain(f"{job.name} {STATES[job.state]}{note}."))
        if job.state != "done" and owner.allowed():
            st.button(
                "Resume", key=f"job.resume.{job.name}", icon=":material/play_arrow:", disabled=bool(job.refusal), on_click=_obeyed,
                args=(_resume, job.name), help=plain(job.refusal) or None,
            )  # fmt: skip
    if job.state == "crashed":
        problem(why(job) or "It did not say why.")
        log(job)


def _resume(name: str) -> Job:
    return jobs.resume(name, parser)


def damaged(kind: str) -> None:
    """A line for each run of a kind whose folder cannot be read, with the reason."""
    for each in jobs.damaged(kind):
        problem(f"Run '{each.name}' is damaged and left out: {each.reason}")


def why(job: Job) -> str:
    """What it said when it broke off; to visitors, that it did: the sentence may name files of the server."""
    return str(job.status["message"]) if owner.allowed() else "Why it broke off stands in its log, which the owner of this server reads."


def log(job: Job) -> None:
    """The end of what it printed; unfolded on request. For the owner."""
    if owner.allowed() and (text := jobs.said(job.folder, 3_000)):
        with st.expander("What it printed last"):
            st.text(text)


def launch(name: str, words: Callable[[Path], Sequence[str]], device: str = "auto") -> bool:
    """Let `python -m core WORDS` begin in a new folder under runs/, for which `words` gives them. Whether it did; why not stands on the page
    after the callback. Every page starts its jobs here: nothing else asks whether the visitor may."""
    try:
        owner.required(STARTS)
        most, at = owner.limit(settings.JOBS), sum(job.alive for job in jobs.jobs())
        if most is not None and at >= most:
            raise InputError(f"{at} trainings and studies are at work or in line, and no more are taken; wait for one to end, or stop one")
        with as_sentence():
            folder = jobs.new_folder(name)
            jobs.launch(folder, words(folder), device)
    except CoreError as error:
        session.choose(session.REFUSED, str(error))
        return False
    return True


def _obeyed(order: Callable[[str], Job], name: str) -> None:
    try:
        owner.required(STARTS)
        with as_sentence():
            order(name)
    except CoreError as error:
        session.choose(session.REFUSED, str(error))


def refused() -> None:
    """Why the last click could not be followed: callbacks run before the page stands, so the sentence waits until here."""
    if sentence := session.take(session.REFUSED):
        problem(str(sentence))
