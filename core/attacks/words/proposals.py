"""Which words of a document may be changed, and by what: the candidates of an attack and what its constraints say of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property

from core.attacks.words.components import Batched, Candidates, Constraint, Scene
from core.document import Document


class Proposals:
    """The candidates and constraints of one attack on one document (`scene`), of which the model reads the first `words_read` words. What a
    generator said of a word in its text is kept. `pause` is called before a generator is asked: it may raise to end the work."""

    def __init__(
        self, candidates: Sequence[Candidates], constraints: Sequence[Constraint], scene: Scene, words_read: int, pause: Callable[[], None]
    ) -> None:
        self.candidates, self.constraints, self.scene, self.words_read, self._pause = candidates, constraints, scene, words_read, pause
        self._proposed: dict[tuple[str, int], list[str]] = {}
        self._foreseen: dict[tuple[str, int], dict[int, Sequence[str]]] = {}
        self.refusals: dict[tuple[str, int], dict[str, str]] = {}
        """Per document digest and position: the candidates that a constraint removed, with the reason."""

    @cached_property
    def positions(self) -> tuple[int, ...]:
        """The words of the original that may be changed and that the model reads."""
        return tuple(i for i in range(self.words_read) if self.stays(i) is None)

    def stays(self, position: int) -> str | None:
        """Why a word of the original may not be changed; None if it may."""
        if position >= self.words_read:
            return "past the model's window"
        reasons = (constraint.position(self.scene, self.scene.original, position) for constraint in self.constraints)
        return next((reason for reason in reasons if reason), None)

    @property
    def nothing(self) -> str:
        """Why no word of the original may be changed: each reason with how many words it holds, the most frequent first."""
        if not self.words_read:
            return "the model reads none of them"
        reasons = Counter(self.stays(i) or "free" for i in range(len(self.scene.original)))
        return ", ".join(f"{count:,} {'is' if count == 1 else 'are'} kept as {reason}" for reason, count in reasons.most_common())

    def propose(self, document: Document, position: int) -> list[str]:
        """The candidates of a word that every constraint on words lets through; what was removed is kept in `refusals`."""
        key = (document.digest, position)
        if key not in self._proposed:
            self._pause()
            foreseen = self._foreseen.pop(key, {})
            parts = [foreseen[i] if i in foreseen else part.propose(self.scene, document, position) for i, part in enumerate(self.candidates)]
            words = list(dict.fromkeys(word for part in parts for word in part))
            removed: dict[str, str] = {}
            for constraint in self.constraints:
                left = [word for word in words if word not in removed]
                for word, reason in zip(left, constraint.words(self.scene, document, position, left), strict=True):
                    if reason:
                        removed[word] = reason
            self._proposed[key] = [word for word in words if word not in removed]
            self.refusals[key] = removed
        return self._proposed[key]

    def foresee(self, document: Document, positions: Sequence[int]) -> None:
        """Look up the candidates of many words together, where a generator is faster so; `propose` then has them at hand."""
        new = [position for position in positions if (document.digest, position) not in self._proposed]
        for number, part in enumerate(self.candidates):
            if new and isinstance(part, Batched):
                for position, words in zip(new, part.propose_all(self.scene, document, new), strict=True):
                    self._foreseen.setdefault((document.digest, position), {})[number] = words

    def violations(self, documents: Sequence[Document]) -> list[str | None]:
        """Why each document may not be made of the original; None where it may."""
        found: list[str | None] = [None] * len(documents)
        for constraint in self.constraints:
            if constraint.late:
                found = [old or new for old, new in zip(found, constraint.documents(self.scene, documents), strict=True)]
        return found
