"""Attacks on the words of a document: what a search over words asks is answered here, and a person's own decisions are made.

    attack = recipe("qaraei-babbar-2021", Demote((label,)))
    for step in attack.steps(classifier, document): ...
    result = run(attack, classifier, document)

Probes (words taken away to rank them) are never candidates for a result. A success counts only once the saved swaps, replayed on the
original text and scored afresh, reach the goal again.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

import numpy as np

from core.attacks.goals import Goal
from core.attacks.searches.prune import Prune
from core.attacks.session import Session, Spent
from core.attacks.steps import Status, View
from core.attacks.words import screening
from core.attacks.words.components import Candidates, Constraint, Importance, Scene, Similarity
from core.attacks.words.oracle import WordOracle
from core.attacks.words.proposals import Proposals
from core.attacks.words.steps import (
    Ask,
    Assessment,
    CheckConstraints,
    Compare,
    Edits,
    Option,
    Propose,
    RankWords,
    Screen,
    Search,
    Swap,
    Take,
    Try,
    WordStep,
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

    change_rate: Annotated[float, Field("share of the words that may be changed (theta); above 0 at least one word may", low=0.0, high=1.0)] = 0.10
    queries: Annotated[int, Field("documents scored, at most (0: no limit)", low=0, high=10**9)] = 0
    seconds: Annotated[float, Field("seconds, at most (0: no limit); runs that end by the clock are not repeatable", low=0.0, high=1e6)] = 0.0

    def __post_init__(self) -> None:
        check(self)

    def words(self, document_words: int) -> int:
        """How many words may be changed: floor(theta n), at least 1 (methods.md 5.3); none where theta is 0."""
        return 0 if self.change_rate == 0 else max(1, int(np.floor(self.change_rate * document_words + 1e-9)))


@dataclass(frozen=True)
class WordAttack:
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

    def begin(self, classifier: Classifier, document: Document, truth: Sequence[int] | None = None, progress: Progress = silent) -> WordSession:
        """Look at the document. InputError for one without words, CapabilityError with the refusal's sentence."""
        if why := self.refusal(classifier):
            raise CapabilityError(why)
        return WordSession(self, classifier, document, truth, progress)

    def steps(
        self, classifier: Classifier, document: Document, truth: Sequence[int] | None = None, progress: Progress = silent
    ) -> Iterator[WordStep]:
        """All steps from the original document to the end."""
        return self.begin(classifier, document, truth, progress).steps()


class WordSession(Session[WordStep]):
    """One attack on the words of one document; it knows what it has scored before."""

    EXHAUSTED = "Every word that may be changed was tried."

    def __init__(
        self, attack: WordAttack, classifier: Classifier, document: Document, truth: Sequence[int] | None = None, progress: Progress = silent
    ) -> None:
        super().__init__(attack.budget.queries, attack.budget.seconds, progress)
        self.attack, self.classifier, self.original = attack, classifier, document
        self.words_read = classifier.words_read(document)
        if self.words_read > MAX_WORDS:
            raise InputError(f"the model reads {self.words_read:,} words of this document; at most {MAX_WORDS:,} are attacked. Cut it and try again.")
        self.oracle: WordOracle = WordOracle(classifier, attack.goal, document, truth, self.pause)
        self.unmet = attack.goal.unmet(self.oracle.start)
        scene = Scene(document, classifier.labels, attack.goal)
        self.proposals = Proposals(attack.candidates, attack.constraints, scene, self.words_read, self.pause)
        self.limit = attack.budget.words(len(document))

    # -- stepping

    def first(self) -> WordStep:
        status: Status = "refused" if self.unmet else "start"
        return self._step(0, status, Edits(self.original), self.oracle.known(self.original), note=self.unmet or "")

    def search(self, step: WordStep) -> Generator[Ask, Any, str | None]:
        return self.attack.search(step.edits, self.original)

    def decide(self, step: WordStep, ask: Ask) -> WordStep | None:
        if not isinstance(ask, Take):
            return None
        taken = self.take(step, ask)
        return replace(taken, index=step.index, status=step.status) if ask.silent and taken.status == "kept" else taken

    def answer(self, ask: Ask, step: WordStep) -> Any:
        match ask:
            case RankWords() | Propose() if not self.limit:
                raise Spent("No word may be changed, because the share of words that may be changed is 0.")
            case RankWords(document):
                self.afford(self.ranking_queries, "ranking the words")
                return self.rank_words(document)
            case Propose(document, position):
                if len(step.edits.swaps) >= self.limit and all(swap.position != position for swap in step.edits.swaps):
                    raise Spent(f"{self.limit} of {len(self.original)} words were changed, as many as the budget allows.")
                return self.proposals.propose(document, position)
            case Screen(documents, position, keep, by_gradient):
                return self._screen(documents, position, keep, by_gradient, step.document)
            case Try(documents, first):
                return self._try(documents, step.document, first)
            case CheckConstraints(documents):
                return self.proposals.violations(documents)
            case Compare(documents):
                return self.attack.similarity.cosine(self.original, documents)
        raise TypeError(f"a search cannot ask {ask!r}")

    def take(self, step: WordStep, ask: Take) -> WordStep:
        """The step that follows `step` by a decision. Where the goal seems reached, the swaps are replayed to confirm it."""
        edits = step.edits if ask.word is None else step.edits.swapped(self.original, ask.position, ask.word, ask.counted)
        edits = edits if ask.restored else replace(edits, tried=edits.tried | {ask.position})
        view = self.oracle.known(edits.document)
        status: Status = "restored" if ask.restored else "kept" if ask.word is None else "changed"
        note = ask.note
        if ask.word is not None and self.oracle.reached(view):
            replayed = self._replayed(edits.swaps)
            if self.oracle.reached(replayed):
                status, view = "reached", replayed
            else:
                note = "The goal was reached by a margin that a second scoring did not confirm; the attack goes on."
        return self._step(step.index + 1, status, edits, view, ask.position, ask.options, ask.word, note)

    def with_ranked_words(self, step: WordStep) -> WordStep:
        """The step with its words weighed and put in order, if they are not yet: what a page shows before the first choice."""
        if step.edits.order is not None or step.ended:
            return step
        return self._step(step.index, step.status, ranked(step.edits, self.rank_words(step.document)), step.view, note=step.note)

    def choose(self, before: WordStep, position: int, word: str | None) -> WordStep:
        """A person's own decision after `before`: put `word` at `position` (None: leave the word alone). Any single word may be
        chosen; InputError for what is not one word."""
        if word is None or word == before.document.words[position]:
            return self.take(before, Take(position, None, self.options(before, position), "left alone"))
        options = self.options(before, position)
        if word not in (option.word for option in options):
            self.oracle.seen([before.document.replace({position: word})])
        restored = word == self.original.words[position]
        return self.take(before, Take(position, word, options, "chosen by hand", restored=restored))

    def options(self, step: WordStep, position: int) -> tuple[Option, ...]:
        """All candidates of a word in the document after `step`, scored, by gain. Nothing is decided."""
        words = self.proposals.propose(step.document, position)
        if not words:
            return ()
        documents = [step.document.replace({position: word}) for word in words]
        assessed = self.oracle.assess(documents, step.document, base=(step.document, position))
        return by_gain(words, assessed, [None] * len(words))

    def pruned(self, reached: WordStep) -> Iterator[WordStep]:
        """On from a success: words that it does not need are put back, one a step; each step has reached the goal."""
        search = Prune()(reached.edits, self.original)
        step, answer = reached, None
        while True:
            try:
                shown = step
                step, answer = self.advance(search, answer, step)
            except (StopIteration, Spent):
                return
            if step.status != "reached":
                return  # a tie that a second scoring did not confirm
            if step.index != shown.index:
                yield step

    # -- what searches ask

    def rank_words(self, document: Document) -> FloatArray:
        """[w]: the importance of each word that may be attacked and that the model reads; -inf elsewhere."""
        if not self.proposals.positions:
            return np.full(len(document), -np.inf)
        return self.attack.importance.rank_words(self.oracle, document, self.proposals.positions)

    @property
    def ranking_queries(self) -> int:
        """The queries that weighing the words costs."""
        return self.attack.importance.queries(len(self.proposals.positions), len(self.attack.goal.gamma(self.oracle.start, self.oracle.start.seen)))

    def _screen(self, documents: Sequence[Document], position: int, keep: int, by_gradient: bool, current: Document) -> list[int]:
        if len(documents) <= keep or not (by_gradient and screening.fits(self.classifier, current)):
            return list(range(min(keep, len(documents))))
        self.afford(self.oracle.slope_queries(current), "another gradient")
        estimate = screening.first_order(self.oracle, current, documents, position)
        return [int(i) for i in np.argsort(-estimate, kind="stable")[:keep]]

    def _try(self, documents: Sequence[Document], current: Document, first: bool) -> Assessment:
        self.afford(1, "another candidate")
        left = self.queries - self.oracle.queries if self.queries else len(documents)
        return self.oracle.assess(documents[:left], current, first, _base(documents[:left], current))

    def _replayed(self, swaps: Sequence[Swap]) -> View:
        """The swaps put into the original text, which is read and scored afresh. No query of the attacker's: it confirms."""
        changed = Document.from_text(self.original.text).replace({swap.position: swap.new for swap in swaps})
        return self.oracle.fresh(Document.from_text(changed.text))

    # -- bookkeeping

    def end(self, step: WordStep, status: Status, note: str) -> WordStep:
        if status == "exhausted" and not self.proposals.positions:
            note = f"No word may be changed, because {self.proposals.nothing}."
        return self._step(step.index + 1, status, step.edits, self._replayed(step.edits.swaps), note=note)

    def _step(
        self, index: int, status: Status, edits: Edits, view: View, position: int | None = None, options: tuple[Option, ...] = (),
        chosen: str | None = None, note: str = "",
    ) -> WordStep:  # fmt: skip
        oracle = self.oracle
        return WordStep(index, status, edits, view, oracle.queries, self.spent_seconds, note, position, options, chosen, oracle.model_calls)


def _base(documents: Sequence[Document], current: Document) -> tuple[Document, int] | None:
    """The one position at which all these documents differ from the current one, if there is one."""
    if not documents or any(len(document.pieces) != len(current.pieces) for document in documents):
        return None
    places = {i for document in documents for i, (a, b) in enumerate(zip(document.pieces, current.pieces, strict=True)) if a is not b and a != b}
    return (current, next(iter(places)) // 2) if len(places) == 1 and next(iter(places)) % 2 else None
