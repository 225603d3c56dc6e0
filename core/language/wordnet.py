"""WordNet 3.0 (Miller 1995; Fellbaum 1998): synonyms, antonyms and glosses, read from the files of Debian's package wordnet-base.

The format is wndb(5WN)'s. All of it is read at the first question (a fifth of a second, 40 MB) and never changed after, so that
threads may share it; NLTK's reader asks for a file that the package lacks, takes seconds, and seeks in shared open files.
Nothing is ever downloaded. TREMOR_WORDNET names another folder.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from core.errors import CoreError, DataError, InputError
from core.language import speech

VARIABLE = "TREMOR_WORDNET"
FOLDER = Path("/usr/share/wordnet")
FILES = {"noun": "noun", "verb": "verb", "adjective": "adj", "adverb": "adv"}
_LETTERS = {"n": "noun", "v": "verb", "a": "adjective", "s": "adjective", "r": "adverb"}
_CACHED = 65_536


@dataclass(frozen=True)
class Pointer:
    """From word `source` of a synset to word `target` of another (1-based; 0 stands for all of its words)."""

    symbol: str
    offset: int
    part: str
    source: int
    target: int


@dataclass(frozen=True)
class Synset:
    """Words with one meaning, in lower case. A satellite is an adjective whose antonyms are its head's."""

    words: tuple[str, ...]
    pointers: tuple[Pointer, ...]
    satellite: bool

    def chosen(self, number: int) -> tuple[str, ...]:
        return self.words[number - 1 : number] if number else self.words


class Database:
    """The files of one folder, in memory. DataError names what cannot be read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            # Sorted by lemma as bytes, so that a line is found by halving.
            self._index = {part: _entries((folder / f"index.{name}").read_bytes()) for part, name in FILES.items()}
            self._data = {part: (folder / f"data.{name}").read_bytes() for part, name in FILES.items()}
        except OSError as error:
            raise DataError(f"WordNet cannot be read: {error.strerror}; {remedy()}", error.filename) from error

    def synsets(self, lemma: str, part: str) -> list[Synset]:
        """The meanings of a lemma as a part of speech, the most frequent first; none for a word that WordNet lacks."""
        lines, key = self._index[part], lemma.lower().encode("utf-8", "surrogatepass") + b" "
        at = bisect_left(lines, key)
        if len(key.split()) != 1 or at == len(lines) or not lines[at].startswith(key):
            return []
        fields = lines[at].split()
        try:
            offsets = [int(offset) for offset in fields[len(fields) - int(fields[2]) :]]
        except (ValueError, IndexError) as error:
            raise DataError(f"the entry of '{lemma}' cannot be read; {remedy()}", self.folder / f"index.{FILES[part]}") from error
        return [self.synset(offset, part) for offset in offsets]

    def synset(self, offset: int, part: str) -> Synset:
        """offset file type count(hex) (word id)* count (symbol offset type source-target(hex))* ... | gloss"""
        data = self._data[part]
        try:
            fields = data[offset : data.index(b"\n", offset)].partition(b" | ")[0].decode("ascii").split()
            after = 4 + 2 * int(fields[3], 16)
            words = tuple(word.partition("(")[0].lower() for word in fields[4:after:2])  # "galore(ip)": where it may stand
            ends = range(after + 1, after + 1 + 4 * int(fields[after]), 4)
            pointers = tuple(
                Pointer(fields[i], int(fields[i + 1]), _LETTERS[fields[i + 2]], int(fields[i + 3][:2], 16), int(fields[i + 3][2:], 16)) for i in ends
            )
            return Synset(words, pointers, fields[2] == "s")
        except (ValueError, IndexError, KeyError) as error:
            raise DataError(f"there is no synset at byte {offset}; {remedy()}", self.folder / f"data.{FILES[part]}") from error

    def glosses(self) -> Iterator[tuple[str, tuple[str, ...], str]]:
        """Of each synset, in the files' order: part of speech and offset as its name, its words, and what is said of it."""
        for part, data in self._data.items():
            offset = 0
            for line in data.splitlines(keepends=True):
                if not line.startswith(b" "):  # the licence
                    gloss = line.partition(b" | ")[2].decode("utf-8", "replace").strip()
                    yield f"{part} {offset}", self.synset(offset, part).words, gloss
                offset += len(line)

    def to(self, pointer: Pointer) -> Synset:
        return self.synset(pointer.offset, pointer.part)


def _entries(index: bytes) -> list[bytes]:
    """The lines of an index; those of the licence above it begin with a space."""
    return [line for line in index.splitlines() if not line.startswith(b" ")]


def remedy() -> str:
    return f"run `apt install wordnet-base`, or set {VARIABLE} to a folder with WordNet 3.0's files"


def folder() -> Path:
    """Where WordNet is looked for."""
    return Path(os.environ.get(VARIABLE) or FOLDER)


@lru_cache(2)
def _read(where: Path) -> Database:
    return Database(where)


def missing() -> str | None:
    """Why WordNet cannot be used on this machine, as a sentence with the remedy; None if it can."""
    if not (folder() / "index.noun").is_file():
        return f"WordNet is not installed (nothing in {folder()}): {remedy()}."
    try:
        _read(folder())
    except CoreError as error:
        return str(error)
    return None


def glosses() -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Name, words and gloss of each synset. Raises DataError with the remedy."""
    return _read(folder()).glosses()


def synonyms(word: str, part: str) -> list[str]:
    """Single-word lemmas that share a meaning of the word as that part of speech ("noun", "verb", "adjective", "adverb"): of its
    most frequent meaning first, within one alphabetically. Not inflected; letters only; the word's own lemmas are left out."""
    if part not in FILES:
        raise InputError(f"WordNet has {', '.join(FILES)}s; got '{part}'")
    return list(_synonyms(folder(), word.casefold(), part))


@lru_cache(_CACHED)
def _synonyms(where: Path, word: str, part: str) -> tuple[str, ...]:
    database, own = _read(where), {word, *speech.lemmas_of(word, part)}
    for lemma in (*speech.lemmas_of(word, part), word):
        if found := database.synsets(lemma, part):
            other = (entry for synset in found for entry in sorted(synset.words) if entry.isalpha() and entry not in own)
            return tuple(dict.fromkeys(other))
    return ()


def first_meanings(word: str) -> frozenset[str]:
    """Lemmas that share the most frequent meaning of the word as a noun, as a verb, as an adjective or as an adverb, its own among
    them; letters only, not inflected. Empty for a word that WordNet lacks."""
    database, folded = _read(folder()), word.casefold()
    forms = {part: dict.fromkeys((*speech.lemmas_of(folded, part), folded)) for part in FILES}
    found = (next((meanings[0].words for lemma in forms[part] if (meanings := database.synsets(lemma, part))), ()) for part in FILES)
    return frozenset(entry for words in found for entry in words if entry.isalpha())


def antonyms(word: str) -> frozenset[str]:
    """Lemmas with the opposite meaning in any sense of any lemma of the word, and those one step of similarity away on one
    side: of wet, dry and what is similar to dry (arid); of arid, wet. If b is an antonym of a, so is a of b."""
    return _antonyms(folder(), word.casefold())


@lru_cache(_CACHED)
def _antonyms(where: Path, word: str) -> frozenset[str]:
    database = _read(where)
    senses = ((lemma, synset) for lemma in speech.lemmas(word) for part in FILES for synset in database.synsets(lemma, part))
    return frozenset(opposite for lemma, synset in senses for opposite in _opposites(database, lemma, synset))


def _opposites(database: Database, lemma: str, synset: Synset) -> list[str]:
    found: list[str] = []
    for pointer in synset.pointers:
        if pointer.symbol == "!" and lemma in synset.chosen(pointer.source):
            target = database.to(pointer)
            found += target.chosen(pointer.target)
            found += [word for near in target.pointers if near.symbol == "&" for word in database.to(near).words]
        elif pointer.symbol == "&" and synset.satellite:
            head = database.to(pointer)
            found += [word for up in head.pointers if up.symbol == "!" for word in database.to(up).chosen(up.target)]
    return found
