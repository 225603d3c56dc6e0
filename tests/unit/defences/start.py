"""A tiny XML-CNN that was trained already, as the task that a defence is given; and trainings that break off."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core import fields
from core.defences.rewriting import Copy, RewritingTask
from core.models.parts.words import Words
from core.models.xml_cnn.network import Config
from core.models.xml_cnn.training import XmlCnnTask
from core.runs.run import Run
from core.training.loop import fit
from tests import tiny_models

EPOCHS = 3


@cache
def config() -> Config:
    own = {
        **tiny_models.SETTINGS["xml-cnn"](Path()), "epochs": EPOCHS, "batch_size": 16, "learning_rate": 0.003, "vector_rate": 0.0,
        "vector_scale": 1.0, "filters": 16, "bottleneck": 32, "chunks": 1, "dropout": 0.1, "vector_dropout": 0.1, "word_dropout": 0.0,
    }  # fmt: skip
    return fields.from_json(Config, own)


def _task(run: Run) -> XmlCnnTask:
    data = tiny_models.dataset()
    labels = data.label_space()
    words = Words.build(data.split("train").texts or (), config().minimum_count, config().vocabulary)
    return XmlCnnTask.of(config(), data, labels, words, run)


@cache
def _trained() -> dict[str, Tensor]:
    """Weights after 200 steps of Adam: enough to tell most labels by their words."""
    with TemporaryDirectory() as folder:
        made = _task(run_in(Path(folder)))
        optimiser, generator = torch.optim.Adam(made.module.parameters(), lr=0.005), np.random.default_rng(1)
        torch.manual_seed(1)
        made.module.train()
        for epoch in range(25):
            for rows in made.batches(epoch, generator):
                optimiser.zero_grad()
                made.loss(made.module, rows).backward()
                optimiser.step()
        return {name: tensor.clone() for name, tensor in made.module.state_dict().items()}


def task(run: Run) -> XmlCnnTask:
    """The same start, whatever the run."""
    made = _task(run)
    made.module.load_state_dict(_trained())
    return made


def run_in(folder: Path, seed: int = 5) -> Run:
    return Run(folder, seed=seed, device="cpu", quiet=True)


class Killed(Exception):
    """Stands for kill -9: nothing is saved on the way out."""


def killed_at(epoch: int, block: int) -> Any:
    """For `weights`: Killed while the copies of an epoch (0-based) are made, after `block` whole blocks of them."""

    def break_at(task: RewritingTask) -> None:
        honest, made = task.rewrite, []

        def rewrite(at: int, rows: Any) -> list[Copy]:
            made.append(at)
            if at == epoch and made.count(epoch) > block:
                raise Killed
            return honest(at, rows)

        task.rewrite = rewrite  # type: ignore[method-assign]  # a test's stand-in

    return break_at


def weights(defence: Any, folder: Path, break_at: Any = None) -> dict[str, Tensor]:
    """Those that a training with a defence ends with. `break_at(task)` prepares the task to raise Killed."""
    with run_in(folder) as run:
        defended = defence.task(task(run), run)
        if break_at is not None:
            break_at(defended)
        fit(defended, config(), run)
        return {name: tensor.clone() for name, tensor in defended.module.state_dict().items()}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
