"""Parts of attacks whose every answer is known by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from core.attacks.goals import Goal
from core.attacks.searches.greedy import Greedy
from core.attacks.words.components import Constraint, Scene
from core.attacks.words.importance import Masking
from core.attacks.words.session import Budget, WordAttack
from core.document import Document
from core.types import FloatArray


@dataclass(frozen=True)
class Canned:
    """The same candidates for a word wherever it stands; `default` for every other word."""

    by_word: Mapping[str, Sequence[str]] = field(default_factory=dict)
    default: Sequence[str] = ()

    NAME: ClassVar[str] = "canned"

    def settings(self) -> dict[str, list[str]]:
        return {"words": [*self.by_word, *self.default]}

    def refusal(self) -> str | None:
        return None

    def propose(self, scene: Scene, document: Document, position: int) -> Sequence[str]:
        return self.by_word.get(document.words[position], self.default)


@dataclass(frozen=True)
class SharedWords:
    """Cosine = share of the original's words that are still there."""

    source: str = "shared-words"

    NAME: ClassVar[str] = "shared-words"

    def settings(self) -> dict[str, str]:
        return {"source": self.source}

    def refusal(self) -> str | None:
        return None

    def cosine(self, original: Document, documents: Sequence[Document]) -> FloatArray:
        return np.array([np.mean([a == b for a, b in zip(original.words, one.words, strict=True)]) for one in documents])


@dataclass(frozen=True)
class Forbidden(Constraint):
    """Words that must stay, and words that may not come in."""

    source: tuple[str, ...] = ()
    target: tuple[str, ...] = ()

    NAME: ClassVar[str] = "forbidden"

    def settings(self) -> dict[str, list[str]]:
        return {"source": list(self.source), "target": list(self.target)}

    def position(self, scene: Scene, document: Document, position: int) -> str | None:
        return "forbidden" if document.words[position] in self.source else None

    def words(self, scene: Scene, document: Document, position: int, words: Sequence[str]) -> list[str | None]:
        return ["forbidden" if word in self.target else None for word in words]


def attack(goal: Goal, by_word: Mapping[str, Sequence[str]] | None = None, default: Sequence[str] = (), **parts: object) -> WordAttack:
    """A greedy attack by masking with canned candidates; `parts` replaces any of its parts."""
    from dataclasses import replace

    plain = WordAttack(goal, Masking(), (Canned(by_word or {}, default),), (), Greedy(), SharedWords(), Budget(change_rate=1.0), "toy")
    return replace(plain, **parts)  # type: ignore[arg-type]  # the caller names fields of WordAttack
