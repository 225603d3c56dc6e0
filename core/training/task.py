"""What the training loop (loop.py) is told: settings, and a model's view of its own training; and what follows from the
settings alone, the batches of an epoch and the learning rate of a step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

import numpy as np
from torch import Tensor, nn

from core.fields import Field, check
from core.types import IntArray


@dataclass(frozen=True)
class LoopSettings:
    """How to train. A model's Config may inherit these and set its own defaults."""

    epochs: Annotated[int, Field("passes over the training documents, at most", low=1, high=10_000)] = 10
    batch_size: Annotated[int, Field("documents a step and process", low=1, high=65_536)] = 64
    learning_rate: Annotated[float, Field("peak learning rate of AdamW", low=0.0, high=10.0)] = 1e-3
    warmup: Annotated[float, Field("share of all steps over which the learning rate rises", low=0.0, high=1.0)] = 0.05
    schedule: Annotated[str, Field("course of the learning rate after the warm-up", choices=("linear", "cosine", "constant"))] = "linear"
    weight_decay: Annotated[float, Field("decoupled weight decay", low=0.0, high=10.0)] = 0.0
    clip: Annotated[float, Field("largest norm of the gradient; 0 does not clip", low=0.0, high=1e6)] = 0.0
    patience: Annotated[int, Field("epochs without a better validation before stopping; 0 never stops early", low=0, high=10_000)] = 0
    accumulate: Annotated[int, Field("batches whose gradients are averaged into one step", low=1, high=10_000)] = 1
    precision: Annotated[str, Field("arithmetic of the forward and backward pass", choices=("fp32", "bf16", "fp16"))] = "fp32"
    save_every_steps: Annotated[int, Field("steps between saved states; 0 saves at epoch ends only", low=0, high=10**9)] = 500

    def __post_init__(self) -> None:
        check(self)


class TrainingTask(Protocol):
    """What the loop needs to know of a model in training.

    `loss` must call the `module` it is given, not its own: across several processes that one is wrapped. `groups` are
    AdamW parameter groups: {"params": [...]} with, if wanted, "lr_scale" (times the learning rate) and "weight_decay".
    """

    @property
    def module(self) -> nn.Module: ...

    @property
    def selection(self) -> str:
        """The validation metric, higher is better, by which the best epoch is chosen."""
        ...

    def groups(self) -> list[dict[str, Any]]: ...

    def batches(self, epoch: int, generator: np.random.Generator) -> list[IntArray]:
        """Row numbers of each batch of an epoch; anything random comes from `generator`."""
        ...

    def loss(self, module: nn.Module, rows: IntArray) -> Tensor:
        """Mean loss [] of these documents, in training mode."""
        ...

    def validate(self, module: nn.Module) -> dict[str, float]:
        """Metrics on held-out documents; the loop has put the module in evaluation mode, without gradients."""
        ...


def bucketed(lengths: Sequence[int] | IntArray, batch_size: int, generator: np.random.Generator, pool: int = 50) -> list[IntArray]:
    """Shuffled batches of documents of similar length: shuffle, sort each pool of `pool` batches by length, cut, and
    shuffle the batches. Every document is in exactly one batch."""
    size = np.asarray(lengths)
    order = generator.permutation(len(size))
    batches: list[IntArray] = []
    for start in range(0, len(order), batch_size * pool):
        part = order[start : start + batch_size * pool]
        part = part[np.argsort(size[part], kind="stable")]
        batches += [part[i : i + batch_size] for i in range(0, len(part), batch_size)]
    return [batches[i] for i in generator.permutation(len(batches))]


def rate(step: int, total: int, settings: LoopSettings) -> float:
    """The learning rate's factor in [0, 1] at a 0-based step: linear warm-up, then the schedule."""
    rising = math.ceil(settings.warmup * total)
    if step < rising:
        return (step + 1) / rising
    if settings.schedule == "constant":
        return 1.0
    share = min(1.0, (step - rising) / max(1, total - rising))
    return 1 - share if settings.schedule == "linear" else (1 + math.cos(math.pi * share)) / 2
