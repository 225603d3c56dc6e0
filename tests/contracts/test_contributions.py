"""What models say of a score that moved: their shares add up to it, in either text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.document import Document
from core.errors import InputError
from core.types import Decomposable
from tests.strategies import documents
from tests.tiny_models import FILLER, TOPICS

known = st.lists(st.sampled_from((*TOPICS, *FILLER, "zzyzx")), max_size=40).map(lambda words: Document.from_text(" ".join(words)))
BEFORE = Document.from_text("A small chess program, for people who like music and mail")
AFTER = BEFORE.replace({2: "database"})


@pytest.mark.slow
def test_every_model_answers(model: Any) -> None:
    assert isinstance(model, Decomposable)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(before=st.one_of(known, documents()), after=st.one_of(known, documents()), label=st.integers(0, len(TOPICS) - 1))
def test_the_shares_add_up_to_the_scores(model: Any, before: Document, after: Document, label: int) -> None:
    found = model.contributions(before, after, label)
    scores = model.score([before.text, after.text], np.array([label]))[:, 0]
    tolerance = {"rtol": 1e-4, "atol": 1e-4 * max(1.0, float(np.abs(scores).max()))}
    np.testing.assert_allclose([found.score_before, found.score_after], scores, **tolerance)
    np.testing.assert_allclose([sum(one.before for one in found.shares), sum(one.after for one in found.shares)], scores, **tolerance)
    assert found.label == TOPICS[label]
    assert len({(one.part, one.name) for one in found.shares}) == len(found.shares)
    changes = [abs(one.after - one.before) for one in found.shares]
    assert changes == sorted(changes, reverse=True)


@pytest.mark.slow
def test_the_same_text_twice_moves_nothing(model: Any) -> None:
    found = model.contributions(BEFORE, BEFORE, 0)
    assert all(one.before == one.after for one in found.shares)
    assert all(one.before == one.after for one in found.figures)


def test_the_lost_word_is_named(model: Any) -> None:
    found = model.contributions(BEFORE, AFTER, TOPICS.index("chess"))
    assert found.score_after < found.score_before
    assert found.summary.endswith(".")
    named = " ".join(f"{one.name} {one.detail}" for one in found.shares)
    if {one.part for one in found.shares} == {"bucket", "constant"}:  # MACH alone knows no words, but buckets: the label's fell
        assert sum(one.after - one.before for one in found.shares if one.part == "bucket") < 0
    else:
        assert "chess" in named


def test_it_changes_nothing_and_says_the_same_twice(model: Any) -> None:
    scores = model.score([BEFORE.text])
    assert model.contributions(BEFORE, AFTER, 0) == model.contributions(BEFORE, AFTER, 0)
    np.testing.assert_array_equal(model.score([BEFORE.text]), scores)


def test_an_unknown_label_is_refused(model: Any) -> None:
    with pytest.raises(InputError, match="there is no label"):
        model.contributions(BEFORE, AFTER, len(TOPICS))
