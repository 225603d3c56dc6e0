"""What checkpoints are to each other: parent and child, and how many labels they share. Whoever offers a partner asks here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from core import checkpoint
from core.errors import CoreError
from core.study.compare import parent_of
from pages.parts import loading
from pages.parts.cards import Card

Tie = Literal["parent", "child", ""]
TIES: tuple[Tie, ...] = ("parent", "child", "")


@dataclass(frozen=True)
class Kin:
    """A checkpoint as a partner: what it is to the chosen one, and how many of the chosen one's labels it knows."""

    card: Card
    tie: Tie
    shared: int
    labels: int

    @property
    def said(self) -> str:
        return self.card.title if self.shared else f"{self.card.title} (no label in common)"


def relatives(card: Card, cards: Sequence[Card]) -> list[Kin]:
    """The other checkpoints, the likeliest partner first: the parent, children, those that know the most of the same labels, of them those
    of the same kind."""
    own = parent_of(checkpoint.read_config(card.name))
    found = []
    for each in cards:
        if each.name != card.name:
            tie: Tie = "parent" if each.name == own else "child" if _made_from(each, card) else ""
            found.append(Kin(each, tie, *_in_common(card, each)))
    return sorted(found, key=lambda one: (not one.shared, TIES.index(one.tie), -one.shared, one.card.model != card.model))


def _made_from(each: Card, card: Card) -> bool:
    return parent_of(checkpoint.read_config(each.name)) == card.name


def _in_common(card: Card, each: Card) -> tuple[int, int]:
    """Labels that both know, and labels of the first. Equal checksums are the same labels, without reading them."""
    names = loading.labels(card).ids
    if card.labels and card.labels == each.labels:
        return len(names), len(names)
    return loading.remembered(("labels in common", card.digest, each.digest), lambda: _counted(names, each)), len(names)


def _counted(names: Mapping[str, int], each: Card) -> int:
    """0 where its labels cannot be read: choosing it says why."""
    try:
        return len(names.keys() & loading.labels(each).ids.keys())
    except CoreError:
        return 0


def kinship(card: Card, chosen: Kin) -> str:
    """What the two are to each other, and how much of the labels they share where it is not all."""
    one, other = card.name, chosen.card.name
    made = {"child": f"{other} was made from {one}.", "parent": f"{one} was made from {other}.", "": ""}[chosen.tie]
    if not chosen.shared:
        return f"{other} shares no label with {one}: no rank of the one has a counterpart in the other."
    return made if chosen.shared == chosen.labels else f"{made} {other} knows {chosen.shared:,} of the {chosen.labels:,} labels of {one}.".strip()
