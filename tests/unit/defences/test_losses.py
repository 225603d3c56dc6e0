"""Rebalanced losses: the worked values of methods.md 7.4, monotone weights, eq. 4.6 by hand, and trainings with the weights in them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from core import fields, models
from core.defences import DEFENCES, defence_class, refusal
from core.defences.losses import DEFAULT, Constants, class_balance, constants_for, positive_weights, propensity_weights
from core.defences.rebalanced import Rebalanced
from core.errors import InputError, SettingsError
from core.labels import LabelSpace
from core.models.mach.training import MachTask
from core.models.xml_cnn.training import XmlCnnTask
from core.runs.run import Run
from tests import tiny_models


@pytest.mark.parametrize(
    ("documents", "count", "w", "cw"),
    [
        (14_146, 1, 18.11, 18.11),
        (14_146, 5, 11.12, 2.72),
        (14_146, 100, 3.23, 0.32),
        (14_146, 10_000, 1.18, 0.12),
        (1_186_239, 1, 26.97, None),
        (1_186_239, 100, 4.39, None),
        (1_186_239, 10_000, 1.27, None),
    ],
)
def test_worked_values(documents: int, count: int, w: float, cw: float | None) -> None:
    counts = np.asarray([count])
    assert positive_weights(counts, documents, "pw", normalised=False)[0] == pytest.approx(w, abs=0.005)
    if cw is not None:
        assert positive_weights(counts, documents, "pw-cb", normalised=False)[0] == pytest.approx(cw, abs=0.005)


def test_class_balance_by_hand() -> None:
    # n = 2: 0.1 / (1 - 0.81); far past saturation: 0.1; none counts as one; beta 0 balances nothing
    assert class_balance(np.asarray([0, 1, 2, 10**9]), 0.9) == pytest.approx([1.0, 1.0, 0.1 / 0.19, 0.1], rel=1e-12)
    assert class_balance(np.asarray([1, 7]), 0.0).tolist() == [1.0, 1.0]
    # near 1, C is 1 / n: the digits must not cancel
    assert class_balance(np.asarray([1_000]), 1 - 1e-12) == pytest.approx([1e-3], rel=1e-4)
    for beta in (1.0, -0.1):
        with pytest.raises(SettingsError, match="below 1"):
            class_balance(np.asarray([1]), beta)


@pytest.mark.parametrize("kind", ["pw", "pw-cb"])
@given(counts=st.lists(st.integers(0, 10_000), min_size=1, max_size=40), more=st.integers(0, 10**6))
def test_monotone_positive_and_of_mean_one(kind: Any, counts: list[int], more: int) -> None:
    order = np.sort(np.asarray(counts))
    plain = positive_weights(order, 10_000 + more, kind, normalised=False)
    scaled = positive_weights(order, 10_000 + more, kind)
    assert np.isfinite(plain).all() and (plain > 0).all()
    assert (np.diff(plain) <= 1e-12).all()
    assert scaled.mean() == pytest.approx(1) and scaled * plain.mean() == pytest.approx(plain)
    if kind == "pw":
        assert (plain >= 1).all()


def test_constants_by_name() -> None:
    assert constants_for("Amazon-670K") == constants_for("data/amazon670k") == Constants(0.6, 2.6)
    assert constants_for("Wiki-500K") == constants_for("WikiLSHTC-325K") == Constants(0.5, 0.4)
    for name in ("AmazonCat-13K", "Wiki10-31K", "eurlex57k", "debtags", ""):
        assert constants_for(name) == DEFAULT == Constants(0.55, 1.5)
    assert propensity_weights(np.asarray([5]), 1000, Constants(0.6, 2.6))[0] == pytest.approx(2 * (1 + (np.log(1000) - 1) * (3.6 / 7.6) ** 0.6) - 1)


LABELS = LabelSpace.of(["a", "b", "c"], [300, 12, 1], 400)


def by_hand(logits: np.ndarray, truth: np.ndarray, weights: np.ndarray) -> float:
    """eq. 4.6: sum over labels of C W l+ for a positive and l- for a negative, mean over documents."""
    positive, negative = np.log1p(np.exp(-logits)), np.log1p(np.exp(logits))
    return float(np.sum(np.where(truth == 1, weights * positive, negative)) / len(logits))


def cnn_task() -> XmlCnnTask:
    """Only what the loss reads."""
    module: Any = SimpleNamespace(embedding=SimpleNamespace(weight=torch.zeros(1)))
    truth = sparse.csr_array(np.asarray([[1, 0, 1], [0, 1, 0]], dtype=np.float32))
    rest: Any = None
    return XmlCnnTask(module, rest, [], truth, torch.ones(3), [], truth, LABELS, rest, [], [])


@pytest.mark.parametrize("kind", ["pw", "pw-cb"])
@pytest.mark.parametrize("normalised", [True, False])
def test_the_cnns_loss_is_equation_4_6(kind: Any, normalised: bool, tmp_path: Path) -> None:
    logits = np.asarray([[2.0, -1.0, -3.0], [0.5, 0.25, -4.0]])
    with Run(tmp_path, device="cpu", quiet=True) as run:
        task = Rebalanced(kind=kind, normalised=normalised).task(cnn_task(), run)
    assert isinstance(task, XmlCnnTask)
    weights = positive_weights(LABELS.counts, 400, kind, normalised)
    targets = task.targets(np.asarray([0, 1]))
    found = task.loss_of((torch.from_numpy(logits.astype(np.float32)),), targets)
    assert float(found) == pytest.approx(by_hand(logits, targets[0].numpy(), weights), rel=1e-5)


def test_constants_follow_the_runs_data_set(tmp_path: Path) -> None:
    with Run(tmp_path / "a", device="cpu", quiet=True) as run:
        run.configure({"dataset": "Amazon-670K"})
        task, named = Rebalanced(kind="pw").task(cnn_task(), run), Rebalanced(kind="pw", propensity_a=0.55, propensity_b=1.5).task(cnn_task(), run)
    amazon, usual = (positive_weights(LABELS.counts, 400, "pw", True, constants) for constants in (Constants(0.6, 2.6), DEFAULT))
    assert isinstance(task, XmlCnnTask) and isinstance(named, XmlCnnTask)
    assert task.positive_weight.numpy() == pytest.approx(amazon) and named.positive_weight.numpy() == pytest.approx(usual)


def test_what_has_no_weights_is_refused(tmp_path: Path) -> None:
    assert DEFENCES["rebalanced"] and defence_class("rebalanced") is Rebalanced
    assert "does not fit 'x-transformer'" in str(refusal("rebalanced", "x-transformer"))
    with Run(tmp_path, device="cpu", quiet=True) as run, pytest.raises(InputError, match="have no weights"):
        Rebalanced().task(SimpleNamespace(), run)
    with pytest.raises(SettingsError, match="must be one of pw, pw-cb"):
        Rebalanced(kind="cb")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["xml-cnn", "mach", "attention-xml", "aplc-xlnet"])
def test_a_training_with_it(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The very task that is trained has the weights, shares its network, and another model comes of it than without."""
    seen: list[Any] = []
    own = Rebalanced.task

    def watched(self: Rebalanced, task: Any, run: Run) -> Any:
        seen.append((task, own(self, task, run)))
        return seen[-1][1]

    monkeypatch.setattr(Rebalanced, "task", watched)
    config: Any = fields.from_json(models.config_class(kind), {**tiny_models.SETTINGS[kind](tmp_path), "epochs": 4})
    labels = tiny_models.dataset().label_space()
    found = []
    for name, defence in (("plain", None), ("weighted", Rebalanced())):
        with Run(tmp_path / name, seed=3, device="cpu", quiet=True) as run:
            run.configure({"dataset": "tiny"})
            found.append(models.train(kind, config, tiny_models.dataset(), labels, run, defence))
    (before, after), text = seen[0], tiny_models.dataset().split("test").texts or ()
    assert after.module is before.module and type(after) is type(before)
    wanted = positive_weights(labels.counts, labels.documents, "pw-cb")
    assert np.asarray(after.weights if isinstance(after, MachTask) else after.positive_weight) == pytest.approx(wanted)
    assert np.abs(found[0].score(text) - found[1].score(text)).max() > 1e-3
