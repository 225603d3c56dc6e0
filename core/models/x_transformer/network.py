"""X-Transformer's settings, weights, and the part of its network that is trained: the matcher. What it computes: the package's own page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor, nn

from core.fields import Field, check
from core.models.parts.encoder import EMBEDDED, Encoder, batches_by_length, mean_pool, through
from core.models.parts.hidden_states import Hidden
from core.types import IntArray, Progress


@dataclass(frozen=True)
class Config:
    """Settings of X-Transformer. The defaults made the shipped debtags checkpoint."""

    encoder: Annotated[str, Field("all-MiniLM-L6-v2 (carried by a package), a folder, or a hub name (makes a request)")] = EMBEDDED
    trained_layers: Annotated[int, Field("upper encoder layers that are fine-tuned; the rest stays frozen", low=1, high=48)] = 3
    window: Annotated[int, Field("tokens that the encoder reads, special tokens included; TF-IDF reads the whole text", low=8, high=512)] = 128
    max_leaf: Annotated[int, Field("labels in a cluster, at most", low=1, high=1_000)] = 16
    beam: Annotated[int, Field("clusters whose labels are ranked", low=1, high=10_000)] = 10
    epochs: Annotated[int, Field("passes of fine-tuning over the training documents", low=1, high=100)] = 3
    batch_size: Annotated[int, Field("documents in a step of fine-tuning", low=1, high=4_096)] = 32
    learning_rate: Annotated[float, Field("peak learning rate of the encoder layers", low=0.0, high=1.0)] = 1.5e-4
    head_scale: Annotated[float, Field("learning rate of the heads over that of the layers", low=0.1, high=1_000.0)] = 20.0
    minimum_documents: Annotated[int, Field("training documents that a word or bigram needs to be a TF-IDF feature", low=1, high=1_000)] = 2
    maximum_features: Annotated[int, Field("TF-IDF features, at most", low=100, high=10_000_000)] = 200_000
    embedding_weight: Annotated[float, Field("norm of the embedding block beside the unit TF-IDF block", low=0.0, high=100.0)] = 1.0
    cost: Annotated[float, Field("C of the rankers: the weight of the errors against the margin", low=1e-4, high=1e4)] = 1.0
    matcher_weight: Annotated[float, Field("lambda: weight of the cluster's log-probability in a label's score", low=0.0, high=10.0)] = 0.1
    threshold: Annotated[float, Field("ranker weights on TF-IDF below this are dropped", low=0.0, high=1.0)] = 0.05
    precision: Annotated[str, Field("arithmetic of fine-tuning", choices=("fp32", "bf16", "fp16"))] = "fp32"

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class Weights:
    """What fine-tuning and ranker training leave: cluster of each label [L], matcher head [K, d] and [K], ranker on TF-IDF
    [F, L] (sparse, by feature) and on the embedding [L, d], and its bias [L]."""

    cluster: IntArray
    head: NDArray[np.float32]
    head_bias: NDArray[np.float32]
    words: sparse.csr_array
    embedding: NDArray[np.float32]
    bias: NDArray[np.float32]


def unit_rows(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows scaled to length 1."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: NDArray[np.float32] = vectors / np.maximum(norms, 1e-12)
    return scaled


LABEL_LEVEL = 32_768
"""Above this many labels only the clusters are trained on (Zhang et al. 2021, appendix)."""


class Matcher(nn.Module):
    """Trained layers, mean pooling, and one linear head a level: [n, T, d] -> cluster logits [n, K], label logits [n, L]."""

    def __init__(self, encoder: Encoder, clusters: int, label_rates: NDArray[np.float64], cluster_rates: NDArray[np.float64]) -> None:
        super().__init__()
        self.layers = encoder.upper
        # Dropout inside the layers costs a third of a step on a CPU (1.55 against 1.2 s for 32 x 92 tokens, one thread, this
        # machine); over the few epochs of fine-tuning, dropout on the pooled vector alone has to do.
        for part in self.layers.modules():
            if isinstance(part, nn.Dropout):
                part.p = 0.0
        self.dropout = nn.Dropout(0.1)
        self.clusters = _head(encoder.width, cluster_rates)
        self.labels = _head(encoder.width, label_rates) if len(label_rates) <= LABEL_LEVEL else None

    def pooled(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """[n, T, d] -> [n, d]."""
        return mean_pool(through(hidden, mask, self.layers), mask)

    def forward(self, hidden: Tensor, mask: Tensor) -> tuple[Tensor, Tensor | None]:
        pooled = self.dropout(self.pooled(hidden, mask))
        return self.clusters(pooled), None if self.labels is None else self.labels(pooled)


@torch.inference_mode()
def embed_hidden(module: Matcher, hidden: Hidden, progress: Progress) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Pooled vectors [n, d] and cluster logits [n, K] of all documents."""
    device = next(module.parameters()).device
    pooled = np.zeros((len(hidden), hidden.values.shape[1]), dtype=np.float32)
    done = 0
    for rows in batches_by_length(hidden.lengths):
        pooled[rows] = module.pooled(*hidden.batch(rows, device)).cpu().numpy()
        done += len(rows)
        progress(done, len(hidden), "embedding")
    return pooled, module.clusters(torch.from_numpy(pooled).to(device)).cpu().numpy()


def _head(width: int, rates: NDArray[np.float64]) -> nn.Linear:
    """Zero weights and the log-odds of the base rates: training starts from the best constant prediction."""
    head = nn.Linear(width, len(rates))
    nn.init.zeros_(head.weight)
    safe = np.clip(rates, 1e-6, 1 - 1e-6)
    with torch.no_grad():
        head.bias.copy_(torch.from_numpy(np.log(safe / (1 - safe))))
    return head
