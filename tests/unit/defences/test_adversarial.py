"""FGSM training: the perturbation by hand and by its promises, on the tasks of all three models; training on from a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core import checkpoint, fields, models
from core.defences import DEFENCES, defence_class, refusal
from core.defences.adversarial import AdversarialTask, FgsmTraining, perturbation, radius, spread
from core.errors import InputError
from core.runs.run import Run
from core.training.defended import Inputs, Rewound
from tests import tiny_models

KINDS = ("xml-cnn", "mach", "x-transformer", "attention-xml", "aplc-xlnet")
MODULES = {kind: f"core.models.{kind.replace('-', '_')}.training" for kind in KINDS}
"""Where each model's training calls the loop."""
SHORT = {"attention-xml": 6, "aplc-xlnet": 8}
"""Epochs of models whose tiny training is longer than these tests need."""


class Caught(Exception):
    """Carries a task out of a training that is not to be made."""


def task_of(kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The task that a model's training hands to the loop, after a short training of its own."""
    found: list[Any] = []
    from importlib import import_module

    module = import_module(MODULES[kind])
    whole = module.fit

    def fit(task: Any, settings: Any, run: Run, **more: Any) -> None:
        whole(task, settings, run, **more)
        found.append(task)
        raise Caught

    monkeypatch.setattr(module, "fit", fit)
    shorten(kind, monkeypatch)
    with pytest.raises(Caught):
        tiny_models.train(kind, folder)
    found[0].module.eval()
    return found[0]


def shorten(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = tiny_models.SETTINGS[kind]
    if kind in SHORT:
        monkeypatch.setitem(tiny_models.SETTINGS, kind, lambda folder: {**given(folder), "epochs": SHORT[kind]})


@pytest.fixture(params=KINDS, scope="module")
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, dict[str, torch.Tensor]]:
    """A model's task, trained once for the tests below, and its weights."""
    with pytest.MonkeyPatch.context() as patch:
        found = task_of(request.param, tmp_path_factory.mktemp(request.param), patch)
    return found, {name: tensor.clone() for name, tensor in found.module.state_dict().items()}


@pytest.fixture
def task(trained: tuple[Any, dict[str, torch.Tensor]]) -> Any:
    """As its training left it."""
    found, weights = trained
    found.module.load_state_dict(weights)
    found.module.zero_grad()
    found.module.eval()
    return found


ROWS = np.arange(24)


def test_the_radius_by_hand() -> None:
    """Rows of norm 5, 0 (padding) and 13 in one document, of norm 10 in another: mean norms 9 and 10."""
    vectors = torch.tensor([[3.0, 4.0], [0.0, 0.0], [5.0, 12.0], [6.0, 8.0]])
    inputs = Inputs(vectors, torch.tensor([True, False, True, True]), torch.tensor([0, 0, 0, 1]), None)
    assert torch.allclose(radius(inputs, 0.1, True)[:, 0], torch.tensor([0.9, 0.0, 0.9, 1.0]) / 2**0.5)
    assert radius(inputs, 0.1, False)[:, 0].tolist() == pytest.approx([0.1, 0, 0.1, 0.1])
    features = Inputs(torch.tensor([[0.6], [0.8], [1.0]]), torch.ones(3, dtype=torch.bool), torch.tensor([0, 0, 1]), None, 0.0)
    assert radius(features, 0.2, True)[:, 0].tolist() == pytest.approx([0.2 / 2**0.5, 0.2 / 2**0.5, 0.2])


@pytest.mark.slow
@pytest.mark.parametrize("steps", [1, 10])
def test_a_perturbation_keeps_its_promises(task: Any, steps: int) -> None:
    """Within the radius, nothing at rows that are not real, no gradient left in a parameter, and the loss rises document by document."""
    settings = FgsmTraining(epsilon=0.1, attack_steps=steps)
    rises = []
    for row in ROWS:
        inputs = task.inputs(task.module, np.array([row]), apart=True)
        targets = task.targets(np.array([row]))
        moved = perturbation(task, task.module, inputs, targets, settings, Rewound())
        assert (moved.abs() <= radius(inputs, 0.1, True) + 1e-6).all()
        assert not moved[~inputs.real].any()
        if inputs.floor is not None:
            assert (inputs.vectors + moved >= inputs.floor - 1e-7).all()
        before = task.loss_of(task.outputs(task.module, inputs), targets)
        rises.append(bool(task.loss_of(task.outputs(task.module, inputs, inputs.vectors + moved), targets) > before))
    assert np.mean(rises) >= 0.9
    assert all(parameter.grad is None for parameter in task.module.parameters())


@pytest.mark.slow
def test_rows_apart_and_texts_say_the_same(task: Any) -> None:
    """A document read by number, by its text, with rows shared or apart, as rows of its own: one score."""
    texts = [task.texts[row] for row in ROWS]
    wanted = task.scores(task.outputs(task.module, task.inputs(task.module, ROWS)))
    apart = task.inputs(task.module, ROWS, apart=True)
    for inputs in (apart, task.inputs(task.module, ROWS, texts=texts), task.inputs(task.module, ROWS, texts=texts, apart=True)):
        np.testing.assert_allclose(task.scores(task.outputs(task.module, inputs)), wanted, atol=2e-3)
    np.testing.assert_allclose(task.scores(task.outputs(task.module, apart, apart.vectors.clone())), wanted, atol=1e-4)
    np.testing.assert_allclose(task.classifier().score(texts), wanted, atol=2e-3)
    assert set(apart.owner.tolist()) == set(range(len(ROWS)))


def test_the_encoders_input_is_another_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = task_of("x-transformer", tmp_path, monkeypatch)
    wanted = task.scores(task.outputs(task.module, task.inputs(task.module, ROWS)))
    inputs = task.inputs(task.module, ROWS, apart=True, space="input")
    np.testing.assert_allclose(task.scores(task.outputs(task.module, inputs)), wanted, atol=2e-3)
    assert not torch.allclose(inputs.vectors, task.inputs(task.module, ROWS, apart=True).vectors)
    moved = perturbation(task, task.module, inputs, task.targets(ROWS), FgsmTraining(epsilon=0.1), Rewound())
    assert moved.abs().max() > 0 and not moved[~inputs.real].any()


@pytest.mark.slow
def test_both_passes_draw_the_same_dropout(task: Any) -> None:
    """All documents attacked by nothing: the two losses are one, so both passes dropped the same."""
    task.module.train()
    control = AdversarialTask(task, FgsmTraining(control=True, attacked_share=1.0, attacked_weight=0.5))
    torch.manual_seed(1)
    clean = float(task.loss(task.module, ROWS).detach())
    torch.manual_seed(1)
    assert float(control.loss(task.module, ROWS).detach()) == pytest.approx(clean, rel=1e-4)
    figures = control.figures()
    assert figures["clean loss"] == pytest.approx(figures["attacked loss"], rel=1e-4)
    assert control.figures() == {}


@pytest.mark.slow
def test_validation_says_clean_and_attacked(task: Any) -> None:
    with torch.no_grad():  # as the loop validates
        found = AdversarialTask(task, FgsmTraining(epsilon=5.0, label_source="true")).validate(task.module)
    # XML-CNN's tiny network still ranks by base rates, which no word can change.
    assert found["attacked nDCG@5"] < found["nDCG@5"] or (found["P@1"] < 60 and found["attacked nDCG@5"] == found["nDCG@5"])
    assert found["mean nDCG@5"] == pytest.approx((found["attacked nDCG@5"] + found["nDCG@5"]) / 2, abs=0.2)


def test_a_share_is_spread_evenly() -> None:
    assert spread(9, 3).tolist() == [0, 4, 8]
    assert spread(4, 4).tolist() == [0, 1, 2, 3]
    assert spread(5, 1).tolist() == [0]


def test_the_table_and_its_refusals() -> None:
    for name in DEFENCES:
        kind = defence_class(name)
        assert kind.TITLE and kind.ABOUT and set(kind.FITS) <= set(models.MODELS)
        assert fields.from_json(kind, fields.to_json(kind())) == kind()
    assert refusal("fgsm", "mach") is None
    assert "does not fit 'linear'" in (refusal("fgsm", "linear") or "")
    with pytest.raises(InputError, match="known are fgsm"):
        defence_class("prayer")


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_training_on_from_a_parent_keeps_what_is_the_parents(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The child's checkpoint names its parent, inherits what did not change, and scores after loading as it did in memory."""
    monkeypatch.setattr(checkpoint, "FOLDER", tmp_path)
    shorten(kind, monkeypatch)
    model: Any = tiny_models.train(kind, tmp_path / "parent-run")
    checkpoint.save(
        tmp_path / "parent", model=kind, settings=model.settings(), labels=model.labels, tensors=model.tensors(), files=model.files()
    )  # fmt: skip
    saved, parent = checkpoint.load("parent"), models.load("parent")
    config = fields.from_json(models.config_class(kind), {**saved.settings, **models.fine_tuning(kind), "epochs": 1})
    with Run(tmp_path / "child-run", seed=1, device="cpu", quiet=True) as run:
        child = models.train(kind, config, tiny_models.dataset(), saved.labels, run, FgsmTraining(), parent)
    checkpoint.save(
        tmp_path / "child", model=kind, settings=child.settings(), labels=child.labels, tensors=child.tensors(), files=child.files(), parent=saved
    )  # fmt: skip
    found = checkpoint.load("child")
    assert found.parent == "parent" and found.digest != saved.digest
    inherited = checkpoint.read_config("child")["inherited"]
    same = {"xml-cnn": "embedding.weight", "mach": "tfidf_idf", "attention-xml": "levels.0.embedding.weight", "aplc-xlnet": "order"}
    assert same.get(kind, "cluster") in inherited["tensors"]
    texts = tiny_models.dataset().split("test").texts or ()
    np.testing.assert_allclose(models.load("child").score(texts), child.score(texts), atol=0.05)
    assert not np.allclose(models.load("child").score(texts), parent.score(texts), atol=1e-4)
