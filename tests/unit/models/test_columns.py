"""Models over feature vectors: weights by hand, texts as bags, exact attributions through MACH's hashing, saving."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import sparse

from core import checkpoint, fields, models
from core.data.bags import as_text
from core.data.dataset import Dataset
from core.document import Document
from core.errors import CapabilityError, CheckpointError, InputError
from core.evaluation.clean import evaluate
from core.labels import LabelSpace
from core.models import linear
from core.models.linear import FeatureLinear
from core.models.parts.columns import Columns
from core.runs.run import Run
from core.types import Confinable, Differentiable, FeatureClassifier, Maskable
from core.vector import FeatureSpace, FeatureVector
from tests.toy_features import bags, dense, vector

TOPICS = ("chess", "mail", "music", "fonts", "shells", "images")
SETTINGS: dict[str, dict[str, Any]] = {
    "linear": {"minimum_documents": 1},
    "mach": {
        "minimum_documents": 1, "columns": 16, "buckets": 8, "repetitions": 4, "hidden": 8, "direct": True, "with_linear": True, "epochs": 6,
        "batch_size": 16,
    },
}  # fmt: skip


def train(kind: str, data: Dataset, folder: Path, **settings: Any) -> Any:
    config = fields.from_json(models.config_class(kind), {**SETTINGS[kind], **settings})
    with Run(folder / "run", seed=3, device="cpu", quiet=True) as run:
        return models.train(kind, config, data, data.label_space(), run)


@pytest.fixture(scope="module", params=list(SETTINGS))
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    yield train(request.param, bags(TOPICS, 5, 120), tmp_path_factory.mktemp(request.param))


def row_of(data: Dataset, row: int = 0) -> FeatureVector:
    features = data.split("test").features
    assert features is not None
    return FeatureVector.of(sparse.csr_array(features[[row]]))


# -- columns


def test_bags_are_weighed_by_idf_and_norm() -> None:
    rows = np.asarray([[1, 1, 0], [1, 0, 0], [1, 0, 2]], dtype=np.float32)
    made = Columns.fit(sparse.csr_array(rows), ("a", "b", "c"))
    idf = np.log(4 / np.asarray([4, 2, 2])) + 1
    np.testing.assert_allclose(made.weight, idf, rtol=1e-6)
    weighed = made.weigh(sparse.csr_array(np.asarray([[2, 0, 1], [0, 0, 0]], dtype=np.float32))).todense()
    np.testing.assert_allclose(weighed, [[2 / np.hypot(2, idf[2]), 0, idf[2] / np.hypot(2, idf[2])], [0, 0, 0]], rtol=1e-6)


def test_real_numbers_stay_and_rows_of_length_1_are_kept_at_it() -> None:
    reals = np.asarray([[0.5, -1.0], [2.0, 0.25]], dtype=np.float32)
    np.testing.assert_array_equal(Columns.fit(sparse.csr_array(reals), None).weigh(sparse.csr_array(reals)).todense(), reals)
    unit = np.asarray([[0.6, 0.8, 0, 0, 0], [0, 0, 1, 0, 0]], dtype=np.float32)
    np.testing.assert_allclose(Columns.fit(sparse.csr_array(unit), None).weigh(sparse.csr_array(3 * unit)).todense(), unit, rtol=1e-6)


def test_rare_features_and_those_past_the_limit_are_not_read() -> None:
    rows = sparse.csr_array(np.asarray([[1, 1, 0, 1], [1, 1, 0, 0], [1, 0, 1, 0]], dtype=np.float32))
    assert (Columns.fit(rows, None, minimum=2).weight > 0).tolist() == [True, True, False, False]
    assert (Columns.fit(rows, None, maximum=1).weight > 0).tolist() == [True, False, False, False]
    with pytest.raises(InputError, match="no feature is in 4 of the 3"):
        Columns.fit(rows, None, minimum=4)
    with pytest.raises(InputError, match="have 3 features; the model reads 4"):
        Columns.fit(rows, None).weigh(sparse.csr_array((1, 3), dtype=np.float32))


@pytest.mark.parametrize("counts", [False, True])
def test_masking_is_cutting_the_text(counts: bool) -> None:
    data = bags(TOPICS, 5, 60, counts=counts)
    made = Columns.fit(data.split("train").features, data.feature_names)  # type: ignore[arg-type]  # there are some
    document = Document.from_text("chess0 the chess0, mail1 unknown-word and THE music2")
    keep = np.random.default_rng(1).random((20, len(document))) < 0.6
    cut = made.transform([document.keep(row).text for row in keep])
    np.testing.assert_allclose(made.masked(document, keep).todense(), cut.todense(), rtol=1e-6)
    np.testing.assert_allclose(made.masked(document, keep, "mask").todense(), cut.todense(), rtol=1e-6)
    embedded = made.embed(document)
    np.testing.assert_allclose(embedded.owner.sum(axis=1), 1)
    assert embedded.owner[list(embedded.columns).index(0)].tolist() == [0.5, 0, 0.5, 0, 0, 0, 0, 0, 0]


# -- models over them


def test_it_is_what_the_protocols_say(model: Any) -> None:
    assert isinstance(model, FeatureClassifier)
    assert isinstance(model, Maskable)
    assert isinstance(model, Differentiable)
    assert (model.space.kind, model.space.words) == ("bits", True)
    assert model.KIND in SETTINGS


def test_vectors_and_their_texts_have_the_same_scores(model: Any) -> None:
    data = bags(TOPICS, 5, 120)
    features, texts = data.split("test").features, as_text(data).split("test").texts
    assert features is not None and texts is not None
    scores = model.score_features(features)
    assert (scores.shape, scores.dtype) == ((30, len(TOPICS)), np.float32)
    np.testing.assert_allclose(model.score(texts), scores, atol=1e-5)
    np.testing.assert_allclose(model.score_features(features, np.asarray([4, 0])), scores[:, [4, 0]], atol=1e-5)
    for one, other in zip(model.retrieve(texts, 3), model.retrieve_features(features, 3), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    document = Document.from_text(texts[0])
    changed = model.score_substituted(document, 1, ["music1", "zzz"])
    np.testing.assert_allclose(changed, model.score([document.replace({1: word}).text for word in ("music1", "zzz")]), atol=1e-5)


VALUES = arrays.arrays(np.float32, (3, 4), elements=st.floats(-3, 3, width=32))
"""Three documents in four features, zeros among them."""


@pytest.mark.slow
@given(VALUES, st.booleans(), st.sampled_from([(0, 1, 2, 3), (1, 4, 5, 30), (0, 2, 33, 34)]))
def test_a_model_confined_to_some_features_scores_as_the_whole_one(values: Any, unit: bool, columns: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    space = FeatureSpace("reals", np.full(35, -3, np.float32), np.full(35, 3, np.float32))
    weight = rng.uniform(0, 2, 35).astype(np.float32) * (np.arange(35) != 2)  # feature 2 is not read
    weights = sparse.random_array((35, 6), density=0.6, rng=rng, dtype=np.float32, format="csr")
    labels = LabelSpace.of(list(TOPICS), [1] * 6, 6)
    model = FeatureLinear(linear.Config(), labels, Columns(space, weight, unit), weights, rng.normal(size=6).astype(np.float32))
    confines(model, np.asarray(columns), values)


def confines(model: Any, columns: Any, values: Any) -> None:
    assert isinstance(model, Confinable)
    whole = np.zeros((len(values), len(model.space)), dtype=np.float32)
    whole[:, columns] = values
    found, scores = model.confined(columns)(values), model.score_features(sparse.csr_array(whole))
    assert (found.shape, found.dtype) == (scores.shape, np.float32)
    np.testing.assert_allclose(found, scores, rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("make", [lambda: bags(TOPICS, 5, 120), lambda: bags(TOPICS, 5, 120, counts=True), dense], ids=["bits", "counts", "reals"])
def test_a_trained_model_can_be_confined(make: Any, tmp_path: Path) -> None:
    data = make()
    model = train("linear", data, tmp_path, threshold=0.0)
    part = data.split("test").features[:20]
    columns = np.unique(part.indices)
    confines(model, columns, part[:, columns].toarray())
    confines(model, columns, np.zeros((1, len(columns)), dtype=np.float32))


def test_the_shipped_model_can_be_confined() -> None:
    """On documents of its own size, a third of their bits moved."""
    model: Any = models.load("bibtex-linear")
    rng = np.random.default_rng(0)
    for size in (5, 60, 200):
        columns = np.sort(rng.choice(len(model.space), size, replace=False))
        moved = np.where(rng.random((40, size)) < 1 / 3, rng.random((40, size)), 1).astype(np.float32)
        confines(model, columns, moved)


def test_it_has_learned_and_is_evaluated_on_vectors(model: Any) -> None:
    data = bags(TOPICS, 5, 120)
    found = evaluate(model, data)
    assert found.metrics["P@1"].value > 0.9
    again = evaluate(model, as_text(data))
    assert again.metrics["P@1"].value == found.metrics["P@1"].value


def test_integrated_gradients_are_complete_in_the_original_features(model: Any) -> None:
    """methods.md 3.6 and test 13: hashing is linear, so what each original feature adds sums to F(x) - F(0), collisions and all
    (31 and more features in 16 hashed columns); on the linear model each is value times weight."""
    from core.explainers.features import FeatureDocument, explain_features
    from core.explainers.integrated_gradients import IntegratedGradients

    one = row_of(bags(TOPICS, 5, 120))
    found = explain_features(IntegratedGradients(steps=64, tolerance=0.001), model, one, [0, 1, 2])
    scores = model.score_features(sparse.csr_array(sparse.vstack([one.matrix, vector(*[0.0] * one.size).matrix], format="csr")))[:, :3]
    np.testing.assert_allclose(found.total, scores[0], atol=1e-4)
    np.testing.assert_allclose(found.base, scores[1], atol=1e-4)
    np.testing.assert_allclose(found.values.sum(axis=1), scores[0] - scores[1], rtol=0.002, atol=1e-4)
    if model.KIND == "linear":
        weighed = model.tfidf.weigh(one.matrix)
        np.testing.assert_allclose(found.values, (model.weights[weighed.indices][:, [0, 1, 2]].toarray() * weighed.data[:, None]).T, atol=1e-5)
    assert found.document.words == tuple(model.space.name(int(column)) for column in one.columns)
    assert isinstance(FeatureDocument(model, one), Differentiable)


@pytest.mark.parametrize("name", ["lime", "shap", "occlusion"])
def test_every_explainer_of_words_explains_features(model: Any, name: str) -> None:
    from core.explainers import preset
    from core.explainers.features import FeatureDocument, explain_features
    from core.explainers.fidelity import measure_fidelity

    one = row_of(bags(TOPICS, 5, 120))
    found = measure_fidelity(
        explain_features(preset(name, "quick"), model, one, [int(model.retrieve_features(one.matrix, 1)[0][0, 0])]), FeatureDocument(model, one)
    )
    topic = found.label_names[0]
    assert found.document.words[int(found.values[0].argmax())].startswith(topic)
    assert found.fidelity["comprehensiveness"][0] > 0


def test_it_comes_back_from_its_checkpoint(model: Any, tmp_path: Path) -> None:
    data = bags(TOPICS, 5, 120)
    digest = checkpoint.save(
        tmp_path / "one", model=model.KIND, settings=model.settings(), labels=model.labels, tensors=model.tensors(), files=model.files()
    )
    loaded = models.load(tmp_path / "one")
    assert isinstance(loaded, FeatureClassifier)
    assert (loaded.digest, type(loaded)) == (digest, type(model))
    assert loaded.space.names == data.feature_names
    features = data.split("test").features
    assert features is not None
    np.testing.assert_allclose(loaded.score_features(features), model.score_features(features), atol=0.02)


def test_a_checkpoint_whose_columns_do_not_fit_is_refused(model: Any, tmp_path: Path) -> None:
    for name, broken in (("columns_high", model.tensors()["columns_high"][:-1]), ("columns_kind", np.asarray([9, 0, 0], dtype=np.int32))):
        tensors = {**model.tensors(), name: broken}
        checkpoint.save(tmp_path / name, model=model.KIND, settings=model.settings(), labels=model.labels, tensors=tensors, files=model.files())
        with pytest.raises(CheckpointError, match=name):
            models.load(tmp_path / name)


@pytest.mark.parametrize("kind", list(SETTINGS))
def test_measurements_are_learned_and_say_that_they_are_no_text(kind: str, tmp_path: Path) -> None:
    """MediaMill's shape."""
    data = dense()
    made = train(kind, data, tmp_path)
    assert made.space.kind == "reals" and not made.space.words
    assert evaluate(made, data).metrics["P@1"].value > 0.9
    with pytest.raises(CapabilityError, match="open a document of its data set"):
        made.score(["chess"])
    with pytest.raises(InputError, match="no words, so no text can be made of them; train linear or mach"):
        models.train("xml-cnn", models.config_class("xml-cnn")(), data, data.label_space(), None)


def test_large_label_spaces_route_through_clusters(tmp_path: Path) -> None:
    """The linear XR ranker: each label against its cluster's documents and a sample of the others."""
    data = bags([f"topic{i}" for i in range(24)], 3, 240)
    made = train("linear", data, tmp_path, negatives=60, max_leaf=4)
    assert evaluate(made, data).metrics["P@1"].value > 0.8


def test_what_vectors_cannot_be_trained_with(tmp_path: Path) -> None:
    data = bags(TOPICS, 5, 60)
    with pytest.raises(InputError, match="no parent and no defence"), Run(tmp_path / "run", device="cpu", quiet=True) as run:
        models._module("mach").train(models.config_class("mach")(buckets=32, repetitions=4), data, data.label_space(), run, object())
    half = replace(data, splits={**data.splits, "dev": as_text(data).split("dev")})
    with pytest.raises(InputError, match="one of train and dev holds text only"):
        linear.read_features(linear.Config(), half)
