"""A tiny task with everything that could break resuming: an embedding, dropout, buckets of lengths, clipping.

`train` is for a process that a test kills.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from core.training.task import LoopSettings, bucketed
from core.types import IntArray

SETTINGS = LoopSettings(epochs=4, batch_size=8, learning_rate=0.01, clip=1.0, save_every_steps=3, weight_decay=0.01)


class Tiny(nn.Module):
    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.embedding = nn.Embedding(50, 8, padding_idx=0)
        self.dropout = nn.Dropout(0.4)
        self.out = nn.Linear(8, 3)

    def forward(self, ids: Tensor) -> Tensor:
        return self.out(self.dropout(self.embedding(ids).sum(1)))


class TinyTask:
    """Which of three word classes a document holds. `metrics`, if given, are what validation says, epoch by epoch."""

    selection = "score"

    def __init__(self, seconds: float = 0.0, metrics: list[float] | None = None, documents: int = 60) -> None:
        generator = np.random.default_rng(7)
        self.module = Tiny()
        self.lengths = generator.integers(1, 9, size=documents)
        self.texts = [generator.integers(1, 50, size=n) for n in self.lengths]
        self.truth = torch.tensor([[float((text % 3 == j).any()) for j in range(3)] for text in self.texts])
        self.seconds, self.metrics, self.validations = seconds, metrics, 0
        self.seen: list[IntArray] = []

    def groups(self) -> list[dict[str, Any]]:
        return [{"params": self.module.embedding.parameters(), "lr_scale": 0.5}, {"params": self.module.out.parameters(), "weight_decay": 0.0}]

    def batches(self, epoch: int, generator: np.random.Generator) -> list[IntArray]:
        return bucketed(self.lengths, SETTINGS.batch_size, generator, pool=2)

    def _ids(self, rows: IntArray) -> Tensor:
        width = int(self.lengths[rows].max())
        return torch.from_numpy(np.stack([np.pad(self.texts[row], (0, width - len(self.texts[row]))) for row in rows]))

    def loss(self, module: nn.Module, rows: IntArray) -> Tensor:
        time.sleep(self.seconds)
        self.seen.append(rows)
        return nn.functional.binary_cross_entropy_with_logits(module(self._ids(rows)), self.truth[rows])

    def validate(self, module: nn.Module) -> dict[str, float]:
        assert not module.training
        self.validations += 1
        if self.metrics is not None:
            return {"score": self.metrics[self.validations - 1]}
        logits = module(self._ids(np.arange(len(self.texts))))
        return {"score": -float(nn.functional.binary_cross_entropy_with_logits(logits, self.truth))}


def train(folder: Path, seconds: float) -> None:
    """In a process of its own, so that a test can kill it."""
    from core.runs.run import Run
    from core.training.loop import fit

    torch.set_num_threads(1)
    with Run(folder, seed=3, device="cpu", quiet=True) as run:
        fit(TinyTask(seconds), SETTINGS, run)
