"""Parts of speech, lemmas and inflected forms of English words, from two small packages that carry their data.

Tags come from textblob's English tagger (MIT): the most frequent Penn Treebank tag of each word of a lexicon, rules for unknown
words, and rules that mend a tag by its neighbours (Brill 1992, "A simple rule-based part of speech tagger"). It is small and fast
and needs no download; it takes most unknown words for nouns. Lemmas and forms come from lemminflect (MIT), which carries
the tables of the NIH's SPECIALIST lexicon. The first call loads both, a matter of seconds.
"""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

from core.document import Document

_CACHED = 65_536
_BEFORE, _AFTER = 3, 3
_SENTENCE_END = re.compile(r"[.!?:;]|\n\s*\n|\n\s*[*•+-]\s")
_lock = threading.Lock()

PARTS = {
    "NN": "noun", "VB": "verb", "MD": "verb", "JJ": "adjective", "RB": "adverb", "PR": "pronoun", "WP": "pronoun", "DT": "determiner",
    "PD": "determiner", "WD": "determiner", "EX": "determiner", "IN": "preposition", "CD": "number", "CC": "conjunction", "UH": "interjection",
    "PO": "particle", "RP": "particle", "TO": "particle", "WR": "adverb",
}  # fmt: skip
"""The first two letters of a Penn Treebank tag -> the part of speech, as in the universal tag set (Petrov et al. 2012)."""

_UNIVERSAL = {"noun": "NOUN", "verb": "VERB", "adjective": "ADJ", "adverb": "ADV"}
_COMPARED = ("JJR", "JJS", "RBR", "RBS")


@cache
def _tagger() -> Any:
    from textblob.en import parser

    with warnings.catch_warnings():
        # Its lexicon's files are closed by the garbage collector, which says so; they are read in full here, once.
        warnings.simplefilter("ignore", ResourceWarning)
        parser.lexicon.context.apply(parser.find_tags(["Unknownish", "blorbing", "the", "programs"]))
    return parser


@cache
def _forms() -> Any:
    import lemminflect

    lemminflect.getAllLemmas("programs")
    lemminflect.getInflection("program", "NNS")
    return lemminflect


def _loaded(part: Any) -> Any:
    """Both packages read their tables at the first use, which two threads must not do at once."""
    with _lock:
        return part()


def around(document: Document, position: int) -> tuple[tuple[str, ...], int]:
    """The words that a tag is read from, three on either side within the sentence or list item, and the word's place among them.

    The tagger's rules look three words ahead, so nothing is lost on that side; before, they could chain further back.
    """
    pieces, start, end = document.pieces, position, position + 1
    while start > max(0, position - _BEFORE) and not _SENTENCE_END.search(pieces[2 * start]):
        start -= 1
    while end < min(len(document), position + 1 + _AFTER) and not _SENTENCE_END.search(pieces[2 * end]):
        end += 1
    opens = start == 0 or bool(_SENTENCE_END.search(pieces[2 * start]))
    words = document.words[start:end]
    return tuple(_uncapitalised(word, opens and i == 0) for i, word in enumerate(words)), position - start


def _uncapitalised(word: str, opens: bool) -> str:
    """A capital at the start of a sentence and capitals throughout say nothing of a name; short ones are acronyms."""
    return word.lower() if (opens and word.istitle() and word != "I") or (word.isupper() and len(word) > 3) else word


def tags(document: Document, position: int, candidates: Sequence[str]) -> list[str]:
    """The Penn Treebank tag that each candidate would have in the word's place."""
    words, at = around(document, position)
    opens = at == 0 and (position == 0 or bool(_SENTENCE_END.search(document.pieces[2 * position])))
    return [tag((*words[:at], _uncapitalised(word, opens), *words[at + 1 :]), at) for word in candidates]


@lru_cache(_CACHED)
def tag(words: tuple[str, ...], index: int) -> str:
    """The Penn Treebank tag of word `index` among its neighbours (`around`), e.g. "NNS".

    As in Brill's tagger, context gives a word that the dictionary has no part of speech that it cannot be.
    """
    literal = _words_in_rules()
    alone = _loaded(_tagger).find_tags(list(words))  # the parser's method leaves the rules of context out
    first: str = alone[index][1].partition("-")[0]  # "NNP-PERS": a name that the lexicon knows
    mended = _in_context(tuple((word if word in literal else "", found) for word, found in alone), index).partition("-")[0]
    possible = _parts(words[index])
    if possible and part_of_speech(mended) not in possible | {part_of_speech(first)}:
        mended = first
    return "VB" if mended == "VBG" and not words[index].endswith("ing") else mended


@lru_cache(_CACHED)
def _in_context(tagged: tuple[tuple[str, str], ...], index: int) -> str:
    """The tag of one word by the rules of context. Words that no rule names are left empty, so that few cases differ."""
    found: str = _loaded(_tagger).lexicon.context.apply([list(pair) for pair in tagged])[index][1]
    return found


@cache
def _words_in_rules() -> frozenset[str]:
    return frozenset(field for rule in _loaded(_tagger).lexicon.context for field in rule[3:])


@lru_cache(_CACHED)
def _parts(word: str) -> frozenset[str]:
    """What the dictionary says a word can be, of noun, verb, adjective and adverb; empty for a word that it lacks."""
    found = _loaded(_forms).getAllLemmas(word.casefold())
    return frozenset(part for part, universal in _UNIVERSAL.items() if universal in found)


def part_of_speech(penn: str) -> str:
    """ "noun", "verb", "adjective", "adverb", "pronoun" ... of a Penn Treebank tag; "other" for symbols and foreign words."""
    return PARTS.get(penn[:2], "other")


@lru_cache(_CACHED)
def lemmas(word: str) -> frozenset[str]:
    """Every dictionary form the word may be of, in lower case, itself among them: left -> left, leave."""
    folded = word.casefold()
    found = _loaded(_forms).getAllLemmas(folded)
    return frozenset({folded, *(lemma.casefold() for forms in found.values() for lemma in forms)})


@lru_cache(_CACHED)
def lemmas_of(word: str, part: str) -> tuple[str, ...]:
    """The word's lemmas as a noun, verb, adjective or adverb, the likeliest first; by rule for a word that no dictionary has."""
    folded, forms = word.casefold(), _loaded(_forms)
    found = forms.getAllLemmas(folded, upos=_UNIVERSAL[part]) or forms.getAllLemmasOOV(folded, upos=_UNIVERSAL[part])
    return tuple(dict.fromkeys(lemma for some in found.values() for lemma in some)) or (folded,)


@lru_cache(_CACHED)
def inflect(lemma: str, penn: str) -> str | None:
    """The lemma in a tag's form: program, NNS -> programs. Words that no dictionary has are inflected by rule, but are not
    compared so ("beautifuler"): None."""
    found = _loaded(_forms).getInflection(lemma, "NN" if penn == "NNP" else "NNS" if penn == "NNPS" else penn, inflect_oov=penn not in _COMPARED)
    return str(found[0]) if found else None
