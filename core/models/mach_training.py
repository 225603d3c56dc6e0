"""How MACH's networks are trained (mach.py): bucket targets, the loss over them, and what an epoch is judged by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor, nn

from core.metrics import judge, ndcg, precision, recall_by_bin, value
from core.models.buckets import Buckets, Reader
from core.models.mach_network import Hashing, Network
from core.ranking import top_k
from core.types import IntArray

BATCH = 256
"""Held-out documents that go through the networks at a time."""


@dataclass
class MachTask:
    """The loop's view. features [n, F] and truth [n, L] of both splits; weights [L] of positives."""

    module: Network
    hashing: Hashing
    reader: Reader
    features: sparse.csr_array
    truth: sparse.csr_array
    dev_features: sparse.csr_array
    dev_truth: sparse.csr_array
    weights: NDArray[np.float32]
    batch_size: int
    bins: IntArray
    selection: str = "nDCG@5"

    def groups(self) -> list[dict[str, Any]]:
        return [{"params": list(self.module.parameters())}]

    def batches(self, epoch: int, generator: np.random.Generator) -> list[IntArray]:
        order = generator.permutation(self.features.shape[0])
        return [order[start : start + self.batch_size] for start in range(0, len(order), self.batch_size)]

    def loss(self, module: nn.Module, rows: IntArray) -> Tensor:
        """Cross-entropy summed over the buckets, averaged over documents and repetitions. A positive bucket weighs as much as
        the heaviest of its labels that the document has."""
        bags = (part.to(self.module.table.device) for part in self.hashing.bags(sparse.csr_array(self.features[rows])))
        logits = module(*bags)
        weight = torch.from_numpy(fired(sparse.csr_array(self.truth[rows]), self.reader.buckets, self.weights)).to(logits.device)
        targets = (weight > 0).to(logits.dtype)
        loss = F.binary_cross_entropy_with_logits(logits, targets, weight=torch.where(weight > 0, weight, 1.0), reduction="sum")
        return loss / (len(rows) * len(logits))

    def validate(self, module: nn.Module) -> dict[str, float]:
        device = self.module.table.device
        found = []
        for start in range(0, self.dev_features.shape[0], BATCH):
            bags = self.hashing.bags(sparse.csr_array(self.dev_features[start : start + BATCH]))
            logits = module(*(part.to(device) for part in bags)).float().cpu()
            found.append(top_k(self.reader.dense(logits), 5))
        best = np.concatenate(found)
        judged = judge(best, self.dev_truth, np.ones(self.dev_truth.shape[1]))
        rare = recall_by_bin(best, self.dev_truth, self.bins).get(2, (0.0, 0))[0]
        return {"P@1": value(precision(judged, 1)), "P@5": value(precision(judged, 5)), "nDCG@5": value(ndcg(judged, 5)), "recall@5 [5, 20)": rare}


def fired(truth: sparse.csr_array, buckets: Buckets, weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """truth [n, L] -> [R, n, B]: 0 for a bucket that no true label of the document fires, else its heaviest label's weight."""
    found = np.zeros((buckets.repetitions, truth.shape[0], buckets.size), dtype=np.float32)
    rows = np.repeat(np.arange(truth.shape[0]), np.diff(truth.indptr))
    for own, lookup in zip(found, buckets.lookup, strict=True):
        np.maximum.at(own, (rows, lookup[truth.indices]), weights[truth.indices])
    return found


def base_rates(truth: sparse.csr_array, buckets: Buckets) -> NDArray[np.float64]:
    """The share of documents that fire each bucket: [R, B]."""
    rows = np.repeat(np.arange(truth.shape[0], dtype=np.int64), np.diff(truth.indptr))
    pairs = (np.unique(rows * buckets.size + lookup[truth.indices]) for lookup in buckets.lookup)
    counts = np.stack([np.bincount(own % buckets.size, minlength=buckets.size) for own in pairs])
    return np.asarray(counts / truth.shape[0], dtype=np.float64)
