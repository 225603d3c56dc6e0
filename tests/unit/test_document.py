"""Documents are lossless, immutable, and read the same again after an edit as before it."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.document import MAX_CHARACTERS, Document, first_words, is_word
from core.errors import InputError
from tests import strategies


@pytest.mark.slow
@given(strategies.texts())
def test_the_text_comes_back(text: str) -> None:
    document = Document.from_text(text)
    assert document.text == "".join(document.pieces) == text
    assert document.words == tuple(text[start:end] for start, end in document.spans)
    assert len(document) == len(document.words)


@given(st.text(st.characters(categories=["Cs"], include_characters="ab ")))
def test_lone_surrogates_do_not_stop_it(text: str) -> None:
    document = Document.from_text(text)
    assert document.text == text
    assert len(document.digest) == 16


@pytest.mark.slow
@given(strategies.documents())
def test_no_word_holds_space_or_control_and_no_separator_holds_letters(document: Document) -> None:
    assert not any(unicodedata.category(char)[0] == "Z" or unicodedata.category(char) == "Cc" for word in document.words for char in word)
    assert not any(unicodedata.category(char)[0] in "LN" for separator in document.pieces[::2] for char in separator)
    assert all(document.words)


@pytest.mark.slow
@given(strategies.masked())
def test_kept_words_read_the_same_again(case: tuple[Document, np.ndarray]) -> None:
    """What score_masked stands on: the words of the cut text are the words that were kept, no two grown together."""
    document, keep = case
    cut = document.keep(keep)
    assert cut.words == tuple(word for word, kept in zip(document.words, keep, strict=True) if kept)
    assert Document.from_text(cut.text).words == cut.words
    assert cut == document.delete(np.flatnonzero(~keep).tolist())


@pytest.mark.parametrize(
    ("text", "index", "left"),
    [("a+x+b", 1, ("a", "b")), ("1 + 2 + 3", 1, ("1", "3")), ("GTK+x+ y", 1, ("GTK", "y")), ("C#x#'y", 1, ("C#", "y")), ("a+x+", 1, ("a",))],
)
def test_deleting_never_makes_a_new_word(text: str, index: int, left: tuple[str, ...]) -> None:
    """Joined separators must not read as the "++" or "#" that belongs to the word before them."""
    cut = Document.from_text(text).delete([index])
    assert cut.words == Document.from_text(cut.text).words == left


@pytest.mark.slow
@given(strategies.documents(min_words=1), st.data())
def test_replacing_changes_that_word_alone(document: Document, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(document) - 1))
    word = data.draw(st.sampled_from(["chess", "don't", "C++", "C#", "ü", "日本", "🎉"]))
    edited = document.replace({index: word})
    assert edited.words == (*document.words[:index], word, *document.words[index + 1 :])
    assert Document.from_text(edited.text).words == edited.words


def test_a_replaced_word_does_not_grow() -> None:
    document = Document.from_text("C++foo b##")
    assert document.replace({0: "C", 2: "b"}).text == "C foo b #"
    assert document.replace({0: "C#"}).text == "C#foo b##"


def test_edits_leave_the_document_alone() -> None:
    document = Document.from_text("one two")
    document.replace({0: "three"})
    document.delete([0, 1])
    assert document.text == "one two"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("don't stop", ("don't", "stop")),
        ("the user’s C++ or C# code", ("the", "user’s", "C++", "or", "C#", "code")),
        ("state-of-the-art 3.14", ("state", "of", "the", "art", "3", "14")),
        ("foo_bar $x <b>y</b>", ("foo_bar", "x", "b", "y", "b")),
        ("日本語 e\u0301t\u0301", ("日本語", "e\u0301t\u0301")),
        ("C++11 a#b", ("C++", "11", "a#", "b")),
        ("'quoted' 'tis", ("quoted", "tis")),
        ("", ()),
        ("\x00\x1b …!", ()),
    ],
)
def test_words(text: str, words: tuple[str, ...]) -> None:
    assert Document.from_text(text).words == words


@pytest.mark.parametrize("word", ["", " ", "two words", "a-b", "semi;", "\n", "x ", "'", "a\u2028b"])
def test_a_replacement_is_one_word(word: str) -> None:
    with pytest.raises(InputError, match="not one word"):
        Document.from_text("one two").replace({0: word})


@pytest.mark.parametrize("index", [-1, 2])
def test_places_are_checked(index: int) -> None:
    document = Document.from_text("one two")
    for edit in (lambda: document.replace({index: "x"}), lambda: document.delete([index])):
        with pytest.raises(InputError, match=f"no word {index}"):
            edit()
    with pytest.raises(InputError, match="3 places, the document 2 words"):
        document.keep(np.ones(3, dtype=np.bool_))


def test_an_empty_document_has_no_places() -> None:
    with pytest.raises(InputError, match="has no words"):
        Document.from_text("").replace({0: "x"})


def test_bad_input_is_refused_with_a_sentence() -> None:
    with pytest.raises(InputError, match="5,000,001 characters; at most 5,000,000"):
        Document.from_text("x" * (MAX_CHARACTERS + 1))
    with pytest.raises(InputError, match="not bytes"):
        Document.from_text(b"x")  # type: ignore[arg-type] # this is the point
    with pytest.raises(InputError, match="odd number, not 2"):
        Document(("", "x"))


@pytest.mark.slow
def test_a_long_document_is_quick() -> None:
    document = Document.from_text("word " * 100_000)
    assert len(document) == 100_000
    assert len(document.keep(np.arange(100_000) % 2 == 0)) == 50_000


def test_the_digest_tells_texts_apart() -> None:
    digests = {Document.from_text(text).digest for text in ("", "a", "a ", "A")}
    assert len(digests) == 4


@pytest.mark.parametrize(
    ("text", "whole"), [("chess", True), ("C++", True), ("don't", True), ("a b", False), ("", False), ("x,", False), ("\u0000", False)]
)
def test_what_is_one_word(text: str, whole: bool) -> None:
    assert is_word(text) == whole
    assert is_word(text) == (Document.from_text(text).words == (text,))


@pytest.mark.parametrize(
    ("text", "count", "expected"),
    [("one, two; three.", 2, "one, two"), ("one, two; three.", 3, "one, two; three."), ("C++ C# end", 1, "C++"), ("", 1, ""), (" ... ", 2, " ... ")],
)
def test_the_first_words_of_a_text(text: str, count: int, expected: str) -> None:
    """What follows the last word stays where no other word follows."""
    assert first_words(text, count) == expected
