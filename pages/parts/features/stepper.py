"""One attack on features as a visitor steps through it (pages.parts.stepping), and the decisions. No widgets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from core.attacks.features import FeatureResult, FeatureSession, FeatureStep
from pages.parts.stepping import Stepped


@dataclass
class FeatureRun(Stepped[FeatureStep]):
    """The attack of one visitor."""

    key: tuple[Any, ...]
    session: FeatureSession
    steps: list[FeatureStep] = field(default_factory=list)
    at: int = 0
    wanted: tuple[Any, ...] | None = None

    @property
    def result(self) -> FeatureResult:
        """The attack as far as it is shown."""
        return FeatureResult(self.session, tuple(self.steps[: self.at + 1]))

    def begin(self) -> None:
        self.steps, self.at = [self.session.first()], 0

    def forward(self) -> None:
        """The search's next look, or its end."""
        if not self.step.ended:
            self.add(next(self.session.steps(self.step)))

    def choose(self, index: int, value: float) -> None:
        """A person's decision: one feature takes a value. InputError for one outside of its bounds."""
        self.add(self.session.choose(self.steps[self.standing], index, value))

    def finish(self) -> None:
        """The end, before the budget's: what the nearest success comes to."""
        self.add(self.session.finish(self.steps[self.standing]))

    def to_the_end(self) -> Iterator[FeatureStep]:
        """The search's steps up to its end, each added as it comes."""
        if not self.step.ended:
            for step in self.session.steps(self.step):
                self.add(step)
                yield step


def sayings(steps: list[FeatureStep]) -> list[str]:
    """Each step in a few words."""
    ends = {"reached": "the nearest success", "exhausted": "nothing is left to try", "budget": "the budget is spent"}
    return [ends.get(step.status, step.note) for step in steps]
