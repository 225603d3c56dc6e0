"""The document as signed words that are clicked and edited in place: a view of `assets/components/words.js`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from core.document import Document
from core.explainers.attribution import shares
from core.types import FloatArray
from pages.parts import session

ASSETS = Path(__file__).resolve().parents[2] / "assets" / "components"
MAX_WORDS = 3_000
"""Words drawn. 2,000 answer a click in 0.6 s; the browser would choke on a hundred thousand buttons."""

_component = st.components.v2.component("words", css=(ASSETS / "words.css").read_text(), js=(ASSETS / "words.js").read_text())


@dataclass(frozen=True)
class Clicked:
    """What was done to the words: `selected`, the word that is marked, or None; `edit`, a word and what shall stand in its
    place (None: delete it), or None. An edit is reported in one run only."""

    selected: int | None
    edit: tuple[int, str | None] | None


def words(
    document: Document,
    key: str,
    values: FloatArray | None = None,
    toward: str = "",
    read: int | None = None,
    changed: Collection[int] = (),
    editable: bool = False,
    coming: int | None = None,
    titles: Mapping[int, str] | None = None,
    held: int | None = None,
    on_click: Callable[[int], None] | None = None,
    unsigned: bool = False,
) -> Clicked:
    """Draw the words with their values [w] for the label `toward`; those from `read` on are grey. Words in `changed` are
    set apart as edited. `key` names the widget: let it hold the document's digest, as a selection is a position. `coming` is
    marked as the next word; `unsigned` values are attention: drawn in one hue, as shares of their sum. `titles` say something else of some
    words; with `on_click` the page keeps the selection, `held`."""
    shown = min(len(document), MAX_WORDS)
    pieces = [{"t": piece, "i": index // 2 if index % 2 else None} for index, piece in enumerate(document.pieces[: 2 * shown + 1])]
    if unsigned and values is not None:
        values = shares(values)
    largest = float(abs(values[:shown]).max()) if values is not None and shown else 0.0
    data = {
        "pieces": pieces,
        "scores": None if values is None else [float(value) for value in values[:shown]],
        "max": largest,
        "decimals": decimals(largest),
        "selected": _selection(key) if on_click is None else [] if held is None else [held],
        "read": len(document) if read is None else read,
        "changed": sorted(changed),
        "editable": editable,
        "toward": toward,
        "next": coming,
        "titles": None if titles is None else {str(position): title for position, title in titles.items() if position < shown},
        "held": on_click is not None,
        "unsigned": unsigned,
        "label": _label(toward, unsigned),
    }

    def clicked() -> None:
        if on_click is not None and (word := _first([session.trigger(key, "clicked")], shown)) is not None:
            on_click(word)

    result = _component(
        key=key, data=data, default={"selected": []}, on_selected_change=_nothing, on_clicked_change=clicked, on_edited_change=_nothing
    )
    if len(document) > shown:
        st.caption(f"{len(document) - shown:,} further words are not drawn.")
    return Clicked(_first(result.selected, shown), _edit(result.edited, shown))


def _label(toward: str, unsigned: bool) -> str:
    """What the drawing is called where it is not seen."""
    if not toward:
        return "The document's words"
    return f"The document's words, coloured by what {'of them is read for' if unsigned else 'they say of'} {toward}"


def decimals(largest: float) -> int:
    """Decimals that give the largest value three digits."""
    for places in range(2, 8):
        if largest * 10**places >= 100:
            return places
    return 8


def _nothing() -> None:
    """A component reports a value only if it has a callback for it."""


def _selection(key: str) -> list[int]:
    return list(session.trigger(key, "selected") or [])


def _first(selected: Any, shown: int) -> int | None:
    valid = [i for i in selected or [] if isinstance(i, int) and 0 <= i < shown]
    return valid[0] if valid else None


def _edit(edited: Any, shown: int) -> tuple[int, str | None] | None:
    """The browser's report, checked: it is input like any other."""
    if not isinstance(edited, dict) or not isinstance(edited.get("i"), int) or not 0 <= edited["i"] < shown:
        return None
    text = str(edited.get("text", "")).strip()
    return edited["i"], text or None
