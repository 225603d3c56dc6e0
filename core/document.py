"""A text as words and what stands between them, losslessly and immutably.

A *word* is a run of characters that are neither white space nor control characters (Unicode categories Z*, Cc, Cs) nor
punctuation (P*, and the ASCII symbols that tokenisers treat as such; the underscore belongs to the word), with inner
apostrophes ("don't") and a trailing "++" or "#" ("C++", "C#"). Words are what people click, attacks replace and
explainers score; every model maps its own tokens onto them.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError

MAX_CHARACTERS = 5_000_000


WITH_SEPARATORS = 0x20000
"""From here on Unicode has no space and no punctuation: ideographs, tags and what nobody has assigned (tests/unit/test_document.py looks)."""


def separators(end: int) -> list[tuple[int, int]]:
    """The characters below `end` that stand in no word, as spans [first, last]."""
    spans: list[tuple[int, int]] = []
    for code in range(end):
        category = unicodedata.category(chr(code))
        if (category[0] in "ZP" and code != 0x5F) or category in ("Cc", "Cs") or chr(code) in "$+<=>^`|~":
            if spans and spans[-1][1] == code - 1:
                spans[-1] = (spans[-1][0], code)
            else:
                spans.append((code, code))
    return spans


@cache
def _pattern() -> re.Pattern[str]:
    """The word pattern. Built once: every character below `WITH_SEPARATORS` is asked for its category (all there are take 0.2 s), then kept."""
    outside = "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in separators(WITH_SEPARATORS))
    inside = f"[^{outside}]"
    return re.compile(rf"{inside}+(?:['\u2019]{inside}+)*(?:\+\+|#)?")


def _apart(word: str, separator: str, following: str = "") -> str:
    """The separator to put after `word`: with a space before it where the word would otherwise read on into what an edit
    moved there ("a+x+b" without x is "a ++b", not "a++b"; "C++foo" with C for C++ is "C foo")."""
    match = _pattern().match(word + separator[:2] + following[:1])
    return " " + separator if match is not None and match.end() > len(word) else separator


def is_word(text: str) -> bool:
    """Whether a text is one word and nothing else, so that it can stand in a word's place."""
    return _pattern().fullmatch(text) is not None


@dataclass(frozen=True)
class Document:
    """Separators and words in turn: pieces[0] is a separator (perhaps empty), pieces[1] a word, and so on; the last
    piece is a separator. `"".join(pieces) == text`, always. Edits return new documents; nothing is ever shared. Reading an
    edited document's text again gives the same words."""

    pieces: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.pieces) % 2 == 0:
            raise InputError(f"a document's pieces are separator, word, ..., separator: an odd number, not {len(self.pieces)}")

    @classmethod
    def from_text(cls, text: str) -> Document:
        """Split `text`. Raises InputError for anything but a string of at most 5,000,000 characters."""
        if not isinstance(text, str):
            raise InputError(f"a document is text, not {type(text).__name__}")
        if len(text) > MAX_CHARACTERS:
            raise InputError(f"the document has {len(text):,} characters; at most {MAX_CHARACTERS:,} are read. Cut it and try again.")
        pieces: list[str] = []
        end = 0
        for match in _pattern().finditer(text):
            pieces += [text[end : match.start()], match.group()]
            end = match.end()
        return cls((*pieces, text[end:]))

    @cached_property
    def text(self) -> str:
        return "".join(self.pieces)

    @cached_property
    def words(self) -> tuple[str, ...]:
        return self.pieces[1::2]

    @cached_property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """Character offsets [start, end) of each word in `text`."""
        ends = np.cumsum([len(piece) for piece in self.pieces])
        return tuple((int(ends[i - 1]), int(ends[i])) for i in range(1, len(self.pieces), 2))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the text, 16 hexadecimal digits: names the document without showing it."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def __len__(self) -> int:
        """The number of words."""
        return len(self.pieces) // 2

    def replace(self, edits: Mapping[int, str]) -> Document:
        """Put other words at the given positions. Each must be one word; InputError otherwise."""
        pieces = list(self.pieces)
        for index, word in edits.items():
            self._check(index)
            if not is_word(word):
                raise InputError(f"{word!r} is not one word: give letters or digits without spaces or punctuation")
            pieces[2 * index + 1] = word
        for index in edits:
            after = 2 * index + 2
            pieces[after] = _apart(pieces[after - 1], pieces[after], "".join(pieces[after + 1 : after + 2]))
        return Document(tuple(pieces))

    def delete(self, indexes: Iterable[int]) -> Document:
        """Cut words out; the separators on both sides of a cut word are joined."""
        gone = np.ones(len(self), dtype=np.bool_)
        for index in indexes:
            self._check(index)
            gone[index] = False
        return self.keep(gone)

    def keep(self, mask: NDArray[np.bool_]) -> Document:
        """Keep the words where `mask` [w] is true and cut out the others."""
        if len(mask) != len(self):
            raise InputError(f"the mask has {len(mask)} places, the document {len(self)} words")
        pieces: list[str] = []
        gap = [self.pieces[0]]
        for index, kept in enumerate(mask):
            word, separator = self.pieces[2 * index + 1 : 2 * index + 3]
            if kept:
                pieces += [_join(pieces, gap), word]
                gap = []
            gap.append(separator)
        return Document((*pieces, _join(pieces, gap)))

    def _check(self, index: int) -> None:
        if not 0 <= index < len(self):
            has = f"words 0 to {len(self) - 1}" if len(self) else "no words"
            raise InputError(f"there is no word {index}: the document has {has}")


def _join(before: list[str], gap: list[str]) -> str:
    """The separators of a gap as one, kept apart from the word before it if words were cut out of the gap."""
    joined = "".join(gap)
    return _apart(before[-1], joined) if before and len(gap) > 1 else joined
