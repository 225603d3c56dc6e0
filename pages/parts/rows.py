"""A table whose rows are chosen by a click: a view of `assets/components/rows.js`. And the page's keys: `keys.js`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from pages.parts import session

ASSETS = Path(__file__).resolve().parents[2] / "assets" / "components"

_rows = st.components.v2.component("rows", css=(ASSETS / "rows.css").read_text(), js=(ASSETS / "rows.js").read_text())
_keys = st.components.v2.component("keys", js=(ASSETS / "keys.js").read_text())


@dataclass(frozen=True)
class TextRow:
    """Texts, one a column; `good` is set apart, `off` is pale; `title` says the row in a sentence."""

    cells: tuple[str, ...]
    good: bool = False
    off: bool = False
    title: str = ""


def rows(
    columns: Sequence[str],
    found: Sequence[TextRow],
    key: str,
    on_choose: Callable[[int], None],
    label: str,
    current: int | None = None,
    empty: str = "",
    more: tuple[str, Sequence[tuple[str, str]]] | None = None,
    follow: bool = False,
    above: Sequence[tuple[str, int]] = (),
) -> None:
    """Draw the table; all columns but the first hold figures. A click calls `on_choose` with the row's number, before the page runs
    again. `more` is a folded list below, (title, [(text, reason)]); `follow` keeps the current row in sight. `above` is a heading over
    the headings, (text, how many columns): with it the table is as tall as its rows, and what stands in the first column is not cut within a word."""
    data = {
        "columns": [{"name": name, "number": index > 0} for index, name in enumerate(columns)],
        "rows": [{"cells": list(row.cells), "good": row.good, "off": row.off, "title": row.title} for row in found],
        "current": current, "label": label, "empty": empty, "follow": follow,
        "above": [list(pair) for pair in above],
        "more": None if not more or not more[1] else {"title": more[0], "rows": [list(pair) for pair in more[1]]},
    }  # fmt: skip

    def chose() -> None:
        number = session.trigger(key, "chosen")
        # The browser's report, checked: it is input like any other.
        if isinstance(number, int) and not isinstance(number, bool) and 0 <= number < len(found):
            on_choose(number)

    _rows(key=key, data=data, on_chosen_change=chose)


def keys(meant: Mapping[str, str], key: str, on_press: Callable[[str], Any]) -> None:
    """Listen for keys: {key name: what it asks for}."""

    def pressed() -> None:
        if (what := session.trigger(key, "pressed")) in meant.values():
            on_press(str(what))

    _keys(key=key, data={"keys": dict(meant)}, on_pressed_change=pressed)
