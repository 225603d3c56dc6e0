"""How MACH's networks are trained (__init__.py): bucket targets, the loss over them, and what an epoch is judged by."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor, nn

from core.data.dataset import Dataset, truth_for
from core.errors import InputError
from core.fields import from_json, settings_of
from core.labels import LabelSpace
from core.metrics import find_hits, ndcg, precision, recall_by_bin, value
from core.models import linear
from core.models.linear.part import LinearPart
from core.models.mach.buckets import Buckets, Reader, check_identifiable
from core.models.mach.model import Mach, over
from core.models.mach.network import Config, Hashing, Network
from core.models.parts.columns import Columns
from core.models.parts.tfidf import TfIdf
from core.ranking import top_k
from core.runs.run import Run
from core.training.defended import Defence, Inputs, Outputs, Space, Targets, defended
from core.training.loop import LoopSettings, fit
from core.types import Classifier, IntArray, Scores

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
    config: Config
    labels: LabelSpace
    tfidf: TfIdf | Columns
    texts: Sequence[str]
    dev_texts: Sequence[str]
    selection: str = "nDCG@5"

    @classmethod
    def of(
        cls, config: Config, dataset: Dataset, labels: LabelSpace, run: Run, known: TfIdf | Columns | None = None, parent: Network | None = None
    ) -> Self:  # fmt: skip
        """The splits "train" and "dev" of texts or of vectors, and networks at their start: buckets fire at their base rates, or all is as
        in `parent`, whose features are `known`."""
        splits = {name: dataset.split(name) for name in ("train", "dev")}
        texts = {name: split.texts or () for name, split in splits.items()}
        truth = {name: truth_for(split, dataset.label_names, labels)[0][:, : len(labels)] for name, split in splits.items()}
        tfidf: TfIdf | Columns
        if splits["train"].texts is None:
            features, tfidf = linear.read_features(config, dataset)
        else:
            tfidf = TfIdf.fit(texts["train"], config.minimum_documents, config.maximum_features, run.progress) if known is None else known
            features = {name: tfidf.transform(texts[name]) for name in splits}
        buckets = Buckets.of(len(labels), config.buckets, config.repetitions)
        network = Network(config)
        network.start(base_rates(truth["train"], buckets), torch.Generator().manual_seed(run.seed))
        if parent is not None:
            network.load_state_dict(parent.state_dict())
        reader = Reader.of(buckets, config.method, labels, network.rates.numpy()[:, 0])
        propensity = labels.inverse_propensities()
        return cls(
            network, Hashing(config, len(tfidf)), reader, features["train"], truth["train"], features["dev"], truth["dev"],
            ((propensity / propensity.min()) ** config.tail).astype(np.float32), config.batch_size, labels.bins(),
            config, labels, tfidf, texts["train"], texts["dev"],
        )  # fmt: skip

    def groups(self) -> list[dict[str, Any]]:
        return [{"params": list(self.module.parameters())}]

    def batches(self, epoch: int, generator: np.random.Generator) -> list[IntArray]:
        order = generator.permutation(self.features.shape[0])
        return [order[start : start + self.batch_size] for start in range(0, len(order), self.batch_size)]

    def loss(self, module: nn.Module, rows: IntArray) -> Tensor:
        return self.loss_of(self.outputs(module, self.inputs(module, rows)), self.targets(rows))

    # -- what a defence sees (core.training.defended)

    def inputs(self, module: nn.Module, rows: IntArray, texts: Sequence[str] | None = None, apart: bool = False, space: Space = "trained") -> Inputs:
        """Rows are TF-IDF values before hashing, one feature of one document each: hashing is linear, so a moved value moves all
        repetitions alike. A value is never negative."""
        features = sparse.csr_array(self.features[rows]) if texts is None else self.tfidf.transform(texts)
        values = torch.from_numpy(np.asarray(features.data, dtype=np.float32)[:, None]).to(self._device)
        owner = torch.from_numpy(np.repeat(np.arange(features.shape[0]), np.diff(features.indptr))).to(self._device)
        return Inputs(values, torch.ones(len(values), dtype=torch.bool, device=self._device), owner, features, 0.0)

    def outputs(self, module: nn.Module, inputs: Inputs, vectors: Tensor | None = None) -> Outputs:
        rows, starts, values = (part.to(self._device) for part in self.hashing.bags(inputs.rest))
        if vectors is not None:
            values = self.hashing.spread(inputs.rest, vectors[:, 0])
        return (module(rows, starts, values),)

    def targets(self, rows: IntArray) -> Targets:
        """What each bucket weighs where it is to fire, else 0: [R, n, B]. A bucket weighs as much as the heaviest of its labels
        that the document has."""
        return (torch.from_numpy(fired(sparse.csr_array(self.truth[rows]), self.reader.buckets, self.weights)).to(self._device),)

    def truth_of(self, rows: IntArray) -> sparse.csr_array:
        return sparse.csr_array(self.truth[rows])

    def predicted(self, outputs: Outputs, k: int) -> Targets:
        best = top_k(self.scores(outputs), k)
        ones = np.ones(best.size, dtype=np.float32)
        truth = sparse.csr_array((ones, (np.repeat(np.arange(len(best)), best.shape[1]), best.ravel())), shape=(len(best), len(self.labels)))
        return (torch.from_numpy(fired(truth, self.reader.buckets, self.weights)).to(self._device),)

    def loss_of(self, outputs: Outputs, targets: Targets) -> Tensor:
        """Cross-entropy summed over the buckets, averaged over documents and repetitions."""
        weight = targets[0]
        fires = (weight > 0).to(weight.dtype)
        loss = F.binary_cross_entropy_with_logits(outputs[0], fires, weight=torch.where(weight > 0, weight, 1.0), reduction="sum")
        return loss / (weight.shape[0] * weight.shape[1])

    def scores(self, outputs: Outputs) -> Scores:
        return self.reader.dense(outputs[0].detach().float().cpu())

    def held_out(self) -> Self:
        return replace(self, features=self.dev_features, truth=sparse.csr_array(self.dev_truth[:, : len(self.labels)]), texts=self.dev_texts)

    def classifier(self) -> Classifier:
        return Mach(replace(self.config, with_linear=False), self.labels, self.tfidf, copy.deepcopy(self.module).cpu())

    @property
    def _device(self) -> torch.device:
        return self.module.table.device

    def validate(self, module: nn.Module) -> dict[str, float]:
        """In percent."""
        device = self.module.table.device
        found = []
        for start in range(0, self.dev_features.shape[0], BATCH):
            bags = self.hashing.bags(sparse.csr_array(self.dev_features[start : start + BATCH]))
            logits = module(*(part.to(device) for part in bags)).float().cpu()
            found.append(top_k(self.reader.dense(logits), 5))
        best = np.concatenate(found)
        ranked = find_hits(best, self.dev_truth, np.ones(self.dev_truth.shape[1]))
        rare = recall_by_bin(best, self.dev_truth, self.bins).get(2, (0.0, 0))[0]
        measures = {"P@1": precision(ranked, 1), "P@5": precision(ranked, 5), "nDCG@5": ndcg(ranked, 5)}
        return {**{name: 100 * value(ratio) for name, ratio in measures.items()}, "recall@5 [5, 20)": 100 * rare}


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


FINE_TUNING: Mapping[str, Any] = {"epochs": 4, "learning_rate": 0.005}
"""Settings that differ from the parent's when a trained MACH is trained on."""


def train(
    config: Config, dataset: Dataset, labels: LabelSpace, run: Run, defence: Defence | None = None, parent: Mach | None = None
) -> Mach:  # fmt: skip
    """Hash, train the networks together on the split "train", on from `parent` if there is one, keep the epoch with the best nDCG@5
    on "dev"; then the linear part, if wanted. Resumes from the run folder. Raises SettingsError where so few hashes cannot tell the
    labels apart."""
    check_identifiable(len(labels), config.buckets, config.repetitions)
    if dataset.split("train").texts is None and (parent is not None or defence is not None):
        raise InputError("a MACH over vectors takes no parent and no defence: train it afresh, without one")
    task = MachTask.of(config, dataset, labels, run, *(() if parent is None else (parent.tfidf, parent.network)))
    settings = from_json(LoopSettings, {setting.name: getattr(config, setting.name) for setting in settings_of(LoopSettings)})
    fit(defended(task, defence, run), settings, run)
    model = over(task.tfidf)(config, labels, task.tfidf, task.module.cpu())
    if not config.with_linear:
        return model
    copies = None if defence is None else defence.copies(task, run)
    if parent is not None and parent.linear is not None and copies is None:
        return beside(model, parent.linear.model, task.dev_features, task.dev_truth, run)
    rows, labelled = task.features, task.truth
    if isinstance(task.tfidf, TfIdf):
        rows, labelled = linear.with_copies(task.tfidf, rows, labelled, copies)
    svms = linear.fit(linear.Config(threshold=config.linear_threshold), labels, task.tfidf, rows, labelled, run)
    return beside(model, svms, task.dev_features, task.dev_truth, run)


def beside(model: Mach, svms: linear.LinearModel, features: sparse.csr_array, truth: sparse.csr_array, run: Run) -> Mach:
    """The same networks with SVMs beside them; what a margin counts is chosen by nDCG@5 on held-out documents."""
    # Not calibrated: the estimator's own unit is kept, which a MACH without SVMs has too.
    part = LinearPart.fitted(
        svms, model.features_scored(features, None), svms.margins(features), truth, run, calibrated=False, shared=True,
        share=model.config.linear_share,
    )  # fmt: skip
    return over(model.tfidf)(model.config, model.labels, model.tfidf, model.network, part)
