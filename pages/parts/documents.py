"""Where a document comes from: pasted, or one of the samples in assets/samples."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

import streamlit as st

from pages.parts import session
from pages.parts.show import problem

SAMPLES = Path(__file__).resolve().parents[2] / "assets" / "samples"
TOWARDS = {"explain": "pages/explain.py", "attack": "pages/attack.py"}
"""What a document on the first page can be taken up for."""


class Sample(NamedTuple):
    name: str
    title: str
    domain: str
    text: str


@cache
def samples() -> tuple[Sample, ...]:
    return tuple(Sample(path.stem, **json.loads(path.read_text(encoding="utf-8"))) for path in sorted(SAMPLES.glob("*.json")))


def linked() -> None:
    """Take up the sample that a link names, where no document was given yet. A sample is public, so a link may name it."""
    asked = session.get(session.SAMPLE)
    found = next((sample for sample in samples() if sample.name == asked), None)
    if asked is not None and found is None:
        problem(f"The link names sample '{asked}'; there are {', '.join(sample.name for sample in samples())}.")
        session.forget(session.SAMPLE)
    elif found is not None and not session.text():
        _take(found)


def paste(height: int = 190, submit: str = "Show its labels") -> bool:
    """The box for a document and the samples. What is taken stands in the session; True in the run that took it."""
    with st.form("paste", border=False):
        _box(height)
        taken = st.form_submit_button(submit, type="primary", on_click=_take_draft, icon=":material/arrow_forward:")
    st.caption("or start with a sample")
    return _samples() or taken


def start() -> str | None:
    """The same on the first page, where a document may go two ways. Returns the page to show, in the run that took a document."""
    with st.form("paste", border=False):
        _box(150)
        with st.container(horizontal=True, gap="small"):
            explain = st.form_submit_button("Show its labels", type="primary", on_click=_take_draft, icon=":material/arrow_forward:")
            attack = st.form_submit_button("Attack it", on_click=_take_draft, icon=":material/swords:")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption("or start with a sample, to", width="content")
        session.default(session.TOWARDS, "explain", TOWARDS)
        towards = st.segmented_control(
            "Samples lead to", list(TOWARDS), key=session.TOWARDS, format_func=str.capitalize, required=True, label_visibility="collapsed",
            persist_state="session",
        )  # fmt: skip
    if _samples():
        return TOWARDS[towards]
    return TOWARDS["explain"] if explain else TOWARDS["attack"] if attack else None


def _box(height: int) -> None:
    session.default(session.DRAFT, session.text())
    placeholder = "Paste the description of a program: a sentence, or pages."
    st.text_area("Document", key=session.DRAFT, height=height, placeholder=placeholder, persist_state="session")


def _samples() -> bool:
    taken = False
    with st.container(horizontal=True, gap="small"):
        for number, sample in enumerate(samples()):
            taken |= st.button(f"{sample.title} :gray[{sample.domain}]", key=f"sample.{number}", on_click=_take, args=(sample,))
    return taken


def _take_draft() -> None:
    session.put_text(str(session.get(session.DRAFT, "")))


def _take(sample: Sample) -> None:
    session.put_text(sample.text)
    session.choose(session.SAMPLE, sample.name)
