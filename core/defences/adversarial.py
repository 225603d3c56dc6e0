"""Adversarial training in the space of a network's rows: word vectors, hidden states, or TF-IDF values before hashing.

Goodfellow, Shlens and Szegedy: Explaining and Harnessing Adversarial Examples, ICLR 2015 (the sign of the gradient, and training on
it, section 6); Madry et al., ICLR 2018 (several projected steps). As used for XML-CNN (seed 000: 0.7 clean + 0.3 attacked) and MACH
(seed 002), without their faults (methods.md 1.3): the gradient is taken by autograd.grad, so no parameter's gradient is touched;
padding and special tokens stay; both passes draw the same dropout; epsilon is relative to the rows' own size.

    loss = (1 - w) * loss(x) + w * loss(x + delta),   delta = radius * sign(d loss / d x) at the rows of real words, 0 elsewhere

`control` makes the very same passes with delta = 0: what it gains is owed to training longer, not to the attack.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from core.fields import Field, check
from core.metrics import find_hits, ndcg, precision, value
from core.ranking import top_k
from core.runs.run import Run
from core.training.defended import Copies, Defensible, Inputs, Means, Outputs, Rewound, Space, Targets
from core.types import IntArray

VALIDATED = 768
"""Held-out documents that are attacked at each validation, spread evenly over the split."""
BATCH = 64


@dataclass(frozen=True)
class FgsmTraining:
    """Train on documents and on their worst neighbours within a small distance."""

    TITLE = "Adversarial training (FGSM)"
    ABOUT = "Each step also trains on the batch's rows moved a little in the direction that hurts most. With control: moved by nothing."
    FITS = ("xml-cnn", "x-transformer", "mach", "attention-xml", "aplc-xlnet")

    epsilon: Annotated[float, Field("size of the perturbation; relative: of a row's L2 norm", low=0.0, high=100.0)] = 0.05
    relative: Annotated[bool, Field("epsilon is a share of the mean norm of the document's real rows, not a radius")] = True
    attack_steps: Annotated[int, Field("steps of the inner attack: 1 is FGSM, more is PGD", low=1, high=100)] = 1
    attacked_share: Annotated[float, Field("share of each batch's documents that are attacked", low=0.01, high=1.0)] = 0.25
    attacked_weight: Annotated[float, Field("weight w of the attacked documents' loss", low=0.0, high=1.0)] = 0.3
    label_source: Annotated[
        str, Field("the attack hurts the true labels, or those the model predicts (then truth cannot leak into it)", choices=("predicted", "true"))
    ] = "predicted"
    attack_space: Annotated[
        str, Field("X-Transformer: move the rows that the trained layers read, or the encoder's input", choices=("trained", "input"))
    ] = "trained"
    control: Annotated[bool, Field("the same passes without a perturbation")] = False

    def __post_init__(self) -> None:
        check(self)

    @property
    def passes(self) -> float:
        """What a document costs in passes of clean training, for the estimate before a run (core.training.estimate)."""
        return 1 + self.attacked_share * (1 + self.attack_steps)

    def task(self, task: Any, run: Run) -> AdversarialTask:
        return AdversarialTask(task, self)

    def copies(self, task: Any, run: Run) -> Copies | None:
        """None: rows are moved, not texts."""
        return None


PREDICTED = 5
"""k of the labels that `label_source` predicted takes for true."""


def radius(inputs: Inputs, epsilon: float, relative: bool) -> Tensor:
    """How far each coordinate of each row may move: [U, 1], 0 for rows that are not real.

    Relative, word vectors (d > 1): epsilon * mean over the document's real rows of ||row|| / sqrt(d), so that a row moved by its sign
    moves by epsilon of the mean norm. Features (d = 1): epsilon * ||document vector|| / sqrt(its features).
    """
    real = inputs.real.to(inputs.vectors.dtype)
    if not relative:
        return epsilon * real[:, None]
    width, documents = inputs.vectors.shape[1], int(inputs.owner.max()) + 1 if len(inputs.owner) else 0
    rows = inputs.vectors.detach()
    sizes = (rows.square().sum(dim=1) if width == 1 else rows.norm(dim=1)) * real
    total = torch.zeros(documents, dtype=rows.dtype, device=rows.device).index_add_(0, inputs.owner, sizes)
    count = torch.zeros_like(total).index_add_(0, inputs.owner, real).clamp_(min=1)
    each = (total / count).sqrt() if width == 1 else total / count / width**0.5
    return epsilon * (each[inputs.owner] * real)[:, None]


def perturbation(task: Defensible, module: nn.Module, inputs: Inputs, targets: Targets, settings: FgsmTraining, dropout: Rewound) -> Tensor:
    """The rows' displacement [U, d] that raises the loss: FGSM, or PGD with steps of 2.5 radius / steps. Each pass draws `dropout`."""
    start, reach = inputs.vectors.detach(), radius(inputs, settings.epsilon, settings.relative)
    moved = torch.zeros_like(start)
    step = reach if settings.attack_steps == 1 else reach * (2.5 / settings.attack_steps)
    for _ in range(settings.attack_steps):
        dropout.again()
        leaf = (start + moved).requires_grad_(True)
        (slope,) = torch.autograd.grad(task.loss_of(task.outputs(module, inputs, leaf), targets), leaf)
        moved = torch.minimum(torch.maximum(moved + step * slope.sign(), -reach), reach)
        if inputs.floor is not None:
            moved = torch.maximum(start + moved, torch.full_like(start, inputs.floor)) - start
    return moved


@dataclass
class AdversarialTask:
    """A model's task with the attacked loss in it. Validation adds the same measures under the attack on held-out documents; the
    epoch kept is the one with the best mean of clean and attacked nDCG@5 (for the control: of the same two, so that both choose alike)."""

    inner: Defensible
    settings: FgsmTraining
    selection: str = "mean nDCG@5"
    means: Means = field(default_factory=Means)

    @property
    def module(self) -> nn.Module:
        return self.inner.module

    def groups(self) -> list[dict[str, Any]]:
        return self.inner.groups()

    def batches(self, epoch: int, generator: np.random.Generator) -> list[IntArray]:
        return self.inner.batches(epoch, generator)

    def loss(self, module: nn.Module, rows: IntArray) -> Tensor:
        """(1 - w) * clean + w * attacked, the latter over a share of the batch, evenly spread (batches are sorted by length)."""
        task, s = self.inner, self.settings
        before = Rewound()
        outputs = task.outputs(module, task.inputs(module, rows))
        clean = task.loss_of(outputs, task.targets(rows))
        chosen = spread(len(rows), max(1, round(s.attacked_share * len(rows))))
        attacked = self._attacked(module, rows[chosen], outputs, chosen, before)
        self.means.note("clean loss", clean)
        self.means.note("attacked loss", attacked)
        return (1 - s.attacked_weight) * clean + s.attacked_weight * attacked

    def _attacked(self, module: nn.Module, rows: IntArray, outputs: Outputs, chosen: IntArray, before: Rewound) -> Tensor:
        task, s = self.inner, self.settings
        before.again()
        inputs = task.inputs(module, rows, apart=True, space=cast(Space, s.attack_space))
        dropout = Rewound()
        if s.control:
            return task.loss_of(task.outputs(module, inputs), task.targets(rows))
        targets = task.targets(rows)
        guessed = targets if s.label_source == "true" else task.predicted(_of(outputs, chosen), PREDICTED)
        moved = perturbation(task, module, inputs, guessed, s, dropout)
        dropout.again()
        return task.loss_of(task.outputs(module, inputs, inputs.vectors + moved), targets)

    def figures(self) -> dict[str, float]:
        return self.means.take()

    def validate(self, module: nn.Module) -> dict[str, float]:
        """The model's own measures, and P@1, P@5 and nDCG@5, clean and attacked, in percent, of up to VALIDATED documents."""
        found = self.inner.validate(module)
        clean, attacked = validated(self.inner, module, self.settings)
        return {**found, **{f"attacked {name}": each for name, each in attacked.items()}, self.selection: (clean["nDCG@5"] + attacked["nDCG@5"]) / 2}


def _of(outputs: Outputs, rows: IntArray) -> Outputs:
    """The outputs of some of the batch's documents: their axis is the last but one."""
    chosen = torch.from_numpy(rows).to(outputs[0].device)
    return tuple(part.detach().index_select(part.ndim - 2, chosen) for part in outputs)


def spread(total: int, count: int) -> IntArray:
    """`count` of the numbers 0..total-1, evenly apart."""
    return np.unique(np.linspace(0, total - 1, count).astype(np.int64))


def validated(task: Any, module: nn.Module, settings: FgsmTraining) -> tuple[dict[str, float], dict[str, float]]:
    """Clean and attacked measures of held-out documents, with the attack of `settings` (of the control, too: so that it can be
    compared), in evaluation mode."""
    held = task.held_out()
    rows = spread(len(held.texts), min(VALIDATED, len(held.texts)))
    best: tuple[list[Any], list[Any]] = ([], [])
    for first in range(0, len(rows), BATCH):
        part = rows[first : first + BATCH]
        with torch.enable_grad():
            inputs = held.inputs(module, part, apart=True, space=cast(Space, settings.attack_space))
            dropout = Rewound()
            outputs = held.outputs(module, inputs)
            targets = held.targets(part) if settings.label_source == "true" else held.predicted(outputs, PREDICTED)
            moved = perturbation(held, module, inputs, targets, settings, dropout)
            attacked = held.outputs(module, inputs, inputs.vectors + moved)
        best[0].append(top_k(held.scores(outputs), 5))
        best[1].append(top_k(held.scores(attacked), 5))
    found, truth = [], held.truth_of(rows)
    for predicted in best:
        ranked = find_hits(np.concatenate(predicted), truth, np.ones(truth.shape[1]))
        found.append({"P@1": 100 * value(precision(ranked, 1)), "P@5": 100 * value(precision(ranked, 5)), "nDCG@5": 100 * value(ndcg(ranked, 5))})
    return found[0], found[1]
