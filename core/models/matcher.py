"""Fine-tuning of X-Transformer's encoder: the upper layers learn to match documents with label clusters and with labels.

Chang et al. 2020 (section 3.2) train on the clusters of one level; Zhang et al. 2021 (XR-Transformer, section 3) on every
level of the label tree down to the labels, as long as a level has at most 32,768 nodes. We train the cluster level and, under
that bound, the label level in the same pass instead of one after the other, with binary cross-entropy instead of the squared
hinge, because the cluster logit enters the final score as a log-probability (x_transformer.py).

Frozen layers give the same hidden states in every epoch, so these are computed once and kept in half precision
(two bytes x 384 a token: 1.7 GB for debtags), which halves the cost of an epoch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor, nn

from core.document import Document
from core.errors import InputError
from core.labels import LabelSpace
from core.metrics import judge, ndcg, precision, value
from core.models.encoder import Encoder, PieceTokenizer, batches_by_length, mean_pool, pad, through
from core.models.routing import matched
from core.ranking import top_k
from core.training.defended import Inputs, Outputs, Space, Targets
from core.training.task import bucketed
from core.types import Classifier, IntArray, Progress, Scores

LABEL_LEVEL = 32_768
"""Above this many labels only the clusters are trained on (Zhang et al. 2021, appendix)."""


@dataclass(frozen=True)
class Hidden:
    """Hidden states below the trained layers: values [sum of lengths, d] in half precision, starts [n + 1]."""

    values: NDArray[np.float16]
    starts: IntArray

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> IntArray:
        return np.diff(self.starts)

    def batch(self, rows: IntArray, device: torch.device) -> tuple[Tensor, Tensor]:
        """Padded hidden states [n, T, d] and mask [n, T]."""
        lengths = self.lengths[rows]
        longest = int(lengths.max())
        padded = np.zeros((len(rows), longest, self.values.shape[1]), dtype=np.float16)
        for place, (row, length) in enumerate(zip(rows, lengths, strict=True)):
            padded[place, :length] = self.values[self.starts[row] : self.starts[row] + length]
        mask = torch.from_numpy((np.arange(longest)[None] < lengths[:, None]).astype(np.int64))
        return torch.from_numpy(padded).to(device).float(), mask.to(device)


@torch.inference_mode()
def hidden_states(encoder: Any, tokenizer: PieceTokenizer, texts: Sequence[str], progress: Progress, what: str = "frozen layers") -> Hidden:
    """Run all texts through the frozen layers, in batches of similar length. `what` names the work in the progress."""
    device = next(encoder.parameters()).device
    rows = [tokenizer.tokens(Document.from_text(text), encoder.window - 2).ids for text in texts]
    starts = np.concatenate([[0], np.cumsum([len(row) + 2 for row in rows])]).astype(np.int64)
    values = np.zeros((int(starts[-1]), encoder.width), dtype=np.float16)
    done = 0
    for batch in batches_by_length([len(row) for row in rows]):
        ids, mask = pad([rows[i] for i in batch], tokenizer.before, tokenizer.after, tokenizer.pad)
        hidden = encoder.lower(mask.to(device), ids=ids.to(device)).half().cpu().numpy()
        for place, row in enumerate(batch):
            values[starts[row] : starts[row + 1]] = hidden[place, : starts[row + 1] - starts[row]]
        done += len(batch)
        progress(done, len(rows), what)
    return Hidden(values, starts)


def encoded_inputs(
    encoder: Any, tokenizer: PieceTokenizer, texts: Sequence[str], kept: tuple[Tensor, Tensor] | None, space: Space, device: torch.device
) -> Inputs:  # fmt: skip
    """What a defence sees of an encoder's input: the hidden states below the trained layers, which may be `kept` with their mask, or in the
    space "input" the word vectors. Special tokens and padding are not real; `rest` is the mask and the space."""
    if kept is not None:
        vectors, mask = kept
    else:
        ids = [tokenizer.tokens(Document.from_text(text), encoder.window - 2).ids for text in texts]
        padded, mask = (part.to(device) for part in pad(ids, tokenizer.before, tokenizer.after, tokenizer.pad))
        with torch.no_grad():
            vectors = encoder.word_vectors(padded) if space == "input" else encoder.lower(mask, ids=padded)
    lengths = mask.sum(dim=1, keepdim=True)
    place = torch.arange(mask.shape[1], device=device)[None]
    real = (place >= len(tokenizer.before)) & (place < lengths - len(tokenizer.after))
    owner = torch.arange(len(mask), device=device)[:, None].expand_as(mask)
    return Inputs(vectors.flatten(0, 1), real.flatten(), owner.flatten(), (mask, space))


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


class OnHiddenStates:
    """What a defence sees (core.training.defended) of a task whose documents are hidden states: they went through the encoder's frozen
    layers once, `hidden`; other texts go through them again."""

    module: Any
    hidden: Hidden
    encoder: Any
    tokenizer: PieceTokenizer
    texts: Sequence[str]

    def inputs(self, module: nn.Module, rows: IntArray, texts: Sequence[str] | None = None, apart: bool = False, space: Space = "trained") -> Inputs:
        """Rows are the hidden states below the trained layers or, in the space "input", the encoder's word vectors. Special tokens
        and padding are not real."""
        given = [self.texts[row] for row in rows] if texts is None else texts
        kept = self.hidden.batch(rows, self._device) if space == "trained" and texts is None else None
        return encoded_inputs(self.encoder, self.tokenizer, given, kept, space, self._device)

    def outputs(self, module: nn.Module, inputs: Inputs, vectors: Tensor | None = None) -> Outputs:
        mask, space = inputs.rest
        rows = (inputs.vectors if vectors is None else vectors).view(*mask.shape, -1)
        found = module(self.encoder.lower(mask, vectors=rows) if space == "input" else rows, mask)
        return tuple(logits for logits in found if logits is not None)

    @property
    def _device(self) -> torch.device:
        found: torch.device = next(self.module.parameters()).device
        return found


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
        from core.models.matched_labels import MatchedLabels  # which imports this module

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
        judged = judge(found, truth, np.ones(truth.shape[1]))
        measures = {"P@1": precision(judged, 1), "P@5": precision(judged, 5), "nDCG@5": ndcg(judged, 5)}
        return {name: 100 * value(ratio) for name, ratio in measures.items()}
