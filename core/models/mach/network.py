"""MACH's networks (__init__.py), their settings, and where hashed features lie in their first layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor, nn

from core.checkpoint import ensemble
from core.errors import SettingsError
from core.fields import Field
from core.models.mach.buckets import METHODS, hashed
from core.training.loop import LoopSettings

SIGNS = 1_000_003
"""Seed of the first repetition's sign hash; apart from the seeds of the column hashes."""


@dataclass(frozen=True)
class Config(LoopSettings):
    """Shape, training and reading of MACH."""

    RENAMED: ClassVar[Mapping[str, str]] = ensemble.RENAMED

    minimum_documents: Annotated[int, Field("a word or bigram must stand in this many training documents", low=1, high=1_000_000)] = 2
    maximum_features: Annotated[int, Field("words and bigrams kept, the most frequent first", low=1, high=100_000_000)] = 1_000_000
    columns: Annotated[int, Field("D: columns that the features of a repetition are hashed to", low=2, high=2**24)] = 2**13
    buckets: Annotated[int, Field("B: buckets that the labels of a repetition are hashed to", low=2, high=2**20)] = 96
    repetitions: Annotated[int, Field("R: independent hashes and networks; one alone cannot tell labels apart", low=2, high=256)] = 8
    hidden: Annotated[int, Field("H: units of each network's hidden layer; 0 for none", low=0, high=65_536)] = 128
    direct: Annotated[bool, Field("a linear path from the features to the buckets beside the hidden layer, or without one; the paper has none")] = (
        False
    )
    signed: Annotated[bool, Field("hash features with a random sign, so that collisions cancel on average; the authors do not")] = False
    method: Annotated[str, Field("estimator of label scores from buckets", choices=METHODS)] = "evidence"
    search: Annotated[str, Field("how the best labels are found", choices=("exact", "approximate"))] = "exact"
    dropout: Annotated[float, Field("share of a document's features dropped at random in training", low=0.0, high=0.95)] = 0.3
    tail: Annotated[float, Field("positives weigh (inverse propensity / the smallest) to this power; 0 weighs all alike", low=0.0, high=1.0)] = 0.3
    with_linear: Annotated[bool, Field("ensemble: add the margins of the linear reference, with a share chosen on dev")] = False
    linear_share: Annotated[
        float, Field("what a margin of the linear part counts; 0: chosen by nDCG@5 on dev, which looks at no attack", low=0.0, high=1e3)
    ] = 0.0
    linear_threshold: Annotated[float, Field("the linear part's weights below this are dropped", low=0.0, high=1.0)] = 0.15
    epochs: Annotated[int, Field("passes over the training documents, at most", low=1, high=10_000)] = 8
    batch_size: Annotated[int, Field("documents a step and process", low=1, high=65_536)] = 128
    learning_rate: Annotated[float, Field("peak learning rate of AdamW", low=0.0, high=10.0)] = 0.02

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.hidden and not self.direct:
            raise SettingsError("a network needs hidden units or the direct path; set hidden above 0 or direct to true")
        if self.with_linear and self.search == "approximate":
            raise SettingsError("the linear part scores all labels, so the search is exact; set with_linear to false or search to exact")


class Network(nn.Module):
    """The R networks in one: their hashed columns lie one after the other in one table, whose row holds a column's weights
    to the H hidden units and then, on the direct path, to the B buckets."""

    rates: Tensor
    """Log-odds of the buckets' base rates, [R, 1, B]; not trained."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        r, h, b = config.repetitions, config.hidden, config.buckets
        self.hidden, self.dropout = h, config.dropout
        self.table = nn.Parameter(torch.zeros(r * config.columns, h + (b if config.direct else 0)))  # [R * D, H + B]
        self.hidden_bias = nn.Parameter(torch.zeros(r, 1, h))
        self.output = nn.Parameter(torch.zeros(r, h, b))
        self.bias = nn.Parameter(torch.zeros(r, 1, b))
        self.register_buffer("rates", torch.zeros(r, 1, b))

    def start(self, rates: NDArray[np.float64], generator: torch.Generator) -> None:
        """Random hidden weights, no direct ones, and biases at the log-odds of the buckets' base rates [R, B]."""
        safe = np.clip(rates, 1e-6, 1 - 1e-6)
        with torch.no_grad():
            self.table[:, : self.hidden].normal_(0, 0.2, generator=generator)
            self.output.normal_(0, max(1, self.hidden) ** -0.5, generator=generator)
            self.rates.copy_(torch.from_numpy(np.log(safe / (1 - safe)))[:, None])
            self.bias.copy_(self.rates)

    def forward(self, rows: Tensor, starts: Tensor, values: Tensor) -> Tensor:
        """Table rows, bag starts [R * n] and values of all features of n documents, repetition by repetition -> [R, n, B]."""
        if self.training and self.dropout:
            values = F.dropout(values, self.dropout)
        return self.buckets(self.sums(rows, starts, values))

    def sums(self, rows: Tensor, starts: Tensor, values: Tensor) -> Tensor:
        """The first layer: [R, n, H + B]."""
        sums = F.embedding_bag(rows, self.table, starts, mode="sum", per_sample_weights=values)
        return sums.view(len(self.bias), -1, self.table.shape[1])

    def buckets(self, sums: Tensor, columns: Tensor | None = None) -> Tensor:
        """First-layer sums [R, n, H + B] -> logits [R, n, B], or [R, n, m] of the buckets `columns` [R, m]."""
        output: Tensor = self.output
        bias: Tensor = self.bias
        direct = sums[..., self.hidden :]
        if columns is not None:
            output, bias = (torch.take_along_dim(part, columns[:, None], dim=2) for part in (output, bias))
            direct = torch.take_along_dim(direct, columns[:, None], dim=2) if direct.shape[2] else direct
        logits = bias.expand(-1, sums.shape[1], -1)
        if self.hidden:
            logits = torch.baddbmm(logits, torch.relu(sums[..., : self.hidden] + self.hidden_bias), output)
        return logits + direct if direct.shape[2] else logits


class Hashing:
    """Where the features of TF-IDF lie in the table: rows [R, F], and signs [R, F] or None."""

    def __init__(self, config: Config, features: int) -> None:
        first = np.arange(config.repetitions, dtype=np.int64)[:, None] * config.columns
        self.rows = hashed(features, config.columns, config.repetitions) + first
        self.signs = 1 - 2 * hashed(features, 2, config.repetitions, SIGNS).astype(np.float32) if config.signed else None

    def bags(self, features: sparse.csr_array) -> tuple[Tensor, Tensor, Tensor]:
        """What `Network.forward` reads, of TF-IDF vectors [n, F]."""
        r = len(self.rows)
        values = np.broadcast_to(features.data, (r, features.nnz)) if self.signs is None else features.data * self.signs[:, features.indices]
        starts = np.arange(r)[:, None] * features.nnz + features.indptr[:-1].astype(np.int64)
        # A copy: the broadcast values of a text without features would stay read-only, which torch warns about.
        flat = (self.rows[:, features.indices].ravel(), starts.ravel(), np.array(values, dtype=np.float32).ravel())
        rows, begins, weights = (torch.from_numpy(part) for part in flat)
        return rows, begins, weights

    def spread(self, features: sparse.csr_array, values: Tensor) -> Tensor:
        """Other values [nnz] of the same features, as `bags` lays them out: [R * nnz], differentiable."""
        alike = values.expand(len(self.rows), -1)
        if self.signs is None:
            return alike.flatten()
        return (alike * torch.from_numpy(self.signs[:, features.indices]).to(values.device)).flatten()
