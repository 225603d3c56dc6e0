"""Attacks on words: what they leave behind, and what their searches ask.

A search is a generator that asks (`RankWords`, `Try`, `CheckConstraints`, `Take`) and is sent answers; it never holds a model. The driver
(`core.attacks.words.session`) answers, and turns each `Take` into a `WordStep`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from core.attacks.steps import Step, View
from core.document import Document
from core.types import BoolArray, FloatArray


@dataclass(frozen=True)
class Swap:
    """Word `position` of the original document, `old`, now reads `new`. `counted` is False only for the changes that the
    published code leaves in the text without counting them (methods.md 5.2, bug 1)."""

    position: int
    old: str
    new: str
    counted: bool = True


@dataclass(frozen=True)
class Edits:
    """Where a search stands: the document now, the swaps that made it, the words in the order in which they will be tried
    (None: not yet ranked) with their importance [w], and the positions that were decided on."""

    document: Document
    swaps: tuple[Swap, ...] = ()
    order: tuple[int, ...] | None = None
    importance: tuple[float, ...] = ()
    tried: frozenset[int] = frozenset()

    @property
    def pending(self) -> tuple[int, ...]:
        """The words that are still to be tried, in order."""
        return tuple(position for position in self.order or () if position not in self.tried)

    def swapped(self, original: Document, position: int, word: str, counted: bool = True) -> Edits:
        """The edits with one more word replaced, or put back where `word` is the original's."""
        rest = tuple(swap for swap in self.swaps if swap.position != position)
        old = original.words[position]
        swaps = rest if word == old else (*rest, Swap(position, old, word, counted))
        return replace(self, document=original.replace({swap.position: swap.new for swap in swaps}), swaps=swaps)


@dataclass(frozen=True)
class Option:
    """A candidate for a word with what it would do. `gain` is the rise of the goal's progress over the current document;
    `refused` says why it may not be taken."""

    word: str
    gain: float
    reached: bool
    view: View
    refused: str | None = None


@dataclass(frozen=True)
class WordStep(Step[Edits]):
    """A decision about the word at `position`; `options` are its candidates in the search's order, best first; `chosen` the word put in, None
    if the word was kept. `model_calls` are those of the queries that the model really scored: the rest were known."""

    position: int | None = None
    options: tuple[Option, ...] = ()
    chosen: str | None = None
    model_calls: int = 0

    @property
    def edits(self) -> Edits:
        return self.state

    @property
    def document(self) -> Document:
        return self.state.document


# -- what a search asks


@dataclass(frozen=True)
class RankWords:
    """How important is each word of this document for the goal? Answer: FloatArray [w], larger = more important, -inf for
    words that may not be attacked."""

    document: Document


@dataclass(frozen=True)
class Propose:
    """Which words may stand at this position of this document? Answer: list[str], in the generators' order."""

    document: Document
    position: int


@dataclass(frozen=True)
class Assessment:
    """Of n documents: progress [n] of the current document's gamma; what that progress is now and was in the original; goal
    reached [n]; may be chosen at all [n]; and their views."""

    progress: FloatArray
    now: float
    original: float
    reached: BoolArray
    allowed: BoolArray
    views: tuple[View, ...]


@dataclass(frozen=True)
class Try:
    """What would these documents do? Answer: Assessment, perhaps of the first few only where the query budget ends. With
    `first`, only the documents up to the first that reaches the goal count as queries."""

    documents: Sequence[Document]
    first: bool = False


@dataclass(frozen=True)
class CheckConstraints:
    """Do these documents meet the constraints on whole documents? Answer: list[str | None], a reason for each refused one."""

    documents: Sequence[Document]


@dataclass(frozen=True)
class Compare:
    """How similar are these documents to the original? Answer: cosine of the sentence encoder, FloatArray [n]."""

    documents: Sequence[Document]


@dataclass(frozen=True)
class Screen:
    """Which of these documents, which differ from the current one in the word at `position`, are worth a query? Answer:
    list[int], the `keep` most promising, best first: by the gradient where `by_gradient` and the classifier gives a useful
    one, else the first ones."""

    documents: Sequence[Document]
    position: int
    keep: int
    by_gradient: bool


@dataclass(frozen=True)
class Take:
    """Decide on the word at `position`: put `word` in (None: keep it). Answer: the new Edits. A `silent` decision to keep
    a word is no step (there was no candidate)."""

    position: int
    word: str | None
    options: tuple[Option, ...] = ()
    note: str = ""
    counted: bool = True
    restored: bool = False
    silent: bool = False


Ask = RankWords | Propose | Screen | Try | CheckConstraints | Compare | Take
Search = Callable[[Edits, Document], Generator[Ask, Any, None]]
"""(where it stands, the original document) -> the generator that goes on from there."""


# -- what searches share


def by_gain(words: Sequence[str], assessed: Assessment, refused: Sequence[str | None]) -> tuple[Option, ...]:
    """Options by falling gain; of equal ones the earlier candidate first."""
    gains = assessed.progress - assessed.now
    stealth = [None if ok else "another label would leave the top k" for ok in assessed.allowed]
    found = [
        Option(words[i], float(gains[i]), bool(assessed.reached[i]), assessed.views[i], refused[i] or stealth[i]) for i in range(len(assessed.views))
    ]
    return tuple(found[i] for i in np.argsort(-gains, kind="stable"))


def ranked(edits: Edits, importance: FloatArray) -> Edits:
    """The edits with its words in the order of falling importance (ties: the earlier word); words of -inf are left out."""
    order = [int(i) for i in np.argsort(-importance, kind="stable") if importance[i] > -np.inf]
    return replace(edits, order=tuple(order), importance=tuple(float(value) for value in importance))
