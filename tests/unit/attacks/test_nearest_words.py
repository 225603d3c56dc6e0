"""Attacked word vectors read as their nearest words, and scored as the text they make."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from core.attacks.embeddings.fgsm import Fgsm, Pgd, perturb
from core.attacks.embeddings.nearest_words import read_nearest_words, refusal
from core.document import Document
from core.errors import CapabilityError
from core.labels import LabelSpace
from core.models.parts.words import Words
from core.models.xml_cnn import Config, XmlCnn
from core.models.xml_cnn.network import XmlCnnModule
from core.types import WordTable
from tests import toy

SMALL = Config(width=12, filters=5, chunks=3, bottleneck=16, window=20, vectors="random", vector_scale=0.5)
WORDS = tuple(f"w{i}" for i in range(30))
TEXT = Document.from_text("W1, w2 and w3; then w4 w5 unseen w6.")


@pytest.fixture
def model() -> XmlCnn:
    torch.manual_seed(5)
    words = Words(WORDS)
    return XmlCnn(SMALL, LabelSpace.of(["a", "b", "c", "d"], [9, 5, 2, 1], 20), words, XmlCnnModule(SMALL, words.size, 4))


def test_every_word_is_nearest_to_itself(model: XmlCnn) -> None:
    assert isinstance(model, WordTable)
    rows = model.module.embed(model.words.ids(WORDS)).detach().numpy()
    assert model.nearest_words(rows) == WORDS
    assert model.nearest_words(rows + 1e-4) == WORDS
    assert model.nearest_words(model.module.embed(np.asarray([1])).detach().numpy()) == (None,)


def test_a_small_step_is_gone_once_it_is_read(model: XmlCnn) -> None:
    read = read_nearest_words(perturb(Fgsm(epsilon=0.01, k=1), model, TEXT), model, TEXT)
    assert (read.document.text, read.swaps) == (TEXT.text, ())
    assert read.moved > 0
    np.testing.assert_allclose(read.scores, model.score([TEXT.text])[0], atol=1e-6)


def test_a_moved_vector_becomes_the_word_it_stands_at(model: XmlCnn) -> None:
    """The first word's vector put on that of w9, the third's (unknown 'and') on that of w8; the others stay."""
    found = perturb(Pgd(epsilon=0.01, k=1), model, TEXT)
    vectors = found.embedded.vectors.copy()
    vectors[0], vectors[2] = model.module.embed(model.words.ids(["w9", "w8"])).detach().numpy()
    read = read_nearest_words(replace(found, vectors=vectors), model, TEXT)
    assert [(swap.position, swap.old, swap.new) for swap in read.swaps] == [(0, "W1", "w9"), (2, "and", "w8")]
    assert read.document.text == "w9, w2 w8 w3; then w4 w5 unseen w6."
    np.testing.assert_array_equal(read.scores, model.score([read.document.text])[0])
    assert read.to_json()["changed"] == [[0, "W1", "w9"], [2, "and", "w8"]]


def test_a_model_without_word_vectors_says_so(model: XmlCnn) -> None:
    assert refusal(model) is None
    assert "no vector for each word" in str(refusal(toy.Linear()))
    with pytest.raises(CapabilityError, match="no vector for each word"):
        read_nearest_words(perturb(Fgsm(epsilon=0.01, k=1), model, TEXT), toy.Linear(), TEXT)
