"""The driver of every attack, whatever it moves: it answers what a search asks and turns each decision into a Step.

    for step in attack.begin(...).steps(): ...
    for step in session.steps(after=step): ...        # on from there, also after going back

A search is a generator that asks and is sent answers; it never holds a model. So the page, the command line, a study and the tests drive
the same one. A success counts only once a second scoring confirms it. What differs between words and features is in three methods: `search`
(the generator that goes on from a step), `decide` (an ask that is a decision becomes a step) and `answer` (all other asks).
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator
from typing import Any, Generic, TypeVar

from core.attacks.oracle import Oracle
from core.attacks.steps import Status, Step
from core.types import Progress

S = TypeVar("S", bound=Step[Any])
"""The kind of step that comes out."""


class Spent(Exception):
    """The budget of queries or seconds has run out; the message says which. Only a session catches it."""


class Session(ABC, Generic[S]):
    """One attack on one document: it can go on from any of its steps. `oracle` asks the classifier, `unmet` says why the goal does not fit
    the document (None: it does). `queries` and `seconds` are the budget, 0 = no limit.

    `progress(queries, at most, what)` is called between batches and may raise Cancelled.
    """

    EXHAUSTED = "The search has come to its end."
    """The note of the last step where a search ends and says nothing of its own."""

    oracle: Oracle[Any]
    unmet: str | None

    def __init__(self, queries: int, seconds: float, progress: Progress) -> None:
        self.queries, self.seconds, self.progress = queries, seconds, progress
        self._began = time.monotonic()
        self._limits = False

    # -- what an attack on words, or on features, is

    @abstractmethod
    def first(self) -> S:
        """The original: a start, or a refusal with the reason."""

    @abstractmethod
    def search(self, step: S) -> Generator[Any, Any, str | None]:
        """The search that goes on from `step`; what it returns is the note of the last step."""

    @abstractmethod
    def decide(self, step: S, ask: Any) -> S | None:
        """The step that follows `step` by a decision of the search; None where the ask is a question. A step of the same index as `step`
        only changes the state: it is not shown."""

    @abstractmethod
    def answer(self, ask: Any, step: S) -> Any:
        """What a search that stands at `step` is to know. Spent where the budget does not hold it."""

    @abstractmethod
    def end(self, step: S, status: Status, note: str) -> S:
        """The last step; its scores are taken afresh, like those of a success: what is saved must come out the same when it is replayed."""

    # -- stepping

    def steps(self, after: S | None = None) -> Iterator[S]:
        """From the original, or on from `after` (which is not given again). The last step has ended."""
        step = after
        if step is None:
            step = self.first()
            yield step
        if not step.ended:
            yield from self.drive(self.search(step), step)

    def drive(self, search: Generator[Any, Any, str | None], step: S) -> Iterator[S]:
        """Answer the search's questions; every decision becomes a step, until the goal, the end of the search or the budget."""
        answer: Any = None
        while not step.ended:
            shown = step
            try:
                step, answer = self.advance(search, answer, step)
            except StopIteration as stopped:
                step = self.end(step, "exhausted", stopped.value or self.EXHAUSTED)
            except Spent as spent:
                step = self.end(step, "budget", str(spent))
            if step.index != shown.index:
                yield step

    def advance(self, search: Generator[Any, Any, str | None], answer: Any, step: S) -> tuple[S, Any]:
        """One ask of the search: the step after it, and what the search is to be sent next. The clock of the budget runs only in here."""
        self._limits = True
        try:
            ask = search.send(answer)
            taken = self.decide(step, ask)
            return (step, self.answer(ask, step)) if taken is None else (taken, taken.state)
        finally:
            self._limits = False

    # -- limits

    @property
    def spent_seconds(self) -> float:
        """Since the attack began."""
        return time.monotonic() - self._began

    @property
    def spent_queries(self) -> int:
        return self.oracle.queries

    def pause(self) -> None:
        """Between two batches: say how far it is, and end the search where its time is over."""
        self.progress(self.spent_queries, max(self.spent_queries, self.queries), "queries")
        if self._limits and self.seconds and self.spent_seconds > self.seconds:
            raise Spent(f"{self.seconds:g} seconds are over.")

    def afford(self, queries: int, what: str) -> None:
        """End the attack where the budget does not hold so many more queries."""
        if self.queries and self.spent_queries + queries > self.queries:
            raise Spent(f"{self.spent_queries:,} of {self.queries:,} queries were made; {what} needs {queries:,}.")
