"""A vocabulary of normalised, case-folded words, shared by the models that read a Document's own words (linear, MACH, XML-CNN)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from core.checkpoint import Saved
from core.errors import InputError
from core.text.normalisation import CURRENT, Normaliser
from core.types import IntArray

FILE = "words.txt"
PADDING, UNKNOWN, FIRST = 0, 1, 2
"""Ids: no word at all, a word outside the vocabulary, and the first word of the vocabulary."""


@dataclass(frozen=True)
class Words:
    """Distinct case-folded words, the more frequent first, as `normaliser` reads them. The word at place i has id i + FIRST."""

    words: tuple[str, ...]
    normaliser: Normaliser = CURRENT

    def __post_init__(self) -> None:
        if len(self._places) != len(self.words):
            repeated = next(word for word, count in Counter(self.words).items() if count > 1)
            raise InputError(f"the vocabulary holds {repeated!r} more than once; each word may stand in it once")

    @classmethod
    def build(cls, texts: Iterable[str], minimum: int = 1, maximum: int | None = None) -> Words:
        """The words that stand in at least `minimum` of the texts, at most the `maximum` most frequent, ties by the alphabet."""
        counts: Counter[str] = Counter()
        normaliser = CURRENT
        for text in texts:
            counts.update(set(normaliser.words(text)))
        kept = sorted((word for word, count in counts.items() if count >= minimum), key=lambda word: (-counts[word], word))
        return cls(tuple(kept[:maximum]), normaliser)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {word: place for place, word in enumerate(self.words, FIRST)}

    @property
    def size(self) -> int:
        """How many ids there are, padding and unknown included: the rows of an embedding table."""
        return len(self.words) + FIRST

    def ids(self, words: Sequence[str]) -> IntArray:
        """Ids of words in any case: [w]. Words outside the vocabulary get UNKNOWN; PADDING is never returned."""
        places, folded = self._places, self.normaliser.folded
        return np.fromiter((places.get(folded(word), UNKNOWN) for word in words), dtype=np.int64, count=len(words))

    def to_text(self) -> str:
        """One word a line. No word holds a line break: Document counts those as separators."""
        return "".join(f"{word}\n" for word in self.words)

    def files(self) -> dict[str, str]:
        """For a checkpoint."""
        return {FILE: self.to_text(), **self.normaliser.files()}

    @classmethod
    def load(cls, saved: Saved, prefix: str = "") -> Words:
        """What `files` gave, under names that begin with `prefix`. CheckpointError for what is missing, InputError for what is wrong."""
        return cls.from_text(saved.file(prefix + FILE), Normaliser.of(saved.files, prefix))

    @classmethod
    def from_text(cls, text: str, normaliser: Normaliser = CURRENT) -> Words:
        """What `to_text` wrote. Raises InputError for an empty or repeated word."""
        lines = text.removesuffix("\n").split("\n") if text else []
        if "" in lines:
            raise InputError(f"line {lines.index('') + 1} of the vocabulary is empty; one word a line is expected")
        return cls(tuple(lines), normaliser)
