"""Whole words for a place, likelihoods, neighbours: against logits asked of the network by hand."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import language
from core.document import Document
from core.errors import InputError
from core.language.masked_lm import MaskedLanguageModel
from tests import strategies
from tests.unit.language import tiny


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("language")
    return tiny.ours(base / "tiny-mlm", tiny.bert_for_masked_lm(base / "bert"))


@pytest.fixture(scope="module")
def model(folder: Path) -> MaskedLanguageModel:
    return language.load(str(folder))


DOCUMENT = Document.from_text(tiny.SENTENCES[3])


def test_only_whole_words_come_back_best_first(model: MaskedLanguageModel) -> None:
    found = model.fill([(DOCUMENT, 4)], k=10_000)[0]
    words, logs = [word for word, _ in found], [log for _, log in found]
    assert logs == sorted(logs, reverse=True)
    assert set(tiny.WORDS) < set(words)
    assert all(DOCUMENT.replace({4: word}).words[4] == word for word in words)
    assert not any(word.startswith(("##", "[")) or word in ".,:;" for word in words)
    assert model.fill([(DOCUMENT, 4)], k=3)[0] == found[:3]


def test_no_requests_no_answers(model: MaskedLanguageModel) -> None:
    assert model.fill([], k=3) == []
    assert model.pseudo_perplexity([]).shape == (0,)
    assert model.word_log_probabilities(DOCUMENT, 0, []).shape == (0,)


def test_a_word_has_the_probability_that_fill_gives_it(model: MaskedLanguageModel) -> None:
    found = dict(model.fill([(DOCUMENT, 2)], k=10_000)[0])
    asked = ["fast", "Fast", "chess", "fastchess", "ü漢", "no way", ""]
    logs = model.word_log_probabilities(DOCUMENT, 2, asked)
    np.testing.assert_allclose(logs[:3], [found["fast"], found["fast"], found["chess"]], atol=1e-6)
    assert np.isneginf(logs[3:]).all()


def test_a_place_is_masked_in_the_text_as_it_stands(model: MaskedLanguageModel) -> None:
    """What stood at the masked place makes no difference, however many pieces it had; with `masked` false it does."""
    other, long = DOCUMENT.replace({2: "slow"}), DOCUMENT.replace({2: "unheard"})
    assert model.fill([(other, 2)], 5) == model.fill([(DOCUMENT, 2)], 5) == model.fill([(long, 2)], 5)
    assert model.fill([(other, 2)], 5, masked=False) != model.fill([(DOCUMENT, 2)], 5, masked=False)
    assert model.fill([(other, 3)], 5) != model.fill([(DOCUMENT, 3)], 5)


def test_likelihood_of_one_piece_is_its_masked_probability(model: MaskedLanguageModel) -> None:
    assert model.local_log_likelihood(DOCUMENT, 1) == pytest.approx(model.word_log_probabilities(DOCUMENT, 1, ["chess"])[0], abs=1e-5)


def test_pseudo_perplexity_is_the_mean_of_the_words_likelihoods(model: MaskedLanguageModel) -> None:
    documents = [Document.from_text(text) for text in (*tiny.SENTENCES, "", "...")]
    found = model.pseudo_perplexity(documents)
    for document, value in zip(documents[:4], found, strict=False):
        logs = [model.local_log_likelihood(document, index) for index in range(len(document))]
        assert value == pytest.approx(np.exp(-np.mean(logs)), rel=1e-5)
    assert np.isnan(found[4:]).all()


def test_neighbours_are_by_cosine_of_the_input_embeddings(model: MaskedLanguageModel) -> None:
    table = model._network.table.detach().numpy()
    unit = table / np.linalg.norm(table, axis=1, keepdims=True)
    found = model.neighbours("Fast", 6)
    own = unit[model.vocabulary.index("fast")]
    for word, cosine in found:
        assert cosine == pytest.approx(float(unit[model.vocabulary.index(word)] @ own), abs=1e-6)
    assert [cosine for _, cosine in found] == sorted((cosine for _, cosine in found), reverse=True)
    assert "fast" not in [word for word, _ in model.neighbours("fast", 10_000)]
    pieces = table[[model.vocabulary.index(piece) for piece in ("d", "##o", "##g")]].mean(axis=0)
    nearest = [i for i in np.argsort(-(unit @ pieces)) if model.vocabulary[i] in dict(model.neighbours("dog", 10_000))]
    assert model.neighbours("dog", 1)[0][0] == model.vocabulary[nearest[0]]
    assert model.neighbours("\u200b", 3) == []


@pytest.mark.slow
@given(st.lists(st.tuples(st.sampled_from(tiny.SENTENCES), st.integers(0, 3)), min_size=1, max_size=9))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_company_changes_nothing(model: MaskedLanguageModel, asked: list[tuple[str, int]]) -> None:
    """A request's answer does not hang on what else was asked with it."""
    requests = [(document, index % len(document)) for text, index in asked if (document := Document.from_text(text))]
    for request, row in zip(requests, model.fill(requests, 5), strict=True):
        alone = model.fill([request], 5)[0]
        np.testing.assert_allclose([log for _, log in row], [log for _, log in alone], atol=1e-5)


@pytest.mark.slow
@given(strategies.texts())
@settings(max_examples=30, deadline=None)
def test_any_text_is_answered(model: MaskedLanguageModel, text: str) -> None:
    document = Document.from_text(text)
    for index in range(min(2, len(document))):
        for masked in (True, False):
            assert len(model.fill([(document, index)], 3, masked)[0]) == 3
        assert np.isfinite(model.local_log_likelihood(document, index))


def test_a_long_document_is_read_around_the_word(model: MaskedLanguageModel) -> None:
    words = [tiny.WORDS[i % len(tiny.WORDS)] for i in range(5_000)]
    document = Document.from_text(" ".join(words))
    for index in (0, 1, 14, 15, 2_500, 4_985, 4_998, 4_999):
        place = model.place(document, index)
        assert len(place.ids) == 30
        assert place.ids[place.asked].tolist() == [model.mask]
        left = min(max(0, index - 15), 4_970)  # every word here is one token
        assert int(place.asked[0]) == index - left
        near = Document.from_text(" ".join(words[left : left + 30]))
        assert [w for w, _ in model.fill([(document, index)], 4)[0]] == [w for w, _ in model.fill([(near, index - left)], 4)[0]]
    far = document.replace({3_000: "slow", 0: "text"})
    assert model.fill([(far, 2_500)], 4) == model.fill([(document, 2_500)], 4)


def test_a_word_longer_than_the_window(model: MaskedLanguageModel) -> None:
    document = Document.from_text("a " + "x" * 90 + " game")
    assert len(model.place(document, 1, masked=False).ids) == 30
    assert len(model.fill([(document, 1)], 3, masked=False)[0]) == len(model.fill([(document, 2)], 3)[0]) == 3
    assert np.isfinite(model.local_log_likelihood(document, 1))


def test_a_single_word(model: MaskedLanguageModel) -> None:
    document = Document.from_text("chess")
    assert model.place(document, 0).ids.tolist() == [model.mask]
    assert len(model.fill([(document, 0)], 3)[0]) == 3


@pytest.mark.parametrize("index", [-1, 4])
def test_a_word_that_is_not_there(model: MaskedLanguageModel, index: int) -> None:
    document = Document.from_text(tiny.SENTENCES[1])
    for ask in (
        lambda: model.fill([(document, index)], 3),
        lambda: model.local_log_likelihood(document, index),
        lambda: model.word_log_probabilities(document, index, ["a"]),
    ):
        with pytest.raises(InputError, match=f"no word {index}: the document has 4 words"):
            ask()


def test_k_below_one(model: MaskedLanguageModel) -> None:
    for ask in (lambda: model.fill([(DOCUMENT, 0)], 0), lambda: model.neighbours("a", 0)):
        with pytest.raises(InputError, match="k must be at least 1"):
            ask()


def test_threads_share_a_model(model: MaskedLanguageModel) -> None:
    requests = [(Document.from_text(text), 1) for text in tiny.SENTENCES] * 8
    expected = [model.fill([request], 5)[0] for request in requests]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda request: model.fill([request], 5)[0], requests)) == expected


def test_states_at_places_are_those_of_the_whole_encoder(model: MaskedLanguageModel) -> None:
    """The shortcut through the last layer against transformers' own forward pass, with padding."""
    ids = torch.tensor([[2, 7, 9, 5, 3, 0], [2, 7, 9, 11, 8, 3]])
    mask = torch.tensor([[1, 1, 1, 1, 1, 0], [1, 1, 1, 1, 1, 1]])
    with torch.inference_mode():
        whole = model._network.encoder.bert(input_ids=ids, attention_mask=mask).last_hidden_state
        rows, columns = torch.tensor([0, 1, 1]), torch.tensor([2, 4, 1])
        found = model._network.hidden(ids, mask, rows, columns)
    np.testing.assert_allclose(found, whole[rows, columns], atol=1e-5)


def test_gradients_and_modes_are_left_alone(model: MaskedLanguageModel) -> None:
    model.fill([(DOCUMENT, 0)], 3)
    assert not torch.is_inference_mode_enabled()
    assert not any(parameter.requires_grad or parameter.grad is not None for parameter in model._network.parameters())
    assert not model._network.training
