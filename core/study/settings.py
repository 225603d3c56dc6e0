"""What a study is asked to do: everything that decides its records. How many processes work on it decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

from core import fields
from core.attacks import Demote, Disturb, Promote, Recipe
from core.attacks.goals import GOALS, MAX_K, Goal, explained, goal_class
from core.attacks.words.session import WordAttack
from core.errors import SettingsError
from core.fields import Field, check
from core.labels import BIN_EDGES

Prepare = Callable[[Recipe, Goal, str], WordAttack]
"""Makes the attack of a recipe and a goal: `core.attacking.prepare`, or what a test puts in its place."""

AUTO, EDGES = "auto", "edges"


@dataclass(frozen=True)
class Study:
    """Which pairs are attacked, and to what end."""

    checkpoint: Annotated[str, Field("a name in checkpoints/ or the path of a checkpoint folder")] = "debtags-linear"
    dataset: Annotated[str, Field("a registered data set or the path of a file or folder")] = "debtags"
    split: Annotated[str, Field("documents are drawn from this split", choices=("train", "dev", "test"))] = "test"
    goal: Annotated[
        str, Field(f"{explained(GOALS)}. Out of the top k goes a true label, into it comes a wrong one, disturbed are right predictions")
    ] = Demote.NAME
    targets: Annotated[
        str, Field("negative-targeted: labels that share a cluster with a true one (eq. 4.5), or any", choices=("cluster", "naive"))
    ] = "cluster"
    k: Annotated[int, Field("the k of the top k that labels leave or enter", low=1, high=MAX_K)] = 5
    margin: Annotated[int, Field("positive-targeted: places that labels must fall beyond rank k", low=0, high=10**6)] = 0
    stealth: Annotated[bool, Field("the other labels of the top k must stay there")] = False
    gamma: Annotated[str, Field("non-targeted: which labels may leave", choices=("correct", "predicted"))] = "correct"
    pairs: Annotated[int, Field("pairs of document and label", low=1, high=1_000_000)] = 200
    bins: Annotated[str, Field("bins of training counts: auto (closed once they hold 1/30 of the labels, at least 10), edges "
                               f"({', '.join(map(str, BIN_EDGES))}), or lower edges separated by commas")] = EDGES  # fmt: skip
    per_document: Annotated[int, Field("pairs that may share a document", low=1, high=1_000)] = 3
    max_words: Annotated[int, Field("longer documents are left out (0: none is)", low=0, high=5_000_000)] = 0
    min_words: Annotated[int, Field("shorter documents are left out", low=0, high=5_000_000)] = 0

    documents: Annotated[int, Field("look at so many documents of the split, drawn at random (0: all)", low=0, high=10**8)] = 0
    pairs_from: Annotated[
        str, Field("attack the pairs of another study, whose folder is named here, with its settings and recipe: nothing is drawn, and pairs "
                   "that this checkpoint does not hold are recorded as skipped")
    ] = ""  # fmt: skip

    def __post_init__(self) -> None:
        check(self)
        object.__setattr__(self, "goal", goal_class(self.goal).NAME)
        if self.bins not in (AUTO, EDGES):
            self._given_edges()

    def edges(self) -> tuple[int, ...] | None:
        """Lower edges of the bins, ascending; None for "auto"."""
        return None if self.bins == AUTO else BIN_EDGES if self.bins == EDGES else self._given_edges()

    def _given_edges(self) -> tuple[int, ...]:
        parts = [part.strip() for part in self.bins.split(",")]
        numbers = [int(part) for part in parts if part.isascii() and part.isdigit() and len(part) < 12]
        if len(numbers) != len(parts) or numbers != sorted(set(numbers)):
            raise SettingsError(f"bins is auto, edges, or ascending lower edges such as 1,20,100; got {self.bins!r}")
        return tuple(numbers)

    def goal_for(self, label: int | None) -> Goal:
        """The goal of one pair."""
        kind = goal_class(self.goal)
        if kind is Disturb or label is None:
            return Disturb(self.k, "correct" if self.gamma == "correct" else "predicted", self.stealth)
        return Promote((label,), self.k, self.stealth) if kind is Promote else Demote((label,), self.k, self.margin, self.stealth)


@dataclass(frozen=True)
class Request:
    """A study, and the recipe by the name it is recorded under. The recipe's seed seeds the draw, too."""

    study: Study
    recipe: str = "qaraei-babbar-2021"
    switches: Recipe = field(default_factory=Recipe)

    def to_json(self) -> dict[str, Any]:
        study = fields.to_json(self.study)
        for name in ("pairs_from", "min_words"):
            if not study[name]:
                del study[name]  # the folder of a study that was begun before there was this setting goes on with the same request
        return {"study": study, "recipe": self.recipe, "switches": fields.to_json(self.switches)}

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Request:
        """SettingsError for settings that this version does not know."""
        if not isinstance(found.get("study"), dict) or not isinstance(found.get("switches"), dict):
            raise SettingsError("this folder's config.json is no study's: it needs 'study' and 'switches' as objects")
        try:
            return cls(fields.from_json(Study, found["study"]), str(found["recipe"]), fields.from_json(Recipe, found["switches"]))
        except (KeyError, TypeError) as error:
            raise SettingsError(f"this folder's config.json is no study's: {type(error).__name__} {error}") from error
