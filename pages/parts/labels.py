"""The ranked labels and the search over all of them: a view of `assets/components/labels.js`.

Never more than the labels shown goes to the browser; the search is answered here, from the names.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from core.labels import LabelSpace
from core.ranking import ranks
from core.types import IntArray, Scores, Unit
from pages.parts import session
from pages.parts.reading import Reading

ASSETS = Path(__file__).resolve().parents[2] / "assets" / "components"
FOUND = 12
"""Labels offered while one types."""

UNITS: dict[Unit, str] = {"probability": "probability", "logit": "logit (log-odds)", "margin": "margin (signed distance, no probability)"}

_component = st.components.v2.component("labels", css=(ASSETS / "labels.css").read_text(), js=(ASSETS / "labels.js").read_text())


def number(score: float, unit: Unit) -> str:
    """0.931 for a probability, +2.41 for a logit or margin; the minus is a minus sign."""
    return f"{score:.3f}" if unit == "probability" else f"{score:+.2f}".replace("-", "\u2212")


BARS: dict[Unit, str] = {
    "probability": "Bars run from 0 to the probability, on a track that ends at 1; the mark is 0.5.",
    "logit": "Bars run from the mark, where the log-odds are 0, to the probability they stand for: the track's ends are 0 and 1.",
    "margin": "Bars run from the mark, margin 0: to the right above it, to the left below; half way to an end is a margin of 1.",
}
"""How the bars are read. The scale is the unit's own and the same for every document, so that a bar says how large a score is, not which
place it has among the scores that happen to be shown."""


def bar(score: float, unit: Unit) -> tuple[float, float]:
    """Where the score's bar begins and where it ends on a track from 0 to 1 whose middle, 0.5, is marked: probability one half, log-odds 0
    or margin 0. A probability p runs from 0 to p; log-odds x from the middle to 1 / (1 + e^-x); a margin m to (1 + m / (1 + |m|)) / 2."""
    if unit == "probability":
        return 0.0, float(np.clip(score, 0, 1))
    end = 0.5 + 0.5 * math.tanh(score / 2) if unit == "logit" else 0.5 + 0.5 * score / (1 + abs(score))
    return min(0.5, end), max(0.5, end)


def rows(ids: Sequence[int] | IntArray, scores: Scores, labels: LabelSpace, unit: Unit, pinned: Sequence[str] = ()) -> list[dict[str, Any]]:
    """What the list shows of each label, from the dense scores [L]."""
    chosen = np.asarray(ids, dtype=np.int64)
    places = ranks(scores[None], chosen)[0]
    return [
        {
            "id": int(label), "rank": f"{int(place):,}", "name": labels.names[label], "score": number(float(scores[label]), unit),
            "bar": [round(end, 4) for end in bar(float(scores[label]), unit)], "count": f"{int(labels.counts[label]):,}",
            "below": unit != "probability" and float(scores[label]) < 0, "mark": labels.mark(int(label)), "pinned": labels.names[label] in pinned,
        }
        for label, place in zip(chosen, places, strict=True)
    ]  # fmt: skip


def usual(reading: Reading) -> list[tuple[str, Sequence[int]]]:
    """The best labels, and the pinned and chosen ones that are not among them."""
    best, others = reading.top.tolist(), reading.shown[len(reading.top) :]
    return [(f"Best {len(best)} of {len(reading.classifier.labels):,}", best), *([("Pinned and chosen", others)] if others else [])]


@st.fragment
def ranked(reading: Reading, on_choose: Callable[[str], None], offered: Sequence[tuple[str, Sequence[int]]] | None = None) -> None:
    """The list with its search; a choice runs the whole page again, typing only this part of it. Choosing calls
    `on_choose` with the label's name; pins are kept in the session. `offered` are other groups of labels than the usual ones."""
    scores, labels, unit, chosen = reading.scores, reading.classifier.labels, reading.classifier.unit, reading.chosen
    pins = [labels.names[label] for label in reading.pins]
    groups = [{"title": title, "rows": rows(ids, scores, labels, unit, pins)} for title, ids in (usual(reading) if offered is None else offered)]
    asked = str(session.get(session.QUERY, ""))
    found = rows(labels.search(asked, FOUND), scores, labels, unit, pins) if asked else None
    data = {"groups": groups, "chosen": chosen, "found": found, "query": asked, "total": f"{len(labels):,}", "unit": unit, "bars": BARS[unit]}

    def chose() -> None:
        if (label := _id(session.trigger("labels", "chosen"), labels)) is not None:
            session.forget(session.QUERY)
            on_choose(labels.names[label])

    def pinned() -> None:
        if (label := _id(session.trigger("labels", "pinned"), labels)) is not None:
            session.toggle(session.PINS, labels.names[label])

    def queried() -> None:
        session.choose(session.QUERY, str(session.trigger("labels", "query") or "")[:200])

    result = _component(key="labels", data=data, on_chosen_change=chose, on_pinned_change=pinned, on_query_change=queried)
    if result.chosen is not None or result.pinned is not None:
        st.rerun()


def _id(value: Any, labels: LabelSpace) -> int | None:
    """The browser's report, checked: it is input like any other."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(labels) else None
