"""Which two checkpoints are compared, and what each makes of the document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from core.document import Document
from core.predict import predict
from core.ranking import top_k
from core.study.compare import Standing, standings
from pages.parts import loading, session
from pages.parts.cards import Card, all_cards
from pages.parts.compare.kin import Kin, kinship, relatives
from pages.parts.labels import UNITS, number
from pages.parts.reading import Reading
from pages.parts.rows import TextRow, rows
from pages.parts.show import plain

SHOWN = 10
"""Best labels of each side."""
SOUGHT = 8
"""Labels that a search adds, of each side."""

Pair = tuple[Reading, Reading]


def other(card: Card) -> Card | None:
    """The second checkpoint, by its picker: at first the nearest kin of the chosen one. Those with no label in common come last and say so."""
    kin = relatives(card, all_cards()[0])
    others = {each.card.name: each for each in kin}
    if not kin:
        st.info(
            "There is only one checkpoint here, so there is nothing to compare it with. Train another, or make a robust one on the Train page.",
            icon=":material/compare:",
        )
        return None
    asked = session.get(session.OTHER)
    if asked is not None and asked not in others and asked != card.name:
        st.warning(plain(f"The link names checkpoint '{asked}', which is not here."))
    _begin_anew(card, others)
    session.default(session.OTHER, kin[0].card.name, others)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox("Compare with", list(others), key=session.OTHER, format_func=lambda name: others[name].said, persist_state="session", width=320)
        chosen = others[session.get(session.OTHER)]
        st.button("Exchange", key="compare.exchange", icon=":material/swap_horiz:", on_click=_exchange, args=(card.name, chosen.card.name))
        st.markdown(f":gray[{plain(kinship(card, chosen))}]")
    return chosen.card


def _begin_anew(card: Card, others: Mapping[str, Kin]) -> None:
    """Another checkpoint is chosen: a partner that nobody chose for it, or that shares no label with it, makes room for its own kin."""
    before, own = session.get(session.PAIRED, (card.name, ""))
    partner = session.get(session.OTHER)
    if before != card.name and partner in others and (partner == own or not others[partner].shared):
        session.forget(session.OTHER)
    unchosen = session.get(session.OTHER) not in others
    session.choose(session.PAIRED, (card.name, next(iter(others)) if unchosen else own))


def _exchange(first: str, second: str) -> None:
    session.choose(session.MODEL, second)
    session.choose(session.OTHER, first)


def read(card: Card) -> Reading:
    """The labels of the document as it was pasted."""
    with st.spinner(f"Loading {card.name} …"):
        classifier = loading.classifier(card)
    document = Document.from_text(session.text())
    found = loading.remembered(("predict", card.digest, document.digest), lambda: predict(classifier, document.text, SHOWN))
    scores = loading.scores(classifier, document)
    chosen = classifier.labels.ids.get(session.get(session.LABEL))
    best = top_k(scores[None], max(SHOWN, int(session.get(session.K, 5)) + 7))[0]
    return Reading(classifier, document, document, tuple(range(len(document))), scores, best, chosen, found.ids, found.words_read)


def both(pair: Pair) -> list[Standing]:
    """The labels on the page under both checkpoints."""
    first, second = pair
    sought = str(session.get(session.SOUGHT, "")).strip()
    found = [each.classifier.labels.names[j] for each in pair for j in (each.classifier.labels.search(sought, SOUGHT) if sought else ())]
    more = [*session.get(session.PINS, []), *([label] if (label := session.get(session.LABEL)) else []), *found]
    return standings((first.classifier.labels, first.scores), (second.classifier.labels, second.scores), SHOWN, more)


def ranks(pair: Pair, found: list[Standing]) -> None:
    """The table of labels; a click chooses one."""
    names = [each.classifier.name for each in pair]
    st.text_input("Find another label", key=session.SOUGHT, placeholder="part of a label's name", persist_state="session", width=320)
    above = (("", 1), (names[0], 2), (names[1], 2), ("", 1))
    columns = ("Label", "Rank", "Score", "Rank", "Score", "Moves")
    chosen = session.get(session.LABEL)
    lines = [_line(pair, each) for each in found]
    current = next((i for i, each in enumerate(found) if each.label == chosen), None)
    rows(
        columns,
        lines,
        "compare.labels",
        lambda i: _choose(found[i].label),
        "Labels under both checkpoints; a click chooses one",
        current,
        above=above,
    )
    units = [UNITS[each.classifier.unit] for each in pair]
    said = f"A score is a {units[0]}" if units[0] == units[1] else f"A score of {names[0]} is a {units[0]}, one of {names[1]} a {units[1]}"
    st.caption(plain(f"Ranks are among all labels of each checkpoint and can be compared. {said}; each checkpoint has its own scale."))


def _line(pair: Pair, each: Standing) -> TextRow:
    places = (each.first, each.second)
    ranks = [f"{place.rank:,}" if place else "–" for place in places]
    scores = [number(place.score, side.classifier.unit) if place else "unknown" for place, side in zip(places, pair, strict=True)]
    moved = moves(each.moved)
    cells = (each.label, ranks[0], scores[0], ranks[1], scores[1], moved)
    return TextRow(cells, off=None in places, title=f"{each.label}: rank {ranks[0]}, then {ranks[1]}")


def moves(moved: int | None) -> str:
    """'▼ 3': three places lower under the second checkpoint."""
    if not moved:
        return "–" if moved is None else "="
    return f"▼ {moved:,}" if moved > 0 else f"▲ {-moved:,}"


def _choose(label: str) -> None:
    """A click on a label is a request to explain it, where that is cheap."""
    session.choose(session.LABEL, label)
    session.choose(session.ASKED, True)


def as_rows(pair: Pair, found: list[Standing]) -> list[dict[str, Any]]:
    """The same for a file."""
    first, second = (f"{each.classifier.name} ({each.classifier.unit})" for each in pair)
    return [
        {
            "label": each.label, f"rank, {first}": each.first and each.first.rank, f"rank, {second}": each.second and each.second.rank,
            "places lower": each.moved, f"score, {first}": each.first and float(np.float32(each.first.score)),
            f"score, {second}": each.second and float(np.float32(each.second.score)),
        }
        for each in found
    ]  # fmt: skip
