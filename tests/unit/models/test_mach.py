"""MACH: hashing against scikit-learn's, every estimator by hand, the searches, exact attributions, training and checkpoints."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from scipy import sparse

from core import checkpoint
from core.data.dataset import Dataset, Split, truth_matrix
from core.document import Document
from core.errors import CheckpointError, InputError, SettingsError
from core.labels import LabelSpace
from core.models import mach
from core.models.linear import Config as LinearConfig
from core.models.linear import LinearModel
from core.models.linear.part import LinearPart
from core.models.mach import Config, Mach
from core.models.mach.buckets import METHODS, Buckets, Reader, candidates, check_identifiable, combine, hashed, inseparable, reconstruct
from core.models.mach.network import Hashing
from core.models.mach.training import base_rates, fired
from core.models.parts.tfidf import TfIdf
from core.runs.run import Run
from core.types import Differentiable, Embedded, Maskable

TEXTS = ("a chess game", "a chess board game", "text editor", "an editor for plain text", "a game of text", "the chess editor")
ROWS = ([0], [0], [1], [1], [0, 1], [0, 1])
SMALL = Config(
    minimum_documents=1, columns=64, buckets=5, repetitions=4, hidden=3, direct=True, epochs=6, batch_size=2, learning_rate=0.3, dropout=0.1
)
LABELS = LabelSpace.of([f"label {i}" for i in range(23)], [5] * 23, 40)

logits = arrays.arrays(np.float32, (5, 3, 7), elements=st.floats(-8, 8, width=32))


def toy(**changed: object) -> Mach:
    """Random networks over 23 labels, hidden and direct path both busy."""
    model = Mach.random(replace(SMALL, **changed), LABELS, TfIdf.fit(TEXTS, 1), seed=3)
    model.network.table.copy_(torch.randn(model.network.table.shape, generator=torch.Generator().manual_seed(1)))
    return model


# -- hashing


def test_lookups_are_scikit_learns_murmur3_with_pythons_remainder() -> None:
    from sklearn.utils import murmurhash3_32

    found = hashed(50, 7, 3)
    assert found.shape == (3, 50) and found.dtype == np.int32
    for r in range(3):
        assert found[r].tolist() == [murmurhash3_32(i, seed=r) % 7 for i in range(50)]
    assert murmurhash3_32(0, seed=0) == 593689054  # the reference implementation's value for four zero bytes
    assert Buckets.of(50, 7, 3).lookup[0, 0] == 593689054 % 7


@given(st.integers(1, 60), st.integers(2, 9), st.integers(2, 4))
def test_the_inverse_index_round_trips(labels: int, size: int, repetitions: int) -> None:
    buckets = Buckets.of(labels, size, repetitions)
    order, starts = buckets.inverse
    for r in range(repetitions):
        members = [order[r, starts[r, b] : starts[r, b + 1]].tolist() for b in range(size)]
        assert sorted(label for bucket in members for label in bucket) == list(range(labels))
        assert all(own == sorted(own) and (buckets.lookup[r, own] == b).all() for b, own in enumerate(members))


def test_settings_that_cannot_tell_labels_apart_are_refused() -> None:
    assert inseparable(3_956, 64, 2) == pytest.approx(1_910, abs=0.5)  # methods.md 3.3
    assert inseparable(670_091, 2_000, 4) == pytest.approx(0.014, abs=5e-4)
    with pytest.raises(SettingsError, match="use 4 repetitions or more"):
        check_identifiable(3_956, 64, 2)
    with pytest.raises(SettingsError, match="use 2 repetitions or more"):
        check_identifiable(2, 64, 1)
    check_identifiable(3_956, 64, 4)
    with pytest.raises(SettingsError, match="repetitions"):
        Config(repetitions=1)
    with pytest.raises(SettingsError, match="hidden units or the direct path"):
        Config(hidden=0, direct=False)
    with pytest.raises(SettingsError, match="set with_linear to false or search to exact"):
        Config(with_linear=True, search="approximate")
    with pytest.raises(SettingsError, match="cannot tell 23 labels apart"):
        Mach.random(replace(SMALL, buckets=2, repetitions=3), LABELS, TfIdf.fit(TEXTS, 1))


# -- estimators


def test_every_estimator_by_hand() -> None:
    z = torch.tensor([[[math.log(1 / 3), math.log(3)]], [[0.0, -50.0]], [[math.log(3), 0.0]]])  # v: .25 .75 | .5 0 | .75 .5
    lookup = torch.tensor([[0, 1], [0, 1], [0, 1]])
    crowd = torch.tensor([[0.5, 0.5], [0.0, 0.5], [0.5, 0.0]])
    expected = {
        "mean": [0.5, 1.25 / 3],
        "unbiased": [0.0, 2 * (1.25 / 3 - 0.5)],
        "min": [0.25, 0.0],
        "median": [0.5, 0.5],
        "logit-sum": [0.0, math.log(3) - 50],
        "noisy-or": [(0 + 0.5 + 0.5) / 3, (0.5 + 0 + 0.5) / 3],
        "evidence": [-1.0 + 0.0, 2.0 + 2 / 3 * (math.log(3) - 50)],  # EVIDENCE is 2, R is 3
    }
    assert set(expected) == set(METHODS)
    for method, scores in expected.items():
        known = torch.tensor([[-1.0, 2.0]]) if method == "evidence" else crowd
        np.testing.assert_allclose(reconstruct(z, lookup, method, 2, known).numpy(), [scores], atol=1e-6)


def test_the_median_of_an_even_number_is_the_middle_of_the_two() -> None:
    v = torch.tensor([0.1, 0.2, 0.4, 0.9]).view(4, 1, 1)
    assert float(combine(v, "median", 8)) == pytest.approx(0.3)


@pytest.mark.slow
@given(logits)
def test_min_median_max_are_in_order_and_unbiased_keeps_the_order_of_mean(values: NDArray[np.float32]) -> None:
    z, buckets = torch.from_numpy(values), Buckets.of(40, 7, 5)
    lookup = torch.from_numpy(buckets.lookup)
    found = {method: reconstruct(z, lookup, method, 7).double().numpy() for method in ("mean", "unbiased", "min", "median")}
    highest = torch.stack([torch.sigmoid(z[r])[:, lookup[r]] for r in range(5)]).amax(dim=0).numpy()
    assert (found["min"] <= found["median"] + 1e-7).all() and (found["median"] <= highest + 1e-7).all()
    assert (found["min"] <= found["mean"] + 1e-6).all()
    np.testing.assert_allclose(found["unbiased"], 7 / 6 * (found["mean"] - 1 / 7), atol=1e-6)
    for mean, unbiased in zip(found["mean"], found["unbiased"], strict=True):
        assert (np.diff(unbiased[np.argsort(mean, kind="stable")]) >= -1e-6).all()


def test_evidence_is_the_prior_plus_what_the_buckets_exceed_their_base_rates_by() -> None:
    """A document that raises no bucket leaves every label at its prior, whoever shares its buckets."""
    labels = LabelSpace.of(["rare", "frequent", "half"], [1, 25, 50], 100)
    buckets = Buckets(np.array([[0, 0, 1], [0, 1, 1]], dtype=np.int32), 2)
    rates = np.array([[-1.5, 0.5], [-4, 1]], dtype=np.float32)
    reader = Reader.of(buckets, "evidence", labels, rates)
    priors = np.log([1 / 99, 1 / 3, 1])
    np.testing.assert_allclose(reader.dense(torch.from_numpy(rates[:, None]))[0], priors, atol=1e-6)
    raised = rates + np.array([[2, 0], [1, 0]], dtype=np.float32)
    np.testing.assert_allclose(reader.dense(torch.from_numpy(raised[:, None]))[0], priors + np.array([2 * 1.5, 2 * 1.0, 0]), atol=1e-6)


def test_the_crowd_is_the_chance_that_another_member_fires() -> None:
    labels = LabelSpace.of(["a", "b", "c"], [10, 20, 50], 100)
    buckets = Buckets(np.array([[0, 0, 1], [0, 0, 0]], dtype=np.int32), 2)
    np.testing.assert_allclose(buckets.crowd(labels), [[0.2, 0.1, 0], [1 - 0.8 * 0.5, 1 - 0.9 * 0.5, 1 - 0.9 * 0.8]], atol=1e-6)


# -- searches


@pytest.mark.slow
@given(logits, st.sampled_from(METHODS), st.integers(1, 45))
def test_the_exact_search_is_the_best_of_the_dense_scores_in_any_blocks(values: NDArray[np.float32], method: str, k: int) -> None:
    from core.ranking import top_k

    buckets = Buckets.of(40, 7, 5)
    reader = Reader.of(buckets, method, LabelSpace.of([str(i) for i in range(40)], [3] * 40, 90), np.full((5, 7), -2, np.float32))
    z = torch.from_numpy(values)
    dense = reader.dense(z)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.models.mach.buckets.BLOCK", 11 * 15)
        assert len(list(reader.blocks(3))) == 4
        ids, scores = reader.exact_top(z, k)
        np.testing.assert_array_equal(reader.dense(z), dense)
    np.testing.assert_array_equal(ids, top_k(dense, k))
    np.testing.assert_array_equal(scores, np.take_along_axis(dense, ids, axis=1))


def test_the_approximate_search_looks_only_into_the_best_buckets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.models.mach.buckets.OPENED", 1)
    buckets = Buckets(np.array([[0, 0, 1, 1, 2], [0, 1, 0, 1, 2], [2, 0, 1, 0, 1]], dtype=np.int32), 3)
    z = np.array([[5, 0, -5], [5, 0, -5], [-5, 0, 5]], dtype=np.float32)  # opens bucket 0, bucket 0 and bucket 2
    assert candidates(z, buckets, 1).tolist() == [0]  # the only label in two opened buckets
    assert candidates(z, buckets, 2).tolist() == [0, 1, 2]  # relaxed to one
    ids, scores = Reader(buckets, "logit-sum").approximate_top(torch.from_numpy(z[:, None]), 4)
    assert ids.tolist() == [[0, 2, 1, -1]]
    assert scores.tolist() == [[15, 5, 0, -np.inf]]


def test_the_approximate_search_finds_nearly_what_the_exact_one_finds() -> None:
    """Logits as a trained model's: a few labels' buckets high, noise elsewhere. Recall@5 against exact is recorded."""
    rng = np.random.default_rng(0)
    buckets = Buckets.of(5_000, 500, 8)
    z = rng.normal(-5, 1, (8, 40, 500)).astype(np.float32)
    for row in range(40):
        for label in rng.integers(0, 5_000, 5):
            z[np.arange(8), row, buckets.lookup[:, label]] += rng.normal(6, 2, 8).astype(np.float32)
    reader = Reader(buckets, "logit-sum")
    exact, _ = reader.exact_top(torch.from_numpy(z), 5)
    near, _ = reader.approximate_top(torch.from_numpy(z), 5)
    recall = np.mean([len(set(a) & set(b)) / 5 for a, b in zip(exact.tolist(), near.tolist(), strict=True)])
    assert recall >= 0.95


# -- the classifier


@pytest.mark.parametrize(
    "changed", [{}, {"signed": True}, {"hidden": 0}, {"direct": False}, {"method": "median"}, {"method": "noisy-or"}, {"method": "logit-sum"}]
)
def test_scores_agree_however_they_are_asked_for(changed: dict[str, object]) -> None:
    model = toy(**changed)
    assert isinstance(model, Maskable) and isinstance(model, Differentiable)
    texts = [*TEXTS, "", "unknown"]
    dense = model.score(texts)
    assert dense.shape == (8, 23) and np.isfinite(dense).all()
    chosen = np.array([20, 3, 3])
    np.testing.assert_allclose(model.score(texts, chosen), dense[:, chosen], atol=1e-5)
    ids, scores = model.retrieve(texts, 25)
    np.testing.assert_allclose(scores[:, :23], np.take_along_axis(dense, ids[:, :23], axis=1), atol=1e-5)
    assert (ids[:, 23:] == -1).all() and (scores[:, 23:] == -np.inf).all()
    document = Document.from_text(TEXTS[3])
    keep = np.array([[True] * 5, [True, False, True, False, True], [False] * 5])
    np.testing.assert_allclose(model.score_masked(document, keep), model.score([document.keep(row).text for row in keep]), atol=1e-5)
    embedded = model.embed(document)
    np.testing.assert_allclose(model.score_embedded(embedded, embedded.vectors[None])[0], model.score([document.text])[0], atol=1e-5)


def with_linear() -> Mach:
    """The toy with a linear part of random weights, which counts 2.5."""
    model = toy(with_linear=True)
    weights = sparse.csr_array(np.random.default_rng(0).normal(size=(len(model.tfidf), 23)).astype(np.float32))
    svms = LinearModel(LinearConfig(), LABELS, model.tfidf, weights, np.linspace(-1, 1, 23).astype(np.float32))
    return Mach(replace(model.config, with_linear=True), LABELS, model.tfidf, model.network, LinearPart(svms, 2.5, shared=True))


def test_the_linear_part_adds_its_margins_everywhere() -> None:
    model, alone = with_linear(), toy()
    assert model.linear is not None
    expected = alone.score(TEXTS) + 2.5 * model.linear.model.score(TEXTS)
    np.testing.assert_allclose(model.score(TEXTS), expected, atol=1e-5)
    np.testing.assert_allclose(model.score(TEXTS, np.array([5])), expected[:, [5]], atol=1e-5)
    ids, scores = model.retrieve(TEXTS, 3)
    np.testing.assert_allclose(scores, -np.sort(-expected, axis=1)[:, :3], atol=1e-5)
    embedded = model.embed(Document.from_text(TEXTS[3]))
    np.testing.assert_allclose(model.score_embedded(embedded, embedded.vectors[None])[0], expected[3], atol=1e-5)
    scores, slopes = model.gradient(embedded, embedded.vectors[None], ids[3, :1])
    assert scores[0] == pytest.approx(float(expected[3, ids[3, 0]]), abs=1e-5)
    svms = model.linear.model.gradient(embedded, embedded.vectors[None], ids[3, :1])[1]
    np.testing.assert_allclose(slopes, alone.gradient(embedded, embedded.vectors[None], ids[3, :1])[1] + 2.5 * svms, atol=1e-5)


def test_a_checkpoint_keeps_the_linear_part(tmp_path: Path) -> None:
    model = with_linear()
    checkpoint.save(tmp_path / "c", model="mach", settings=model.settings(), labels=LABELS, tensors=model.tensors(), files=model.files())
    again = Mach.load(checkpoint.load(tmp_path / "c"))
    np.testing.assert_allclose(again.score(TEXTS), model.score(TEXTS), atol=0.05)
    assert again.linear is not None and again.linear.share == 2.5 and again.linear.model.tfidf is again.tfidf


def test_one_score_by_hand() -> None:
    """No hidden layer: logit of a bucket = bias + sum over features of value * the weight of its hashed column."""
    model = toy(hidden=0, method="logit-sum")
    row = sparse.csr_array(model.tfidf.transform(["chess game"]))
    total = 0.0
    for r in range(4):
        bucket = int(hashed(23, 5, 4)[r, 7])
        total += float(model.network.bias[r, 0, bucket])
        for column, x in zip(row.indices, row.data, strict=True):
            total += float(x) * float(model.network.table[r * 64 + hashed(len(model.tfidf), 64, 4)[r, column], bucket])
    assert float(model.score(["chess game"], np.array([7]))[0, 0]) == pytest.approx(total, abs=1e-4)


@pytest.mark.parametrize("changed", [{}, {"signed": True}, {"method": "mean"}])
def test_gradients_are_the_slopes_and_attributions_of_features_are_complete(changed: dict[str, object]) -> None:
    model = toy(**changed)
    embedded = model.embed(Document.from_text("the chess editor for plain text"))
    labels = np.array([4, 11])
    steps = (np.arange(200) + 0.5) / 200
    path = (steps[:, None, None] * embedded.vectors[None]).astype(np.float32)
    for label in labels:
        scores, slopes = model.gradient(embedded, path, np.full(200, label))
        np.testing.assert_allclose(scores, model.score_embedded(embedded, path, np.array([label]))[:, 0], atol=1e-5)
        own = slopes.mean(axis=0)[:, 0] * embedded.vectors[:, 0]
        ends = model.score_embedded(embedded, np.stack([embedded.vectors, embedded.baseline]), np.array([label]))[:, 0]
        assert own.sum() == pytest.approx(float(ends[0] - ends[1]), abs=2e-2 * max(1, abs(float(ends[0] - ends[1]))))
    both, _ = model.gradient(embedded, path[:2], labels)
    np.testing.assert_allclose(both, np.diag(model.score_embedded(embedded, path[:2], labels)), atol=1e-5)
    assert all(parameter.grad is None for parameter in model.network.parameters())


def test_rows_of_another_model_are_refused() -> None:
    stranger = Embedded(*(np.zeros((1, 1), np.float32) for _ in range(3)), tokens=("x",), baseline_name="nothing")
    with pytest.raises(InputError, match="not made by this model"):
        toy().score_embedded(stranger, np.zeros((1, 1, 1), np.float32))


def test_chosen_labels_are_scored_without_all_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    model = toy()

    def never(*_: object) -> None:
        raise AssertionError("all labels were scored")

    monkeypatch.setattr(Reader, "dense", never)
    document = Document.from_text(TEXTS[1])
    assert model.score_masked(document, np.ones((600, 4), dtype=np.bool_), np.array([1, 2])).shape == (600, 2)


# -- training


def dataset() -> Dataset:
    split = Split(tuple("abcdef"), truth_matrix(ROWS, 2), TEXTS)
    return Dataset("toy", ("game", "editor"), {"train": split, "dev": split})


def test_a_positive_bucket_weighs_as_much_as_its_heaviest_label() -> None:
    buckets = Buckets(np.array([[0, 0, 1], [2, 1, 1]], dtype=np.int32), 3)
    found = fired(truth_matrix([[0, 1], [2], []], 3), buckets, np.array([1, 2, 3], np.float32))
    assert found.tolist() == [[[2, 0, 0], [0, 3, 0], [0, 0, 0]], [[0, 2, 1], [0, 3, 0], [0, 0, 0]]]
    np.testing.assert_allclose(base_rates(truth_matrix([[0, 1], [2], []], 3), buckets), [[1 / 3, 1 / 3, 0], [0, 2 / 3, 1 / 3]])


@pytest.mark.parametrize("linear", [False, True])
def test_training_learns_and_its_checkpoint_scores_the_same(tmp_path: Path, linear: bool) -> None:
    data, config = dataset(), replace(SMALL, with_linear=linear, epochs=6 - 4 * linear)
    model = mach.train(config, data, data.label_space(), Run(tmp_path / "run", seed=1, device="cpu", quiet=True))
    ids, _ = model.retrieve(TEXTS, 1)
    assert all(int(label) in row for label, row in zip(ids[:, 0], ROWS, strict=True))
    tensors = model.tensors()
    assert {tensors[name].dtype for name in ("table", "output", "bias", "hidden_bias")} == {np.dtype(np.float16)}
    checkpoint.save(tmp_path / "c", model=model.KIND, settings=model.settings(), labels=model.labels, tensors=tensors, files=model.files())
    again = Mach.load(checkpoint.load(tmp_path / "c"))
    assert again.config == config and again.name == "c"
    np.testing.assert_allclose(again.score(TEXTS), model.score(TEXTS), atol=0.05)


def test_broken_checkpoints_are_refused_by_name(tmp_path: Path) -> None:
    model = toy()
    cases = [
        ({**model.settings(), "repetitions": 1}, model.tensors(), "repetitions"),
        ({**model.settings(), "buckets": 2, "repetitions": 2}, model.tensors(), "cannot tell"),
        ({**model.settings(), "columns": 65}, model.tensors(), "table"),
        ({**model.settings(), "unheard_of": 1}, model.tensors(), "unheard_of"),
        ({**model.settings(), "with_linear": True}, model.tensors(), "linear.weights"),
        ({**model.settings(), "linear": True}, model.tensors(), "linear is called with_linear now"),
        (model.settings(), {name: part for name, part in model.tensors().items() if name != "bias"}, "bias"),
    ]
    for settings, tensors, said in cases:
        checkpoint.save(tmp_path / "c", model="mach", settings=settings, labels=LABELS, tensors=tensors, files=model.files())
        with pytest.raises(CheckpointError, match=f"checkpoint 'c'.*{said}"):
            Mach.load(checkpoint.load(tmp_path / "c"))


def test_bags_lie_repetition_by_repetition() -> None:
    hashing = Hashing(SMALL, 10)
    rows, starts, values = hashing.bags(sparse.csr_array(np.array([[0, 2, 0, 3], [0, 0, 0, 0], [1, 0, 0, 0]], dtype=np.float32)))
    assert rows.tolist() == [int(hashing.rows[r, f]) for r in range(4) for f in (1, 3, 0)]
    assert starts.tolist() == [3 * r + place for r in range(4) for place in (0, 2, 2)]
    assert values.tolist() == [2, 3, 1] * 4


def test_scores_first_then_gradients() -> None:
    """What scoring keeps (it runs in inference mode) must not stand in a gradient's way."""
    model = toy()
    model.score(TEXTS)
    embedded = model.embed(Document.from_text(TEXTS[0]))
    scores, slopes = model.weighted_gradient(embedded, embedded.vectors[None], np.ones_like)
    np.testing.assert_allclose(scores[0], model.score(TEXTS[:1])[0], atol=1e-4)
    assert slopes.shape == embedded.vectors[None].shape
