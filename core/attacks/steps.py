"""What any attack leaves behind, whatever it moves: immutable steps, complete in themselves, so that rewinding is indexing a list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

S = TypeVar("S")
"""Where an attack stands: the edits of a text (core.attacks.words.steps.Edits), or a point in feature space (core.attacks.features.steps.Point)."""

Status = Literal["start", "changed", "kept", "restored", "reached", "exhausted", "budget", "refused"]
"""start: the original; changed / kept: something was changed / no candidate helped; restored: a word was put back; reached: the goal is
reached, and a second scoring confirmed it; exhausted: nothing is left to try; budget: the budget is spent; refused: the goal does not fit
the document."""

ENDS: tuple[Status, ...] = ("reached", "exhausted", "budget", "refused")


@dataclass(frozen=True)
class View:
    """Scores and ranks of the tracked labels in one document, and its top labels, best first."""

    labels: tuple[int, ...]
    scores: tuple[float, ...]
    ranks: tuple[int, ...]
    top: tuple[int, ...]
    top_scores: tuple[float, ...]

    def rank(self, label: int) -> int:
        return self.ranks[self.labels.index(label)]

    def score(self, label: int) -> float:
        return self.scores[self.labels.index(label)]


@dataclass(frozen=True)
class Step(Generic[S]):
    """One decision. `state` is where the attack stands after it, `view` what the classifier says there. Queries are the documents whose
    scores were asked for so far, `seconds` those since the attack began."""

    index: int
    status: Status
    state: S
    view: View
    queries: int = 0
    seconds: float = 0.0
    note: str = ""

    @property
    def ended(self) -> bool:
        return self.status in ENDS
