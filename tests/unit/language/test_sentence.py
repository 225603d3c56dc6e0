"""Sentence embeddings on a tiny encoder, and the angular similarity on hand-worked values."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.attacks.words.similarity import angular
from core.document import Document
from core.language.sentence import SentenceEncoder
from core.models.parts.encoder import Encoder, PieceTokenizer
from tests import tiny_bert
from tests.unit.language import tiny


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> SentenceEncoder:
    folder = tiny_bert.write(tmp_path_factory.mktemp("encoder") / "bert", tiny.WORDS)
    return SentenceEncoder("tiny", Encoder(str(folder), 0, 64), PieceTokenizer(str(folder)))


def test_rows_are_mean_pooled_and_of_length_one(encoder: SentenceEncoder) -> None:
    found = encoder.embed([*tiny.SENTENCES, "", tiny.SENTENCES[0]])
    assert (found.shape, found.dtype) == ((6, 16), np.float32)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(found[0], found[5])
    tokens = encoder._tokenizer.tokens(Document.from_text(tiny.SENTENCES[1])).ids
    ids = torch.tensor([[encoder._tokenizer.first, *tokens, encoder._tokenizer.last]])
    with torch.inference_mode():
        mean = encoder._encoder.bert(input_ids=ids).last_hidden_state[0].mean(dim=0).numpy()
    np.testing.assert_allclose(found[1], mean / np.linalg.norm(mean), atol=1e-6)
    assert encoder.embed([]).shape == (0, 16)


def test_cosine_with_the_original(encoder: SentenceEncoder) -> None:
    documents = [Document.from_text(text) for text in tiny.SENTENCES]
    rows = encoder.embed(tiny.SENTENCES)
    for _ in range(2):  # the second time from what is remembered
        np.testing.assert_allclose(encoder.cosine(documents[0], documents), rows @ rows[0], atol=1e-6)
    assert encoder.cosine(documents[0], documents)[0] == pytest.approx(1)
    assert encoder.cosine(documents[0], []).shape == (0,)


def test_angular() -> None:
    np.testing.assert_allclose([angular(cosine) for cosine in (1, 1 + 1e-9, 0, -1, 0.98)], [1, 1, 1 - np.pi / 2, 1 - np.pi, 0.79967], atol=1e-5)
