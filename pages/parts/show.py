"""Puts sentences and rendered results on the page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from core.errors import Cancelled, CoreError
from core.exhaustion import as_sentence
from pages.parts import owner


def plain(text: str) -> str:
    """`text` with all Markdown taken out of force. Streamlit shows labels and messages as Markdown, in which a document's
    words could otherwise become links, formulas, icons or images that are fetched from outside."""
    one_line = " ".join(text.split())
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|~<>$:&=^\"'@/])", r"\\\1", one_line)


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
