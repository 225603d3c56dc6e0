"""The map on the home page: what can be done here, by the question that somebody comes with. A newcomer sees the pages' names alone otherwise."""

from __future__ import annotations

from html import escape
from typing import NamedTuple

import streamlit as st

from pages.parts import session
from pages.parts.frame import PAGES, ROOT


class Entry(NamedTuple):
    """A question, for whom, how it is answered, and on which pages."""

    question: str
    whom: str
    answer: str
    pages: tuple[str, ...]


ENTRIES = (
    Entry(
        "Why this label, and what makes it go?",
        "With one document, alone or before a class",
        "Words that light up, attacks to step through by hand, and what the encoder looks at.",
        ("Explain", "Attack", "Attention"),
    ),
    Entry(
        "How easily do labels fall, the rare ones above all?",
        "For research on robustness",
        "Studies of hundreds of attacks with intervals, and the papers' numbers beside what was measured here.",
        ("Robustness", "Evidence"),
    ),
    Entry(
        "Can the classifier be hardened, and at what price?",
        "For whoever defends a model",
        "Adversarial training to watch, stop and resume; the model before and after it, side by side.",
        ("Train", "Compare"),
    ),
    Entry(
        "What does the tagging rest on?",
        "For the audit of a tagging system",
        "How often each label occurs, which belong together, the words that matter over many documents, and the labels that fall most easily.",
        ("Data", "Robustness"),
    ),
)


def show() -> None:
    """Every entry with its links, which carry the visitor's choices like those of the navigation."""
    known = {name: (script, icon) for script, name, icon in PAGES if (ROOT / script).is_file()}
    st.header("What else can be asked here")
    with st.container(key="tour"):
        for number, entry in enumerate(ENTRIES):
            with st.container(key=f"tour.{number}", gap="small"):
                st.html(f"<h3>{escape(entry.question)}</h3><p class='whom'>{escape(entry.whom)}</p><p>{escape(entry.answer)}</p>")
                with st.container(horizontal=True, gap="small"):
                    for name in entry.pages:
                        if name in known:
                            script, icon = known[name]
                            st.page_link(script, label=name, icon=icon, query_params=session.link(), width="content")
