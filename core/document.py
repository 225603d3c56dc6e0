"""A text as words and what stands between them, losslessly and immutably.

A *word* is a run of characters that are neither white space nor control characters (Unicode categories Z*, Cc, Cs, the zero-width space
and the empty Braille pattern) nor punctuation (P*, and the ASCII symbols that tokenisers treat as such, in any width; the underscore
belongs to the word), with inner apostrophes ("don't") and a trailing "++" or "#" ("C++", "C#"). Characters that nobody sees (soft hyphens,
joiners, variation selectors: Unicode's Default_Ignorable_Code_Point) neither part words nor make one. Words are what people click,
attacks replace and explainers score; every model maps its own tokens onto them (how it reads them: core.text.normalisation).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError

MAX_CHARACTERS = 5_000_000


IGNORABLE = (
    (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x200C, 0x200F), (0x202A, 0x202E),
    (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFFB), (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
)  # fmt: skip
"""Code points, first and last, that are not shown: Unicode's Default_Ignorable_Code_Point and the interlinear annotations; the zero-width
space, which parts words (Unicode Standard Annex 29), is not among them."""
SYMBOLS = "$+<=>^`|~\u200b\u2800"
"""Part words though they are neither white space nor punctuation to Unicode: the ASCII symbols, the zero-width space and the empty Braille
pattern."""


def is_ignorable(character: str) -> bool:
    """Whether nobody sees this character and nothing is parted by it."""
    return any(low <= ord(character) <= high for low, high in IGNORABLE)


def _parts_words(character: str, category: str) -> bool:
    return (category[0] in "ZP" and character != "_") or category in ("Cc", "Cs") or character in SYMBOLS


def _outside(code: int) -> bool:
    character = chr(code)
    category = unicodedata.category(character)
    if category[0] != "S":
        return _parts_words(character, category)
    # "＋" is a plus sign in another width, and parts words as that does.
    plain = unicodedata.normalize("NFKC", character)
    return all(_parts_words(part, unicodedata.category(part)) for part in plain)


def _class(spans: Iterable[tuple[int, int]]) -> str:
    return "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in spans)


@cache
def _pattern() -> re.Pattern[str]:
    """The word pattern. Built once: the characters of planes 0 and 1 are asked for their category (0.04 s), then kept; those above are
    letters, ignorable, unassigned or for private use."""
    spans: list[tuple[int, int]] = []
    for code in filter(_outside, range(0x20000)):
        if spans and spans[-1][1] == code - 1:
            spans[-1] = (spans[-1][0], code)
        else:
            spans.append((code, code))
    outside, unseen = _class(spans), _class(IGNORABLE)
    seen, inside = f"[^{outside}{unseen}]", f"[^{outside}]"
    return re.compile(rf"{seen}{inside}*(?:['\u2019\uff07][{unseen}]*{seen}{inside}*)*(?:[+\uff0b]{{2}}|[#\uff03])?")


def _apart(word: str, separator: str, following: str = "") -> str:
    """The separator to put after `word`: with a space before it where the word would otherwise read on into what an edit
    moved there ("a+x+b" without x is "a ++b", not "a++b"; "C++foo" with C for C++ is "C foo")."""
    match = _pattern().match(word + separator + following[:1])
    return " " + separator if match is not None and match.end() > len(word) else separator


def digest_of(text: str) -> str:
    """SHA-256 of a text, 16 hexadecimal digits: names it without showing it."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def is_word(text: str) -> bool:
    """Whether a text is one word and nothing else, so that it can stand in a word's place."""
    return _pattern().fullmatch(text) is not None


def first_words(text: str, count: int) -> str:
    """A text up to the end of its `count`-th word: all of it where it has no more. Reads no further than that."""
    found = list(islice(_pattern().finditer(text), count + 1))
    return text[: found[count - 1].end()] if len(found) > count else text


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
        """`digest_of` its text."""
        return digest_of(self.text)

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
