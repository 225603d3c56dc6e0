"""What XML-CNN and AttentionXML have in common as the training loop and its defences see them: rows of word ids, one logit a label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
import torch.nn.functional as F
from scipy import sparse
from torch import Tensor, nn

from core.document import Document
from core.labels import LabelSpace
from core.models.parts.words import Words
from core.training.defended import Inputs, Outputs, Targets
from core.types import IntArray, Scores


@dataclass
class WordTask:
    """A network, its settings (with a `window`), and the documents: word ids of each (`rows`), its labels as rows of 0/1 (`truth` [n, L]);
    `dev_truth` as a classifier sees it, over all of the data set's labels. Binary cross-entropy, summed over labels, averaged over
    documents; `positive_weight` [L]."""

    module: Any
    config: Any
    rows: list[IntArray]
    truth: sparse.csr_array
    positive_weight: Tensor
    dev_rows: list[IntArray]
    dev_truth: sparse.csr_array
    labels: LabelSpace
    words: Words
    texts: Sequence[str]
    dev_texts: Sequence[str]

    # -- what a defence sees (core.training.defended)

    def outputs(self, module: nn.Module, inputs: Inputs, vectors: Tensor | None = None) -> Outputs:
        return (module(inputs.rest, inputs.vectors if vectors is None else vectors),)

    def targets(self, rows: IntArray) -> Targets:
        return (torch.from_numpy(self.truth[rows].toarray()).to(self._device),)

    def truth_of(self, rows: IntArray) -> sparse.csr_array:
        return sparse.csr_array(self.truth[rows])

    def predicted(self, outputs: Outputs, k: int) -> Targets:
        return (torch.zeros_like(outputs[0]).scatter_(1, outputs[0].detach().topk(min(k, outputs[0].shape[1]), dim=1).indices, 1.0),)

    def loss_of(self, outputs: Outputs, targets: Targets) -> Tensor:
        weight = self.positive_weight.to(self._device)
        return F.binary_cross_entropy_with_logits(outputs[0], targets[0], pos_weight=weight, reduction="sum") / len(targets[0])

    def scores(self, outputs: Outputs) -> Scores:
        found: Scores = outputs[0].detach().float().cpu().numpy()
        return found

    def held_out(self) -> Self:
        return replace(self, rows=self.dev_rows, truth=sparse.csr_array(self.dev_truth[:, : len(self.labels)]), texts=self.dev_texts)

    def _ids(self, text: str) -> IntArray:
        return self.words.ids(Document.from_text(text).words[: self.config.window])

    @property
    def _device(self) -> torch.device:
        found: torch.device = self.module.embedding.weight.device
        return found
