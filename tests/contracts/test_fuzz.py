"""Fuzzed documents through predict and explain: 500 on the linear toy, some on every model.

10,000 on a shipped checkpoint: python -m tests.fuzz --checkpoint debtags-linear --documents 10000
"""

from __future__ import annotations

from typing import Any

import pytest

from core.document import Document
from tests import fuzz
from tests.toy import Attending, Linear, Threshold


@pytest.mark.slow
def test_the_documents_are_of_all_kinds_and_always_the_same() -> None:
    texts = list(fuzz.documents(500))
    assert texts == list(fuzz.documents(500))
    assert texts != list(fuzz.documents(500, seed=1))
    sizes = [len(Document.from_text(text)) for text in texts]
    assert min(sizes) == 0
    assert max(sizes) > 100
    joined = "".join(texts)
    assert all(mark in joined for mark in ("\x00", "\ud800", "<script>", "🎉", "\u202e", "\u0301", "C++"))


@pytest.mark.slow
@pytest.mark.parametrize(("toy", "count"), [(Linear(), 500), (Threshold(), 200), (Attending(), 80)], ids=["linear", "threshold", "attending"])
def test_documents_on_the_toys(toy: Any, count: int) -> None:
    counts = fuzz.run(toy, count, explain_words=30)
    assert counts["documents"] == count
    assert counts["predicted"] + counts["refused: predicted"] == count
    assert counts["predicted"] > 0.8 * count


@pytest.mark.slow
def test_documents_on_every_model(model: Any) -> None:
    counts = fuzz.run(model, 60, explain_words=30)
    assert counts["documents"] == 60
    assert counts["predicted"] > 45
