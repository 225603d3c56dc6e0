"""How far an explanation can be trusted, how far others agree with it, and how it was computed."""

from __future__ import annotations

import streamlit as st

from core.evaluation.agreement import agreement
from core.explainers.attribution import Attribution
from core.render import heatmap, tables
from core.render.report import command
from pages.parts import session
from pages.parts.controls import component, fitting, title
from pages.parts.explain import explaining
from pages.parts.methods import METHODS
from pages.parts.reading import Reading
from pages.parts.show import plain
from pages.parts.words import words


def trust(found: Attribution) -> None:
    """The fidelity of one explanation, each figure with its meaning."""
    st.html(tables.fidelity(found))
    for note in found.notes:
        st.caption(plain(note))


def side_by_side(first: Attribution, reading: Reading) -> list[Attribution]:
    """Other explainers of the same label on the same document, and how far they agree with the first. Returns them."""
    st.header("Compare explainers")
    names, refused = fitting(reading.classifier)
    others = [name for name in names if name != first.method]
    session.choose(session.COMPARED, [name for name in session.get(session.COMPARED, []) if name in others])
    st.pills(
        "Compare with", others, key=session.COMPARED, selection_mode="multi", format_func=title, on_change=session.choose,
        args=(session.ASKED, True), persist_state="session", label_visibility="collapsed",
    )  # fmt: skip
    for name, why in refused.items():
        st.caption(plain(f"{title(name)}: {why}"))
    requested = bool(session.get(session.ASKED))
    asked = [explaining.ask(component(name), reading) for name in session.get(session.COMPARED, [])]
    found = [explaining.measured(one, answer) for one in asked if (answer := explaining.answer(one, requested)) is not None]
    if found:
        label = first.label_names[0]
        st.html(tables.agreements([(title(one.method), agreement(first, one, label)) for one in found], title(first.method)))
        for column, one in zip(st.columns(len(found) + 1), [first, *found], strict=True):
            with column:
                _small(one, label)
    return found


def _small(one: Attribution, label: str) -> None:
    st.markdown(f"**{title(one.method)}**")
    st.html(heatmap.legend(one.unsigned))
    words(one.document, f"compared.{one.method}.{one.document.digest}", one.values[0], label, one.words_read, unsigned=one.unsigned)
    st.html(tables.fidelity(one, brief=True))


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
