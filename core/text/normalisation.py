"""What a model reads of the words and separators of a Document, in versions.

Texts that look alike should score alike: "ﬁle", "ｆｉｌｅ" and "file"; "café" composed or not; "don’t" and "don't"; a word with a soft
hyphen or a variation selector in it; a no-break space. Version 1 (Unicode's NFKC, with what nobody sees left out and typographic quotes,
apostrophes and dashes as those of ASCII) is what every checkpoint trained from now on reads, and its config.json says so. A checkpoint
that says nothing was trained on words as they stand, version 0, and goes on reading them so: its figures were measured that way.

Words stay where they were: the normalised document has as many words as the document, each in its place, so that offsets, marks, masks and
edits are those of the text that a person gave. Where words begin and end is the Document's affair, for all versions alike.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from core.document import Document, is_ignorable, is_word
from core.errors import InputError

VERSION = 1
"""What is trained now reads texts this way."""
FILE = "normalisation.txt"
"""The file of a checkpoint that holds the version; one without it reads version 0."""

_PLAIN = {
    **dict.fromkeys(map(ord, "\u2018\u2019\u201a\u201b\u02bc\u00b4\u2032"), "'"),
    **dict.fromkeys(map(ord, "\u201c\u201d\u201e\u201f\u2033"), '"'),
    **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"), "-"),
}
"""Typographic quotes, apostrophes, primes and dashes, which NFKC leaves as they are, by the sign that a keyboard has."""


@dataclass(frozen=True)
class Normaliser:
    """One version. Raises InputError for a version that this program does not know."""

    version: int = VERSION

    def __post_init__(self) -> None:
        if not 0 <= self.version <= VERSION:
            raise InputError(f"texts are read in version {self.version} of the normalisation; this program knows 0 to {VERSION}, update it")

    def files(self) -> dict[str, str]:
        """For a checkpoint."""
        return {FILE: f"{self.version}\n"} if self.version else {}

    @classmethod
    def of(cls, files: Mapping[str, str], prefix: str = "") -> Self:
        """What `files` gave, under names that begin with `prefix`. InputError for anything else."""
        said = files.get(prefix + FILE, "0").strip()
        if not said.isdecimal() or len(said) > 9:
            raise InputError(f"{prefix}{FILE} holds a version, a whole number; it says {said[:40]!r}")
        return cls(int(said))

    def word(self, word: str) -> str:
        """A word as it is read; one word again."""
        return word if self.version == 0 or word.isascii() else _word(word)

    def folded(self, word: str) -> str:
        """A word as it is read where case does not count."""
        return word.casefold() if self.version == 0 or word.isascii() else unicodedata.normalize("NFC", _word(word).casefold())

    def separator(self, separator: str) -> str:
        """What stands between two words as it is read."""
        return separator if self.version == 0 or separator.isascii() else _separator(separator)

    def piece(self, piece: str, word: bool) -> str:
        """A piece of a document, word or separator."""
        return self.word(piece) if word else self.separator(piece)

    def document(self, document: Document) -> Document:
        """The document as it is read, word for word."""
        if self.version == 0 or document.text.isascii():
            return document
        return Document(tuple(self.piece(piece, bool(index % 2)) for index, piece in enumerate(document.pieces)))

    def words(self, text: str) -> tuple[str, ...]:
        """The words of a text as they are read where case does not count."""
        return tuple(self.folded(word) for word in Document.from_text(text).words)


CURRENT = Normaliser()
"""How texts are read by what is trained now."""


@lru_cache(maxsize=65_536)
def _word(word: str) -> str:
    seen = "".join(character for character in word if not is_ignorable(character))
    for form in (seen.translate(_PLAIN), seen):  # a sign that is no apostrophe between letters stays
        whole = unicodedata.normalize("NFKC", form)
        if is_word(whole):
            return whole
    return unicodedata.normalize("NFC", "".join(_character(character) for character in seen))


def _character(character: str) -> str:
    """NFKC of one character of a word, as far as it stays within the word: "⑴" is 1, and "℀", whose plain form is two words, stays."""
    plain = unicodedata.normalize("NFKC", character)
    words = Document.from_text(plain).words
    return words[0] if len(words) == 1 else character


def _separator(separator: str) -> str:
    # They part words as a space does, see core.document.SYMBOLS.
    shown = "".join(" " if character in "\u200b\u2800" else "" if is_ignorable(character) else character for character in separator)
    return unicodedata.normalize("NFKC", shown.translate(_PLAIN))
