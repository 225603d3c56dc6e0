"""Puts sentences and rendered results on the page."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.errors import Cancelled, CoreError
from core.exhaustion import as_sentence
from pages.parts import owner, session


def plain(text: str) -> str:
    """`text` with all Markdown taken out of force. Streamlit shows labels and messages as Markdown, in which a document's
    words could otherwise become links, formulas, icons or images that are fetched from outside."""
    one_line = " ".join(text.split())
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|~<>$:&=^\"'@/])", r"\\\1", one_line)


ROWS = 40
"""Rows of a table that are drawn at once; what is longer scrolls in itself, and the page stays one that can be looked over."""
ROW, EDGE = 35, 2
"""Pixels of a row and of the frame of Streamlit's tables."""


def tall(rows: int) -> int | Literal["content"]:
    """The height of a table of so many rows, its heading not counted."""
    return "content" if rows <= ROWS else (ROWS + 1) * ROW + EDGE


def place_for(name: str, *of: Hashable) -> DeltaGenerator:
    """A container for what is computed `of` something: a label, a document, a checkpoint.

    Streamlit leaves on the screen what the last run drew, until this run draws in its place: the old label's words would stand under the
    new label's name for as long as its own are computed. Where the last run drew something else under this name, that is taken away at
    once. Streamlit merges messages about one place, so the new container lies beside the old one's place, which is emptied."""
    key = f"drawn.{name}"
    side, last = session.get(key, (False, of))
    side = side != (last != of)
    session.choose(key, (side, of))
    if side:
        st.empty()
        return st.container()
    found = st.container()
    st.empty()
    return found


def problem(error: CoreError | str) -> None:
    """An error's sentence, word for word; what a visitor of a shared server may do, as such."""
    if isinstance(error, owner.OwnersOnly):
        st.info(plain(str(error)), icon=":material/lock:")
    else:
        st.error(plain(owner.without_paths(str(error))), icon=":material/error:")


@contextmanager
def sentences() -> Iterator[None]:
    """Shows the sentence of a CoreError raised inside, or of a machine that has no more to give; anything else is a bug and goes on
    as one."""
    try:
        with as_sentence():
            yield
    except Cancelled:
        st.info("Stopped. Nothing was kept.", icon=":material/stop_circle:")
    except CoreError as error:
        problem(error)
