"""The training loop: what it learns, when it stops, and that a kill at any instant changes nothing."""

from __future__ import annotations

import json
import math
import multiprocessing
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.errors import Cancelled, InputError, SettingsError
from core.fields import from_json
from core.runs.run import Run, read_progress
from core.training.loop import LoopSettings, _Training, fit
from core.training.task import bucketed, rate
from tests.unit.training import tiny
from tests.unit.training.tiny import SETTINGS, TinyTask


def run_in(folder: Path, **changes: Any) -> Run:
    return Run(folder, **{"seed": 3, "device": "cpu", "quiet": True, **changes})


def weights(task: TinyTask) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in task.module.state_dict().items()}


def identical(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, torch.Tensor]:
    torch.set_num_threads(1)
    task = TinyTask()
    fit(task, SETTINGS, run_in(tmp_path_factory.mktemp("unbroken")))
    return weights(task)


@pytest.mark.slow
def test_learns_and_logs(tmp_path: Path) -> None:
    task = TinyTask()
    fitted = fit(task, replace(SETTINGS, epochs=12, learning_rate=0.05), run_in(tmp_path))
    dev = [record for record in read_progress(tmp_path) if record["kind"] == "dev"]
    train = [record for record in read_progress(tmp_path) if record["kind"] == "train"]
    assert len(dev) == 12 and dev[-1]["score"] > dev[0]["score"] + 0.05
    assert fitted.metrics["score"] == max(record["score"] for record in dev)
    assert train[0].keys() >= {"step", "epoch", "loss", "lr", "docs_per_second", "time"}
    assert fitted.steps == 12 * 8 and not task.module.training
    assert sorted(path.name for path in (tmp_path / "state").iterdir()) == [f"best-{fitted.epoch}.safetensors", "state.json"]


def test_every_document_once_an_epoch() -> None:
    lengths = np.random.default_rng(0).integers(1, 100, size=101)
    batches = bucketed(lengths, 8, np.random.default_rng(1), pool=3)
    assert sorted(np.concatenate(batches)) == list(range(101))
    spread = np.mean([lengths[batch].max() - lengths[batch].min() for batch in batches])
    assert spread < np.ptp(lengths) / 2


@pytest.mark.slow
@pytest.mark.parametrize("stop_at", [1, 8, 13])
def test_stopping_and_resuming_changes_nothing(tmp_path: Path, unbroken: dict[str, torch.Tensor], stop_at: int) -> None:
    class Stopped(Run):
        def progress(self, done: int, total: int, what: str) -> None:
            if done == stop_at:
                raise Cancelled("enough")

    with pytest.raises(Cancelled):
        fit(TinyTask(), SETTINGS, Stopped(tmp_path, seed=3, device="cpu"))
    resumed = TinyTask()
    fit(resumed, SETTINGS, run_in(tmp_path))
    assert identical(weights(resumed), unbroken)


@pytest.mark.slow
def test_sigkill_and_resume_gives_identical_weights(tmp_path: Path, unbroken: dict[str, torch.Tensor]) -> None:
    """A real process, killed with SIGKILL three times at instants of no one's choosing, then left to finish. Each is the fork of one that has
    imported torch."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch", "tests.unit.training.tiny"])
    state, reached = tmp_path / "state" / "state.json", 0
    for kill in range(3):
        child = context.Process(target=tiny.train, args=(tmp_path, 0.02))
        child.start()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and child.is_alive():
            if state.exists() and json.loads(state.read_text())["counters"]["step"] > reached:
                break
            time.sleep(0.005)
        time.sleep(0.013 * kill)
        child.kill()
        child.join()
        assert child.exitcode == -signal.SIGKILL, "the training ended before it could be killed"
        reached = json.loads(state.read_text())["counters"]["step"]
    assert 0 < reached < SETTINGS.epochs * 8
    last = context.Process(target=tiny.train, args=(tmp_path, 0.0))
    last.start()
    last.join()
    assert last.exitcode == 0
    finished = TinyTask()
    fit(finished, SETTINGS, run_in(tmp_path))  # nothing is left to do but to take the best weights
    assert finished.seen == [] and identical(weights(finished), unbroken)
    dev = [record["epoch"] for record in read_progress(tmp_path) if record["kind"] == "dev"]
    assert dev == [1, 2, 3, 4]


def test_half_written_state_is_never_read(tmp_path: Path, unbroken: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between the tensors and state.json: the older state still stands, with its files."""
    from core.training import loop

    calls = 0
    original = loop.write_atomically

    def dies(path: Path, content: str | bytes) -> None:
        nonlocal calls
        calls += path.name == "state.json"
        if calls == 4:
            raise KeyboardInterrupt
        original(path, content)

    with monkeypatch.context() as patched:
        patched.setattr(loop, "write_atomically", dies)
        with pytest.raises(KeyboardInterrupt):
            fit(TinyTask(), SETTINGS, run_in(tmp_path))
    resumed = TinyTask()
    fit(resumed, SETTINGS, run_in(tmp_path))
    assert identical(weights(resumed), unbroken)


def test_early_stopping_keeps_the_best_epoch(tmp_path: Path) -> None:
    task = TinyTask(metrics=[0.1, 0.5, 0.4, 0.5, 0.9])
    fitted = fit(task, replace(SETTINGS, epochs=5, patience=2), run_in(tmp_path / "stopped"))
    assert (fitted.epoch, task.validations) == (2, 4)
    assert read_progress(tmp_path / "stopped")[-1]["score"] == 0.5


def test_accumulated_batches_equal_one_large_batch(tmp_path: Path) -> None:
    """Without dropout, two halves averaged are the whole."""

    class Halves(TinyTask):
        def __init__(self, size: int) -> None:
            super().__init__(documents=16)
            self.size = size
            self.module.dropout.p = 0.0

        def batches(self, epoch: int, generator: np.random.Generator) -> list[np.ndarray[Any, Any]]:
            return list(np.arange(16).reshape(-1, self.size))

    whole, halves = Halves(16), Halves(8)
    fit(whole, replace(SETTINGS, epochs=3), run_in(tmp_path / "whole"))
    fit(halves, replace(SETTINGS, epochs=3, accumulate=2), run_in(tmp_path / "halves"))
    for one, other in zip(weights(whole).values(), weights(halves).values(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


def test_bf16_trains(tmp_path: Path) -> None:
    task = TinyTask()
    fit(task, replace(SETTINGS, precision="bf16"), run_in(tmp_path))
    assert all(value.dtype == torch.float32 for value in weights(task).values())
    assert all(math.isfinite(record["score"]) for record in read_progress(tmp_path) if record["kind"] == "dev")


def test_rates() -> None:
    linear = LoopSettings(warmup=0.2, schedule="linear")
    assert [round(rate(step, 10, linear), 3) for step in range(10)] == [0.5, 1.0, 1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125]
    cosine = LoopSettings(warmup=0.0, schedule="cosine")
    assert rate(0, 10, cosine) == 1.0 and math.isclose(rate(5, 10, cosine), 0.5)
    assert {rate(step, 10, LoopSettings(warmup=0.0, schedule="constant")) for step in range(10)} == {1.0}


def test_parameter_groups_scale_the_rate(tmp_path: Path) -> None:
    training = _Training(TinyTask(), SETTINGS, run_in(tmp_path), "state")
    training._step(training._steps(0)[0])
    first = SETTINGS.learning_rate * rate(0, training.total, SETTINGS)
    assert [group["lr"] for group in training.optimiser.param_groups] == [first * 0.5, first]
    assert [group["weight_decay"] for group in training.optimiser.param_groups] == [0.01, 0.0]


def test_refuses_another_training_in_the_folder(tmp_path: Path) -> None:
    fit(TinyTask(), replace(SETTINGS, epochs=1), run_in(tmp_path))
    with pytest.raises(SettingsError, match="another seed or other settings"):
        fit(TinyTask(), SETTINGS, run_in(tmp_path))
    with pytest.raises(SettingsError, match="another seed or other settings"):
        fit(TinyTask(), replace(SETTINGS, epochs=1), run_in(tmp_path, seed=4))


def test_refuses_what_cannot_be_trained(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="has no setting epoch"):
        from_json(LoopSettings, {"epoch": 3})
    with pytest.raises(SettingsError, match="learning_rate"):
        LoopSettings(learning_rate=-1.0)
    with pytest.raises(InputError, match="no training documents"):
        fit(TinyTask(documents=0), SETTINGS, run_in(tmp_path / "none"))
    broken = TinyTask()
    broken.module.out.weight.data.fill_(float("nan"))
    with pytest.raises(InputError, match="lower learning rate"):
        fit(broken, SETTINGS, run_in(tmp_path / "nan"))
    unmeasured = TinyTask()
    unmeasured.selection = "P@1"
    with pytest.raises(InputError, match="not 'P@1'"):
        fit(unmeasured, SETTINGS, run_in(tmp_path / "unmeasured"))
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="no CUDA device"):
            fit(TinyTask(), SETTINGS, run_in(tmp_path / "cuda", device="cuda"))
