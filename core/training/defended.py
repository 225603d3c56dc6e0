"""What a defence (core.defences) needs to know of a training, beside what the loop needs (task.py): what the network reads of
some documents, as rows that may be moved, and what it says of them.

A model's task keeps to `Defensible`; a defence wraps that task in another one, which the loop trains.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, Self, runtime_checkable

import torch
from scipy import sparse
from torch import Tensor, nn

from core.runs.run import Run
from core.training.task import TrainingTask
from core.types import Classifier, IntArray, Scores

Space = Literal["input", "trained"]
"""Which rows are moved: those the whole network reads, or those its trained layers read (the same but for an encoder whose lower
layers are frozen)."""

Outputs = tuple[Tensor, ...]
Targets = tuple[Tensor, ...]


@dataclass(frozen=True)
class Inputs:
    """What a network reads of B documents.

    vectors [U, d]: the rows; real [U]: which of them stand for words or features (no padding, no special token); owner [U]: whose
    document a row belongs to, 0..B-1; floor: the least value of a coordinate, if there is one; rest: the model's own.
    """

    vectors: Tensor
    real: Tensor
    owner: Tensor
    rest: Any
    floor: float | None = None


class Defensible(TrainingTask, Protocol):
    """A task over texts whose network can be given other rows than the documents' own.

    `loss(module, rows)` is `loss_of(outputs(module, inputs(module, rows)), targets(rows))`.
    """

    @property
    def texts(self) -> Sequence[str]:
        """The training documents."""
        ...

    def inputs(self, module: nn.Module, rows: IntArray, texts: Sequence[str] | None = None, apart: bool = False, space: Space = "trained") -> Inputs:
        """What is read of these documents, or of `texts` in their place. `apart`: every row belongs to one document alone, so
        that it can be moved by itself (`owner` has no meaning otherwise). Dropout before the rows draws alike either way."""
        ...

    def outputs(self, module: nn.Module, inputs: Inputs, vectors: Tensor | None = None) -> Outputs:
        """Logits of each level, [B, nodes] or [R, B, nodes], for `vectors` in the place of the inputs' own."""
        ...

    def targets(self, rows: IntArray) -> Targets:
        """What the outputs should be, level by level."""
        ...

    def truth_of(self, rows: IntArray) -> sparse.csr_array:
        """The documents' true labels, 0/1 [B, L]."""
        ...

    def predicted(self, outputs: Outputs, k: int) -> Targets:
        """As `targets`, of a model that takes its own k best labels for true."""
        ...

    def loss_of(self, outputs: Outputs, targets: Targets) -> Tensor:
        """Mean loss [] over the documents."""
        ...

    def scores(self, outputs: Outputs) -> Scores:
        """[B, L]: the labels' scores as the network alone gives them."""
        ...

    def held_out(self) -> Self:
        """The same task over the documents that choices are made on (the split "dev")."""
        ...

    def classifier(self) -> Classifier:
        """The network alone as it now is, in evaluation mode: shares its weights, so it is to be used before the next step."""
        ...


@dataclass(frozen=True)
class Copies:
    """Altered training documents, texts [c], and the rows [c] of those they were made from."""

    rows: IntArray
    texts: tuple[str, ...]


class Defence(Protocol):
    """What is done to a training so that the model withstands attacks. Its settings are a frozen dataclass's fields."""

    def task(self, task: Any, run: Run) -> TrainingTask:
        """The task that is trained in the place of a Defensible one."""
        ...

    def copies(self, task: Any, run: Run) -> Copies | None:
        """Altered documents that the parts trained after the network (linear SVMs, rankers) learn from as well; None for none."""
        ...


@runtime_checkable
class Reporting(Protocol):
    """A task with figures of its own for the log."""

    def figures(self) -> dict[str, float]:
        """Means since the last call."""
        ...


class Means:
    """Numbers noted under names, for a task's `figures`."""

    def __init__(self) -> None:
        self._noted: dict[str, list[float]] = {}

    def note(self, name: str, loss: Tensor) -> None:
        self._noted.setdefault(name, []).append(float(loss.detach()))

    def take(self) -> dict[str, float]:
        """The mean under each name; the next call begins anew."""
        means = {name: sum(found) / len(found) for name, found in self._noted.items()}
        self._noted.clear()
        return means


class Rewound:
    """Makes torch draw the same random numbers again: `again()` puts back the state that the generator had when this was made."""

    def __init__(self) -> None:
        self._cpu = torch.get_rng_state()
        self._cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else None

    def again(self) -> None:
        torch.set_rng_state(self._cpu)
        if self._cuda is not None:
            torch.cuda.set_rng_state_all(self._cuda)


def defended(task: TrainingTask, defence: Defence | None, run: Run) -> TrainingTask:
    """The task that is trained: itself where there is no defence."""
    return task if defence is None else defence.task(task, run)
