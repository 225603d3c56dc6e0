"""What every model of the table promises by implementing core.types' protocols."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import checkpoint, models
from core.document import Document
from core.errors import CheckpointError, InputError
from core.ranking import top_k
from core.text import normalisation
from core.types import Attentive, Classifier, Differentiable, Maskable, Unit
from tests import hostile
from tests.tiny_models import TOPICS, dataset

TEXT = "A small chess program, for people who like music; it's written in C++ & free!"
TEXTS = (TEXT, "", "chess", "Fast mail.", "the shell and the browser use a database " * 5)
STRANGE = {
    "empty": "",
    "white space": " \t\r\n\u3000",
    "one word": "chess",
    "unknown word": "zzyzx",
    "punctuation": "... !? -- ()",
    "emoji": "🎉 👩‍👩‍👧‍👦 👍🏽 chess 🇩🇪",
    "HTML": "<script>alert('chess')</script> &amp; <b>mail</b>",
    "control characters": "chess\x00mail\x1b[31m\x07\x85",
    "special tokens": "[CLS] chess [SEP] [MASK] [PAD] </s> <unk>",
    "combining marks": "c" + "\u0301" * 500 + "hess",
    "right to left": "\u202eشطرنج שחמט chess",
    "lone surrogate": "chess \ud800 mail",
    "one endless word": "x" * 100_000,
    "100,000 words": "chess and mail for people " * 20_000,
}


def scale(scores: np.ndarray) -> float:
    """What a tolerance is relative to."""
    return float(max(1.0, np.abs(scores).max(initial=0)))


def test_it_is_what_the_protocols_say(model: Any) -> None:
    assert isinstance(model, Classifier)
    assert isinstance(model, Maskable)
    assert isinstance(model, Differentiable)
    assert model.unit in Unit.__args__
    assert models.MODELS[model.KIND].endswith(f":{type(model).__name__}")
    assert model.labels == dataset().label_space()


def test_scores_are_dense_finite_float32(model: Any) -> None:
    scores = model.score(TEXTS)
    assert (scores.shape, scores.dtype) == ((5, len(TOPICS)), np.float32)
    assert np.isfinite(scores).all()
    assert model.score([]).shape == (0, len(TOPICS))


def test_it_has_learned_the_words_of_its_labels(model: Any) -> None:
    """A sanity check of the fixture: contracts over a constant function would all hold."""
    found = model.retrieve(["a fast chess program for people"], 1)[0]
    assert TOPICS[found[0, 0]] == "chess"


def test_chosen_columns_are_columns_of_the_whole(model: Any) -> None:
    whole = model.score(TEXTS)
    for labels in ([3], [11, 0, 5], [4, 4], []):
        chosen = np.array(labels, dtype=np.int64)
        part = model.score(TEXTS, chosen)
        assert part.shape == (5, len(labels))
        np.testing.assert_allclose(part, whole[:, chosen], atol=1e-5 * scale(whole))


def test_a_batch_is_its_texts_one_by_one(model: Any) -> None:
    batch = model.score(TEXTS)
    np.testing.assert_allclose(batch, np.concatenate([model.score([text]) for text in TEXTS]), atol=2e-5 * scale(batch))


def test_the_order_of_a_batch_is_nothing(model: Any) -> None:
    order = np.array([3, 0, 4, 1, 2])
    scores = model.score(TEXTS)
    np.testing.assert_allclose(model.score([TEXTS[i] for i in order]), scores[order], atol=2e-5 * scale(scores))


def test_the_same_question_has_the_same_answer(model: Any) -> None:
    np.testing.assert_array_equal(model.score(TEXTS), model.score(TEXTS))
    for one, other in zip(model.retrieve(TEXTS, 5), model.retrieve(TEXTS, 5), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("k", [1, 5, len(TOPICS)])
def test_retrieval_is_the_top_of_the_dense_scores(model: Any, k: int) -> None:
    """The tiny models' beams hold everything; a beam that leaves places empty marks them with -1 and -inf."""
    ids, scores = model.retrieve(TEXTS, k)
    dense = model.score(TEXTS)
    assert ids.shape == scores.shape == (5, k)
    assert (ids.dtype, scores.dtype) == (np.int64, np.float32)
    assert np.array_equal(ids == -1, np.isneginf(scores))
    np.testing.assert_array_equal(ids, top_k(dense, k))
    np.testing.assert_allclose(scores, np.take_along_axis(dense, ids, axis=1), atol=2e-5 * scale(dense))


def test_retrieval_of_more_labels_than_there_are(model: Any) -> None:
    ids, scores = model.retrieve(TEXTS[:1], len(TOPICS) + 3)
    assert sorted(ids[0, : len(TOPICS)]) == list(range(len(TOPICS)))
    assert (ids[0, len(TOPICS) :] == -1).all()
    assert np.isneginf(scores[0, len(TOPICS) :]).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", STRANGE)
def test_strange_texts_have_scores(model: Any, name: str) -> None:
    text = STRANGE[name]
    assert np.isfinite(model.score([text, TEXT])).all()
    ids, _ = model.retrieve([text], 3)
    assert ids.shape == (1, 3)
    document = Document.from_text(text)
    assert 0 <= model.words_read(document) <= len(document)


@pytest.mark.slow
@pytest.mark.parametrize("name", STRANGE)
def test_strange_texts_are_masked_and_embedded(model: Any, name: str) -> None:
    """Long ones may be refused with a sentence where every word needs a row of its own."""
    document = Document.from_text(STRANGE[name])
    keep = np.stack([np.ones(len(document), dtype=np.bool_), np.arange(len(document)) % 2 == 0])
    for mode in ("delete", "mask"):
        assert np.isfinite(model.score_masked(document, keep, np.array([0, 1]), mode)).all()
    try:
        embedded = model.embed(document)
    except InputError as refused:
        assert len(document) >= 10_000, refused
    else:
        assert np.isfinite(model.score_embedded(embedded, embedded.vectors[None])).all()


def test_masking_equals_cutting_the_text(model: Any) -> None:
    for text in (TEXT, STRANGE["HTML"], "a+x+b C++foo don't " * 3, "chess"):
        document = Document.from_text(text)
        keep = np.random.default_rng(len(text)).random((12, len(document))) < 0.6
        keep[0], keep[1] = True, False
        masked = model.score_masked(document, keep)
        cut = model.score([document.keep(row).text for row in keep])
        assert (masked.shape, masked.dtype) == (cut.shape, np.float32)
        np.testing.assert_allclose(masked, cut, atol=5e-5 * scale(cut))
        labels = np.array([7, 2])
        np.testing.assert_allclose(model.score_masked(document, keep, labels), masked[:, labels], atol=2e-5 * scale(cut))


def test_masking_nothing_and_no_rows(model: Any) -> None:
    document = Document.from_text(TEXT)
    for mode in ("delete", "mask"):
        whole = model.score_masked(document, np.ones((1, len(document)), dtype=np.bool_), mode=mode)
        np.testing.assert_allclose(whole, model.score([TEXT]), atol=2e-5 * scale(whole))
        assert model.score_masked(document, np.ones((0, len(document)), dtype=np.bool_), mode=mode).shape == (0, len(TOPICS))


def test_a_mask_token_is_no_deletion(model: Any) -> None:
    document = Document.from_text(TEXT)
    keep = np.array([[word != "chess" for word in document.words]])
    masked = model.score_masked(document, keep, mode="mask")
    assert not np.allclose(masked, model.score([TEXT]), atol=1e-4)


def test_words_past_the_window_change_nothing(model: Any) -> None:
    document = Document.from_text("small program for people and mail " * 20 + "chess shell")
    read = model.words_read(document)
    other = document.replace(dict.fromkeys(range(read, len(document)), "database"))
    np.testing.assert_allclose(model.score([other.text]), model.score([document.text]), atol=1e-6)


def test_embedded_rows(model: Any) -> None:
    document = Document.from_text(TEXT)
    embedded = model.embed(document)
    rows, width = embedded.vectors.shape
    assert embedded.baseline.shape == (rows, width)
    assert embedded.vectors.dtype == embedded.baseline.dtype == embedded.owner.dtype == np.float32
    assert embedded.owner.shape == (rows, len(document))
    assert len(embedded.tokens) == rows
    assert embedded.baseline_name
    sums = embedded.owner.sum(axis=1)
    assert (embedded.owner >= 0).all()
    assert (np.isclose(sums, 1, atol=1e-5) | (sums == 0)).all()
    scores = model.score([TEXT])
    np.testing.assert_allclose(model.score_embedded(embedded, embedded.vectors[None]), scores, atol=1e-4 * scale(scores))
    both = np.stack([embedded.baseline, embedded.vectors])
    labels = np.array([5, 1])
    chosen = model.score_embedded(embedded, both, labels)
    np.testing.assert_allclose(chosen, model.score_embedded(embedded, both)[:, labels], atol=2e-5 * scale(scores))


def test_the_gradient_is_the_slope(model: Any) -> None:
    """Central differences in random directions, away from the document itself so that ReLU and max have no corner there."""
    embedded = model.embed(Document.from_text(TEXT))
    rng = np.random.default_rng(4)
    labels = np.array([0, 5, 11])
    start = np.repeat(embedded.vectors[None], 3, axis=0)
    start += rng.normal(0, 0.05, start.shape).astype(np.float32) * np.abs(start).mean()
    scores, slopes = model.gradient(embedded, start.copy(), labels)
    dense = model.score_embedded(embedded, start)
    np.testing.assert_allclose(scores, dense[np.arange(3), labels], atol=1e-4 * scale(dense))
    assert (slopes.shape, slopes.dtype) == (start.shape, np.float32)
    assert np.abs(slopes).max() > 0
    for _ in range(5):
        step = slopes / np.linalg.norm(slopes, axis=(1, 2), keepdims=True) + rng.normal(0, 1, slopes.shape).astype(np.float32) / slopes[0].size ** 0.5
        step *= 2e-2 * np.abs(start).mean()
        up, down = (model.score_embedded(embedded, start + sign * step)[np.arange(3), labels] for sign in (1, -1))
        expected = (slopes * step).sum(axis=(1, 2))
        np.testing.assert_allclose((up - down) / 2, expected, rtol=0.1, atol=2e-5 * scale(dense))


def test_attention_adds_up(model: Any) -> None:
    if not isinstance(model, Attentive):
        pytest.skip(f"{model.KIND} has no self-attention")
    document = Document.from_text(TEXT)
    attended = model.attention(document)
    layers, heads, rows, columns = attended.weights.shape
    assert rows == columns == len(attended.tokens) == len(attended.owner) == len(attended.pooling)
    assert min(layers, heads) >= 1
    np.testing.assert_allclose(attended.weights.sum(axis=-1), 1, atol=1e-4)
    assert set(attended.owner) <= {-1, *range(len(document))}
    assert attended.pooling.sum() == pytest.approx(1, abs=1e-4)
    assert model.attention_gradient(document, 0).shape == attended.weights.shape


def test_networks_are_in_evaluation_mode(model: Any) -> None:
    import torch

    for value in vars(model).values():
        if isinstance(value, torch.nn.Module):
            assert not any(module.training for module in value.modules())
            assert not any(parameter.requires_grad for parameter in value.parameters())


def test_nothing_is_left_changed(model: Any) -> None:
    """Threads, gradients, and the global random states are as they were."""
    import torch

    def state() -> tuple[Any, ...]:
        numpy_state = np.random.get_state()[1].tobytes()  # type: ignore[union-attr, call-overload] # noqa: NPY002
        flags = (torch.get_num_threads(), torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.get_default_dtype())
        return (*flags, torch.are_deterministic_algorithms_enabled(), random.getstate(), numpy_state, torch.get_rng_state().numpy().tobytes())

    before = state()
    document = Document.from_text(TEXT)
    model.score(TEXTS)
    model.retrieve(TEXTS, 2)
    model.score_masked(document, np.ones((2, len(document)), dtype=np.bool_))
    embedded = model.embed(document)
    kept = embedded.vectors.copy()
    model.gradient(embedded, embedded.vectors[None], np.array([1]))
    assert state() == before
    np.testing.assert_array_equal(embedded.vectors, kept)
    for value in vars(model).values():
        if isinstance(value, torch.nn.Module):
            assert all(parameter.grad is None for parameter in value.parameters())


# -- saving and loading


def save(model: Any, folder: Path) -> str:
    return checkpoint.save(
        folder, model=model.KIND, settings=model.settings(), labels=model.labels, tensors=model.tensors(), files=model.files(), card="# Tiny\n"
    )


def test_saved_and_loaded_it_scores_the_same(model: Any, tmp_path: Path) -> None:
    """Weights may be shipped in half precision, which costs a little once and nothing the second time."""
    digest = save(model, tmp_path / "first")
    first: Any = models.load(tmp_path / "first")
    assert (first.name, first.digest, first.labels, first.unit) == ("first", digest, model.labels, model.unit)
    assert dict(first.settings()) == dict(model.settings())
    scores = model.score(TEXTS)
    np.testing.assert_allclose(first.score(TEXTS), scores, atol=1e-2 * scale(scores))
    assert save(first, tmp_path / "second") == digest
    np.testing.assert_array_equal(models.load(tmp_path / "second").score(TEXTS), first.score(TEXTS))


def spoiled_tensors(array: np.ndarray) -> dict[str, Any]:
    """Ways to spoil a tensor. Whole numbers in a checkpoint are indices and counts: bounds are checked before they are used."""
    ways: dict[str, Any] = {
        "missing": None,
        "a row more": lambda old: np.concatenate([old, old[:1]]) if old.ndim else np.stack([old, old]),
        "another rank": lambda old: old[None],
        "boolean": lambda old: old.astype(np.bool_),
    }
    if array.dtype.kind == "f":
        ways["not a number"] = lambda old: np.full_like(old, np.nan)
        ways["infinite"] = lambda old: np.full_like(old, np.inf)
    else:
        ways["negative"] = lambda old: np.where(np.arange(old.size).reshape(old.shape) == old.size - 1, -1, old.astype(np.int64))
        ways["huge"] = lambda old: np.where(np.arange(old.size).reshape(old.shape) == 0, 2**62, old.astype(np.int64))
        ways["wrapping round"] = lambda old: old.astype(np.int64) + np.where(np.arange(old.size).reshape(old.shape) < 4, 2**62, 0)
        ways["fractions"] = lambda old: old.astype(np.float32) + 0.5
    return ways


@pytest.mark.slow
def test_spoiled_tensors_are_refused_by_name(model: Any, tmp_path: Path) -> None:
    save(model, tmp_path / "good")
    tensors = checkpoint.load(tmp_path / "good").tensors
    # Of the tensors of numbered layers one of each rank is enough: each try is a whole load.
    kinds = {(re.split(r"\.\d+\.", name)[0], array.ndim): name for name, array in tensors.items() if array.size}
    accepted = []
    for name in kinds.values():
        for way, change in spoiled_tensors(tensors[name]).items():
            folder = tmp_path / "bad"
            save(model, folder)
            hostile.change_tensor(folder, name, change)
            try:
                models.load(folder)
                accepted.append(f"{name}, {way}")
            except CheckpointError as refused:
                assert "'bad'" in str(refused)
    assert not accepted


@pytest.mark.parametrize("settings", [{"no_such_setting": 1}, "low", "type"])
def test_spoiled_settings_are_refused_by_name(model: Any, tmp_path: Path, settings: Any) -> None:
    save(model, tmp_path / "bad")
    first = next(name for name, value in model.settings().items() if isinstance(value, int))
    changes = settings if isinstance(settings, dict) else {first: -(2**40)} if settings == "low" else {first: ["many"]}
    hostile.edit_config(tmp_path / "bad", settings={**model.settings(), **changes})
    with pytest.raises(CheckpointError, match="'bad'"):
        models.load(tmp_path / "bad")


@pytest.mark.slow
def test_spoiled_files_are_refused_by_name(model: Any, tmp_path: Path) -> None:
    for name, text in model.files().items():
        lines = text.split("\n")
        for spoiled in ("", "\n".join(lines[1:]), "\n".join([lines[0], *lines]), "\x00" + text + "\n\n"):
            save(model, tmp_path / "bad")
            (tmp_path / "bad" / name).write_text(spoiled, encoding="utf-8", newline="")
            hostile.sign(tmp_path / "bad")
            with pytest.raises(CheckpointError, match="'bad'"):
                models.load(tmp_path / "bad")
        if name.endswith(normalisation.FILE):
            continue  # a checkpoint without it was trained before there was a normalisation
        hostile.edit_config(tmp_path / "bad", files={k: v for k, v in checkpoint.read_config(tmp_path / "bad")["files"].items() if k != name})
        with pytest.raises(CheckpointError, match="'bad' has no file "):
            models.load(tmp_path / "bad")


HASHED = {"mach": "its weights are buckets; the labels are hashed into them, however many there are"}
"""Models without a weight for each label: nothing in the checkpoint says how many labels there were."""


def test_fewer_labels_than_weights_are_refused(model: Any, tmp_path: Path) -> None:
    if model.KIND in HASHED:
        pytest.skip(HASHED[model.KIND])
    save(model, tmp_path / "bad")
    lines = (tmp_path / "bad" / "labels.tsv").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "bad" / "labels.tsv").write_text("".join(lines[:-1]), encoding="utf-8")
    hostile.sign(tmp_path / "bad")
    with pytest.raises(CheckpointError, match="'bad'"):
        models.load(tmp_path / "bad")
