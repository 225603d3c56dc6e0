"""XML-CNN's settings and network. What it computes, and from which paper: __init__.py.

Documents are ragged: one after the other, no padding between. A filter of w words is w products "word vector times
slice", summed over the w places. The products are made once for each DISTINCT vector and then gathered, which on debtags
batches (1,174 distinct of 4,224 words) is 3.1 times as fast as Conv1d plus AdaptiveMaxPool1d with the same numbers (71
against 221 ms forward and backward, one core); a masked document needs no products at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.checkpoint import ensemble
from core.fields import Field
from core.models.parts.words import PADDING
from core.training.loop import LoopSettings
from core.types import IntArray

WIDTHS = (2, 4, 8)
SHORTEST = max(WIDTHS)


@dataclass(frozen=True)
class Config(LoopSettings):
    """How to build and train an XML-CNN. The defaults are those of the checkpoint debtags-xml-cnn."""

    RENAMED: ClassVar[Mapping[str, str]] = ensemble.RENAMED

    epochs: Annotated[int, Field("passes over the training documents, at most", low=1, high=10_000)] = 14
    batch_size: Annotated[int, Field("documents a step and process", low=1, high=65_536)] = 128
    learning_rate: Annotated[float, Field("peak learning rate of AdamW", low=0.0, high=10.0)] = 0.004
    width: Annotated[int, Field("width of a word vector", low=1, high=4_096)] = 256
    filters: Annotated[int, Field("filters of each of the widths 2, 4 and 8", low=1, high=4_096)] = 128
    chunks: Annotated[int, Field("p: chunks that each filter's activations are pooled in", low=1, high=1_024)] = 2
    bottleneck: Annotated[int, Field("width of the bottleneck layer", low=1, high=65_536)] = 512
    window: Annotated[int, Field("words of a document that are read", low=SHORTEST, high=100_000)] = 256
    minimum_count: Annotated[int, Field("training documents that a word of the vocabulary occurs in", low=1, high=10**6)] = 2
    vocabulary: Annotated[int, Field("words of the vocabulary, at most", low=1, high=10**7)] = 28_000
    vectors: Annotated[str, Field("what word vectors start from", choices=("encoder", "random"))] = "encoder"
    vector_scale: Annotated[float, Field("root mean square of a starting vector's coordinates", low=0.0, high=10.0)] = 0.1
    vector_rate: Annotated[float, Field("learning rate of the word vectors, as a share of the others'", low=0.0, high=10.0)] = 1.0
    dropout: Annotated[float, Field("dropout on the bottleneck", low=0.0, high=0.99)] = 0.4
    vector_dropout: Annotated[float, Field("dropout on word vectors, alike at all places of a word in a batch", low=0.0, high=0.99)] = 0.2
    word_dropout: Annotated[float, Field("share of words read as the unknown word in training", low=0.0, high=0.99)] = 0.05
    tail_weight: Annotated[float, Field("0: all labels alike; 1: positives weighted by 2/p - 1; between: tempered", low=0.0, high=1.0)] = 0.0
    with_linear: Annotated[bool, Field("ensemble: add the margins of the linear reference, with a share chosen on dev")] = False
    linear_share: Annotated[
        float, Field("what a margin of the linear part counts; 0: chosen by nDCG@5 on dev, which looks at no attack", low=0.0, high=1e3)
    ] = 0.0
    linear_threshold: Annotated[float, Field("weights of the linear part below this are dropped", low=0.0, high=1.0)] = 0.1


@dataclass(frozen=True)
class Ragged:
    """B documents one after the other: `places` [N], the row of a table that stands at each place; `lengths` [B], each at
    least SHORTEST."""

    places: IntArray
    lengths: IntArray

    @classmethod
    def of(cls, rows: Sequence[IntArray]) -> Ragged:
        """Short rows are filled with PADDING up to the widest filter."""
        filled = [row if len(row) >= SHORTEST else np.pad(row, (0, SHORTEST - len(row)), constant_values=PADDING) for row in rows]
        return cls(np.concatenate(filled), np.asarray([len(row) for row in filled], dtype=np.int64))

    def spans(self, width: int) -> IntArray:
        """First place of every run of `width` places inside a document [sum(lengths - width + 1)]."""
        return _ranges(np.cumsum(self.lengths) - self.lengths, self.lengths - width + 1)

    def chunks(self, width: int, parts: int) -> tuple[IntArray, IntArray]:
        """The runs of each chunk: run numbers, and where each of the B * parts chunks starts among them. Chunk i of a
        document with t runs holds floor(i t / p) to ceil((i + 1) t / p) - 1."""
        runs = (self.lengths - width + 1)[:, None]
        first = np.cumsum(runs, axis=0) - runs
        i = np.arange(parts)
        low, high = (first + i * runs // parts).ravel(), (first - (-(i + 1) * runs // parts)).ravel()
        return _ranges(low, high - low), np.cumsum(high - low) - (high - low)


def _ranges(starts: IntArray, sizes: IntArray) -> IntArray:
    """starts[i], starts[i] + 1, ... (sizes[i] of them), for each i in turn."""
    before = np.cumsum(sizes) - sizes
    return np.repeat(starts - before, sizes) + np.arange(int(sizes.sum()))


class XmlCnnModule(nn.Module):
    """V words, d vector width, F filters a width, p chunks, h bottleneck, L labels."""

    def __init__(self, config: Config, words: int, labels: int) -> None:
        super().__init__()
        d, f = config.width, config.filters
        self.chunks = config.chunks
        self.embedding = nn.Embedding(words, d, padding_idx=PADDING)
        bound = {w: (d * w) ** -0.5 for w in WIDTHS}  # as Conv1d starts
        self.filters = nn.ParameterDict({str(w): nn.Parameter(torch.empty(d, w * f).uniform_(-bound[w], bound[w])) for w in WIDTHS})
        self.filter_bias = nn.Parameter(torch.zeros(len(WIDTHS), 1, 1, f))
        self.vector_dropout = nn.Dropout(config.vector_dropout)
        self.bottleneck = nn.Linear(len(WIDTHS) * config.chunks * f, config.bottleneck)
        self.dropout = nn.Dropout(config.dropout)
        self.output = nn.Linear(config.bottleneck, labels)

    def forward(self, text: Ragged, vectors: Tensor) -> Tensor:
        """Vectors [U, d] that stand at the places of `text` -> logits [B, L]."""
        return self.forward_from_embeddings(vectors, text)

    def embed(self, ids: IntArray) -> Tensor:
        """Word vectors [..., d]; the padding's is zero."""
        found: Tensor = self.embedding(torch.from_numpy(ids).to(self.embedding.weight.device))
        return found

    def forward_from_embeddings(self, vectors: Tensor, text: Ragged, labels: Tensor | None = None) -> Tensor:
        """Vectors [U, d] that stand at the places of `text` -> logits [B, L or m]."""
        return self.logits(self.hidden(self.pool(self.products(vectors), text)), labels)

    def products(self, vectors: Tensor) -> list[Tensor]:
        """For each width w, what each vector adds to each filter from each of w places: [U, d] -> [U * w, F]."""
        return [(vectors @ weight).view(len(vectors) * w, -1) for w, weight in zip(WIDTHS, self.filters.values(), strict=True)]

    def pool(self, products: Sequence[Tensor], text: Ragged) -> Tensor:
        """The largest activation of each filter in each chunk: [B, 3 * p * F]. Bias and ReLU come after the maximum:
        both are monotone, so the result is the same, over fewer values."""
        device = products[0].device
        pooled = []
        for w, product, bias in zip(WIDTHS, products, self.filter_bias, strict=True):
            terms = text.places[text.spans(w)[:, None] + np.arange(w)] * w + np.arange(w)  # [runs, w]
            activations = F.embedding_bag(torch.from_numpy(terms).to(device), product, mode="sum")  # [runs, F]
            runs, starts = (torch.from_numpy(index).to(device) for index in text.chunks(w, self.chunks))
            largest = F.embedding_bag(runs, activations, starts, mode="max")  # [B * p, F]
            pooled.append(F.relu(largest.view(len(text.lengths), self.chunks, -1) + bias))
        return torch.cat([part.flatten(1) for part in pooled], dim=1)

    def hidden(self, pooled: Tensor) -> Tensor:
        """[B, 3 * p * F] -> [B, h]."""
        narrow: Tensor = self.dropout(F.relu(self.bottleneck(pooled)))
        return narrow

    def logits(self, hidden: Tensor, labels: Tensor | None = None) -> Tensor:
        """[B, h] -> [B, L], or [B, m] for chosen labels."""
        if labels is None:
            return F.linear(hidden, self.output.weight, self.output.bias)
        return F.linear(hidden, self.output.weight[labels], self.output.bias[labels])
