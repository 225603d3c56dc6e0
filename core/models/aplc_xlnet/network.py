"""APLC-XLNet's settings, its clusters of labels, and the part of its network that is trained. What it computes: __init__.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor, nn

from core.fields import Field
from core.labels import LabelSpace
from core.models.parts import adapters
from core.models.parts.encoder import EMBEDDED, Through, mean_pool
from core.models.parts.paths import joint_logit
from core.models.parts.xlnet_encoder import AnyEncoder
from core.training.loop import LoopSettings
from core.types import IntArray


@dataclass(frozen=True)
class Config(LoopSettings):
    """How to build and train an APLC-XLNet. The defaults are those of the checkpoint debtags-aplc-xlnet, which was trained with
    `--precision bf16`."""

    encoder: Annotated[str, Field("all-MiniLM-L6-v2 (carried by a package), a folder, or a hub name (makes a request); XLNet or BERT")] = EMBEDDED
    trained_layers: Annotated[int, Field("upper encoder layers that are fine-tuned; the rest stays frozen", low=1, high=48)] = 3
    adapter_rank: Annotated[int, Field("rank of the layers' trained differences; 0: whole layers are trained and stored", low=0, high=4_096)] = 32
    window: Annotated[int, Field("tokens that are read, special tokens included", low=8, high=4_096)] = 128
    pooling: Annotated[str, Field("the document's vector: the mean of its tokens, or the one of its <cls> token", choices=("mean", "cls"))] = "mean"
    clusters: Annotated[int, Field("clusters of labels by falling frequency, equally large; the first is the head", low=1, high=1_000)] = 2
    shrink: Annotated[int, Field("each tail cluster reads a vector this many times narrower than the one before", low=1, high=64)] = 2
    epochs: Annotated[int, Field("passes over the training documents, at most", low=1, high=10_000)] = 1
    batch_size: Annotated[int, Field("documents a step and process", low=1, high=65_536)] = 32
    learning_rate: Annotated[float, Field("peak learning rate of the encoder layers, or of their adapters", low=0.0, high=10.0)] = 5e-4
    summary_scale: Annotated[float, Field("learning rate of the summary layer over that of the layers", low=0.1, high=1_000.0)] = 2.0
    head_scale: Annotated[float, Field("learning rate of the clusters over that of the layers", low=0.1, high=1_000.0)] = 6.0
    warmup: Annotated[float, Field("share of all steps over which the learning rate rises", low=0.0, high=1.0)] = 0.06
    clip: Annotated[float, Field("largest norm of the gradient; 0 does not clip", low=0.0, high=1e6)] = 5.0
    dropout: Annotated[float, Field("dropout on the summary vector", low=0.0, high=0.99)] = 0.1
    save_every_steps: Annotated[int, Field("steps between two states that a killed run goes on from; 0: epochs' ends only", low=0, high=10**9)] = 300


@dataclass(frozen=True)
class Clusters:
    """Labels by falling training frequency, ties by id: `order` [L], the label at each place. `starts` [C + 1]: the places at which the
    clusters begin, the head's first; cluster c holds the places starts[c] .. starts[c + 1] - 1."""

    order: IntArray
    starts: IntArray

    @classmethod
    def of(cls, labels: LabelSpace, clusters: int) -> Self:
        """Equally large clusters (the head takes what is left over), as the paper's cut-offs are; no more of them than labels."""
        count = len(labels)
        number = max(1, min(clusters, count))
        order = np.lexsort((np.arange(count), -labels.counts)).astype(np.int64)
        first = count - (number - 1) * (count // number)
        return cls(order, np.asarray([0, *(first + i * (count // number) for i in range(number))], dtype=np.int64))

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(int(size) for size in np.diff(self.starts))

    @property
    def places(self) -> IntArray:
        """The place of each label [L]."""
        found = np.empty_like(self.order)
        found[self.order] = np.arange(len(self.order))
        return found

    @property
    def owner(self) -> IntArray:
        """The cluster of each label [L]."""
        return np.searchsorted(self.starts, self.places, side="right").astype(np.int64) - 1

    def falls(self, labels: LabelSpace) -> bool:
        """Whether the order is one of these labels by falling frequency."""
        whole = np.array_equal(np.sort(self.order), np.arange(len(labels)))
        return whole and bool((np.diff(labels.counts[self.order]) <= 0).all())

    def rates(self, truth: sparse.csr_array) -> list[NDArray[np.float64]]:
        """From the truth of the training documents [n, L]: how often each output of each cluster is 1. The head's: of its labels and of
        each tail cluster; a tail's: of its labels among the documents that have one of them."""
        placed = sparse.csc_array(truth)[:, self.order]
        parts = [sparse.csr_array(placed[:, low:high]) for low, high in zip(self.starts, self.starts[1:], strict=False)]
        inside = [float((part.sum(axis=1) > 0).sum()) for part in parts[1:]]
        head = np.concatenate([np.asarray(parts[0].sum(axis=0)).ravel(), inside]) / max(1, truth.shape[0])
        tails = [np.asarray(part.sum(axis=0)).ravel() / max(1.0, count) for part, count in zip(parts[1:], inside, strict=True)]
        return [head, *tails]


class Tail(nn.Module):
    """[n, d] -> logits of a tail cluster's labels given that the document has one of them [n, size]: narrow, normalise, ReLU, read."""

    def __init__(self, width: int, narrow: int, size: int) -> None:
        super().__init__()
        self.narrow = nn.Linear(width, narrow, bias=False)
        self.norm = nn.LayerNorm(narrow)
        self.read = nn.Linear(narrow, size)

    def forward(self, summary: Tensor) -> Tensor:
        found: Tensor = self.read(torch.relu(self.norm(self.narrow(summary))))
        return found


class AplcModule(nn.Module):
    """The encoder's trained layers, the summary vector, the head and the tail clusters."""

    def __init__(self, encoder: AnyEncoder, config: Config, sizes: tuple[int, ...], cls_last: bool) -> None:
        super().__init__()
        d = encoder.width
        self.layers = encoder.upper
        # Dropout inside the layers costs a third of a step on a CPU (x_transformer/network.py); on the summary alone it has to do.
        for part in self.layers.modules():
            if isinstance(part, nn.Dropout):
                part.p = 0.0
        self.through: Through = encoder.through
        self.pooling, self.cls_last = config.pooling, cls_last
        self.summary = nn.Linear(d, d)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(d, sizes[0] + len(sizes) - 1)
        self.tails = nn.ModuleList(Tail(d, max(1, d // config.shrink**i), size) for i, size in enumerate(sizes[1:], 1))

    def start_from(self, rates: list[NDArray[np.float64]]) -> None:
        """Zero weights over the log-odds of the base rates: training starts from the best constant prediction."""
        reads = [self.head, *(tail.read for tail in self.tails if isinstance(tail, Tail))]
        for read, rate in zip(reads, rates, strict=True):
            safe = np.clip(rate, 1e-6, 1 - 1e-6)
            with torch.no_grad():
                read.weight.zero_()
                read.bias.copy_(torch.from_numpy(np.log(safe / (1 - safe))))

    def forward(self, hidden: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
        """Hidden states below the trained layers [n, T, d], mask [n, T] -> logits of the head [n, c + tails] and of each tail [n, size]."""
        return self.clusters(self.pooled(self.through(hidden, mask, self.layers), mask))

    def pooled(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """The last hidden states [n, T, d] -> the document's vector [n, d]."""
        if self.pooling == "mean":
            return mean_pool(hidden, mask)
        place = mask.sum(dim=1) - 1 if self.cls_last else torch.zeros(len(mask), dtype=torch.long, device=mask.device)
        return hidden[torch.arange(len(hidden), device=hidden.device), place]

    def clusters(self, pooled: Tensor) -> tuple[Tensor, ...]:
        """The document's vector [n, d] -> logits as `forward`."""
        summary = self.dropout(torch.tanh(self.summary(pooled)))
        return (self.head(summary), *(tail(summary) for tail in self.tails))


def path_logits(outputs: tuple[Tensor, ...]) -> Tensor:
    """Logits of head and tails -> log-odds of every label, by falling frequency [n, L]: a tail label's of sigmoid(root) sigmoid(own)."""
    head, tails = outputs[0], outputs[1:]
    count = head.shape[1] - len(tails)
    return torch.cat([head[:, :count], *(joint_logit(head[:, count + i, None], tail) for i, tail in enumerate(tails))], dim=1)


def prepared(config: Config, encoder: AnyEncoder) -> None:
    """Give the encoder's upper layers what is trained of them: adapters, or all."""
    if config.adapter_rank:
        adapters.attach(encoder.upper, config.adapter_rank)
