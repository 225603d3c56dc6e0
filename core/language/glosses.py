"""The domain `english`: what WordNet 3.0 says of its meanings, a definition and examples of use, in everyday English about everything.

A text is a synset's: of half of them "lemma: definition", of the others the definition alone; then the examples, each a sentence. Which half,
and which split, follows from a hash of the definition, so that synsets that are defined alike are on one side: 5 % are test, 3 % dev.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from core.language import wordnet
from core.language.texts import Texts

SOURCE = "WordNet 3.0, Copyright 2006 by Princeton University, under the WordNet 3.0 licence: definitions and examples of its synsets"
TEST, DEV = 5, 8
"""Of a hundred, those below the first are test, those below the second dev."""
HELD_OUT = "5 % of WordNet's synsets for test and 3 % for dev, by a hash of the definition, so that what is defined alike is on one side"
_FIRST_EXAMPLE = re.compile(r'(?:^|;)\s*"')
_EXAMPLE = re.compile(r'"([^"]+)"')


def make(folder: Path | str | None = None) -> Texts:
    """From the files of Debian's package wordnet-base. Raises DataError with the remedy. `folder` names Debian's index files, which are no
    part of this domain."""
    return Texts.of((row for name, words, gloss in wordnet.glosses() for row in text_of(name, words, gloss)), SOURCE)


def text_of(name: str, words: tuple[str, ...], gloss: str) -> Iterator[tuple[str, str, str]]:
    """Split, name and text of a synset; none for a gloss without a definition."""
    definition, examples = divided(gloss)
    if not definition:
        return
    drawn = int.from_bytes(hashlib.sha256(definition.encode()).digest()[:8], "big")
    side = drawn // 2 % 100
    split = "test" if side < TEST else "dev" if side < DEV else "train"
    lemma = words[0].replace("_", " ")
    yield split, name, " ".join([_sentence(f"{lemma}: {definition}" if drawn % 2 else definition), *map(_sentence, examples)])


def divided(gloss: str) -> tuple[str, list[str]]:
    """'definition; more of it; "an example"; "another"' -> the definition, the examples. Quotes are those of a keyboard."""
    text = gloss.replace("`", "'").strip()
    found = _FIRST_EXAMPLE.search(text)
    definition, rest = (text, "") if found is None else (text[: found.start()], text[found.start() :])
    return definition.strip(" ;"), [example.strip() for example in _EXAMPLE.findall(rest) if example.strip()]


def _sentence(text: str) -> str:
    begun = text[:1].upper() + text[1:]
    return begun if begun.endswith((".", "!", "?")) else begun + "."
