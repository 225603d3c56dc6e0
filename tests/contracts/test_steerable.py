"""What every model of the table promises by being Steerable: the gradient of a weighted sum of all its scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from core.attacks.embeddings.fgsm import Fgsm, Pgd, perturb
from core.document import Document
from core.types import Steerable
from tests.tiny_models import dataset

TEXT = "A small chess program, for people who like music; it's written in C++ & free!"


@pytest.fixture
def embedded(model: Any) -> Any:
    return model.embed(Document.from_text(TEXT))


def test_it_is_what_the_protocol_says(model: Any) -> None:
    assert isinstance(model, Steerable)


def test_a_weighted_gradient_is_the_weighted_sum_of_gradients(model: Any, embedded: Any) -> None:
    """Two points, all labels: each label's own gradient times its weight; the weights come from the model's own scores."""
    rng = np.random.default_rng(2)
    points = np.stack([embedded.vectors, embedded.vectors * rng.uniform(0.8, 1.2, embedded.vectors.shape).astype(np.float32)])
    count = len(model.labels)
    seen = []

    def weigh(scores: Any) -> Any:
        seen.append(scores.copy())
        return np.tanh(scores / 10) + np.arange(count, dtype=np.float32) / 10

    scores, slopes = model.weighted_gradient(embedded, points.copy(), weigh)
    dense = model.score_embedded(embedded, points)
    np.testing.assert_allclose(scores, dense, atol=1e-4 * max(1, np.abs(dense).max()))
    assert all(np.array_equal(scores, each) for each in seen)
    assert seen
    assert (scores.dtype, slopes.dtype, slopes.shape) == (np.float32, np.float32, points.shape)
    for row in range(2):
        each = model.gradient(embedded, np.repeat(points[row][None], count, axis=0), np.arange(count))[1]
        expected = np.einsum("ltd,l->td", each, weigh(dense)[row])
        np.testing.assert_allclose(slopes[row], expected, atol=1e-4 * np.abs(expected).max())


def test_nothing_of_the_model_is_touched(model: Any, embedded: Any) -> None:
    import torch

    before = embedded.vectors.copy()
    model.weighted_gradient(embedded, embedded.vectors[None], np.ones_like)
    np.testing.assert_array_equal(embedded.vectors, before)
    for value in vars(model).values():
        if isinstance(value, torch.nn.Module):
            assert all(parameter.grad is None for parameter in value.parameters())
            assert not any(module.training for module in value.modules())


def test_gradients_also_where_the_caller_wants_none(model: Any, embedded: Any) -> None:
    """The training loop validates under no_grad, and a defence attacks in validation."""
    import torch

    with torch.no_grad():
        inside = (
            model.weighted_gradient(embedded, embedded.vectors[None], np.ones_like)[1],
            model.gradient(embedded, embedded.vectors[None], np.array([0]))[1],
        )
    np.testing.assert_array_equal(inside[0], model.weighted_gradient(embedded, embedded.vectors[None], np.ones_like)[1])
    np.testing.assert_array_equal(inside[1], model.gradient(embedded, embedded.vectors[None], np.array([0]))[1])


def test_rows_that_stand_for_words(model: Any, embedded: Any) -> None:
    rows = model.perturbable(embedded)
    owned = embedded.owner.sum(axis=1) > 0
    assert not (rows.words & rows.features).any()
    np.testing.assert_array_equal(rows.words | rows.features, owned)
    if embedded.vectors.shape[1] > 1:
        assert not embedded.vectors[rows.features, 1:].any(), "a feature is one value"
    assert rows.words.any() == (model.KIND not in ("linear", "mach"))
    for row in np.flatnonzero(rows.words):
        assert embedded.tokens[row] not in ("[CLS]", "[SEP]", "[PAD]", ",", ";", "!")
    nothing = model.perturbable(model.embed(Document.from_text(" ... ")))
    assert not (nothing.words | nothing.features).any()


@pytest.mark.slow
@pytest.mark.parametrize("parts", ["network", "all"])
@pytest.mark.parametrize("kind", [Fgsm, Pgd])
def test_attacked_rows(model: Any, kind: Any, parts: str) -> None:
    """They stay in the ball and what may not move stays bit for bit, on every model; the loss rises on nearly every document."""
    import torch

    rose = []
    for text in (dataset().split("test").texts or ())[:10]:
        found = perturb(kind(epsilon=0.05, parts=parts), model, Document.from_text(text))
        rows, before = model.perturbable(found.embedded), found.embedded.vectors
        moved = np.abs(found.vectors - before)
        network = rows.words if rows.words.any() else rows.features
        still = ~(network | rows.features) if parts == "all" else ~network
        assert found.vectors[still].tobytes() == before[still].tobytes()
        assert not moved[rows.features, 1:].any()
        assert (found.vectors[rows.features, 0] >= 0).all()
        for name, part in (("words", rows.words), ("features", rows.features)):
            assert moved[part].max(initial=0) <= found.radii.get(name, 0) + 1e-6
        np.testing.assert_array_equal(found.scores_after, model.score_embedded(found.embedded, found.vectors[None])[0])
        rose.append(found.rose)
    assert np.mean(rose) >= 0.9
    for value in vars(model).values():
        if isinstance(value, torch.nn.Module):
            assert all(parameter.grad is None for parameter in value.parameters())
