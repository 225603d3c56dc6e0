"""X-Transformer on a BERT of two layers: the two phases, the dense score, both branches under masks and gradients."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core import checkpoint
from core.data.dataset import Dataset, Split, truth_matrix
from core.document import Document
from core.errors import CheckpointError, InputError
from core.models import load
from core.models.parts.encoder import EMBEDDED, PieceTokenizer, batches_by_length
from core.models.x_transformer import Config, XTransformer, train
from core.ranking import top_k
from core.runs.run import Run
from core.text.normalisation import CURRENT, Normaliser
from tests.tiny_bert import write

TOPICS = ("mail", "game", "music", "editor", "browser", "chess")


def _dataset() -> Dataset:
    generator = np.random.default_rng(0)
    filler = ["a", "the", "fast", "small", "program", "for", "people", "who", "like", "it"]

    def split(n: int) -> Split:
        truth, texts = [], []
        for _ in range(n):
            labels = sorted(generator.choice(len(TOPICS), size=2, replace=False))
            words = [*generator.choice(filler, size=8), *(TOPICS[i] for i in labels)]
            texts.append(" ".join(generator.permutation(words)) + ".")
            truth.append([int(i) for i in labels])
        return Split(tuple(map(str, range(n))), truth_matrix(truth, len(TOPICS)), tuple(texts))

    return Dataset("toy", TOPICS, {"train": split(160), "dev": split(40)})


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> XTransformer:
    folder = tmp_path_factory.mktemp("x-transformer")
    encoder = write(folder / "bert", [*TOPICS, "fast", "small", "program", "people"])
    config = Config(encoder=str(encoder), trained_layers=1, window=24, max_leaf=2, beam=4, epochs=2, batch_size=16, learning_rate=1e-3)
    dataset = _dataset()
    with Run(folder / "run", quiet=True, device="cpu") as run:
        return train(config, dataset, dataset.label_space(), run)


TEXT = "A small chess program, for people who like music; it's a game!"


def test_learns_what_a_bag_of_words_can_say(model: XTransformer) -> None:
    found, _ = model.retrieve(["a fast chess game for people"], 2)
    assert {model.labels.names[i] for i in found[0]} == {"chess", "game"}


def test_labels_lie_in_leaves_of_two(model: XTransformer) -> None:
    assert sorted(np.bincount(model.weights.cluster)) == [1, 1, 2, 2]


def test_beam_of_all_clusters_ranks_like_the_dense_score(model: XTransformer) -> None:
    texts = list(_dataset().split("dev").texts or ())
    wide = XTransformer(Config(**{**model.settings(), "beam": 1_000}), model.labels, model.encoder, model.tokenizer, model.tfidf, model.weights)
    assert np.array_equal(wide.retrieve(texts, 6)[0], top_k(model.score(texts), 6))


def test_beam_leaves_places_empty_rather_than_filling_them(model: XTransformer) -> None:
    narrow = XTransformer(Config(**{**model.settings(), "beam": 1}), model.labels, model.encoder, model.tokenizer, model.tfidf, model.weights)
    ids, scores = narrow.retrieve([TEXT], 6)
    inside = model.weights.cluster == np.argmax(model.cluster_logits(model.pool([model.tokenizer.tokens(Document.from_text(TEXT), 22).ids]))[0])
    assert sorted(ids[0][ids[0] >= 0]) == sorted(np.flatnonzero(inside))
    assert (ids[0] == -1).sum() == 6 - inside.sum() and np.isneginf(scores[0][ids[0] == -1]).all()


@pytest.mark.parametrize("mode", ["delete", "mask"])
def test_masks_touch_both_branches(model: XTransformer, mode: str) -> None:
    document = Document.from_text(TEXT)
    keep = np.random.default_rng(1).random((6, len(document))) < 0.6
    masked = model.score_masked(document, keep, mode=mode)  # type: ignore[arg-type]
    if mode == "delete":
        assert np.allclose(masked, model.score([document.keep(row).text for row in keep]), atol=1e-5)
    assert not np.allclose(masked, model.score([TEXT]), atol=1e-3)


def test_masking_lets_later_words_into_the_window(model: XTransformer) -> None:
    document = Document.from_text("small " * 40 + "chess")
    keep = np.zeros((1, 41), dtype=np.bool_)
    keep[0, -1] = True
    assert np.allclose(model.score_masked(document, keep), model.score([document.keep(keep[0]).text]), atol=1e-5)


def test_embedded_document_scores_like_its_text(model: XTransformer) -> None:
    embedded = model.embed(Document.from_text(TEXT))
    assert np.allclose(model.score_embedded(embedded, embedded.vectors[None]), model.score([TEXT]), atol=1e-4)
    sums = embedded.owner.sum(axis=1)
    assert np.all(np.isclose(sums, 1, atol=1e-6) | (sums == 0))


def test_gradient_is_the_slope(model: XTransformer) -> None:
    embedded = model.embed(Document.from_text(TEXT))
    labels = np.array([2])
    scores, gradient = model.gradient(embedded, embedded.vectors[None], labels)
    step = np.random.default_rng(0).normal(size=embedded.vectors.shape).astype(np.float32) * 1e-2
    step[embedded.positions :, 1:] = 0
    ends = model.score_embedded(embedded, np.stack([embedded.vectors + step, embedded.vectors - step]), labels)[:, 0]
    assert scores[0] == pytest.approx(model.score([TEXT], labels)[0, 0], abs=1e-4)
    assert (ends[0] - ends[1]) / 2 == pytest.approx(float((gradient[0] * step).sum()), rel=0.05, abs=1e-4)
    assert all(parameter.grad is None for parameter in model.encoder.parameters())


def test_attention_rows_sum_to_one_and_have_a_gradient(model: XTransformer) -> None:
    document = Document.from_text(TEXT)
    attended = model.attention(document)
    assert attended.weights.shape[:2] == (2, 2) and np.allclose(attended.weights.sum(axis=-1), 1, atol=1e-5)
    assert attended.owner[0] == attended.owner[-1] == -1 and len(attended.tokens) == len(attended.owner)
    gradient = model.attention_gradient(document, 0)
    assert gradient.shape == attended.weights.shape and np.abs(gradient).max() > 0


def test_saved_and_loaded_it_scores_the_same(model: XTransformer, tmp_path: Path) -> None:
    folder = tmp_path / "toy"
    checkpoint.save(folder, model="x-transformer", settings=model.settings(), labels=model.labels, tensors=model.tensors(), files=model.files())
    again = load(folder)
    assert np.allclose(again.score([TEXT]), model.score([TEXT]), atol=2e-2)  # weights are stored in half precision


def test_a_misshapen_tensor_is_named(model: XTransformer, tmp_path: Path) -> None:
    tensors = {**model.tensors(), "head": np.zeros((3, 3), dtype=np.float16)}
    checkpoint.save(tmp_path / "bad", model="x-transformer", settings=model.settings(), labels=model.labels, tensors=tensors, files=model.files())
    with pytest.raises(CheckpointError, match="tensor 'head' has shape"):
        load(tmp_path / "bad")


def test_rows_of_another_classifier_are_refused(model: XTransformer) -> None:
    embedded = model.tfidf.embed(Document.from_text(TEXT))
    with pytest.raises(InputError, match="not embedded by this classifier"):
        model.score_embedded(embedded, embedded.vectors[None])


@pytest.mark.parametrize("normaliser", [Normaliser(0), CURRENT])
def test_pieces_are_tokenised_like_the_whole_text(normaliser: Normaliser) -> None:
    tokenizer = PieceTokenizer(EMBEDDED, normaliser=normaliser)
    texts = ["A Perl-based (small) e-mail reader, isn't it? See node.js & C++.", "naïve café — 東京 2.0", ""]
    for text in texts:
        whole = tokenizer._tokenizer.backend_tokenizer.encode(normaliser.document(Document.from_text(text)).text, add_special_tokens=False).ids
        assert tokenizer.tokens(Document.from_text(text)).ids.tolist() == whole


def test_batches_hold_every_row_once_and_few_tokens() -> None:
    lengths = np.random.default_rng(0).integers(0, 300, size=200)
    batches = batches_by_length(lengths, tokens=1_000)
    assert sorted(np.concatenate(batches)) == list(range(200))
    assert all(len(batch) == 1 or len(batch) * (lengths[batch].max() + 2) <= 1_000 for batch in batches)
