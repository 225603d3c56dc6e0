"""The vocabulary: ids by hand, round trips, and text whose words only Unicode knows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.document import Document
from core.errors import InputError
from core.models.parts.words import FIRST, PADDING, UNKNOWN, Words

TEXTS = ["The cat and the dog", "the CAT sat", "a dog"]


def test_words_are_folded_counted_by_text_and_ordered_by_frequency_then_alphabet() -> None:
    assert Words.build(TEXTS, minimum=2).words == ("cat", "dog", "the")
    assert Words.build(TEXTS).words == ("cat", "dog", "the", "a", "and", "sat")
    assert Words.build(TEXTS, maximum=2).words == ("cat", "dog")


def test_ids_leave_room_for_padding_and_unknown() -> None:
    words = Words(("cat", "dog"))
    assert words.size == 4
    assert words.ids(["Dog", "cow", "CAT"]).tolist() == [3, UNKNOWN, FIRST]
    assert PADDING not in words.ids(["", "cow"])
    assert len(words.ids([])) == 0


def test_a_repeated_or_empty_word_is_refused() -> None:
    with pytest.raises(InputError, match="'cat' more than once"):
        Words.from_text("cat\ndog\ncat\n")
    with pytest.raises(InputError, match="line 2"):
        Words.from_text("cat\n\ndog\n")


@given(st.lists(st.text(max_size=30), max_size=5))
def test_a_built_vocabulary_survives_its_file_and_knows_all_its_words(texts: list[str]) -> None:
    words = Words.build(texts)
    assert Words.from_text(words.to_text()) == words
    for text in texts:
        assert UNKNOWN not in words.ids(Document.from_text(text).words)
