"""The one training loop of all torch models.

A model describes itself as a `Task`; `fit` trains it: AdamW, warm-up and decay, gradient clipping and accumulation,
mixed precision and several processes through accelerate, early stopping, the best state kept.

Resuming after any kill gives bit-identical weights on one thread. Nothing random is stored for that: the order of the
documents follows from (seed, epoch) and torch is seeded before each batch from (seed, step), so that a state is the
weights, the optimiser's moments and a few counters. A state is written in two phases: tensors under a new name, then
state.json, which names them, by an atomic rename. Whatever instant a kill hits, state.json names whole files.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from time import perf_counter
from typing import Any

import msgspec
import numpy as np
import torch
from torch import Tensor

from core.checkpoint import write_atomically
from core.errors import Cancelled, InputError, SettingsError
from core.fields import to_json
from core.files import Count, read_json
from core.runs.run import Run
from core.training.defended import Reporting
from core.training.states import load_tensors, moments, plain_name, restore_moments, save_tensors
from core.training.task import LoopSettings, TrainingTask, rate
from core.types import IntArray

__all__ = ["Fitted", "LoopSettings", "TrainingTask", "fit"]

LOG_EVERY = 20
"""Steps between two training records of progress.jsonl."""


@dataclass(frozen=True)
class Fitted:
    """What a training came to: the validation metrics of the best epoch (1-based), whose weights the module now holds."""

    metrics: dict[str, float]
    epoch: int
    steps: int


@dataclass
class Counters:
    """The part of a state that is no tensor. `done` optimiser steps of `epoch` (0-based) are over, `step` in all."""

    step: Count = 0
    epoch: Count = 0
    done: Count = 0
    best: dict[str, float] = field(default_factory=dict)
    best_epoch: Count = 0
    loss_sum: float = 0.0
    loss_steps: Count = 0
    finished: bool = False


class LoopState(msgspec.Struct):
    """state.json."""

    identity: dict[str, Any]
    files: dict[str, str]
    counters: Counters
    scaler: dict[str, float]


def _optimiser(task: TrainingTask, settings: LoopSettings) -> torch.optim.Optimizer:
    """AdamW; "fused" updates each tensor in one pass over memory (a 30,000 x 300 embedding is most of the cost)."""
    groups = []
    for group in task.groups():
        given = dict(group)
        scale = given.pop("lr_scale", 1.0)
        groups.append({**given, "lr": settings.learning_rate * scale, "scale": scale})
    return torch.optim.AdamW(groups, weight_decay=settings.weight_decay, fused=True)


class _Training:
    """One `fit`: the task, its optimiser and counters, on one of perhaps several processes."""

    def __init__(self, task: TrainingTask, settings: LoopSettings, run: Run, state: str) -> None:
        from accelerate import Accelerator
        from accelerate.state import AcceleratorState

        # accelerate keeps the precision of a process's first Accelerator; this loop may be called again with another.
        AcceleratorState._reset_state()
        mixed = "no" if settings.precision == "fp32" else settings.precision
        self.accelerator = Accelerator(mixed_precision=mixed, cpu=run.device == "cpu", step_scheduler_with_optimizer=False)
        if run.device == "cuda" and self.accelerator.device.type != "cuda":
            raise InputError("device is cuda, but torch finds no CUDA device here; use cpu or auto")
        self.task, self.settings, self.run = task, settings, run
        self.folder = run.folder / state
        self.folder.mkdir(parents=True, exist_ok=True)
        self.counters = Counters()
        self.plain = task.module
        self.module = self.accelerator.prepare(task.module)
        self.optimiser: Any = self.accelerator.prepare(_optimiser(task, settings))
        first = len(self._steps(0))
        if first == 0:
            raise InputError("there are no training documents")
        self.total = first * settings.epochs
        size = sum(parameter.numel() for parameter in self.plain.parameters())
        self.identity = {"seed": run.seed, "settings": to_json(settings), "steps": first, "parameters": size}
        self.started = perf_counter()
        self.documents = 0

    # -- the course of training

    def _steps(self, epoch: int) -> list[list[IntArray]]:
        """This process's batches of each optimiser step of an epoch. The last step is filled from the epoch's first
        batches, so that every process always has its share."""
        generator = np.random.default_rng(np.random.SeedSequence([self.run.seed, epoch]))
        batches = self.task.batches(epoch, generator)
        world, rank = self.accelerator.num_processes, self.accelerator.process_index
        size = world * self.settings.accumulate
        missing = -len(batches) % size if world > 1 else 0
        batches = batches + [batches[i % len(batches)] for i in range(missing)]
        return [batches[i : i + size][rank::world] for i in range(0, len(batches), size)]

    def train(self) -> Fitted:
        self.resume()
        while not self.counters.finished:
            self._epoch()
        self._take_best()
        return Fitted(dict(self.counters.best), self.counters.best_epoch, self.counters.step)

    def _epoch(self) -> None:
        steps = self._steps(self.counters.epoch)
        for batches in steps[self.counters.done :]:
            self._step(batches)
            self.counters.done += 1
            self._report(len(steps))
        self._validate()

    def _step(self, batches: list[IntArray]) -> None:
        """One optimiser step on the mean gradient of the batches."""
        c, world, rank = self.counters, self.accelerator.num_processes, self.accelerator.process_index
        self.module.train()
        for group in self.optimiser.param_groups:
            group["lr"] = self.settings.learning_rate * group["scale"] * rate(c.step, self.total, self.settings)
        loss_sum = 0.0
        for number, rows in enumerate(batches):
            seed = np.random.SeedSequence([self.run.seed, c.step, number * world + rank]).generate_state(1)
            torch.manual_seed(int(seed[0]))
            last = number == len(batches) - 1
            with nullcontext() if last else self.accelerator.no_sync(self.module):
                loss = self.task.loss(self.module, rows) / len(batches)
                self.accelerator.backward(loss)
            loss_sum += float(loss.detach())
            self.documents += len(rows) * world
        if not math.isfinite(loss_sum):
            raise InputError(f"the loss is {loss_sum} at step {c.step + 1}; train again with a lower learning rate or with clipping")
        if self.settings.clip:
            self.accelerator.clip_grad_norm_(self.module.parameters(), self.settings.clip)
        self.optimiser.step()
        self.optimiser.zero_grad()
        c.step += 1
        c.loss_sum += loss_sum
        c.loss_steps += 1

    def _report(self, steps: int) -> None:
        """After a step: log, save, and obey a request to stop (on all processes at the same step)."""
        c = self.counters
        if c.step % LOG_EVERY == 0:
            seconds = perf_counter() - self.started
            lr = self.optimiser.param_groups[0]["lr"]
            loss, speed = c.loss_sum / max(1, c.loss_steps), self.documents / max(seconds, 1e-9)
            self.run.log(
                {
                    "kind": "train",
                    "step": c.step,
                    "epoch": round(c.epoch + c.done / steps, 4),
                    "loss": loss,
                    "lr": lr,
                    "docs_per_second": round(speed, 1),
                    **(self.task.figures() if isinstance(self.task, Reporting) else {}),
                }
            )
            c.loss_sum, c.loss_steps, self.documents, self.started = 0.0, 0, 0, perf_counter()
        if self.settings.save_every_steps and c.step % self.settings.save_every_steps == 0:
            self.save()
        self._progress()

    def _progress(self) -> None:
        stop: Cancelled | None = None
        try:
            self.run.progress(self.counters.step, self.total, "training")
        except Cancelled as cancelled:
            stop = cancelled
        if self.accelerator.num_processes > 1:
            flag = torch.tensor([float(stop is not None)], device=self.accelerator.device)
            if float(self.accelerator.reduce(flag, "sum")) and stop is None:
                stop = Cancelled("another process of this training was asked to stop")
        if stop is not None:
            self.save()
            raise stop

    def _validate(self) -> None:
        """The end of an epoch: measure, keep the best, decide whether to go on, save."""
        from accelerate.utils import broadcast_object_list

        c, task, before = self.counters, self.task, perf_counter()
        found: list[Any] = [None]
        if self.accelerator.is_main_process:
            self.module.eval()
            with torch.no_grad():
                found = [{name: float(value) for name, value in task.validate(self.plain).items()}]
        if self.accelerator.num_processes > 1:
            broadcast_object_list(found)
        metrics: dict[str, float] = found[0]
        if task.selection not in metrics:
            raise InputError(f"validation gives {', '.join(metrics) or 'nothing'}, not {task.selection!r}, by which the best epoch is chosen")
        c.epoch, c.done = c.epoch + 1, 0
        self.run.log({"kind": "dev", "step": c.step, "epoch": c.epoch, **metrics})
        better = not c.best or metrics[task.selection] > c.best[task.selection]
        if better:
            c.best, c.best_epoch = metrics, c.epoch
        waited = c.epoch - c.best_epoch
        c.finished = c.epoch >= self.settings.epochs or bool(self.settings.patience and waited >= self.settings.patience)
        self.save(best=better)
        self.started += perf_counter() - before  # validation is no training time
        if not c.finished:
            self._progress()

    # -- states

    def save(self, best: bool = False) -> None:
        """Write a state that `resume` reads; with `best`, also the weights as the best so far."""
        if self.accelerator.is_main_process:
            c = self.counters
            if best:
                save_tensors(self.folder / f"best-{c.best_epoch}.safetensors", self._weights())
            names = {"best": f"best-{c.best_epoch}.safetensors"} if c.best_epoch else {}
            if not c.finished:
                optimiser = {f"optimiser/{name}": value for name, value in moments(self.optimiser).items()}
                weights = {f"module/{name}": value for name, value in self._weights().items()}
                names["now"] = f"step-{c.step}-{c.epoch}.safetensors"
                save_tensors(self.folder / names["now"], weights | optimiser)
            scaler = self.accelerator.scaler.state_dict() if self.accelerator.scaler is not None else {}
            state = {"identity": self.identity, "files": names, "counters": asdict(c), "scaler": scaler}
            write_atomically(self.folder / "state.json", json.dumps(state) + "\n")
            for path in self.folder.glob("*.safetensors*"):
                if path.name not in names.values():
                    path.unlink()
        self.accelerator.wait_for_everyone()

    def _weights(self) -> dict[str, Tensor]:
        weights: dict[str, Tensor] = self.plain.state_dict()
        return weights

    def resume(self) -> None:
        """Go on from the folder's state, if it has one. Raises SettingsError if it is another training's."""
        path = self.folder / "state.json"
        if not os.path.lexists(path):
            return
        state = read_json(path, LoopState)
        if state.identity != self.identity:
            raise SettingsError(f"{self.run.folder} holds a training with another seed or other settings; choose a new folder, or delete this one")
        self.counters = state.counters
        if self.counters.finished:
            return
        tensors = load_tensors(self.folder / plain_name(state.files.get("now", ""), path))
        try:
            self.plain.load_state_dict(dict(_under("module/", tensors)))
            restore_moments(self.optimiser, dict(_under("optimiser/", tensors)))
            if self.accelerator.scaler is not None:
                self.accelerator.scaler.load_state_dict(state.scaler)
        except (RuntimeError, KeyError, ValueError, TypeError) as error:
            raise InputError(f"the state in {self.folder} does not fit this training; remove that folder to begin anew: {error}") from error

    def _take_best(self) -> None:
        """Leave the caller's own module, unwrapped, with the best epoch's weights, in evaluation mode."""
        self.accelerator.wait_for_everyone()
        module = self.accelerator.unwrap_model(self.module, keep_fp32_wrapper=False)
        module.load_state_dict(load_tensors(self.folder / f"best-{self.counters.best_epoch}.safetensors"))
        module.eval()


def _under(prefix: str, tensors: dict[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    return ((name.removeprefix(prefix), tensor) for name, tensor in tensors.items() if name.startswith(prefix))


def fit(task: TrainingTask, settings: LoopSettings, run: Run, state: str = "state") -> Fitted:
    """Train `task.module` in place, on from the run folder's saved state if there is one; it ends with the weights of the
    best validated epoch. `state` names that state's folder: a run that trains several networks gives each its own. Raises
    Cancelled, with a state saved, when asked to stop."""
    return _Training(task, settings, run, state).train()
