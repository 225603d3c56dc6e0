"""AttentionXML's settings and the network of one level. What it computes, and from which paper: __init__.py.

The two directions of the LSTM are two LSTMs, the second over documents turned round within their own length, so that padding comes
after every real word in either and packed sequences are not needed: the same numbers at a quarter of the time of a training step
(64 documents of 60 words, one core: 85 against 376 ms).

The first layer of the shared MLP is linear in the attended vector A_j H, so it is applied to the words, W (A_j H) = A_j (H W): once for
each of T words instead of once for each of L labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
import torch
from torch import Tensor, nn

from core.fields import Field
from core.models.parts.words import PADDING
from core.training.loop import LoopSettings
from core.types import IntArray


@dataclass(frozen=True)
class Config(LoopSettings):
    """How to build and train an AttentionXML. The defaults are those of the checkpoint debtags-attention-xml, which was trained with
    `--precision bf16`: a third of the time on a processor that has it. Word vectors start as large as GloVe's: with a scale of 0.1, as
    XML-CNN's, the loss of debtags stood at 24.2 after 80 steps and 14.2 after 140, with 0.4 at 18.5 and 13.9."""

    epochs: Annotated[int, Field("passes over the training documents, at most", low=1, high=10_000)] = 5
    batch_size: Annotated[int, Field("documents a step and process", low=1, high=65_536)] = 64
    learning_rate: Annotated[float, Field("peak learning rate of AdamW", low=0.0, high=10.0)] = 0.003
    clip: Annotated[float, Field("largest norm of the gradient; 0 does not clip", low=0.0, high=1e6)] = 5.0
    width: Annotated[int, Field("width of a word vector", low=1, high=4_096)] = 128
    hidden: Annotated[int, Field("width of the LSTM in either direction", low=1, high=4_096)] = 128
    bottleneck: Annotated[int, Field("width of the MLP that all labels share", low=1, high=65_536)] = 256
    window: Annotated[int, Field("words of a document that are read", low=1, high=10_000)] = 128
    minimum_count: Annotated[int, Field("training documents that a word of the vocabulary occurs in", low=1, high=10**6)] = 2
    vocabulary: Annotated[int, Field("words of the vocabulary, at most", low=1, high=10**7)] = 14_000
    vectors: Annotated[str, Field("what word vectors start from", choices=("encoder", "random"))] = "encoder"
    vector_scale: Annotated[float, Field("root mean square of a starting vector's coordinates", low=0.0, high=10.0)] = 0.4
    vector_rate: Annotated[float, Field("learning rate of the word vectors, as a share of the others'", low=0.0, high=10.0)] = 1.0
    vector_dropout: Annotated[float, Field("dropout on word vectors, alike at all places of a word in a batch", low=0.0, high=0.99)] = 0.2
    word_dropout: Annotated[float, Field("share of words read as the unknown word in training", low=0.0, high=0.99)] = 0.05
    dropout: Annotated[float, Field("dropout on the LSTM's output", low=0.0, high=0.99)] = 0.5
    tree_above: Annotated[int, Field("with more labels than this, a shallow tree of labels (PLT) instead of all at once", low=1, high=10**9)] = 20_000
    max_leaf: Annotated[int, Field("tree: labels in a leaf, at most", low=1, high=10**6)] = 8
    fan_out: Annotated[int, Field("tree: children of an inner node, at most; a power of 2", low=2, high=2**20)] = 8
    top: Annotated[int, Field("tree: nodes of the highest level, at most", low=1, high=10**6)] = 2_048
    candidates: Annotated[int, Field("tree: nodes of each level whose children are looked at", low=1, high=10**6)] = 160


@dataclass(frozen=True)
class Padded:
    """B documents: `places` [B, T], the row of a table that stands at each place, 0 after a document's end; `lengths` [B], each at
    least 1."""

    places: IntArray
    lengths: IntArray

    @classmethod
    def of(cls, rows: Sequence[IntArray]) -> Self:
        """A document without words is one PADDING, whose vector is zero."""
        lengths = np.asarray([max(1, len(row)) for row in rows], dtype=np.int64)
        places = np.full((len(rows), int(lengths.max(initial=1))), PADDING, dtype=np.int64)
        for place, row in zip(places, rows, strict=True):
            place[: len(row)] = row
        return cls(places, lengths)

    def distinct(self) -> tuple[IntArray, Self]:
        """The distinct places, sorted, and the same documents as places in those."""
        found, again = np.unique(self.places, return_inverse=True)
        return found, type(self)(again.reshape(self.places.shape).astype(np.int64), self.lengths)

    @property
    def real(self) -> IntArray:
        """1 at places before a document's end, else 0: [B, T]."""
        return (np.arange(self.places.shape[1]) < self.lengths[:, None]).astype(np.int64)


class AttentionXmlModule(nn.Module):
    """V words, d vector width, h LSTM width, b bottleneck, K nodes of the level (labels, where there is no tree)."""

    def __init__(self, config: Config, words: int, nodes: int) -> None:
        super().__init__()
        d, h = config.width, config.hidden
        self.embedding = nn.Embedding(words, d, padding_idx=PADDING)
        self.vector_dropout = nn.Dropout(config.vector_dropout)
        self.forwards = nn.LSTM(d, h, batch_first=True)
        self.backwards = nn.LSTM(d, h, batch_first=True)
        self.start = nn.Parameter(torch.zeros(2, 2, h))  # direction; hidden state and cell
        self.dropout = nn.Dropout(config.dropout)
        self.attention = nn.Parameter(torch.empty(nodes, 2 * h).uniform_(-1, 1) * (6 / (2 * h + nodes)) ** 0.5)
        self.bottleneck = nn.Linear(2 * h, config.bottleneck)
        self.output = nn.Linear(config.bottleneck, 1)

    def forward(self, text: Padded, vectors: Tensor, nodes: Tensor | None = None) -> Tensor:
        """Vectors [U, d] that stand at the places of `text` -> logits [B, K], or of chosen nodes: [m] -> [B, m], [B, m] -> [B, m]."""
        hidden = self.encode(vectors[self._on_device(text.places)], self._on_device(text.lengths))
        return self.logits(hidden, self.attended(hidden, self._on_device(text.real), nodes))

    def embed(self, ids: IntArray) -> Tensor:
        """Word vectors [..., d]; the padding's is zero."""
        found: Tensor = self.embedding(self._on_device(ids))
        return found

    def encode(self, vectors: Tensor, lengths: Tensor) -> Tensor:
        """Word vectors [B, T, d] -> what both directions say at each word [B, T, 2h]; past a document's end it means nothing."""
        place = torch.arange(vectors.shape[1], device=vectors.device)[None]
        turned = torch.where(place < lengths[:, None], lengths[:, None] - 1 - place, place)[..., None]
        there = self._read(self.forwards, vectors, 0)
        back = self._read(self.backwards, vectors.gather(1, turned.expand(-1, -1, vectors.shape[2])), 1)
        both = torch.cat([there, back.gather(1, turned.expand(-1, -1, back.shape[2]))], dim=-1)
        said: Tensor = self.dropout(both)
        return said

    def _read(self, lstm: nn.LSTM, vectors: Tensor, direction: int) -> Tensor:
        hidden, cell = (part.expand(1, len(vectors), -1).contiguous() for part in self.start[direction])
        said: Tensor = lstm(vectors, (hidden, cell))[0]
        return said

    def attended(self, hidden: Tensor, real: Tensor, nodes: Tensor | None = None) -> Tensor:
        """[B, T, 2h] -> how much each node reads from each word [B, K or m, T]: rows sum to 1 over real words, 0 at padding."""
        queries = self.attention if nodes is None else self.attention[nodes]
        asked = queries @ hidden.transpose(1, 2)
        return asked.masked_fill(real[:, None] == 0, -torch.inf).softmax(dim=-1)

    def logits(self, hidden: Tensor, attended: Tensor) -> Tensor:
        """[B, T, 2h], [B, m, T] -> [B, m]."""
        narrow = attended @ (hidden @ self.bottleneck.weight.T)  # [B, m, b]
        found: Tensor = self.output(torch.relu(narrow + self.bottleneck.bias))[..., 0]
        return found

    def _on_device(self, array: IntArray) -> Tensor:
        return torch.from_numpy(array).to(self.start.device)
