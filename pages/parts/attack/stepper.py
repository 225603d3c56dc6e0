"""One attack on words as a visitor steps through it (pages.parts.stepping), and the decisions. No widgets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from core.attacks import Option, WordResult, WordSession, WordStep
from core.attacks.words.certificate import Certificate
from core.attacks.words.cost import AttackCost
from core.errors import InputError
from pages.parts.attack.controls import AttackSetting
from pages.parts.stepping import Stepped

LOOKED_AT = 40
"""Words that are asked for candidates, to find the next one that has some."""


@dataclass
class AttackRun(Stepped[WordStep]):
    """The attack of one visitor. `picked` is the word that was clicked; `certificate` what was found out about single words, once that was
    asked."""

    key: tuple[Any, ...]
    setting: AttackSetting
    session: WordSession
    cost: AttackCost
    steps: list[WordStep] = field(default_factory=list)
    at: int = 0
    picked: int | None = None
    wanted: tuple[Any, ...] | None = None
    certificate: Certificate | None = None

    @property
    def result(self) -> WordResult:
        """The attack as far as it is shown."""
        return WordResult(self.session, tuple(self.steps[: self.at + 1]))

    def begin(self) -> None:
        """The original document, its words weighed."""
        self.steps, self.at = [self.session.with_ranked_words(self.session.first())], 0

    def add(self, step: WordStep) -> None:
        super().add(step)
        self.picked = None

    def rewind(self, to: int) -> None:
        super().rewind(to)
        self.picked = None

    def idle(self, step: WordStep) -> bool:
        return step.ended and step.position is None

    @property
    def _base(self) -> WordStep:
        return self.steps[self.standing]

    @property
    def coming(self) -> int | None:
        """The next word that the search will decide on: the first pending one that has candidates."""
        step = self.step
        if step.ended:
            return None
        return next((i for i in step.edits.pending[:LOOKED_AT] if self.session.proposals.propose(step.document, i)), None)

    @property
    def label(self) -> int:
        """The attacked label; of a non-targeted attack the first that has left the top k, or the best one."""
        goal, start = self.setting.goal, self.session.oracle.start
        return goal.targets[0] if goal.targets else next((j for j in start.top if self.step.view.rank(j) > goal.k), start.top[0])

    @property
    def spent(self) -> bool:
        """Whether as many words are changed as the budget allows."""
        return len(self.step.edits.swaps) >= self.session.limit

    def options(self, position: int) -> tuple[Option, ...]:
        """The candidates of a word, with the reasons of constraints on whole documents beside those that they refuse. Looking is
        not counted as an attacker's queries: a decision counts what it has looked at."""
        base, session = self._base, self.session
        queries = session.oracle.queries
        found = session.options(base, position)
        session.oracle.queries = queries
        reasons = session.proposals.violations([base.document.replace({position: option.word}) for option in found])
        return tuple(replace(option, refused=option.refused or reason) for option, reason in zip(found, reasons, strict=True))

    def refusals(self, position: int) -> dict[str, str]:
        """Candidates that a constraint removed before they were scored, and why."""
        return self.session.proposals.refusals.get((self._base.document.digest, position), {})

    # -- decisions

    def accept(self, position: int | None) -> None:
        """The search's own decision: on the next word, or on `position` as if it came next. The order of the other words stays."""
        base = self._base
        start = base
        if position is not None and position != self.coming:
            if not self.session.proposals.propose(base.document, position):
                raise InputError(f"'{base.document.words[position]}' has no candidate that the constraints let through. Type a word of your own.")
            order = (position, *(other for other in base.edits.order or () if other != position))
            start = replace(base, state=replace(base.edits, order=order, tried=base.edits.tried - {position}))
        found = next(self.session.steps(start))
        self.add(replace(found, state=replace(found.edits, order=base.edits.order)))

    def choose(self, position: int, word: str | None) -> None:
        """A person's decision: this word, or none. InputError for what is not one word."""
        self.add(self.session.choose(self._base, position, word))

    def to_the_end(self) -> Iterator[WordStep]:
        """The search's steps up to its end, each added as it comes; then, where the recipe says so, words are put back."""
        if self.step.ended:
            return
        for step in self.session.steps(self._base):
            self.add(step)
            yield step
        if self.setting.recipe.prune:
            yield from self.prune()

    def prune(self) -> Iterator[WordStep]:
        """After a success: words that it does not need are put back."""
        if self.step.status == "reached":
            for step in self.session.pruned(self.step):
                self.add(step)
                yield step


def said(before: WordStep, step: WordStep) -> str:
    """A step in a few words: 'cut → crop', 'files stays', 'the original text'."""
    if step.position is None:
        return {"exhausted": "no word is left", "budget": "the budget is spent"}.get(step.status, "the original text")
    old, new = before.document.words[step.position], step.document.words[step.position]
    return f"{old} stays" if old == new else f"{old} → {new}" + (" (put back)" if step.status == "restored" else "")


def sayings(steps: list[WordStep]) -> list[str]:
    return [said(before, step) for before, step in zip([steps[0], *steps], steps, strict=False)]
