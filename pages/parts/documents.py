"""Where a document comes from: pasted, or one of the samples in assets/samples."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import streamlit as st

from pages.parts import session

SAMPLES = Path(__file__).resolve().parents[2] / "assets" / "samples"


class Sample(NamedTuple):
    title: str
    domain: str
    text: str


@cache
def samples() -> tuple[Sample, ...]:
    return tuple(Sample(**json.loads(path.read_text(encoding="utf-8"))) for path in sorted(SAMPLES.glob("*.json")))


def paste(then: Callable[[], None] | None = None, height: int = 190) -> bool:
    """The box for a document and the samples. What is taken stands in the session; True in the run that took it."""
    with st.form("paste", border=False):
        session.default(session.DRAFT, session.text())
        st.text_area("Document", key=session.DRAFT, height=height, placeholder="Paste the description of a program: a sentence, or pages.")
        taken = st.form_submit_button("Show its labels", type="primary", on_click=_take_draft, icon=":material/arrow_forward:")
    st.caption("or start with a sample")
    with st.container(horizontal=True, gap="small"):
        for number, sample in enumerate(samples()):
            taken |= st.button(f"{sample.title} :gray[{sample.domain}]", key=f"sample.{number}", on_click=_take, args=(sample.text,))
    return taken


def _take_draft() -> None:
    session.put_text(str(session.get(session.DRAFT, "")))


def _take(text: str) -> None:
    session.put_text(text)
    session.choose(session.DRAFT, text)
