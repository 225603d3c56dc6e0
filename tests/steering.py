"""Toys that FGSM and PGD can steer: `Straight`, whose every answer is known by hand, and `Curved`, the tiny transformer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.types import Embedded, Perturbable, RowKinds, Scores, Unit, Weigh
from tests.toy import Attending, Linear


class Straight(Linear):
    """A word's row is its weights, so score[label] = BIAS[label] + the sum of all rows' coordinates `label`."""

    row_kinds = RowKinds("rows of weights")

    def perturbable(self, embedded: Embedded) -> Perturbable:
        return Perturbable.of(embedded, len(embedded.tokens))

    def weighted_gradient(self, embedded: Embedded, vectors: NDArray[np.float32], weigh: Weigh) -> tuple[Scores, NDArray[np.float32]]:
        scores = self.score_embedded(embedded, vectors)
        return scores, np.repeat(weigh(scores)[:, None, :], vectors.shape[1], axis=1)


class Likely(Straight):
    """The same scores squeezed to probabilities."""

    unit: Unit = "probability"

    def score_embedded(self, embedded: Embedded, vectors: NDArray[np.float32], labels: Any = None) -> Scores:
        return 1 / (1 + np.exp(-super().score_embedded(embedded, vectors, labels)))

    def weighted_gradient(self, embedded: Embedded, vectors: NDArray[np.float32], weigh: Weigh) -> tuple[Scores, NDArray[np.float32]]:
        p = self.score_embedded(embedded, vectors)
        return p, np.repeat((weigh(p) * p * (1 - p))[:, None, :], vectors.shape[1], axis=1)


class Curved(Attending):
    """Attending, whose first row, [CLS], stands for no word. `visited` keeps the scores of every point a gradient was taken at."""

    def __init__(self) -> None:
        super().__init__()
        self.visited: list[Scores] = []
        self.row_kinds = RowKinds("rows of the tiny transformer")

    def perturbable(self, embedded: Embedded) -> Perturbable:
        return Perturbable.of(embedded, len(embedded.tokens))

    def weighted_gradient(self, embedded: Embedded, vectors: NDArray[np.float32], weigh: Weigh) -> tuple[Scores, NDArray[np.float32]]:
        import torch

        rows = torch.from_numpy(np.array(vectors)).requires_grad_()
        scores = self._forward(rows)[0]
        found: Scores = scores.detach().numpy()
        self.visited.append(found)
        (slopes,) = torch.autograd.grad(scores, rows, torch.from_numpy(weigh(found)))
        return found, slopes.numpy()
