"""The driver of every word-level attack: it answers what a search asks and turns each decision into a Step.

    attack = recipe("qaraei-babbar-2021", Demote((label,)))
    for step in attack.steps(classifier, document): ...
    result = run(attack, classifier, document)

Searches never hold a model, so the page, the command line, a study and the tests drive the same generator. Probes (words
taken away to weigh them) are never candidates for a result. A success counts only once the saved swaps, replayed on the
original text and scored afresh, reach the goal again.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

import numpy as np

from core.attacks.goals import Goal
from core.attacks.searches.prune import Prune
from core.attacks.words import screening
from core.attacks.words.components import Candidates, Constraint, Importance, Scene, Similarity
from core.attacks.words.oracle import Judge
from core.attacks.words.proposals import Proposals
from core.attacks.words.steps import (
    Ask,
    Compare,
    Judged,
    Option,
    Propose,
    Screen,
    Search,
    Status,
    Step,
    Swap,
    Take,
    Trail,
    Try,
    Vet,
    View,
    Weigh,
    by_gain,
    ranked,
)
from core.document import Document
from core.errors import CapabilityError, InputError
from core.fields import Field, check
from core.types import Classifier, FloatArray, Progress, silent

MAX_WORDS = 5_000
"""Words that are weighed one by one: each costs a query of the whole text, so that the cost grows with the square."""


@dataclass(frozen=True)
class Budget:
    """Where an attack gives up. 0 = no limit, for queries and seconds."""

    change_rate: Annotated[float, Field("share of the words that may be changed (theta); at least one word always may", low=0.0, high=1.0)] = 0.10
    queries: Annotated[int, Field("documents scored, at most (0: no limit)", low=0, high=10**9)] = 0
    seconds: Annotated[float, Field("seconds, at most (0: no limit); runs that end by the clock are not repeatable", low=0.0, high=1e6)] = 0.0

    def __post_init__(self) -> None:
        check(self)

    def words(self, document_words: int) -> int:
        """How many words may be changed: floor(theta n), at least 1 (methods.md 5.3)."""
        return max(1, int(np.floor(self.change_rate * document_words + 1e-9)))


class _Spent(Exception):
    """The budget of queries or seconds has run out; the message says which. Never leaves this module."""


@dataclass(frozen=True)
class Attack:
    """A recipe with a goal: everything that decides what happens, beside the classifier and the document."""

    goal: Goal
    importance: Importance
    candidates: tuple[Candidates, ...]
    constraints: tuple[Constraint, ...]
    search: Search
    similarity: Similarity
    budget: Budget = field(default_factory=Budget)
    name: str = "attack"
    seed: int = 0

    def refusal(self, classifier: Classifier) -> str | None:
        """Why this attack cannot be made on this classifier or this machine, as a sentence; None if it can."""
        parts: tuple[Candidates | Constraint | Similarity, ...] = (*self.candidates, *self.constraints, self.similarity)
        reasons = [self.importance.refusal(classifier), *(part.refusal() for part in parts)]
        return next((reason for reason in reasons if reason), None)

    def begin(self, classifier: Classifier, document: Document, truth: Sequence[int] | None = None, progress: Progress = silent) -> Session:
        """Look at the document. InputError for one without words, CapabilityError with the refusal's sentence."""
        if why := self.refusal(classifier):
            raise CapabilityError(why)
        return Session(self, classifier, document, truth, progress)

    def steps(self, classifier: Classifier, document: Document, truth: Sequence[int] | None = None, progress: Progress = silent) -> Iterator[Step]:
        """All steps from the original document to the end."""
        return self.begin(classifier, document, truth, progress).steps()


class Session:
    """One attack on one document: it can go on from any step, and knows what it has scored before.

    `progress(queries, at most, what)` is called between batches and may raise Cancelled.
    """

    def __init__(self, attack: Attack, classifier: Classifier, document: Document, truth: Sequence[int] | None = None, progress: Progress = silent):
        self.attack, self.classifier, self.original, self.progress = attack, classifier, document, progress
        self._began = time.monotonic()
        self._limits = False
        self.words_read = classifier.words_read(document)
        if self.words_read > MAX_WORDS:
            raise InputError(f"the model reads {self.words_read:,} words of this document; at most {MAX_WORDS:,} are attacked. Cut it and try again.")
        self.judge = Judge(classifier, attack.goal, document, truth, self._pause)
        scene = Scene(document, classifier.labels, attack.goal)
        self.proposals = Proposals(attack.candidates, attack.constraints, scene, self.words_read, self._pause)
        self.unmet = attack.goal.unmet(self.judge.start)
        self.limit = attack.budget.words(len(document))

    # -- stepping

    def first(self) -> Step:
        """The original document: a start, or a refusal with the reason."""
        status: Status = "refused" if self.unmet else "start"
        return self._step(0, status, Trail(self.original), self.judge.known(self.original), note=self.unmet or "")

    def steps(self, after: Step | None = None) -> Iterator[Step]:
        """From the original document, or on from `after` (which is not given again). The last step has ended."""
        step = after
        if step is None:
            step = self.first()
            yield step
        if step.ended:
            return
        yield from self._drive(self.attack.search(step.trail, self.original), step)

    def _drive(self, search: Generator[Ask, Any, None], step: Step) -> Iterator[Step]:
        """Answer the search's questions; every decision becomes a step, until the goal, the end of the words or the budget."""
        answer: Any = None
        while not step.ended:
            shown = step
            try:
                step, answer = self._advance(search, answer, step)
            except StopIteration:
                step = self._end(step, "exhausted", "Every word that may be changed was tried.")
            except _Spent as spent:
                step = self._end(step, "budget", str(spent))
            if step.index != shown.index:
                yield step

    def _advance(self, search: Generator[Ask, Any, None], answer: Any, step: Step) -> tuple[Step, Any]:
        """One question and its answer; the clock of the budget runs only in here."""
        self._limits = True
        try:
            ask = search.send(answer)
            if not isinstance(ask, Take):
                return step, self._answer(ask, step)
            taken = self.take(step, ask)
            if ask.silent and taken.status == "kept":
                taken = replace(taken, index=step.index, status=step.status)
            return taken, taken.trail
        finally:
            self._limits = False

    def _answer(self, ask: Ask, step: Step) -> Any:
        match ask:
            case Weigh(document):
                self._afford(self.weighing, "weighing the words")
                return self.weigh(document)
            case Propose(document, position):
                if len(step.trail.swaps) >= self.limit and all(swap.position != position for swap in step.trail.swaps):
                    raise _Spent(f"{self.limit} of {len(self.original)} words were changed, as many as the budget allows.")
                return self.proposals.propose(document, position)
            case Screen(documents, position, keep, by_gradient):
                return self._screen(documents, position, keep, by_gradient, step.document)
            case Try(documents, first):
                return self._try(documents, step.document, first)
            case Vet(documents):
                return self.proposals.vet(documents)
            case Compare(documents):
                return self.attack.similarity.cosine(self.original, documents)
        raise TypeError(f"a search cannot ask {ask!r}")

    def take(self, step: Step, ask: Take) -> Step:
        """The step that follows `step` by a decision. Where the goal seems reached, the swaps are replayed to confirm it."""
        trail = step.trail if ask.word is None else step.trail.swapped(self.original, ask.position, ask.word, ask.counted)
        trail = trail if ask.restored else replace(trail, tried=trail.tried | {ask.position})
        view = self.judge.known(trail.document)
        status: Status = "restored" if ask.restored else "kept" if ask.word is None else "changed"
        note = ask.note
        if ask.word is not None and self.judge.reached(view):
            replayed = self._replayed(trail.swaps)
            if self.judge.reached(replayed):
                status, view = "reached", replayed
            else:
                note = "The goal was reached by a margin that a second scoring did not confirm; the attack goes on."
        return self._step(step.index + 1, status, trail, view, ask.position, ask.options, ask.word, note)

    def weighed(self, step: Step) -> Step:
        """The step with its words weighed and put in order, if they are not yet: what a page shows before the first choice."""
        if step.trail.order is not None or step.ended:
            return step
        return self._step(step.index, step.status, ranked(step.trail, self.weigh(step.document)), step.view, note=step.note)

    def choose(self, before: Step, position: int, word: str | None) -> Step:
        """A person's own decision after `before`: put `word` at `position` (None: leave the word alone). Any single word may be
        chosen; InputError for what is not one word."""
        if word is None or word == before.document.words[position]:
            return self.take(before, Take(position, None, self.options(before, position), "left alone"))
        options = self.options(before, position)
        if word not in (option.word for option in options):
            self.judge.seen([before.document.replace({position: word})])
        restored = word == self.original.words[position]
        return self.take(before, Take(position, word, options, "chosen by hand", restored=restored))

    def options(self, step: Step, position: int) -> tuple[Option, ...]:
        """All candidates of a word in the document after `step`, scored, by gain. Nothing is decided."""
        words = self.proposals.propose(step.document, position)
        if not words:
            return ()
        documents = [step.document.replace({position: word}) for word in words]
        judged = self.judge.judged(documents, step.document, base=(step.document, position))
        return by_gain(words, judged, [None] * len(words))

    def pruned(self, reached: Step) -> Iterator[Step]:
        """On from a success: words that it does not need are put back, one a step; each step has reached the goal."""
        search = Prune()(reached.trail, self.original)
        step, answer = reached, None
        while True:
            try:
                shown = step
                step, answer = self._advance(search, answer, step)
            except (StopIteration, _Spent):
                return
            if step.status != "reached":
                return  # a tie that a second scoring did not confirm
            if step.index != shown.index:
                yield step

    # -- what searches ask

    def weigh(self, document: Document) -> FloatArray:
        """[w]: the importance of each word that may be attacked and that the model reads; -inf elsewhere."""
        if not self.proposals.positions:
            return np.full(len(document), -np.inf)
        return self.attack.importance.weigh(self.judge, document, self.proposals.positions)

    @property
    def weighing(self) -> int:
        """The queries that weighing the words costs."""
        return self.attack.importance.queries(len(self.proposals.positions), len(self.attack.goal.gamma(self.judge.start, self.judge.start.seen)))

    def _screen(self, documents: Sequence[Document], position: int, keep: int, by_gradient: bool, current: Document) -> list[int]:
        if len(documents) <= keep or not (by_gradient and screening.fits(self.classifier, current)):
            return list(range(min(keep, len(documents))))
        self._afford(self.judge.slope_queries(current), "another gradient")
        estimate = screening.first_order(self.judge, current, documents, position)
        return [int(i) for i in np.argsort(-estimate, kind="stable")[:keep]]

    def _try(self, documents: Sequence[Document], current: Document, first: bool) -> Judged:
        self._afford(1, "another candidate")
        left = self.attack.budget.queries - self.judge.queries if self.attack.budget.queries else len(documents)
        return self.judge.judged(documents[:left], current, first, _base(documents[:left], current))

    def _replayed(self, swaps: Sequence[Swap]) -> View:
        """The swaps put into the original text, which is read and scored afresh. No query of the attacker's: it confirms."""
        changed = Document.from_text(self.original.text).replace({swap.position: swap.new for swap in swaps})
        return self.judge.fresh(Document.from_text(changed.text))

    # -- limits and bookkeeping

    def _pause(self) -> None:
        budget, judge = self.attack.budget, getattr(self, "judge", None)
        queries = 0 if judge is None else judge.queries
        self.progress(queries, max(queries, budget.queries), "queries")
        if self._limits and budget.seconds and time.monotonic() - self._began > budget.seconds:
            raise _Spent(f"{budget.seconds:g} seconds are over.")

    def _afford(self, queries: int, what: str) -> None:
        """End the attack where the budget does not hold so many more queries."""
        spent, budget = self.judge.queries, self.attack.budget.queries
        if budget and spent + queries > budget:
            raise _Spent(f"{spent:,} of {budget:,} queries were made; {what} needs {queries:,}.")

    def _end(self, step: Step, status: Status, note: str) -> Step:
        # Scored afresh like a success: what is saved must come out the same when it is replayed.
        return self._step(step.index + 1, status, step.trail, self._replayed(step.trail.swaps), note=note)

    def _step(
        self, index: int, status: Status, trail: Trail, view: View, position: int | None = None, options: tuple[Option, ...] = (),
        chosen: str | None = None, note: str = "",
    ) -> Step:  # fmt: skip
        spent = time.monotonic() - self._began
        return Step(index, status, trail, view, position, options, chosen, self.judge.queries, self.judge.model_calls, spent, note)


def _base(documents: Sequence[Document], current: Document) -> tuple[Document, int] | None:
    """The one position at which all these documents differ from the current one, if there is one."""
    if not documents or any(len(document.pieces) != len(current.pieces) for document in documents):
        return None
    places = {i for document in documents for i, (a, b) in enumerate(zip(document.pieces, current.pieces, strict=True)) if a is not b and a != b}
    return (current, next(iter(places)) // 2) if len(places) == 1 and next(iter(places)) % 2 else None
