"""How APLC-XLNet is trained: the loop's view of it. What it computes, and from which paper: __init__.py."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
import torch.nn.functional as F
from scipy import sparse
from torch import Tensor, nn

from core.data.dataset import Dataset, truth_for
from core.errors import InputError
from core.labels import LabelSpace, inverse_propensities
from core.metrics import find_hits, ndcg, precision, psp, value
from core.models.aplc_xlnet.model import AplcXlnet
from core.models.aplc_xlnet.network import AplcModule, Clusters, Config, path_logits, prepared
from core.models.aplc_xlnet.saving import heads
from core.models.parts import adapters
from core.models.parts.encoder import PieceTokenizer, batches_by_length, torch_device
from core.models.parts.hidden_states import Hidden, OnHiddenStates, hidden_states
from core.models.parts.paths import joint_logit
from core.models.parts.xlnet_encoder import AnyEncoder, encoder_for
from core.ranking import top_k
from core.runs.run import Run
from core.text.normalisation import CURRENT
from core.training.defended import Defence, Outputs, Targets, defended
from core.training.loop import fit
from core.training.task import bucketed
from core.types import Classifier, IntArray, Scores


@dataclass
class AplcTask(OnHiddenStates):
    """The loop's view: documents as hidden states below the trained layers; truth 0/1 [n, L], of dev [n, L + u] with the data set's labels
    that the classifier does not know; weights of positives [L], by label id."""

    module: AplcModule
    config: Config
    clusters: Clusters
    hidden: Hidden
    truth: sparse.csr_array
    positive_weight: Tensor
    dev_hidden: Hidden
    dev_truth: sparse.csr_array
    encoder: AnyEncoder
    tokenizer: PieceTokenizer
    labels: LabelSpace
    texts: Sequence[str]
    dev_texts: Sequence[str]
    selection: str = "nDCG@5"

    @classmethod
    def of(
        cls, config: Config, module: AplcModule, clusters: Clusters, encoder: AnyEncoder, tokenizer: PieceTokenizer, dataset: Dataset,
        labels: LabelSpace, run: Run,
    ) -> Self:  # fmt: skip
        """The documents go through the frozen layers once and their hidden states are kept (parts/hidden_states.py)."""
        texts = {name: dataset.split(name).texts or () for name in ("train", "dev")}
        truth = {name: truth_for(dataset.split(name), dataset.label_names, labels)[0] for name in texts}
        device = next(encoder.parameters()).device.type
        with torch.autocast(device, dtype=torch.bfloat16, enabled=config.precision == "bf16"):  # as in the layers above them
            hidden = {name: hidden_states(encoder, tokenizer, texts[name], run.progress, f"frozen layers, {name}") for name in texts}
        known = sparse.csr_array(truth["train"][:, : len(labels)], dtype=np.float32)
        return cls(
            module, config, clusters, hidden["train"], known, torch.ones(len(labels)), hidden["dev"], truth["dev"], encoder, tokenizer, labels,
            texts["train"], texts["dev"],
        )  # fmt: skip

    def groups(self) -> list[dict[str, Any]]:
        """Three learning rates: of the layers, of the summary, of the clusters."""
        trained = [parameter for parameter in self.module.layers.parameters() if parameter.requires_grad]
        heads = [*self.module.head.parameters(), *self.module.tails.parameters()]
        summary = {"params": list(self.module.summary.parameters()), "lr_scale": self.config.summary_scale}
        return [{"params": trained}, summary, {"params": heads, "lr_scale": self.config.head_scale, "weight_decay": 0.0}]

    def batches(self, epoch: int, generator: np.random.Generator) -> list[IntArray]:
        return bucketed(self.hidden.lengths, self.config.batch_size, generator)

    def loss(self, module: nn.Module, rows: IntArray) -> Tensor:
        return self.loss_of(self.outputs(module, self.inputs(module, rows)), self.targets(rows))

    # -- what a defence sees (core.training.defended), beside OnHiddenStates

    def targets(self, rows: IntArray) -> Targets:
        """Of the head's labels and the tails' roots, then of each tail's labels."""
        placed = torch.from_numpy(self.truth[rows].toarray()[:, self.clusters.order]).to(self._device)
        return self._levels(placed)

    def _levels(self, placed: Tensor) -> Targets:
        """0/1 by falling frequency [B, L] -> as `targets`."""
        head, *tails = torch.split(placed, list(self.clusters.sizes), dim=1)
        return (torch.cat([head, *(tail.amax(dim=1, keepdim=True) for tail in tails)], dim=1), *tails)

    def truth_of(self, rows: IntArray) -> sparse.csr_array:
        return sparse.csr_array(self.truth[rows])

    def predicted(self, outputs: Outputs, k: int) -> Targets:
        paths = path_logits(outputs).detach()
        return self._levels(torch.zeros_like(paths).scatter_(1, paths.topk(min(k, paths.shape[1]), dim=1).indices, 1.0))

    def loss_of(self, outputs: Outputs, targets: Targets) -> Tensor:
        return aplc_loss(outputs, targets, self.positive_weight[torch.from_numpy(self.clusters.order)].to(self._device))

    def scores(self, outputs: Outputs) -> Scores:
        return path_logits(outputs).detach().float().cpu().numpy()[:, self.clusters.places]

    def held_out(self) -> Self:
        return replace(self, hidden=self.dev_hidden, truth=sparse.csr_array(self.dev_truth[:, : len(self.labels)]), texts=self.dev_texts)

    def classifier(self) -> Classifier:
        return AplcXlnet.trained(self.config, self.labels, self.encoder, self.tokenizer, self.clusters, copy.deepcopy(self.module))

    def validate(self, module: nn.Module) -> dict[str, float]:
        """In percent."""
        found = np.zeros((len(self.dev_hidden), min(5, len(self.labels))), dtype=np.int64)
        for rows in batches_by_length(self.dev_hidden.lengths):
            found[rows] = top_k(self.scores(module(*self.dev_hidden.batch(rows, self._device))), 5)
        unseen = np.zeros(self.dev_truth.shape[1] - len(self.labels), dtype=np.int64)
        ranked = find_hits(found, self.dev_truth, inverse_propensities(np.concatenate([self.labels.counts, unseen]), self.labels.documents))
        measures = {"P@1": precision(ranked, 1), "P@5": precision(ranked, 5), "nDCG@5": ndcg(ranked, 5), "PSP@5": psp(ranked, 5)}
        return {name: 100 * value(ratio) for name, ratio in measures.items()}


def aplc_loss(outputs: Outputs, targets: Targets, weight: Tensor) -> Tensor:
    """Cross-entropy of the head's labels; of a tail's labels, by the probability of their paths, for the documents that have one of them;
    of a tail's root for the other documents. Divided by the number of these terms, times the number of labels, so that its size is that of
    a sum over labels. `weight`: of positives, by falling frequency [L]; roots weigh 1."""
    head, tails = outputs[0], outputs[1:]
    count = head.shape[1] - len(tails)
    own = torch.split(weight, [count, *(tail.shape[1] for tail in tails)])
    total = F.binary_cross_entropy_with_logits(head[:, :count], targets[0][:, :count], pos_weight=own[0], reduction="sum")
    terms = head[:, :count].numel()
    for i, (tail, wanted) in enumerate(zip(tails, targets[1:], strict=True)):
        root, inside = head[:, count + i], targets[0][:, count + i] > 0
        paths = joint_logit(root[inside, None], tail[inside])
        total = total + F.binary_cross_entropy_with_logits(paths, wanted[inside], pos_weight=own[i + 1], reduction="sum")
        total = total + F.softplus(root[~inside]).sum()
        terms += paths.numel() + int((~inside).sum())
    return total * (len(weight) / terms)


FINE_TUNING: Mapping[str, Any] = {"epochs": 1, "learning_rate": 2e-4}
"""Settings that differ from the parent's when a trained APLC-XLNet is trained on."""


def train(
    config: Config, dataset: Dataset, labels: LabelSpace, run: Run, defence: Defence | None = None, parent: AplcXlnet | None = None
) -> AplcXlnet:  # fmt: skip
    """Train on the split "train", on from `parent` if there is one; choose the epoch on "dev". The training resumes from the run folder; the
    frozen layers' states are computed anew."""
    torch.manual_seed(run.seed)
    tokenizer = PieceTokenizer(config.encoder, normaliser=CURRENT if parent is None else parent.tokenizer.normaliser)
    encoder = encoder_for(config.encoder, config.trained_layers, config.window).to(torch_device(run.device)).eval()
    clusters = Clusters.of(labels, config.clusters)
    prepared(config, encoder)
    module = AplcModule(encoder, config, clusters.sizes, tokenizer.cls_last)
    truth = truth_for(dataset.split("train"), dataset.label_names, labels)[0][:, : len(labels)]
    module.start_from(clusters.rates(truth))
    if parent is not None:
        _start(module, parent, config)
    task = AplcTask.of(config, module.to(torch_device(run.device)), clusters, encoder, tokenizer, dataset, labels, run)
    fit(defended(task, defence, run), config, run)
    return AplcXlnet.trained(config, labels, encoder.cpu(), tokenizer, clusters, module.cpu())


def _start(module: AplcModule, parent: AplcXlnet, config: Config) -> None:
    """The parent's weights. InputError where these settings keep the layers in another form than the parent does."""
    theirs = parent.config
    for name in ("encoder", "trained_layers", "adapter_rank", "pooling", "clusters", "shrink"):
        if getattr(config, name) != getattr(theirs, name):
            raise InputError(f"trained on from '{parent.name}', {name} must stay {getattr(theirs, name)!r}; got {getattr(config, name)!r}")
    module.load_state_dict({**module.state_dict(), **heads(parent.module)})
    if config.adapter_rank:
        adapters.put(module.layers, parent.kept.tensors)
    else:
        module.layers.load_state_dict(dict(parent.kept.tensors))
