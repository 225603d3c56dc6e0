"""XML-CNN's slopes by hand against autograd's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from core.document import Document
from core.models.parts.words import Words
from core.models.xml_cnn.network import Config, XmlCnnModule
from core.models.xml_cnn.scoring import CnnScorer
from core.types import Scores


@pytest.fixture
def scorer() -> CnnScorer:
    torch.manual_seed(5)
    config = Config(width=6, filters=5, chunks=3, bottleneck=9)
    module = XmlCnnModule(config, 12, 7)
    torch.nn.init.normal_(module.filter_bias, std=0.3)
    return CnnScorer(module, Words.build(["a b c d e f g h i j"], 1, 100), 64)


def by_autograd(scorer: CnnScorer, vectors: Any, weights: Scores) -> tuple[Any, Any]:
    rows = torch.from_numpy(vectors.copy()).requires_grad_()
    logits = scorer.module.logits(scorer._hidden(rows))
    (slopes,) = torch.autograd.grad(logits, rows, torch.from_numpy(weights))
    return logits.detach().numpy(), slopes.numpy()


@pytest.mark.parametrize("length", [1, 5, 8, 9, 31])
def test_the_slopes_are_those_of_autograd(scorer: CnnScorer, length: int) -> None:
    """Also for documents shorter than the widest filter, and with places that do not divide by the number of chunks."""
    rng = np.random.default_rng(length)
    vectors, weights = rng.normal(0, 1, (3, length, 6)).astype(np.float32), rng.normal(0, 1, (3, 7)).astype(np.float32)
    embedded = scorer.embed(_document(length))
    logits, slopes = by_autograd(scorer, vectors, weights)
    found, mine = scorer.weighted_gradient(embedded, vectors, lambda scores: weights)
    np.testing.assert_allclose(found, logits, atol=1e-5)
    np.testing.assert_allclose(mine, slopes, atol=1e-5)
    assert np.abs(mine).max() > 0


def test_changed_weights_are_seen(scorer: CnnScorer) -> None:
    """The filters are kept turned about between calls; training goes on in place."""
    vectors, weights = np.ones((1, 10, 6), np.float32), np.ones((1, 7), np.float32)
    embedded = scorer.embed(_document(10))
    before = scorer.weighted_gradient(embedded, vectors, lambda scores: weights)[1]
    with torch.no_grad():
        scorer.module.filters["4"].mul_(-1.5)
    after = scorer.weighted_gradient(embedded, vectors, lambda scores: weights)[1]
    assert not np.allclose(before, after)
    np.testing.assert_allclose(after, by_autograd(scorer, vectors, weights)[1], atol=1e-5)


def _document(words: int) -> Any:
    return Document.from_text("a " * words)
