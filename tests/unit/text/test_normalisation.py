"""What looks alike is read alike, in its own place; what was trained before reads words as they stand."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import document
from core.checkpoint import Saved
from core.document import Document, is_ignorable, is_word
from core.errors import InputError
from core.labels import LabelSpace
from core.models.parts.encoder import EMBEDDED, PieceTokenizer
from core.models.parts.tfidf import TfIdf
from core.models.parts.words import Words
from core.text.normalisation import FILE, VERSION, Normaliser

ALIKE = {
    "zero-width space between words": ("open\u200bsource file", "open source file"),
    "zero-width space beside a space": ("open \u200bsource file", "open source file"),
    "soft hyphen": ("soft\u00adware file", "software file"),
    "variation selector": ("chess\ufe0f game", "chess game"),
    "variation selector beyond the first plane": ("chess\U000e0100 game", "chess game"),
    "byte order mark": ("\ufeffchess game", "chess game"),
    "byte order mark inside": ("chess \ufeffgame", "chess game"),
    "word joiner": ("soft\u2060ware", "software"),
    "zero-width joiner and non-joiner": ("che\u200dss ga\u200cme", "chess game"),
    "direction marks": ("\u202achess\u202c game\u200e", "chess game"),
    "Hangul filler": ("chess\u3164 game", "chess game"),
    "combining grapheme joiner": ("che\u034fss", "chess"),
    "NFD": ("cafe\u0301 u\u0308ber", "caf\u00e9 \u00fcber"),
    "Angstrom sign": ("\u212bngstr\u00f6m", "\u00c5ngstr\u00f6m"),
    "ligatures": ("\ufb01le e\ufb03cient \ufb02ow", "file efficient flow"),
    "full width": ("\uff43\uff48\uff45\uff53\uff53 \uff28\uff34\uff34\uff30", "chess HTTP"),
    "full-width digits": ("\uff12\uff10\uff12\uff16", "2026"),
    "full-width punctuation": ("chess\uff0cgame\uff01", "chess,game!"),
    "full-width C++ and C#": ("C\uff0b\uff0b C\uff03 a\uff0bb", "C++ C# a+b"),
    "curly apostrophe": ("don\u2019t", "don't"),
    "modifier letter apostrophe": ("don\u02bct", "don't"),
    "full-width apostrophe": ("don\uff07t", "don't"),
    "curly quotes": ("\u201cchess\u201d \u2018game\u2019", "\"chess\" 'game'"),
    "dashes": ("chess\u2014game \u2013 well\u2011known", "chess-game - well-known"),
    "no-break spaces": ("chess\u00a0game\u202fof\u3000Go", "chess game of Go"),
    "line and paragraph separators": ("chess\u2028game\u2029", "chess game "),
    "Braille blank": ("chess\u2800game", "chess game"),
    "ellipsis": ("chess\u2026", "chess..."),
    "superscript": ("m\u00b2", "m2"),
    "long s": ("\u017foft", "soft"),
}


@pytest.mark.parametrize("seen", ALIKE)
def test_what_looks_alike_is_read_alike(seen: str) -> None:
    text, plain = ALIKE[seen]
    own, other = Normaliser().document(Document.from_text(text)), Document.from_text(plain)
    assert own.words == other.words
    assert Normaliser().words(text) == Normaliser().words(plain) == tuple(word.casefold() for word in other.words)


@pytest.mark.parametrize("seen", ALIKE)
def test_word_pieces_and_features_are_those_of_the_plain_form(seen: str) -> None:
    text, plain = ALIKE[seen]
    tokenizer, tfidf = PieceTokenizer(EMBEDDED), TfIdf.fit([plain, plain], 2)
    own, other = tokenizer.tokens(Document.from_text(text)), tokenizer.tokens(Document.from_text(plain))
    assert own.ids.tolist() == other.ids.tolist() and own.owner.tolist() == other.owner.tolist()
    assert (tfidf.transform([text]) != tfidf.transform([plain])).nnz == 0 and tfidf.transform([plain]).nnz


def test_words_keep_their_places_in_the_text() -> None:
    text = "\ufeff\u201cSoft\u00adware\u201d\u200bof\u00a0\ufb01les"
    found = Document.from_text(text)
    assert [text[start:end] for start, end in found.spans] == ["Soft\u00adware", "of", "\ufb01les"]
    assert Normaliser().document(found).words == ("Software", "of", "files")


def test_a_text_of_what_nobody_sees_has_no_words() -> None:
    assert not len(Document.from_text("\u200b\u200c\u200d\u2060\ufeff\u00ad\ufe0f\u3164\u2800"))


def test_a_character_whose_plain_form_is_two_words_stays() -> None:
    assert Normaliser().words("\u2100 \u2474 \u33c2") == ("\u2100", "1", "\u33c2")


def test_version_0_reads_words_as_they_stand() -> None:
    found = Document.from_text("don\u2019t \ufb01le\u00ad")
    assert Normaliser(0).document(found) is found
    assert Normaliser(0).words(found.text) == ("don\u2019t", "\ufb01le\u00ad".casefold())
    assert Words(("file",), Normaliser(0)).ids(["\ufb01le"]).tolist() == Words(("file",)).ids(["file"]).tolist()  # casefold parts ligatures
    assert Words(("don't",), Normaliser(0)).ids(["don\u2019t"]).tolist() != Words(("don't",)).ids(["don\u2019t"]).tolist()


def test_the_version_is_kept_with_the_words() -> None:
    for normaliser in (Normaliser(0), Normaliser()):
        words = Words(("chess",), normaliser)
        saved = Saved(
            "x", "linear", "", {}, LabelSpace.of([], [], 0), {}, {**words.files(), **{f"x-{name}": t for name, t in words.files().items()}}, {}
        )
        assert Words.load(saved) == words and Words.load(saved, "x-") == words
    assert Normaliser.of({}) == Normaliser(0) and Normaliser.of({FILE: f"{VERSION}\n"}) == Normaliser()


@pytest.mark.parametrize("said", ["", "one", "-1", f"{VERSION + 1}", "1" * 5_000, "\u0661x"])
def test_a_version_that_is_not_known_is_refused(said: str) -> None:
    with pytest.raises(InputError, match="version"):
        Normaliser.of({FILE: said})


def test_nothing_above_the_second_plane_parts_words() -> None:
    """The word pattern asks the characters of planes 0 and 1 only."""
    assert [code for code in range(0x20000, sys.maxunicode + 1) if document._outside(code)] == []


@given(st.text(max_size=60))
def test_the_normalised_document_has_the_same_words_in_the_same_places(text: str) -> None:
    found = Document.from_text(text)
    read = Normaliser().document(found)
    assert len(read) == len(found) and found.text == text
    assert all(is_word(word) for word in read.words)
    assert not any(is_ignorable(character) for character in read.text)


@given(st.text(max_size=60))
def test_reading_what_was_read_changes_nothing(text: str) -> None:
    read = Normaliser().document(Document.from_text(text))
    assert Normaliser().document(read) == read
