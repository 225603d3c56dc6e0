"""The linear reference and its solver: margins by hand, scikit-learn's weights, exact attributions, resuming after a kill."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from core import checkpoint
from core.data.dataset import Dataset, Split, truth_matrix
from core.document import Document
from core.errors import Cancelled, CheckpointError, InputError
from core.labels import LabelSpace
from core.models import linear
from core.models.linear import Config, LinearModel
from core.models.parts import one_vs_rest
from core.models.parts.one_vs_rest import fit_one_vs_rest, prune
from core.models.parts.tfidf import TfIdf
from core.runs.run import Run, read_progress
from core.types import Differentiable, IntArray, Maskable

TEXTS = ("a chess game", "a chess board game", "text editor", "an editor for plain text", "a game of text", "the chess editor")
ROWS = ([0], [0], [1], [1], [0, 1], [0, 1])


def dataset() -> Dataset:
    split = Split(tuple("abcdef"), truth_matrix(ROWS, 3), TEXTS)
    return Dataset("toy", ("game", "editor", "never"), {"train": split, "dev": split})


@pytest.fixture
def model(tmp_path: Path) -> LinearModel:
    toy = dataset()
    return linear.train(Config(minimum_documents=1, threshold=0.0), toy, toy.label_space(), Run(tmp_path / "run", quiet=True))


@pytest.fixture
def by_hand() -> LinearModel:
    """One word a feature, weight of "game": 2 for label 0; of "editor": 3 for label 1, -1 for label 0."""
    tfidf = TfIdf.fit(["game", "editor"], minimum=1)
    assert [tfidf.name(i) for i in range(2)] == ["editor", "game"]
    weights = sparse.csr_array(np.array([[-1, 3], [2, 0]], dtype=np.float32))
    return LinearModel(Config(), LabelSpace.of(["game", "editor"], [1, 1], 2), tfidf, weights, np.array([0.5, -0.25], np.float32))


def test_margins_by_hand(by_hand: LinearModel) -> None:
    root = np.sqrt(0.5)  # both words have the same idf, so each value is 1/sqrt(2)
    expected = [[2.5, -0.25], [-root + 2 * root + 0.5, 3 * root - 0.25], [0.5, -0.25]]
    np.testing.assert_allclose(by_hand.score(["Game!", "game editor", "zebra"]), expected, atol=1e-6)
    np.testing.assert_allclose(by_hand.score(["Game!"], np.array([1, 0])), [[-0.25, 2.5]], atol=1e-6)
    ids, scores = by_hand.retrieve(["game"], 3)
    assert ids.tolist() == [[0, 1, -1]]
    assert scores.tolist() == [[2.5, -0.25, -np.inf]]


def test_attributions_are_value_times_weight(by_hand: LinearModel) -> None:
    embedded = by_hand.embed(Document.from_text("the game, the editor"))
    halves = embedded.vectors[None] * np.array([1.0, 0.5], np.float32)[:, None, None]
    scores, slopes = by_hand.gradient(embedded, halves, np.array([1, 0]))
    assert embedded.tokens == ("editor", "game")
    np.testing.assert_array_equal(slopes[:, :, 0], [[3, 0], [-1, 2]])
    np.testing.assert_allclose(scores, by_hand.score_embedded(embedded, halves)[[0, 1], [1, 0]], atol=1e-6)
    own = embedded.owner.T @ (embedded.vectors[:, 0] * slopes[0, :, 0])
    np.testing.assert_allclose(own, [0, 0, 0, 3 * np.sqrt(0.5)], atol=1e-6)


def test_rows_of_another_model_are_refused(by_hand: LinearModel) -> None:
    from core.types import Embedded

    stranger = Embedded(*(np.zeros((1, 1), np.float32) for _ in range(3)), tokens=("x",), baseline_name="nothing")
    with pytest.raises(InputError, match="not made by this model"):
        by_hand.score_embedded(stranger, np.zeros((1, 1, 1), np.float32))


def test_a_trained_model_finds_its_labels_and_keeps_the_contracts(model: LinearModel) -> None:
    assert isinstance(model, Maskable) and isinstance(model, Differentiable)
    scores = model.score(TEXTS)
    assert ((scores > 0) == truth_matrix(ROWS, 2).toarray().astype(bool)).all()
    document = Document.from_text(TEXTS[3])
    keep = np.array([[True] * 5, [True, False, True, False, True], [False] * 5])
    np.testing.assert_allclose(model.score_masked(document, keep), model.score([document.keep(row).text for row in keep]), atol=1e-6)
    embedded = model.embed(document)
    np.testing.assert_allclose(model.score_embedded(embedded, embedded.vectors[None]), model.score([document.text]), atol=1e-6)
    np.testing.assert_allclose(model.score_embedded(embedded, embedded.baseline[None])[0], model.bias, atol=1e-6)


def test_a_checkpoint_scores_the_same_up_to_half_precision(model: LinearModel, tmp_path: Path) -> None:
    saved = (tmp_path / "c", model.KIND, model.settings(), model.labels, model.tensors(), model.files())
    checkpoint.save(saved[0], **dict(zip(("model", "settings", "labels", "tensors", "files"), saved[1:], strict=True)))
    again = LinearModel.load(checkpoint.load(tmp_path / "c"))
    assert again.name == "c" and again.config == model.config and again.labels == model.labels
    np.testing.assert_allclose(again.score(TEXTS), model.score(TEXTS), atol=2e-3)
    for name, value in (("weights_labels", np.uint16(9)), ("weights_counts", np.int32(-1))):
        tensors = dict(model.tensors())
        tensors[name] = tensors[name].copy()
        tensors[name][0] = value
        checkpoint.save(tmp_path / "d", model="linear", settings=model.settings(), labels=model.labels, tensors=tensors, files=model.files())
        with pytest.raises(CheckpointError, match="tensor 'weights_"):
            LinearModel.load(checkpoint.load(tmp_path / "d"))


def test_a_training_says_how_it_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_vs_rest, "CHUNK", 1)
    toy = dataset()
    config = Config(minimum_documents=1, threshold=0.0)
    linear.train(config, toy, toy.label_space(), Run(tmp_path, quiet=True))
    first, second, dev = read_progress(tmp_path)
    assert (first["kind"], first["step"], second["step"], second["total"], second["documents"]) == ("machines", 1, 2, 2, 6)
    assert first["labels_per_second"] > 0
    assert (dev["kind"], dev["step"], dev["P@1"]) == ("dev", 2, 1.0)
    linear.train(config, toy, toy.label_space(), Run(tmp_path, quiet=True))
    assert len(read_progress(tmp_path)) == 3  # stored chunks are not solved again, nor told of


def test_routed_negatives_leave_out_documents_but_no_label(tmp_path: Path) -> None:
    """One label a cluster and one random document a label: labels are still told apart; a sample of all is one-vs-rest."""
    toy = dataset()
    labels = toy.label_space()
    plain = Config(minimum_documents=1, threshold=0.0)
    models = {n: linear.train(replace(plain, negatives=n, max_leaf=1), toy, labels, Run(tmp_path / str(n), quiet=True)) for n in (0, 1, 6)}
    np.testing.assert_array_equal(models[6].weights.toarray(), models[0].weights.toarray())
    assert not np.array_equal(models[1].weights.toarray(), models[0].weights.toarray())
    few = read_progress(tmp_path / "1")[0]["documents"]
    assert 4 <= few <= 5  # each label's four documents and at most one more


# -- the solver


def random_problem(n: int = 60, labels: int = 5) -> tuple[sparse.csr_array, sparse.csr_array]:
    rng = np.random.default_rng(0)
    features = sparse.csr_array(sparse.random(n, 12, 0.3, random_state=0), dtype=np.float32)
    return features, sparse.csr_array((rng.random((n, labels)) < 0.3).astype(np.float32))


def test_the_solver_is_scikit_learns_one_vs_rest() -> None:
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.svm import LinearSVC

    features, truth = random_problem()
    weights, bias = fit_one_vs_rest(features, truth, tolerance=1e-6)
    peer = OneVsRestClassifier(LinearSVC(C=1.0, tol=1e-6, dual=True, random_state=0)).fit(
        sparse.csr_matrix(features, dtype=np.float64), truth.toarray()
    )
    for label, machine in enumerate(peer.estimators_):
        np.testing.assert_allclose(weights[[label]].toarray()[0], machine.coef_[0], atol=2e-4)
        assert bias[label] == pytest.approx(machine.intercept_[0], abs=1e-4)


def test_rows_choose_the_documents_of_a_label() -> None:
    features, truth = random_problem()
    rows = np.arange(20, 50)
    routed, _ = fit_one_vs_rest(features, truth, rows=lambda label: rows if label == 2 else None)
    alone, _ = fit_one_vs_rest(sparse.csr_array(features[rows]), sparse.csr_array(truth[rows]))
    everywhere, _ = fit_one_vs_rest(features, truth)
    np.testing.assert_array_equal(routed[[2]].toarray(), alone[[2]].toarray())
    np.testing.assert_array_equal(routed[[1]].toarray(), everywhere[[1]].toarray())


def test_a_label_of_one_class_is_constant() -> None:
    features, _ = random_problem(6)
    truth = sparse.csr_array(np.array([[0, 1]] * 6, dtype=np.float32))
    weights, bias = fit_one_vs_rest(features, truth)
    assert weights.nnz == 0 and bias.tolist() == [-1, 1]
    nobody = np.zeros(0, dtype=np.int64)
    assert fit_one_vs_rest(features, truth, rows=lambda label: nobody)[1].tolist() == [-1, -1]


def test_a_stopped_training_goes_on_with_the_same_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_vs_rest, "CHUNK", 2)
    features, truth = random_problem()
    whole, bias = fit_one_vs_rest(features, truth)
    solved: list[int] = []

    def stop_at_four(done: int, total: int, what: str) -> None:
        solved.append(done)
        if done == 4:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        fit_one_vs_rest(features, truth, progress=stop_at_four, store=tmp_path)
    assert len(list(tmp_path.glob("*.safetensors"))) == 1
    solved.clear()
    again, other = fit_one_vs_rest(features, truth, progress=lambda done, *_: solved.append(done), store=tmp_path)
    assert solved == [2, 3, 4, 5]  # the first chunk was read, not solved
    np.testing.assert_array_equal(again.toarray(), whole.toarray())
    np.testing.assert_array_equal(other, bias)


def test_a_store_of_other_data_or_rows_is_not_used(tmp_path: Path) -> None:
    features, truth = random_problem()
    fit_one_vs_rest(features, truth, store=tmp_path)
    other, _ = fit_one_vs_rest(features, truth, c=5.0, store=tmp_path)
    np.testing.assert_array_equal(other.toarray(), fit_one_vs_rest(features, truth, c=5.0)[0].toarray())

    def first_half(label: int) -> IntArray:
        return np.arange(30)

    half, _ = fit_one_vs_rest(features, truth, rows=first_half, store=tmp_path)
    np.testing.assert_array_equal(half.toarray(), fit_one_vs_rest(features, truth, rows=first_half)[0].toarray())


def test_pruning_keeps_what_reaches_the_threshold() -> None:
    weights = sparse.csr_array(np.array([[0.05, -0.2, 0.1], [0, 0, -0.09]], dtype=np.float32))
    np.testing.assert_array_equal(prune(weights, 0.0999).toarray(), np.array([[0, -0.2, 0.1], [0, 0, 0]], np.float32))
    assert prune(weights, 0.0999).nnz == 2 and weights.nnz == 4


def test_mismatched_lengths_are_refused() -> None:
    features, truth = random_problem()
    with pytest.raises(InputError, match="60 documents"):
        fit_one_vs_rest(features, sparse.csr_array(truth[:5]))
