"""The same attack on two checkpoints, stepped together: where one stands, and going on, back or to the end. No widgets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from core.document import Document
from pages.parts.attack.stepper import AttackRun

Side = AttackRun | str
"""One checkpoint's attack, or the sentence why it cannot be made there."""


@dataclass
class Duel:
    """Both attacks of one visitor. Step n shows the n-th step of each; an attack that has ended stays at its end. `wanted` is the action
    asked for by a click, not yet done. Going back only looks: the steps are the search's own, so nothing branches."""

    key: tuple[Any, ...]
    sides: tuple[Side, Side]
    at: int = 0
    wanted: str | None = None

    @property
    def runs(self) -> list[AttackRun]:
        return [side for side in self.sides if isinstance(side, AttackRun)]

    @property
    def last(self) -> int:
        """The longest attack so far, in steps."""
        return max((len(run.steps) - 1 for run in self.runs), default=0)

    @property
    def over(self) -> bool:
        """Whether both have come to their end."""
        return all(run.steps[-1].ended for run in self.runs)

    def show(self, at: int) -> None:
        self.at = min(max(at, 0), self.last)
        for run in self.runs:
            run.rewind(self.at)

    def due(self) -> list[AttackRun]:
        """The attacks that must decide once more before the next step can be shown."""
        return [run for run in self.runs if len(run.steps) - 1 == self.at and not run.steps[-1].ended]

    def advance(self, run: AttackRun) -> None:
        """One decision of the search; after a success, where the recipe says so, words are put back, each a step."""
        run.rewind(len(run.steps) - 1)
        run.accept(None)
        if run.setting.recipe.prune:
            list(run.prune())

    def finish(self, run: AttackRun) -> Iterator[None]:
        """All decisions to the end; what was made stands if it is broken off."""
        while not run.steps[-1].ended:
            self.advance(run)
            self.at = max(self.at, len(run.steps) - 1)
            yield

    @property
    def attacked(self) -> tuple[Document | None, Document | None]:
        """The texts at the shown step, None where nothing was changed."""
        first, second = (side.step.document if isinstance(side, AttackRun) and side.step.edits.swaps else None for side in self.sides)
        return first, second
