"""Agreement of two explanations, on values worked out by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from core.document import Document
from core.errors import InputError
from core.evaluation.agreement import agreement, of_values, values_of
from core.explainers import explain, preset
from tests.toy import TEXT, Linear


def test_kendall_tau_by_hand() -> None:
    """Of the six pairs of (1, 2, 3, 4) and (1, 2, 4, 3) five are in the same order and one is not: (5 - 1) / 6."""
    assert of_values(np.array([1.0, 2, 3, 4]), np.array([1.0, 2, 4, 3])).tau == pytest.approx(4 / 6)


def test_ties_take_from_the_denominator() -> None:
    """tau-b: (1, 1, 2) against (1, 2, 3) has two pairs in order and one tied: 2 / sqrt(2 * 3)."""
    assert of_values(np.array([1.0, 1, 2]), np.array([1.0, 2, 3])).tau == pytest.approx(2 / np.sqrt(6))


@pytest.mark.parametrize("values", [[1.0, 1.0], [3.0]])
def test_no_order_no_tau(values: list[float]) -> None:
    assert of_values(np.array(values), np.arange(len(values), dtype=np.float64)).tau is None


def test_top_words_shared() -> None:
    one = np.arange(20, dtype=np.float64)
    other = np.where(one >= 15, one, -one)  # keeps the five best, then the earliest words
    found = of_values(one, other)
    assert (found.shared, found.top) == (5, 10)
    assert of_values(np.array([1.0, 2]), np.array([2.0, 1])).shared == 2


def test_the_toys_occlusion_and_gradients_agree() -> None:
    model, document = Linear(), Document.from_text(TEXT)
    one, other = (explain(preset(name, "quick"), model, document, [1]) for name in ("occlusion", "integrated-gradients"))
    found = agreement(one, other, "editor")
    assert found.tau == pytest.approx(1) and found.shared == 10


def test_what_cannot_be_compared() -> None:
    model = Linear()
    one = explain(preset("occlusion"), model, Document.from_text(TEXT), [1])
    with pytest.raises(InputError, match="not of label 'games'"):
        values_of(one, "games")
    with pytest.raises(InputError, match="different documents"):
        agreement(one, dataclasses.replace(one, document=Document.from_text("else")), "editor")
