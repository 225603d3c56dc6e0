"""What a page knows of one document under one model."""

from __future__ import annotations

from dataclasses import dataclass

from core.document import Document
from core.types import Classifier, IntArray, Scores
from pages.parts import session


@dataclass(frozen=True)
class Reading:
    """scores [L] of `document`, which is `original` with the visitor's edits; `positions` [w], the place of each of its
    words in the original; `top`, the best labels; `chosen`, the label looked at, or None; `retrieved`, the labels that
    the model's own search returns; `words_read`, how many of the first words the model reads."""

    classifier: Classifier
    original: Document
    document: Document
    positions: tuple[int, ...]
    scores: Scores
    top: IntArray
    chosen: int | None
    retrieved: tuple[int, ...]
    words_read: int

    @property
    def label(self) -> str:
        """The chosen label's name, or an empty string."""
        return "" if self.chosen is None else self.classifier.labels.names[self.chosen]

    @property
    def pins(self) -> list[int]:
        """The pinned labels that this model knows."""
        ids = self.classifier.labels.ids
        return [ids[name] for name in session.get(session.PINS, []) if name in ids]

    @property
    def shown(self) -> list[int]:
        """All labels on the page: the best, the pinned, the chosen."""
        return list(dict.fromkeys([*self.top.tolist(), *self.pins, *([] if self.chosen is None else [self.chosen])]))
