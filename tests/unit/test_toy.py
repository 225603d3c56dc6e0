"""The toys are what they say: other tests stand on them."""

from __future__ import annotations

import numpy as np
import pytest

from core.document import Document
from core.types import Attentive, Classifier, Differentiable, Maskable
from tests.toy import BIAS, TEXT, WORDS, Attending, Linear, Threshold


def test_linear_scores_are_the_weights_written_above() -> None:
    toy = Linear()
    expected = np.asarray(BIAS) + sum(np.asarray(WORDS[w]) for w in ("chess", "game", "the", "text", "editor", "c++", "network", "server"))
    np.testing.assert_allclose(toy.score([TEXT, ""]), [expected, BIAS], rtol=1e-6)
    assert toy.queries == 2
    assert toy.batches == [2]


@pytest.mark.parametrize("toy", [Linear(), Attending()], ids=lambda toy: toy.name)
def test_masking_equals_cutting(toy: Linear) -> None:
    document = Document.from_text(TEXT)
    keep = np.random.default_rng(1).random((6, len(document))) < 0.5
    np.testing.assert_allclose(toy.score_masked(document, keep), toy.score([document.keep(row).text for row in keep]), atol=1e-5)


@pytest.mark.parametrize("toy", [Linear(), Attending()], ids=lambda toy: toy.name)
def test_gradient_is_the_slope(toy: Linear) -> None:
    embedded = toy.embed(Document.from_text(TEXT))
    labels = np.array([2, 0])
    _, slopes = toy.gradient(embedded, np.repeat(embedded.vectors[None], 2, axis=0), labels)
    step = np.random.default_rng(2).normal(0, 1e-2, embedded.vectors.shape).astype(np.float32)
    up, down = (toy.score_embedded(embedded, (embedded.vectors + sign * step)[None], labels)[0] for sign in (1, -1))
    np.testing.assert_allclose(up - down, 2 * (slopes * step).sum(axis=(1, 2)), atol=2e-3)


def test_threshold_flips_where_it_says() -> None:
    toy = Threshold()
    document = Document.from_text("Fire and smoke, fire!")
    flips = [toy.score([document.delete(gone).text])[0, 1] for gone in ([0], [0, 2])]
    assert flips == [1, 0]


def test_attending_can_be_looked_at() -> None:
    toy = Attending()
    attended = toy.attention(Document.from_text(TEXT))
    np.testing.assert_allclose(attended.weights.sum(axis=-1), 1, atol=1e-5)
    assert attended.owner.tolist() == [-1, *range(12)]
    assert toy.attention_gradient(Document.from_text(TEXT), 1).shape == attended.weights.shape


def test_capabilities() -> None:
    kinds = (Classifier, Maskable, Differentiable, Attentive)
    assert [isinstance(Linear(), kind) for kind in kinds] == [True, True, True, False]
    assert [isinstance(Threshold(), kind) for kind in kinds] == [True, False, False, False]
    assert [isinstance(Attending(), kind) for kind in kinds] == [True] * 4
