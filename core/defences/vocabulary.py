"""The vocabulary squeeze: many words that mean the same are read as one, and words that training hardly knew as none.

A substitute that an attack put in a word's place then reads as the word did, if WordNet gives both one meaning; a substitute that no
training document holds reads as an unknown word. It works on the text, word by word, so it fits every model.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from core.document import Document
from core.models.parts.words import UNKNOWN, Words

UNREAD = "\ua66e"
"""Stands for a word that is not read: a letter (of one Church Slavonic manuscript) that is in no vocabulary, nor in a word-piece model's."""

REMEMBERED = 200_000
"""Words whose reading is kept, so that WordNet is asked once."""


@dataclass(frozen=True)
class VocabularyReading:
    """How a text is read. known: the words kept, the more frequent first; synonyms: whether words are joined by meaning, with WordNet.

    A word is read as the most frequent kept word of those that share its most frequent meaning as some part of speech, and that word
    in turn, until none is more frequent: reading what was read changes nothing. Stop words stay, and are read for no other word.
    """

    known: Words
    synonyms: bool = True
    _read: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    def text(self, text: str) -> str:
        return self.document(Document.from_text(text)).text

    def document(self, document: Document) -> Document:
        """As many words, each as it is read. A word that is read as itself keeps its case."""
        read = [self.word(word) for word in document.words]
        return document.replace(
            {i: new for i, (new, word) in enumerate(zip(read, document.words, strict=True)) if new != self.known.normaliser.folded(word)}
        )

    def word(self, word: str) -> str:
        """Any word -> a kept one in lower case, or UNREAD."""
        folded = self.known.normaliser.folded(word)
        found = self._read.get(folded)
        if found is None:
            found = self._representative(folded)
            if len(self._read) < REMEMBERED:
                self._read[folded] = found
        return found

    def _representative(self, word: str) -> str:
        rank = self._rank(word)
        while self.synonyms and word not in _stop_words():
            near = sorted((place, entry) for entry in _meanings(word) if (place := self._rank(entry)) < rank)
            if not near:
                break
            rank, word = near[0]
        return word if rank < self.known.size else UNREAD

    def _rank(self, word: str) -> int:
        """0 for the most frequent; past all for a word that is not kept."""
        place = int(self.known.ids([word])[0])
        return self.known.size if place == UNKNOWN else place


def _meanings(word: str) -> frozenset[str]:
    from core.language import wordnet

    return wordnet.first_meanings(word) - _stop_words()


def _stop_words() -> frozenset[str]:
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return frozenset(ENGLISH_STOP_WORDS)
