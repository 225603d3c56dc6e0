"""What may be replaced by what: each constraint answers the one question it is about, with a short reason.

Early constraints look at a word and its candidates and cost microseconds; the two late ones (similarity, perplexity) read whole
documents and are asked only of what would be taken. Meaning and part of speech are held against the original document, so that
small steps cannot add up to a large one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Annotated, Any, ClassVar

import numpy as np

from core.attacks.words.components import Constraint, Scene
from core.attacks.words.similarity import SentenceSimilarity, angular
from core.document import Document
from core.fields import Field, check
from core.language.names import DEFAULT

WINDOW = 5
"""Words on either side of a change whose likelihood is read again (`Perplexity`)."""


@dataclass(frozen=True)
class SameWord(Constraint):
    """No word for itself in another case, be it the one that stands there or the original's."""

    NAME: ClassVar[str] = "same-word"

    def words(self, scene: Scene, document: Document, position: int, words: Sequence[str]) -> Sequence[str | None]:
        own = {scene.original.words[position].casefold(), document.words[position].casefold()}
        return ["the same word" if word.casefold() in own else None for word in words]


@dataclass(frozen=True)
class WholeWord(Constraint):
    """Candidates are letters only, of any script; words without a letter (numbers) stay."""

    NAME: ClassVar[str] = "whole-word"

    def position(self, scene: Scene, document: Document, position: int) -> str | None:
        return None if any(letter.isalpha() for letter in document.words[position]) else "no letter in it"

    def words(self, scene: Scene, document: Document, position: int, words: Sequence[str]) -> Sequence[str | None]:
        return [None if unicodedata.normalize("NFC", word).isalpha() else "not one alphabetic word" for word in words]


@cache
def _stop_words() -> frozenset[str]:
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return frozenset(ENGLISH_STOP_WORDS)


@dataclass(frozen=True)
class StopWords(Constraint):
    """Stop words (scikit-learn's 318) neither go nor come."""

    fold: Annotated[bool, Field("know stop words in any case; without it The is no stop word, as in the published code")] = True

    NAME: ClassVar[str] = "stop-words"

    def __post_init__(self) -> None:
        check(self)

    def _reason(self, word: str) -> str | None:
        return "a stop word" if (word.casefold() if self.fold else word) in _stop_words() else None

    def position(self, scene: Scene, document: Document, position: int) -> str | None:
        return self._reason(document.words[position])

    def words(self, scene: Scene, document: Document, position: int, words: Sequence[str]) -> Sequence[str | None]:
        return [self._reason(word) for word in words]


@dataclass(frozen=True)
class Protected(Constraint):
    """These very words, in this case, neither go nor come."""

    protected: Annotated[str, Field("words that must stay, separated by spaces")] = ""

    NAME: ClassVar[str] = "protected"

    def __post_init__(self) -> None:
        check(self)

    def position(self, scene: Scene, document: Document, position: int) -> str | None:
        return "protected" if document.words[position] in self.protected.split() else None

    def words(self, scene: Scene, document: Document, position: int, words: Sequence[str]) -> Sequence[str | None]:
        kept = frozenset(self.protected.split())
        return ["protected" if word in kept else None for word in words]


@lru_cache(65_536)
def _roots(word: str) -> frozenset[str]:
    """A word's lemmas and its stem (Porter 1980): programs, programming and programmed share one."""
    from core.language import speech

    return frozenset({*speech.lemmas(word), _stemmer().stem(word.casefold())})


@cache
def _stemmer() -> Any:
    from nltk.stem.porter import PorterStemmer

    return PorterStemmer()


@lru_cache(1_024)
def _name_roots(names: tuple[str, ...]) -> frozenset[str]:
    words = [word for name in names for word in re.split(r"[\W\d_]+", name) if word]
    return frozenset(root for word in words for root in _roots(word))


@dataclass(frozen=True)
class LabelNames(Constraint):
    """No candidate is a form of a word of the attacked labels' names: a label that shall enter must not be written down
    ("role::program" forbids role, program, programs). A non-targeted goal attacks no label by name."""

    NAME: ClassVar[str] = "label-names"

    def words(self, scene: Scene, document: Document, position: int, words: Sequence[str]) -> Sequence[str | None]:
        if not scene.goal.targets:
            return [None] * len(words)
        named = _name_roots(tuple(scene.space.names[label] for label in scene.goal.targets))
        return [None if named.isdisjoint(_roots(word)) else "a word of the label's name" for word in words]


@dataclass(frozen=True)
class Antonyms(Constraint):
    """No candidate means the opposite of the original's word, by WordNet (`core.language.wordnet.antonyms`), in any form.

    On a machine without WordNet it lets everything through and says so (`off`, and in the settings that a record keeps): the
    default attack runs after a plain installation.
    """

    NAME: ClassVar[str] = "antonyms"

    def off(self) -> str | None:
        from core.language import wordnet

        why = wordnet.missing()
        return why and f"Antonyms are not refused: {why}"

    def settings(self) -> dict[str, str]:
        why = self.off()
        return {"off": why} if why else {}

    def words(self, scene: Scene, document: Document, position: int, words: Sequence[str]) -> Sequence[str | None]:
        from core.language import speech, wordnet

        if wordnet.missing():
            return [None] * len(words)
        word = scene.original.words[position]
        opposite = wordnet.antonyms(word)
        return [None if opposite.isdisjoint(speech.lemmas(other)) else f"an antonym of '{word}'" for other in words]


@dataclass(frozen=True)
class PartOfSpeech(Constraint):
    """The candidate, where it would stand, has the part of speech that the original's word has in its place: noun (names, too),
    verb, adjective, adverb, and the function words. A small tagger (`core.language.speech`) reads three words on either side; of
    80 content words drawn from package descriptions five were tagged wrongly, by eye: four rare words and a verb taken for a noun."""

    NAME: ClassVar[str] = "part-of-speech"

    def words(self, scene: Scene, document: Document, position: int, words: Sequence[str]) -> Sequence[str | None]:
        from core.language import speech

        due = speech.part_of_speech(speech.tag(*speech.around(scene.original, position)))
        found = [speech.part_of_speech(penn) for penn in speech.tags(document, position, words)]
        return [None if part == due else f"another part of speech ({part} for {due})" for part in found]


@dataclass(frozen=True)
class MinimumSimilarity(Constraint):
    """The text stays as similar to the original as asked, by a sentence encoder. A threshold belongs to one encoder and one
    reading of it: 0.8 of 1 - arccos(cosine), as in the published code, is a cosine of 0.980 (methods.md 5.2)."""

    minimum: Annotated[float, Field("least similarity to the original text", low=-2.2, high=1.0)] = 0.9
    kind: Annotated[str, Field("the cosine, or 1 - arccos(cosine)", choices=("cosine", "angular"))] = "cosine"
    source: Annotated[str, Field("sentence encoder: the embedded one, a folder, or a hub name (a hub name makes a request)")] = "all-MiniLM-L6-v2"

    NAME: ClassVar[str] = "minimum-similarity"
    late: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check(self)

    def refusal(self) -> str | None:
        return SentenceSimilarity(self.source).refusal()

    def documents(self, scene: Scene, documents: Sequence[Document]) -> Sequence[str | None]:
        cosines = [float(value) for value in SentenceSimilarity(self.source).cosine(scene.original, documents)]
        found = [angular(value) if self.kind == "angular" else value for value in cosines]
        name = "similarity" if self.kind == "cosine" else "1 - arccos similarity"
        return [f"{name} {value:.3f} is below {self.minimum:.3f}" if value < self.minimum else None for value in found]


@dataclass(frozen=True)
class Perplexity(Constraint):
    """The text's pseudo-perplexity (Salazar et al. 2020, over words: exp of the mean of -log p(word | the rest)) does not rise by
    more than a factor. Only the changed words and the five on either side are read again; the likelihood of words farther off
    counts as unchanged: ratio = exp((sum over those of log p before - log p after) / all words of the text)."""

    ratio: Annotated[float, Field("largest rise of the text's pseudo-perplexity, as a factor", low=0.0, high=1e6)] = 2.0
    source: Annotated[str, Field("masked language model: a checkpoint here, a folder, or a hub name (a hub name makes a request)")] = DEFAULT

    NAME: ClassVar[str] = "perplexity"
    late: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check(self)

    def refusal(self) -> str | None:
        from core import language

        return language.refusal(self.source)

    def documents(self, scene: Scene, documents: Sequence[Document]) -> Sequence[str | None]:
        rises = [self._rise(scene.original, document) for document in documents]
        return [f"perplexity {rise:.2f} times the original's is above {self.ratio:.2f}" if rise > self.ratio else None for rise in rises]

    def _rise(self, original: Document, document: Document) -> float:
        pairs = enumerate(zip(original.words, document.words, strict=True))
        changed = [position for position, (old, new) in pairs if old != new]
        read = sorted({near for at in changed for near in range(max(0, at - WINDOW), min(len(original), at + WINDOW + 1))})
        lost = sum(_log_likelihood(self.source, original, at) - _log_likelihood(self.source, document, at) for at in read)
        return float(np.exp(lost / max(1, len(original))))


@lru_cache(16_384)
def _log_likelihood(source: str, document: Document, position: int) -> float:
    """Kept: the original's are asked for with every candidate."""
    from core import language

    return language.load(source).local_log_likelihood(document, position)
