"""Candidates from WordNet: synonyms of the word's part of speech in its sentence, in the word's own form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from core.attacks.words.components import Scene
from core.document import Document
from core.fields import Field, check


@dataclass(frozen=True)
class WordNet:
    """Synonyms, those of the most frequent meaning first (after Ren et al. 2019, "Generating natural language adversarial examples
    through probability weighted word saliency", which takes all synonyms of a word's part of speech). Each is inflected to the
    word's tag: programs -> plans, smaller -> littler."""

    count: Annotated[int, Field("candidates a word (K)", low=1, high=1_000)] = 48

    NAME: ClassVar[str] = "wordnet"

    def __post_init__(self) -> None:
        check(self)

    def refusal(self) -> str | None:
        from core.language import wordnet

        return wordnet.missing()

    def propose(self, scene: Scene, document: Document, position: int) -> Sequence[str]:
        from core.language import match_case, speech, wordnet

        word, penn = document.words[position], speech.tag(*speech.around(document, position))
        part = speech.part_of_speech(penn)
        if part not in wordnet.FILES:
            return []
        forms = (speech.inflect(lemma, penn) for lemma in wordnet.synonyms(word, part))
        cased = (match_case(form, word) for form in forms if form and form.isalpha())
        return [form for form in dict.fromkeys(cased) if form != word][: self.count]
