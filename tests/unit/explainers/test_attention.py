"""Rollout, pooling, gradient weighting and word merging on matrices worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from core.document import Document
from core.explainers import explain
from core.explainers.attention import Attention, gradient_weighted, last_layer, rollout, to_words, word_matrix
from tests.toy import TEXT, Attending, Labelwise, Linear

FIRST = np.array([[[0.5, 0.5], [0.0, 1.0]]], dtype=np.float32)  # one head
SECOND = np.array([[[1.0, 0.0], [1.0, 0.0]]], dtype=np.float32)
POOLING = np.array([0.0, 1.0], dtype=np.float32)


def test_rollout_by_hand() -> None:
    """Half attention, half identity: [[.75 .25] [0 1]], then [[1 0] [.5 .5]] from the left."""
    assert rollout(np.stack([FIRST, SECOND])) == pytest.approx(np.array([[0.75, 0.25], [0.375, 0.625]]))


def test_heads_are_averaged() -> None:
    heads = np.stack([FIRST[0], SECOND[0]])[None]
    assert last_layer(heads, POOLING) == pytest.approx([0.5, 0.5])
    assert rollout(heads)[0] == pytest.approx([0.875, 0.125])


def test_gradient_weighting_by_hand() -> None:
    """Gradient 2 in the first layer, -1 in the second: only the first counts; R = I + 2 A."""
    weights = np.stack([FIRST, SECOND])
    gradient = np.stack([np.full_like(FIRST, 2), np.full_like(SECOND, -1)])
    assert gradient_weighted(weights, gradient, POOLING) == pytest.approx([0.0, 2.0])
    both = gradient_weighted(weights, np.abs(gradient), POOLING)
    # R = (I + A2)(I + 2 A1) = [[2 0] [1 1]] [[2 1] [0 3]] = [[4 2] [2 4]]; the second row less the identity.
    assert both == pytest.approx([2.0, 3.0])


def test_tokens_are_merged_into_their_words() -> None:
    owner = np.array([-1, 0, 0, 2])
    assert to_words(np.array([9.0, 1.0, 2.0, 4.0]), owner, 3).tolist() == [3.0, 0.0, 4.0]
    matrix = np.arange(16, dtype=np.float64).reshape(4, 4)
    merged = word_matrix(matrix, owner, 3)
    assert merged.tolist() == [[(5 + 6 + 9 + 10) / 2, 0, (7 + 11) / 2], [0, 0, 0], [13 + 14, 0, 15]]


def test_rows_of_a_rollout_are_distributions() -> None:
    attended = Attending().attention(Document.from_text(TEXT))
    flow = rollout(attended.weights)
    assert flow.sum(axis=1) == pytest.approx(np.ones(len(flow)))
    assert (flow >= 0).all()


def test_only_the_gradient_view_depends_on_the_label() -> None:
    document = Document.from_text(TEXT)
    for view in ("rollout", "last-layer", "gradient"):
        found = explain(Attention(view=view), Attending(), document, [0, 1])
        assert np.array_equal(found.values[0], found.values[1]) == (view != "gradient")
        assert (found.values >= 0).all() and found.residual is None
        assert any("no cause" in note for note in found.notes)


@pytest.mark.parametrize("view", ["gradient", "rollout", "last-layer"])
def test_a_labels_own_attention_is_shown_as_it_is(view: str) -> None:
    """Weights of "chess" and "game" for games are 2 and 3, of "editor" -1: softmax by hand."""
    toy, document = Labelwise(), Document.from_text("chess game editor")
    found = explain(Attention(view=view), toy, document, [0, 1])
    grown = np.exp([2.0, 3.0, -1.0])
    assert found.values[0] == pytest.approx(grown / grown.sum(), abs=1e-6)
    assert found.values.sum(axis=1) == pytest.approx([1, 1]) and not np.allclose(found.values[0], found.values[1])
    assert found.queries == toy.queries == 2 and found.residual is None
    assert any("own attention" in note for note in found.notes) and not any("same for every label" in note for note in found.notes)


def test_a_model_without_attention_is_refused() -> None:
    assert "has no attention" in (Attention.refusal(Linear()) or "")
    assert Attention.refusal(Labelwise()) is None and Attention.refusal(Attending()) is None
