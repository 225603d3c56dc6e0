"""Where substitutes come from: a masked language model, the encoder's own word vectors, WordNet, or a person.

The language model is loaded once a process and shared; a generator itself is only settings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from core.attacks.words.components import Scene
from core.document import Document
from core.fields import Field, check
from core.language.names import DEFAULT


def _cased(found: Sequence[tuple[str, float]], original: str) -> list[str]:
    from core.language import match_case

    return [match_case(word, original) for word, _ in found]


@dataclass(frozen=True)
class _Asking:
    """What all generators that ask a language model share."""

    source: Annotated[str, Field("masked language model: a checkpoint here, a folder, or a hub name (a hub name makes a request)")] = DEFAULT

    def __post_init__(self) -> None:
        check(self)

    def settings(self) -> dict[str, Any]:
        """The settings, and which weights answered: a name may hold another model tomorrow."""
        from core import language
        from core.fields import to_json

        return {**to_json(self), "digest": language.load(self.source).digest}

    def refusal(self) -> str | None:
        """Why the language model cannot be used, as a sentence."""
        from core import language

        return language.refusal(self.source)


@dataclass(frozen=True)
class MaskedLM(_Asking):
    """The `count` words that the language model finds most probable in the word's place (Qaraei and Babbar 2022, Algorithm 1).

    `masked` puts one mask token there, in the text as it stands (the paper); without it the intact text is read (BERT-Attack, and
    the paper's released code).
    """

    count: Annotated[int, Field("candidates a word (K)", low=1, high=1_000)] = 48
    masked: Annotated[bool, Field("hide the word from the language model")] = True
    minimum_probability: Annotated[float, Field("least probability of a candidate", low=0.0, high=1.0)] = 0.0

    NAME: ClassVar[str] = "masked-lm"

    def propose(self, scene: Scene, document: Document, position: int) -> Sequence[str]:
        return self.propose_all(scene, document, [position])[0]

    def propose_all(self, scene: Scene, document: Document, positions: Sequence[int]) -> list[Sequence[str]]:
        """The same for many words of one document, which the language model reads in batches."""
        import math

        from core import language

        found = language.load(self.source).fill([(document, position) for position in positions], self.count, self.masked)
        least = math.log(self.minimum_probability) if self.minimum_probability else -math.inf
        return [_cased([pair for pair in own if pair[1] >= least], document.words[i]) for i, own in zip(positions, found, strict=True)]


@dataclass(frozen=True)
class Neighbours(_Asking):
    """The nearest words in the encoder's input embedding, ordered by what the language model makes of them in this place:
    log p(word | text with the place masked) + `weight` * cosine. Far closer in meaning than the language model alone, and
    still grammatical (measurements.md 5); antonyms are near, too: use it with the antonym constraint."""

    nearest: Annotated[int, Field("nearest words that are looked at", low=1, high=2_000)] = 60
    weight: Annotated[float, Field("weight of the cosine against the log probability", low=0.0, high=1_000.0)] = 10.0
    count: Annotated[int, Field("candidates a word (K)", low=1, high=1_000)] = 24

    NAME: ClassVar[str] = "neighbours"

    def propose(self, scene: Scene, document: Document, position: int) -> Sequence[str]:
        from core import language

        model, word = language.load(self.source), document.words[position]
        near = model.neighbours(word, self.nearest)
        fits = model.word_log_probabilities(document, position, [other for other, _ in near])
        scored = [(other, float(fit) + self.weight * cosine) for (other, cosine), fit in zip(near, fits, strict=True)]
        return _cased(sorted(scored, key=lambda pair: -pair[1])[: self.count], word)


@dataclass(frozen=True)
class Given:
    """Words that a person wants tried, the same at every position."""

    words: tuple[str, ...]

    NAME: ClassVar[str] = "given"

    def settings(self) -> dict[str, list[str]]:
        return {"words": list(self.words)}

    def refusal(self) -> str | None:
        return None

    def propose(self, scene: Scene, document: Document, position: int) -> Sequence[str]:
        return self.words
