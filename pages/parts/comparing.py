"""How far an explanation can be trusted, how far others agree with it, and how it was computed."""

from __future__ import annotations

import streamlit as st

from core.agreement import agreement
from core.explainers.attribution import Attribution
from core.render import tables
from core.render.report import command
from pages.parts.explaining import title
from pages.parts.methods import METHODS
from pages.parts.show import plain
from pages.parts.words import words


def trust(found: Attribution) -> None:
    """The fidelity of one explanation, each figure with its meaning."""
    st.html(tables.fidelity(found))
    for note in found.notes:
        st.caption(plain(note))


def side_by_side(shown: list[Attribution]) -> None:
    """Other explainers of the same label on the same document, and how far they agree with the first."""
    first, others = shown[0], shown[1:]
    if not others:
        return
    name = first.label_names[0]
    st.subheader("Side by side")
    st.html(tables.agreements([(title(one.method), agreement(first, one, name)) for one in others], title(first.method)))
    for column, one in zip(st.columns(len(shown)), shown, strict=True):
        with column:
            st.markdown(f"**{title(one.method)}**")
            words(one.document, f"compared.{one.method}.{one.document.digest}", one.values[0], name, one.words_read)
            st.html(tables.fidelity(one))


def drawer(found: Attribution) -> None:
    """How this was computed: idea, formula, source, settings, and the command that does it again."""
    method = METHODS[found.method]
    with st.expander("How was this computed?", icon=":material/function:"):
        st.markdown(method.idea)
        st.latex(method.formula)
        st.markdown(f"**Source.** {plain(method.source)}  \n**Beware.** {plain(method.beware)}")
        settings = ", ".join(f"{key} {value}" for key, value in found.settings.items()) or "none"
        st.markdown(plain(f"Settings: {settings}. {found.queries:,} model queries, those for the figures of trust included. Weights {found.digest}."))
        st.caption("The same on the command line, with the document in document.txt:")
        st.code(command(found), language=None, wrap_lines=True)
