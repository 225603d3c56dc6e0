"""Scoring one word replaced in many ways is scoring the edited texts, for every model that shares work on it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.document import Document
from core.errors import InputError
from core.types import Substitutable
from tests.strategies import documents
from tests.tiny_models import FILLER, TOPICS

WORDS = (*TOPICS, *FILLER, "Chess", "zzyzx", "naïve", "日本語", "don't", "x'y'z", "C#", "7")
"""Known and unknown words, some in other cases, some that stand close to what follows them."""

WHOLE = ("x-transformer", "attention-xml", "aplc-xlnet")
"""Every state of these depends on every word."""


def agree(model: Any, document: Document, position: int, words: list[str]) -> None:
    found = model.score_substituted(document, position, words)
    wanted = model.score([document.replace({position: word}).text for word in words])
    assert (found.shape, found.dtype) == (wanted.shape, np.float32)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5 * max(1.0, float(np.abs(wanted).max(initial=0))))


@pytest.fixture(scope="session")
def substitutable(model: Any) -> Any:
    if not isinstance(model, Substitutable):
        pytest.skip(f"{model.KIND} shares nothing between texts that differ in a word")
    return model


def test_most_models_share_what_stays(model: Any) -> None:
    assert isinstance(model, Substitutable) == (model.KIND not in WHOLE)


known = st.lists(st.sampled_from(WORDS), min_size=1, max_size=40).map(lambda words: Document.from_text(" ".join(words)))


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_it_equals_the_scores_of_the_edited_texts(substitutable: Any, data: st.DataObject) -> None:
    document = data.draw(st.one_of(known, documents(min_words=1)))
    position = data.draw(st.integers(0, len(document) - 1))
    agree(substitutable, document, position, data.draw(st.lists(st.sampled_from(WORDS), max_size=8)))


@pytest.mark.slow
@pytest.mark.parametrize("length", [1, 2, 3, 7, 8, 9, 23, 24, 25, 2_000])
def test_every_length_at_its_first_middle_and_last_word(substitutable: Any, length: int) -> None:
    rng = np.random.default_rng(length)
    document = Document.from_text(" ".join(rng.choice(WORDS, length)))
    for position in {0, 1, length // 2, 22, 23, 24, length - 1} & set(range(length)):
        agree(substitutable, document, position, [*TOPICS[:3], "zzyzx", document.words[position], TOPICS[0]])


def test_many_words_none_and_no_known_feature_left(substitutable: Any) -> None:
    document = Document.from_text("a small chess program for people who like mail")
    agree(substitutable, document, 2, list(WORDS) * 30)
    assert substitutable.score_substituted(document, 2, []).shape == (0, len(TOPICS))
    agree(substitutable, Document.from_text("chess"), 0, ["zzyzx", "mail"])
    agree(substitutable, Document.from_text("zzyzx"), 0, ["zzyzy", "mail"])


def test_what_is_no_word_or_no_place_is_refused(substitutable: Any) -> None:
    document = Document.from_text("a small chess program")
    for position in (-1, 4):
        with pytest.raises(InputError, match="there is no word"):
            substitutable.score_substituted(document, position, ["mail"])
    for wrong in ("two words", "", "x,", " "):
        with pytest.raises(InputError, match="is not one word"):
            substitutable.score_substituted(document, 1, ["mail", wrong])
