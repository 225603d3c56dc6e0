"""Where a document comes from: pasted, or one of the samples (core.data.samples)."""

from __future__ import annotations

import streamlit as st

from core.data.samples import Sample, by_fit, samples
from core.document import MAX_CHARACTERS
from pages.parts import loading, session
from pages.parts.cards import Card
from pages.parts.show import plain, problem

KINDS = {"news": "News", "EU act": "EU acts", "package": "Software packages"}
TOWARDS = {"explain": "pages/explain.py", "attack": "pages/attack.py"}
"""What a document on the first page can be taken up for."""


def linked() -> None:
    """Take up the sample that a link names, where no document was given yet. A sample is public, so a link may name it."""
    asked = session.get(session.SAMPLE)
    found = next((sample for sample in samples() if sample.name == asked), None)
    if asked is not None and found is None:
        problem(f"The link names sample '{asked}'; there are {', '.join(sample.name for sample in samples())}.")
        session.forget(session.SAMPLE)
    elif found is not None and not session.text():
        _take(found)


def paste(card: Card | None, height: int = 190, submit: str = "Show its labels") -> bool:
    """The box for a document and the samples, those first that fit the checkpoint. What is taken stands in the session; True in the run
    that took it."""
    with st.form("paste", border=False):
        _box(height)
        taken = st.form_submit_button(submit, type="primary", on_click=_take_draft, icon=":material/arrow_forward:")
    st.caption("or start with a sample")
    return _samples(card) or taken


def start(card: Card | None) -> str | None:
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
    if _samples(card):
        return TOWARDS[towards]
    if session.get(session.TOO_LONG):
        return None
    return TOWARDS["explain"] if explain else TOWARDS["attack"] if attack else None


def _box(height: int) -> None:
    if length := session.get(session.TOO_LONG):
        problem(f"The document has {length:,} characters; at most {MAX_CHARACTERS:,} are read. Cut it and try again: what was here before stays.")
    session.default(session.DRAFT, session.text())
    placeholder = "Paste a text: a paragraph of news, a legal act, the description of a program."
    st.text_area("Document", key=session.DRAFT, height=height, placeholder=placeholder, persist_state="session")


def _samples(card: Card | None) -> bool:
    """The samples of a kind as buttons. The kinds whose labels the checkpoint knows come first."""
    kinds = by_fit(loading.labels(card).ids if card is not None else ())
    kind = st.segmented_control(
        "Samples", kinds, default=kinds[0], key=f"samples.{kinds[0]}", format_func=KINDS.__getitem__, required=True, label_visibility="collapsed"
    )
    taken = False
    with st.container(horizontal=True, gap="small", key="samples"):
        for number, sample in enumerate(samples()):
            if sample.kind == kind:
                taken |= st.button(plain(sample.title), key=f"sample.{number}", on_click=_take, args=(sample,))
    return taken


def _take_draft() -> None:
    draft = str(session.get(session.DRAFT, ""))
    session.forget(session.TOO_LONG)
    if len(draft) > MAX_CHARACTERS:
        session.choose(session.TOO_LONG, len(draft))
        session.choose(session.DRAFT, session.text())
        return
    session.put_text(draft)


def _take(sample: Sample) -> None:
    session.forget(session.TOO_LONG)
    session.put_text(sample.text)
    session.choose(session.SAMPLE, sample.name)
