"""Fine-tuning of X-Transformer's encoder: the upper layers learn to match documents with label clusters and with labels.

Chang et al. 2020 (section 3.2) train on the clusters of one level; Zhang et al. 2021 (XR-Transformer, section 3) on every
level of the label tree down to the labels, as long as a level has at most 32,768 nodes. We train the cluster level and, under
that bound, the label level in the same pass instead of one after the other, with binary cross-entropy instead of the squared
hinge, because the cluster logit enters the final score as a log-probability (__init__.py).

Frozen layers give the same hidden states in every epoch, so these are computed once and kept in half precision
(two bytes x 384 a token: 1.7 GB for debtags), which halves the cost of an epoch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

from core.errors import InputError
from core.labels import LabelSpace
from core.metrics import find_hits, ndcg, precision, value
from core.models.parts.encoder import Encoder, PieceTokenizer, batches_by_length
from core.models.parts.hidden_states import Hidden, OnHiddenStates
from core.models.parts.routing import matched
from core.models.x_transformer.matched_labels import MatchedLabels
from core.models.x_transformer.network import LABEL_LEVEL, Matcher
from core.ranking import top_k
from core.training.defended import Outputs, Targets
from core.training.task import bucketed
from core.types import Classifier, IntArray, Scores


@dataclass
class MatcherTask(OnHiddenStates):
    """The loop's view: documents as hidden states, targets as sparse rows of 0/1 over clusters [n, K] and labels [n, L];
    `cluster` [L] of each label; `names` of the labels, and the texts, for defences."""

    module: Matcher
    hidden: Hidden
    clusters: sparse.csr_array
    labels: sparse.csr_array
    dev_hidden: Hidden
    dev_labels: sparse.csr_array
    batch_size: int
    head_scale: float
    cluster: IntArray
    encoder: Encoder
    tokenizer: PieceTokenizer
    names: LabelSpace
    texts: Sequence[str]
    dev_texts: Sequence[str]
    selection: str = "nDCG@5"

    def groups(self) -> list[dict[str, Any]]:
        layers = list(self.module.layers.parameters())
        own = {id(parameter) for parameter in layers}
        heads = [parameter for parameter in self.module.parameters() if id(parameter) not in own]
        return [{"params": layers}, {"params": heads, "lr_scale": self.head_scale, "weight_decay": 0.0}]

    def batches(self, epoch: int, generator: np.random.Generator) -> list[IntArray]:
        return bucketed(self.hidden.lengths, self.batch_size, generator)

    def loss(self, module: nn.Module, rows: IntArray) -> Tensor:
        return self.loss_of(self.outputs(module, self.inputs(module, rows)), self.targets(rows))

    # -- what a defence sees (core.training.defended), beside OnHiddenStates

    def targets(self, rows: IntArray) -> Targets:
        return self._levels(self.clusters[rows], self.labels[rows])

    def truth_of(self, rows: IntArray) -> sparse.csr_array:
        return sparse.csr_array(self.labels[rows])

    def predicted(self, outputs: Outputs, k: int) -> Targets:
        return tuple(torch.zeros_like(part).scatter_(1, part.detach().topk(min(k, part.shape[1]), dim=1).indices, 1.0) for part in outputs)

    def loss_of(self, outputs: Outputs, targets: Targets) -> Tensor:
        """Cross-entropy summed over the nodes of each level, averaged over documents."""
        losses = [
            nn.functional.binary_cross_entropy_with_logits(logits, wanted, reduction="sum") / len(wanted)
            for logits, wanted in zip(outputs, targets, strict=True)
        ]
        return torch.stack(losses).sum()

    def scores(self, outputs: Outputs) -> Scores:
        """The label level's logits. Raises InputError where only clusters are trained."""
        if len(outputs) < 2:
            raise InputError(f"with more than {LABEL_LEVEL:,} labels the network scores clusters alone; attack the whole model instead")
        return outputs[1].detach().float().cpu().numpy()

    def held_out(self) -> Self:
        return replace(self, hidden=self.dev_hidden, clusters=matched(self.dev_labels, self.cluster), labels=self.dev_labels, texts=self.dev_texts)

    def classifier(self) -> Classifier:
        return MatchedLabels(self.encoder, self.module, self.tokenizer, self.names)

    def _levels(self, clusters: sparse.csr_array, labels: sparse.csr_array) -> Targets:
        levels = (clusters,) if self.labels.shape[1] > LABEL_LEVEL else (clusters, labels)
        return tuple(torch.from_numpy(part.toarray().astype(np.float32)).to(self._device) for part in levels)

    def validate(self, module: nn.Module) -> dict[str, float]:
        """In percent."""
        device = next(module.parameters()).device
        level = 1 if self.labels.shape[1] <= LABEL_LEVEL else 0
        truth = self.dev_labels if level else matched(self.dev_labels, self.cluster)
        found = np.zeros((len(self.dev_hidden), min(5, truth.shape[1])), dtype=np.int64)
        for rows in batches_by_length(self.dev_hidden.lengths):
            logits = module(*self.dev_hidden.batch(rows, device))[level]
            found[rows] = top_k(logits.float().cpu().numpy(), 5)
        ranked = find_hits(found, truth, np.ones(truth.shape[1]))
        measures = {"P@1": precision(ranked, 1), "P@5": precision(ranked, 5), "nDCG@5": ndcg(ranked, 5)}
        return {name: 100 * value(ratio) for name, ratio in measures.items()}
