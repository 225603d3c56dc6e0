"""What a defence costs: seconds of a training step with it over a step without, same model, same batches, one run, steps taken in turn.

Every document is in one batch of an epoch, so that the ratio is the epoch's. A step of a defence that rewrites documents holds the making of
its batch's copies, as on their own they are made once an epoch; what is looked up once a run (candidates of words) is not counted.
Run by `make bench`, or alone: python -m tests.benchmarks.bench_defences [checkpoint] [steps]
The FGSM step is to cost at most 2.3 times a clean one at the default share of attacked documents; with all of them it is printed beside.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core import checkpoint, fields
from core.defences.adversarial import FgsmTraining
from core.defences.rebalanced import Rebalanced
from core.defences.rewriting import RewritingTask
from core.defences.substitution import Substitution
from core.defences.synonyms import Synonyms
from core.runs.run import Run

GOAL = 2.3
DEFENCES: dict[str, Any] = {
    "clean": None,
    "fgsm": FgsmTraining(),
    "fgsm, control": FgsmTraining(control=True),
    "fgsm, all documents": FgsmTraining(attacked_share=1.0),
    "pgd-5": FgsmTraining(attack_steps=5),
    "rebalanced, PW-cb": Rebalanced(),
    "synonyms": Synonyms(),
    "substitution, sampled": Substitution(mode="sampled"),
    "substitution, masked": Substitution(mode="masked", ranking="gradient"),
    "substitution, greedy": Substitution(),
}
"""With their defaults; PGD of five steps, words ranked by the gradient where they are masked."""


def task_of(name: str, run: Run) -> Any:
    """The task that `train --from` would train, without training it."""
    from core.data import load_dataset
    from core.models import fine_tuning, load, train
    from core.training import loop

    found: list[Any] = []

    class Caught(Exception):
        """Ends the training where it would begin."""

    def catch(task: Any, settings: Any, run: Run) -> Any:
        found.append((task, settings))
        raise Caught

    saved, model = checkpoint.load(name), load(name)
    module = sys.modules[type(model).__module__.replace("x_transformer", "x_transformer_training")]
    kept, module.fit = module.fit, catch  # type: ignore[attr-defined]
    try:
        config = fields.from_json(module.Config, {**saved.settings, **fine_tuning(saved.model)})
        train(saved.model, config, load_dataset("debtags"), saved.labels, run, None, model)
    except Caught:
        return found[0]
    finally:
        module.fit = kept  # type: ignore[attr-defined]
        assert loop.fit is kept
    raise AssertionError("the training did not begin")


def step_seconds(task: Any, settings: Any, steps: int, run: Run) -> dict[str, list[float]]:
    """CPU seconds of each step, defences in turn over the same batches; the weights are put back after each."""
    from core.training.loop import _optimiser

    batches = task.batches(0, np.random.default_rng(0))[:steps]
    start = {name: value.clone() for name, value in task.module.state_dict().items()}
    kind = {"XmlCnnTask": "xml-cnn", "MachTask": "mach"}.get(type(task).__name__, "x-transformer")
    fitting = {name: one for name, one in DEFENCES.items() if one is None or kind in one.FITS}
    defended = {name: task if one is None else one.task(task, run) for name, one in fitting.items()}
    for one in defended.values():
        getattr(one, "table", None)  # candidates: once a run
    seconds: dict[str, list[float]] = {name: [] for name in fitting}
    for rows in batches:
        for name, one in defended.items():
            optimiser = _optimiser(task, settings)
            torch.manual_seed(0)
            before = time.process_time()
            if isinstance(one, RewritingTask):
                with one.making(0):
                    one.learn_from(one.rewrite(0, rows))
            task.module.train()
            torch.autograd.backward(one.loss(task.module, rows))
            optimiser.step()
            optimiser.zero_grad()
            seconds[name].append(time.process_time() - before)
            task.module.load_state_dict(start)
    return seconds


def compare(name: str, steps: int) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder, Run(Path(folder), device="cpu", quiet=True) as run:
        task, settings = task_of(name, run)
        seconds = step_seconds(task, settings, steps + 1, run)
    clean = float(np.median(seconds["clean"][1:]))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return [
        {"model": name, "defence": each, "seconds a step": float(np.median(found[1:])), "ratio": float(np.median(found[1:])) / clean, "peak GB": peak}
        for each, found in seconds.items()
    ]


@pytest.mark.benchmark
@pytest.mark.parametrize("name", ["debtags-xml-cnn", "debtags-mach", "debtags-x-transformer"])
def test_cost_of_a_step(name: str) -> None:
    rows = compare(name, 12)
    for row in rows:
        print(f"{row['model']:24} {row['defence']:22} {row['seconds a step']:.3f} s  {row['ratio']:.2f}x  (peak {row['peak GB']:.1f} GB)")
    ratio = next(row["ratio"] for row in rows if row["defence"] == "fgsm")
    print(f"{name}: FGSM {'within' if ratio <= GOAL else 'above'} {GOAL} times a clean step")
    assert ratio > 1


if __name__ == "__main__":
    for row in compare(sys.argv[1] if len(sys.argv) > 1 else "debtags-mach", int(sys.argv[2]) if len(sys.argv) > 2 else 12):
        print(row)
