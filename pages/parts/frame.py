"""The frame of every page: its title, the navigation, the checkpoint. A page calls `frame` before anything else.

There is no `st.navigation`: on a fresh server Streamlit runs pages/x.py for the address /x without app.py, so the frame
belongs to the page and not to app.py (tests/e2e/test_links.py proves it on a fresh server).
"""

from __future__ import annotations

from html import escape
from pathlib import Path

import streamlit as st

from core.checkpoint.ensemble import SAID
from pages.parts import documents, owner, session
from pages.parts.cards import RULE, SETTING, Card, all_cards, asked_for, default, titled
from pages.parts.show import plain, problem

ROOT = Path(__file__).resolve().parents[2]

PAGES = (
    ("app.py", "Home", ":material/home:"),
    ("pages/explain.py", "Explain", ":material/ink_highlighter:"),
    ("pages/attention.py", "Attention", ":material/hub:"),
    ("pages/attack.py", "Attack", ":material/swords:"),
    ("pages/compare.py", "Compare", ":material/compare:"),
    ("pages/robustness.py", "Robustness", ":material/science:"),
    ("pages/evidence.py", "Evidence", ":material/fact_check:"),
    ("pages/train.py", "Train", ":material/model_training:"),
    ("pages/data.py", "Data", ":material/bar_chart:"),
)
"""Script, name in the navigation, icon (from Streamlit's bundled font)."""

KINDS = {
    "linear": "Linear",
    "xml-cnn": "XML-CNN",
    "x-transformer": "X-Transformer",
    "mach": "MACH",
    "attention-xml": "AttentionXML",
    "aplc-xlnet": "APLC-XLNet",
}


def frame(title: str) -> Card | None:
    """Set the page up and return the checkpoint's card, or None where no checkpoint can be read (the page says more).

    Reads config.json files only: no weights, no torch.
    """
    st.set_page_config(page_title=f"{title} · Tremor", page_icon=str(ROOT / "assets" / "icon.png"), layout="wide", initial_sidebar_state="auto")
    session.begin(title)
    st.html(ROOT / "assets" / "page.css")
    documents.linked()
    with st.sidebar:
        st.html("<p class='wordmark'>Tremor</p><p class='motto'>Why this label?</p>")
        for script, name, icon in PAGES:
            if (ROOT / script).is_file():
                st.page_link(script, label=name, icon=icon, query_params=session.link(), width="stretch")
        card = _picker()
        owner.sign_in()
    return card


def _picker() -> Card | None:
    cards, problems = all_cards()
    for sentence in problems:
        problem(sentence)
    if not cards:
        st.info("There is no checkpoint yet. Train one with `python -m core train`.")
        return None
    by_name = {card.name: card for card in cards}
    named = asked_for()
    asked = session.get(session.MODEL)
    if asked is not None and asked not in by_name:
        st.warning(plain(f"The link names checkpoint '{asked}', which is not here."))
    if named and named not in by_name:
        st.warning(plain(f"{SETTING} names checkpoint '{named}', which is not here."))
    session.default(session.MODEL, default(cards).name, by_name)
    st.selectbox("Checkpoint", list(by_name), format_func=titled(cards), key=session.MODEL, persist_state="session", help=RULE)
    card = by_name[session.get(session.MODEL)]
    st.html(_line(card))
    return card


def _line(card: Card) -> str:
    precision = "not measured" if card.precision is None else f"{100 * card.precision:.1f} %"
    kind = KINDS.get(card.model, "Unknown kind")
    rows = (
        ("Model", f"{kind}, {SAID}" if card.ensemble else kind),
        ("P@1 on test", precision),
        ("Trained on", f"{card.documents:,} documents"),
        ("Digest", f"<code>{escape(card.digest[:8])}</code>"),
    )
    return "<dl class='card'>" + "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows) + "</dl>"
