"""An attack as a visitor steps through it, whatever it moves: the steps made so far, and where one stands among them. No widgets.

Steps are complete in themselves, so that undo, redo and rewind are an index. A decision made after a rewind begins a branch: what
followed is dropped.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from core.attacks import Step

S = TypeVar("S", bound=Step[Any])


class Stepped(Generic[S]):
    """`wanted` is the action asked for by a click, not yet done: it is done when the page runs, where it can show its progress."""

    steps: list[S]
    at: int
    wanted: tuple[Any, ...] | None

    @property
    def step(self) -> S:
        return self.steps[self.at]

    def add(self, step: S) -> None:
        """A step after the one that is shown; what followed that one is dropped."""
        self.steps = [*self.steps[: self.standing + 1], step]
        self.at = len(self.steps) - 1

    def rewind(self, to: int) -> None:
        self.at = min(max(to, 0), len(self.steps) - 1)

    def taken(self) -> tuple[Any, ...] | None:
        """What was asked for and is still to be done, and no longer asked for then; going back and forth is done here."""
        wanted, self.wanted = self.wanted, None
        match wanted:
            case ("undo",):
                self.rewind(self.at - 1)
            case ("redo",):
                self.rewind(self.at + 1)
            case ("rewind", int(to)):
                self.rewind(to)
            case _:
                return wanted
        return None

    @property
    def standing(self) -> int:
        """What a decision goes on from: an end that changed nothing is gone back behind, for a person may go on by hand."""
        return self.at - 1 if self.at and self.idle(self.step) else self.at

    def idle(self, step: S) -> bool:
        """Whether a step is an end that changed nothing."""
        return step.ended


def want(run: Stepped[Any], *action: object) -> None:
    """In a callback: note what was asked for."""
    run.wanted = action
