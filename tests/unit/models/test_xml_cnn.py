"""XML-CNN: its pooling against torch's own layers, batching, masking, gradients, training on a toy, checkpoints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core import checkpoint, fields
from core.data.dataset import Dataset, Split, truth_matrix
from core.document import Document
from core.errors import CheckpointError, InputError, SettingsError
from core.labels import LabelSpace
from core.models.linear.part import SHARES
from core.models.parts.words import Words
from core.models.xml_cnn import Config, XmlCnn, train
from core.models.xml_cnn.network import WIDTHS, Ragged, XmlCnnModule
from core.models.xml_cnn.training import tempered_weights
from core.runs.run import Run, read_progress
from core.types import Differentiable, Maskable

SMALL = Config(width=12, filters=5, chunks=3, bottleneck=16, window=20, vectors="random", vector_scale=0.5)
VOCABULARY = [f"w{i}" for i in range(40)]
LABELS = LabelSpace.of(["a", "b", "c", "d"], [9, 5, 2, 1], 20)


def text_of(length: int, seed: int) -> str:
    return " ".join(f"w{i}" for i in np.random.default_rng(seed).integers(0, 45, size=length))  # w40 to w44 are unknown


@pytest.fixture
def model() -> XmlCnn:
    torch.manual_seed(5)
    words = Words(tuple(VOCABULARY))
    return XmlCnn(SMALL, LABELS, words, XmlCnnModule(SMALL, words.size, len(LABELS)))


TEXTS = ["", "w1", "w3 w3 w3 w3 w3 w3 w3 w3", *(text_of(n, n) for n in (2, 5, 7, 9, 10, 19, 20, 21, 60))]


def test_has_the_capabilities(model: XmlCnn) -> None:
    assert isinstance(model, Maskable) and isinstance(model, Differentiable)
    assert model.unit == "logit" and len(model.digest) == 16


def reference(module: XmlCnnModule, ids: np.ndarray) -> torch.Tensor:
    """The paper's layers, one document: Conv1d, ReLU, AdaptiveMaxPool1d."""
    vectors = module.embed(ids).T[None]  # [1, d, T]
    parts = []
    for w, bias in zip(WIDTHS, module.filter_bias, strict=True):
        weight = module.filters[str(w)].view(SMALL.width, w, SMALL.filters).permute(2, 0, 1)  # [F, d, w]
        activations = torch.relu(torch.nn.functional.conv1d(vectors, weight, bias.flatten()))
        parts.append(torch.nn.functional.adaptive_max_pool1d(activations, SMALL.chunks)[0].T.flatten())
    return torch.cat(parts)


def test_pooling_equals_torch_layers(model: XmlCnn) -> None:
    torch.nn.init.normal_(model.module.filter_bias)
    rows = [np.random.default_rng(n).integers(1, 42, size=n) for n in range(8, 30)]
    text = Ragged.of(rows)
    distinct, places = np.unique(text.places, return_inverse=True)
    pooled = model.module.pool(model.module.products(model.module.embed(distinct)), Ragged(places, text.lengths))
    assert pooled.shape == (len(rows), len(WIDTHS) * SMALL.chunks * SMALL.filters)
    torch.testing.assert_close(pooled, torch.stack([reference(model.module, row) for row in rows]), rtol=1e-5, atol=1e-5)


def test_a_filter_changes_only_its_own_pooled_values(model: XmlCnn) -> None:
    """Catches the published flattening of filters and time into one axis before pooling."""
    text = Ragged.of([np.arange(1, 15), np.arange(2, 13)])

    def pooled() -> torch.Tensor:
        found = model.module.pool(model.module.products(model.module.embed(np.arange(42))), text)
        return found.view(2, len(WIDTHS), SMALL.chunks, SMALL.filters)

    before = pooled()
    for number, w in enumerate(WIDTHS):
        for chosen in (0, SMALL.filters - 1):
            weight = model.module.filters[str(w)]
            kept = weight.clone()
            weight.view(SMALL.width, w, SMALL.filters)[..., chosen] *= -3
            changed = pooled() != before
            weight.copy_(kept)
            assert changed[:, number, :, chosen].any()
            changed[:, number, :, chosen] = False
            assert not changed.any()


@given(lengths=st.lists(st.integers(8, 40), min_size=1, max_size=5), parts=st.integers(1, 9))
def test_chunks_cover_each_documents_runs(lengths: list[int], parts: int) -> None:
    text = Ragged.of([np.ones(n, dtype=np.int64) for n in lengths])
    for w in WIDTHS:
        runs, starts = text.chunks(w, parts)
        ends = [*starts[1:], len(runs)]
        first = 0
        for row, n in enumerate(lengths):
            own = [runs[starts[row * parts + i] : ends[row * parts + i]] for i in range(parts)]
            assert all(len(chunk) for chunk in own)
            assert set(np.concatenate(own)) == set(range(first, first + n - w + 1))
            first += n - w + 1


def test_batched_equals_single(model: XmlCnn) -> None:
    scores = model.score(TEXTS)
    assert scores.shape == (len(TEXTS), len(LABELS)) and scores.dtype == np.float32 and np.isfinite(scores).all()
    single = np.concatenate([model.score([text]) for text in TEXTS])
    np.testing.assert_allclose(scores, single, atol=1e-5)
    np.testing.assert_array_equal(scores[::-1], model.score(TEXTS[::-1]))
    np.testing.assert_allclose(model.score(TEXTS, np.array([2, 0])), scores[:, [2, 0]], atol=1e-6)
    assert model.score([]).shape == (0, 4)


def test_many_words_are_scored_in_portions(model: XmlCnn, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = model.score(TEXTS)
    monkeypatch.setattr("core.models.xml_cnn.scoring.CHUNK", 15)
    np.testing.assert_allclose(model.score(TEXTS), whole, atol=1e-5)


def test_reads_its_window_and_folds_case(model: XmlCnn) -> None:
    long = text_of(60, 0)
    document = Document.from_text(long)
    assert model.words_read(document) == 20 and model.words_read(Document.from_text("a b")) == 2
    np.testing.assert_array_equal(model.score([long]), model.score([" ".join(document.words[:20]).upper()]))
    assert np.abs(model.score([long]) - model.score([" ".join(document.words[:19])])).max() > 0


def test_retrieves_the_best(model: XmlCnn) -> None:
    ids, scores = model.retrieve(TEXTS, 6)
    dense = model.score(TEXTS)
    assert (ids[:, :4] == np.argsort(-dense, axis=1, kind="stable")).all() and (ids[:, 4:] == -1).all()
    assert np.isneginf(scores[:, 4:]).all() and (np.diff(scores[:, :4], axis=1) <= 0).all()


@pytest.mark.parametrize("length", [1, 6, 12, 20, 33])
def test_masking_equals_cutting_the_text(model: XmlCnn, length: int) -> None:
    document = Document.from_text(text_of(length, 3))
    keep = np.random.default_rng(1).random((30, length)) < 0.6
    keep[0], keep[1], keep[2] = True, False, keep[3]
    cut = model.score([document.keep(row).text for row in keep])
    np.testing.assert_allclose(model.score_masked(document, keep), cut, atol=1e-5)
    np.testing.assert_allclose(model.score_masked(document, keep, np.array([1])), cut[:, [1]], atol=1e-5)
    hidden = [" ".join(word if kept else "zzz" for word, kept in zip(document.words, row, strict=True)) for row in keep]
    np.testing.assert_allclose(model.score_masked(document, keep, mode="mask"), model.score(hidden), atol=1e-5)


def test_masking_nothing_and_no_words(model: XmlCnn) -> None:
    np.testing.assert_allclose(model.score_masked(Document.from_text(""), np.ones((2, 0), dtype=np.bool_)), model.score(["", ""]), atol=1e-6)
    assert model.score_masked(Document.from_text("w1 w2"), np.ones((0, 2), dtype=np.bool_)).shape == (0, 4)


@pytest.mark.parametrize("length", [0, 1, 7, 8, 20, 33])
def test_embedded_scores_equal_text_scores(model: XmlCnn, length: int) -> None:
    text = text_of(length, 4)
    document = Document.from_text(text)
    embedded = model.embed(document)
    read = min(length, 20)
    assert embedded.vectors.shape == embedded.baseline.shape == (read, 12) and embedded.owner.shape == (read, length)
    np.testing.assert_array_equal(embedded.owner.sum(axis=1), 1)
    assert embedded.tokens == document.words[:read] and not embedded.baseline.any()
    both = np.stack([embedded.vectors, embedded.baseline])
    expected = model.score([text, ""]) if length <= 8 else model.score([text])
    np.testing.assert_allclose(model.score_embedded(embedded, both)[: len(expected)], expected, atol=1e-5)


@pytest.mark.slow
def test_gradient_equals_finite_differences(model: XmlCnn) -> None:
    document = Document.from_text(text_of(11, 6))
    embedded = model.embed(document)
    vectors = np.stack([embedded.vectors, 0.3 * embedded.vectors])
    model.module.double()
    chosen = np.array([2, 0])
    columns = torch.from_numpy(chosen)

    def scores(at: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return model.module.logits(model.network._hidden(torch.from_numpy(at)), columns).numpy()[[0, 1], [0, 1]]

    expected, step = np.zeros(vectors.shape), 1e-6
    for t in range(vectors.shape[1]):
        for i in range(vectors.shape[2]):
            moved = np.zeros(vectors.shape)
            moved[:, t, i] = step
            expected[:, t, i] = (scores(vectors + moved) - scores(vectors - moved)) / (2 * step)
    model.module.float()
    found, gradient = model.gradient(embedded, vectors, chosen)
    np.testing.assert_allclose(gradient, expected, atol=1e-4)
    np.testing.assert_allclose(found, scores_of_labels(model, embedded, vectors, chosen), atol=1e-5)
    assert np.abs(gradient).max() > 1e-3
    assert all(parameter.grad is None for parameter in model.module.parameters())


def scores_of_labels(model: XmlCnn, embedded: object, vectors: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return model.score_embedded(embedded, vectors)[np.arange(len(labels)), labels]  # type: ignore[arg-type]  # a test helper


def test_checkpoint_keeps_every_score(model: XmlCnn, tmp_path: Path) -> None:
    def save(**changed: object) -> None:
        parts = {"settings": model.settings(), "tensors": model.tensors(), "files": model.files(), **changed}
        checkpoint.save(tmp_path / "one", model=XmlCnn.KIND, labels=LABELS, **parts)  # type: ignore[arg-type]  # one of them is wrong on purpose

    save()
    loaded = XmlCnn.load(checkpoint.load(tmp_path / "one"))
    np.testing.assert_allclose(loaded.score(TEXTS), model.score(TEXTS), atol=2e-2)  # half precision
    assert loaded.name == "one" and loaded.digest == checkpoint.load(tmp_path / "one").digest
    assert {tensor.dtype for tensor in loaded.tensors().values()} == {np.dtype(np.float16)}
    save(tensors={**model.tensors(), "output.weight": model.tensors()["output.weight"][:2]})
    with pytest.raises(CheckpointError, match=r"output\.weight"):
        XmlCnn.load(checkpoint.load(tmp_path / "one"))
    save(files={"words.txt": "one\n\ntwo\n"})
    with pytest.raises(CheckpointError, match="'one': line 2"):
        XmlCnn.load(checkpoint.load(tmp_path / "one"))
    save(settings={**model.settings(), "strides": 2})
    with pytest.raises(CheckpointError, match=r"'one'.*strides"):
        XmlCnn.load(checkpoint.load(tmp_path / "one"))


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(SettingsError, match="has no setting filter;"):
        fields.from_json(Config, {"filter": 3})
    with pytest.raises(SettingsError, match="window"):
        Config(window=4)


def test_tempered_weights() -> None:
    assert torch.equal(tempered_weights(LABELS, 0.0), torch.ones(4))
    weights = tempered_weights(LABELS, 1.0)
    np.testing.assert_allclose(weights.numpy(), 2 * LABELS.inverse_propensities() - 1, rtol=1e-6)
    assert (np.diff(tempered_weights(LABELS, 0.5).numpy()) > 0).all()


def toy(words: int = 30, documents: int = 160) -> Dataset:
    """Label j is on where the word "sign{j}" stands; a fourth label never occurs in training."""
    generator = np.random.default_rng(2)
    rows = [sorted(generator.choice(3, size=generator.integers(1, 3), replace=False)) for _ in range(documents)]
    texts = []
    for row in rows:
        said = [f"w{i}" for i in generator.integers(0, words, size=generator.integers(3, 25))] + [f"sign{j}" for j in row]
        texts.append(" ".join(generator.permutation(said)))
    cut = documents * 3 // 4
    splits = {
        name: Split(tuple(f"{name}{i}" for i in range(len(part))), truth_matrix([rows[i] for i in part], 4), tuple(texts[i] for i in part))
        for name, part in (("train", range(cut)), ("dev", range(cut, documents)))
    }
    return Dataset("toy", ("x", "y", "z", "never"), splits)


@pytest.fixture
def trained(tmp_path: Path) -> Iterator[tuple[XmlCnn, Path]]:
    config = replace(
        SMALL, filters=32, chunks=1, window=32, epochs=10, batch_size=16, learning_rate=0.01, dropout=0.1, vector_dropout=0.0, word_dropout=0.0
    )
    dataset = toy()
    yield train(config, dataset, dataset.label_space(), Run(tmp_path / "run", seed=1, device="cpu", quiet=True)), tmp_path


def test_learns_a_toy(trained: tuple[XmlCnn, Path]) -> None:
    model, folder = trained
    best = max(record["P@1"] for record in read_progress(folder / "run") if record["kind"] == "dev")
    assert best > 90
    scores = model.score(["w1 w2 sign1 w3 w4", "w5 sign0 w1"])
    assert scores.argmax(axis=1).tolist() == [1, 0]
    assert not model.module.embedding.weight[0].any()
    assert not any(parameter.requires_grad for parameter in model.module.parameters())


def test_linear_part_is_added(tmp_path: Path) -> None:
    """Scores, masked scores, gradients and the checkpoint are those of scale * (network + share * margins) + shift."""
    config = replace(SMALL, epochs=2, with_linear=True, linear_threshold=0.0)
    dataset = toy()
    model = train(config, dataset, dataset.label_space(), Run(tmp_path / "run", seed=1, device="cpu", quiet=True))
    part = model.linear
    assert part is not None and part.share in SHARES and read_progress(tmp_path / "run")[-1]["share"] == part.share
    texts = ["", "w1 w2 sign1", "sign0 w3 sign2 w1 " * 9]
    expected = part.scale * (model.network.score(texts) + part.share * part.model.score(texts)) + part.shift
    np.testing.assert_allclose(model.score(texts), expected, atol=1e-5)
    document = Document.from_text(texts[2])
    keep = np.random.default_rng(0).random((6, len(document))) < 0.7
    np.testing.assert_allclose(model.score_masked(document, keep), model.score([document.keep(row).text for row in keep]), atol=1e-4)
    assert model.words_read(document) == len(document) == 36
    embedded = model.embed(document)
    np.testing.assert_allclose(model.score_embedded(embedded, embedded.vectors[None]), expected[[2]], atol=1e-4)
    np.testing.assert_allclose(model.score_embedded(embedded, embedded.baseline[None]), model.score([""]), atol=1e-4)
    labels = np.array([2, 0])
    scores, slopes = model.gradient(embedded, np.stack([embedded.vectors] * 2), labels)
    np.testing.assert_allclose(scores, expected[2, labels], atol=1e-4)
    assert slopes.shape == (2, *embedded.vectors.shape)
    rows = model.network.embed(document).vectors
    np.testing.assert_allclose(slopes[:, : len(rows)], part.scale * model.network.gradient(embedded, np.stack([rows] * 2), labels)[1], atol=1e-6)
    features = part.model.embed(document)
    weights = part.model.weights[features.columns][:, labels].toarray().T
    np.testing.assert_allclose(slopes[:, len(rows) :, 0], part.scale * part.share * weights, rtol=1e-5, atol=1e-7)
    assert not slopes[:, len(rows) :, 1:].any()
    dev, means = dataset.split("dev"), 1 / (1 + np.exp(-model.score(dataset.split("dev").texts or ())))
    np.testing.assert_allclose(means.mean(), dev.truth[:, :3].mean(), atol=1e-3)  # log-odds: the mean probability is the base rate
    checkpoint.save(tmp_path / "c", model=XmlCnn.KIND, settings=model.settings(), labels=model.labels, tensors=model.tensors(), files=model.files())
    loaded = XmlCnn.load(checkpoint.load(tmp_path / "c"))
    np.testing.assert_allclose(loaded.score(texts), expected, atol=0.05)
    with pytest.raises(InputError, match="not made by this model"):
        model.score_embedded(model.network.embed(document), rows[None])


def test_word_vectors_start_the_embedding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.models.parts import word_vectors as module

    vectors = module.word_vectors(["editor", "editors", "chess"], 2, 0.1, tmp_path)
    assert vectors.shape == (3, 2) and np.isclose(np.sqrt(np.square(vectors).mean()), 0.1)
    monkeypatch.setattr(module, "encoded_words", lambda *_: pytest.fail("the cache was not read"))
    np.testing.assert_array_equal(module.word_vectors(["editor", "editors", "chess"], 2, 0.1, tmp_path), vectors)
    assert np.linalg.norm(vectors[0] - vectors[1]) < np.linalg.norm(vectors[0] - vectors[2])


def test_narrowing_keeps_the_widest_axes() -> None:
    from core.models.parts.word_vectors import narrowed

    generator = np.random.default_rng(0)
    wide = (generator.normal(size=(50, 6)) * [9, 1, 1, 5, 1, 1]).astype(np.float32)
    narrow = narrowed(wide, 2, 1.0)
    assert abs(np.corrcoef(narrow[:, 0], wide[:, 0])[0, 1]) > 0.95 and abs(np.corrcoef(narrow[:, 1], wide[:, 3])[0, 1]) > 0.95
    assert narrowed(wide, 9, 1.0).shape == (50, 9) and not narrowed(wide, 9, 1.0)[:, 6:].any()
    assert not narrowed(np.ones((3, 4), dtype=np.float32), 2, 1.0).any()
