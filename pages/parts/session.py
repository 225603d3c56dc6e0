"""What one visitor has chosen. The only file that names `st.session_state` and query-parameter keys.

Linked choices stand in the address, so that a link restores them; the document never does: it is private and long.
Choices change in widgets and in callbacks only, before the script runs, so the address is written once, by `begin`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitWidgetAlreadyInstantiatedError

TEXT = "text"
MODEL = "model"
LABEL = "label"
PINS = "pin"
EXPLAINER = "explainer"
PRESET = "preset"
SETTINGS = "set"
COMPARED = "with"
DATASET = "dataset"
LAYER = "layer"
HEAD = "head"
VIEW = "view"
SECTION = "section"
READ = "read"
EDITS = "edits"
QUERY = "query"
ASKED = "asked"
CONFIRMED = "confirmed"
SHOWN = "shown"
DRAFT = "draft"
SAMPLE = "sample"
TOWARDS = "towards"
GOAL = "goal"
K = "k"
MARGIN = "margin"
STEALTH = "stealth"
GAMMA = "gamma"
RECIPE = "recipe"
FIDELITY = "fidelity"
SWITCHES = "switch"
TYPED = "typed"
SETUP = "setup"
TRUTH = "truth"
ATTACK = "attack"
PREPARED = "prepared"
SENT = "sent"
RECORD = "record"
STUDIES = "study"
REFUSED = "refused"
STARTED = "started"
RUN = "run"
OTHER = "other"
PAIRED = "paired"
SIDE = "compare"
FIRST = "first"
SECOND = "second"
SOUGHT = "sought"
DUEL = "duel"
PAPERS = "paper"
MODELS = "of"
MEASURED = "measured"
CELL = "cell"
CLAIM = "claim"
EVIDENCE = "evidence"
TABLE = "table"
DOCUMENT = "document"
SPLIT = "split"
SEARCH = "search"
READ_AS = "as"
TAU = "tau"
FEATURE_ATTACK = "vector_attack"
WINDOWS = "windows"
VECTOR_STUDIES = "vectors"
LEVEL = "level"
OWNER = "owner"
NOT_OWNER = "not_owner"
TOO_LONG = "too_long"

LINKED: dict[str, type] = {
    MODEL: str, LABEL: str, PINS: list, EXPLAINER: str, PRESET: str, SETTINGS: list, COMPARED: list,
    DATASET: str, LAYER: int, HEAD: int, VIEW: str, SECTION: str,
    SAMPLE: str, GOAL: str, K: int, MARGIN: int, STEALTH: bool, GAMMA: str, RECIPE: str, FIDELITY: str, SWITCHES: list, STUDIES: list, RUN: str,
    OTHER: str, SIDE: str, FIRST: str, SECOND: str, PAPERS: list, MODELS: list, MEASURED: bool, CELL: str, CLAIM: str,
    EVIDENCE: str, TABLE: str,
    DOCUMENT: int, SPLIT: str, SEARCH: str, READ_AS: str,
    WINDOWS: str, VECTOR_STUDIES: list, LEVEL: str,
}  # fmt: skip
"""Query parameters and their types. A list repeats its parameter; SETTINGS holds "name:value" of the explainer, SWITCHES of the
attack's recipe. A switch that is off is left out."""

ALIASES = {"checkpoint": MODEL}
"""Other names under which a link may give a choice."""

MAX_ITEMS = 12
"""Items of a list that a link carries."""
LONGEST = 1_000
"""Characters of a choice that a link carries: no name is longer."""

KEPT = (
    MODEL, LABEL, EXPLAINER, PRESET, COMPARED, DATASET, LAYER, HEAD, VIEW, SECTION, DRAFT, TOWARDS, GOAL, K, MARGIN, STEALTH, GAMMA, RECIPE, FIDELITY,
    TRUTH, STUDIES, RUN, OTHER, SIDE, FIRST, SECOND, SOUGHT, PAPERS, MODELS, MEASURED, CELL, DOCUMENT, SPLIT, SEARCH, READ_AS, TAU, WINDOWS,
    VECTOR_STUDIES, LEVEL, EVIDENCE, TABLE,
)  # fmt: skip
"""Choices that a widget shows and that go along from page to page: each is drawn with `persist_state="session"`, and every such widget has
its name here (tests/pages/test_session.py)."""

_PUBLISHED = "_published"
_PAGE = "_page"


def begin(page: str) -> None:
    """Bring the choices along from another page, take up the address if it was changed from outside (a link, the back button), then write
    the choices into it."""
    if st.session_state.get(_PAGE) != page:
        _bring_along()
        st.session_state[_PAGE] = page
    given = {name: st.query_params.get_all(name) for name in st.query_params}
    if given != st.session_state.get(_PUBLISHED, {}):
        for name, values in given.items():
            _restore(name, values)
    address = {name: values for name in LINKED if (values := _as_parameter(st.session_state.get(name)))}
    if address != given:
        st.query_params.from_dict(address)
    st.session_state[_PUBLISHED] = address


def _bring_along() -> None:
    """Loosen the choices from the widgets of the page that was left. Streamlit 1.67 knows a widget by its page and key: what code chose for it
    in the very run before the page is left (a default, a link) is lost to the next page's widget of the same name, which then shows its own
    first option or nothing. A value that hangs on no widget is taken up by whichever widget is drawn next under its name."""
    for name in KEPT:
        if name in st.session_state:
            value = st.session_state[name]
            del st.session_state[name]
            st.session_state[name] = value


def _restore(name: str, values: list[str]) -> None:
    """An unknown parameter, a malformed number or a value too long is left alone: a link may come from another version."""
    name = ALIASES.get(name, name)
    kind = LINKED.get(name)
    values = [value for value in values if len(value) <= LONGEST]
    if not values:
        return
    if kind is bool:
        st.session_state[name] = values[-1] == "True"
    elif kind is list:
        st.session_state[name] = values[:MAX_ITEMS]
    elif kind is str:
        st.session_state[name] = values[-1]
    elif kind is int and values[-1].isascii() and values[-1].isdigit():
        st.session_state[name] = int(values[-1][:9])


def _as_parameter(value: Any) -> list[str]:
    if isinstance(value, list | tuple):
        return [str(item) for item in value[:MAX_ITEMS]]
    return [] if value is None or value is False or value == "" else [str(value)]


def link() -> dict[str, list[str]]:
    """The linked choices, as query parameters of another page."""
    return {name: values for name in LINKED if (values := _as_parameter(st.session_state.get(name)))}


def get(name: str, default: Any = None) -> Any:
    """A choice, or the default where nothing was chosen."""
    value = st.session_state.get(name)
    return default if value is None else value


def choose(name: str, value: Any) -> None:
    """Make a choice; from a callback, or before the widget of that name is drawn."""
    st.session_state[name] = value


def fitting(name: str, value: Any, valid: Any = None) -> Any:
    """The choice `name`, or `value` where none was made or where it is not among `valid`. It only looks, so it may be asked anywhere."""
    present = st.session_state.get(name)
    return value if present is None or (valid is not None and present not in valid) else present


def default(name: str, value: Any, valid: Any = None) -> Any:
    """The same, and the choice is set to it: for whoever draws the widget with this key, before it is drawn, because a link may name what does
    not exist here. Where the widget stands already, it goes on showing what it shows, and only the caller gets what fits."""
    found = fitting(name, value, valid)
    if name not in st.session_state or st.session_state[name] != found:
        try:
            st.session_state[name] = found
        except StreamlitWidgetAlreadyInstantiatedError:
            return found
    return found


def toggle(name: str, item: str) -> None:
    """Put an item into the list `name`, or take it out."""
    items = list(get(name, []))
    st.session_state[name] = [other for other in items if other != item] if item in items else [*items, item]


def text() -> str:
    """The document, or an empty string."""
    return str(get(TEXT, ""))


def put_text(value: str) -> None:
    """Take up a new document, in the box for it, too: what was edited or asked of the old one no longer applies."""
    st.session_state[TEXT] = st.session_state[DRAFT] = value
    st.session_state[EDITS] = {}
    forget(ASKED, CONFIRMED, SAMPLE)


def edits() -> dict[int, str | None]:
    """Word position -> new word, or None for a deleted word; over the document as it was pasted."""
    return dict(get(EDITS, {}))


def edit(position: int, word: str | None) -> None:
    st.session_state[EDITS] = {**edits(), position: word}


def drop_edit(position: int) -> None:
    st.session_state[EDITS] = {place: word for place, word in edits().items() if place != position}


def undo_edits() -> None:
    st.session_state[EDITS] = {}


def trigger(component: str, name: str) -> Any:
    """What a component of `st.components.v2` reports, in the callback of that report."""
    state = st.session_state.get(component)
    return None if state is None else state.get(name)


def settings(under: str = SETTINGS) -> dict[str, str]:
    """Settings that differ from the preset, name -> value as text."""
    return dict(item.split(":", 1) for item in get(under, []) if ":" in item)


def put_settings(values: Mapping[str, Any], under: str = SETTINGS) -> None:
    st.session_state[under] = [f"{name}:{value}" for name, value in values.items()]


def take(name: str) -> Any:
    """A choice that is meant once: it is dropped here."""
    return st.session_state.pop(name, None)


def forget(*names: str) -> None:
    """Drop choices, so that their defaults hold again."""
    for name in names:
        st.session_state.pop(name, None)
