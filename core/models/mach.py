"""MACH: R small networks that each score B hashed buckets of labels instead of L labels.

Medini, Huang, Wang, Mohan, Shrivastava: Extreme Classification in Log Memory using Count-Min Sketch, NeurIPS 2019.

    TF-IDF features -> hashed to D columns, for each repetition its own -> first layer -> ReLU -> B bucket logits
    R bucket logits -> score of any label (buckets.py: the estimators and the search for the best labels)

Memory is R * D * (H + B), whatever the number of labels. Deviations, all said here: beside the hidden layer of H units
stands a direct linear path from the hashed features to the buckets (wide and deep, Cheng et al. 2016), which learns rare
words in fewer passes; features are dropped at random in training; positives may be weighted by tempered inverse
propensity (Qaraei et al. 2021), so that rare labels move their buckets; the bucket biases start at base rates.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor, nn

from core.checkpoint import Saved
from core.data.dataset import Dataset, truth_for
from core.document import Document
from core.errors import CheckpointError, InputError, SettingsError
from core.fields import from_json, to_json
from core.labels import LabelSpace
from core.metrics import judge, ndcg, precision, recall_by_bin, value
from core.models.buckets import CHUNK, Buckets, Reader, check_identifiable
from core.models.mach_network import Config, Hashing, Network
from core.models.tfidf import Features, TfIdf
from core.ranking import top_k
from core.training.loop import fit
from core.training.runs import Run
from core.types import BoolArray, Embedded, IntArray, MaskMode, Scores, Unit

__all__ = ["Config", "Mach", "train"]

BATCH = 256
"""Documents that go through the networks at a time."""


class Mach:
    """The classifier around the networks. Maskable, Differentiable in the space of the original features (hashing is linear,
    so attributions to features are exact) and Savable."""

    KIND = "mach"

    def __init__(
        self, config: Config, labels: LabelSpace, tfidf: TfIdf, network: Network, name: str = "mach", digest: str = ""
    ) -> None:  # fmt: skip
        self.config, self.labels, self.tfidf, self.name = config, labels, tfidf, name
        self.network = network.eval().requires_grad_(False)
        self.hashing = Hashing(config, len(tfidf))
        self.buckets = Buckets.of(len(labels), config.buckets, config.repetitions)
        self.reader = Reader.of(self.buckets, config.method, labels, network.rates.numpy()[:, 0])
        self.unit: Unit = "margin" if config.method in ("evidence", "logit-sum", "unbiased") else "probability"
        self.digest = digest or _digest(network)

    @classmethod
    def random(cls, config: Config, labels: LabelSpace, tfidf: TfIdf, seed: int = 0) -> Self:
        """Untrained networks, to measure with. Raises SettingsError as `check_identifiable`."""
        check_identifiable(len(labels), config.buckets, config.repetitions)
        network = Network(config)
        network.start(np.full((config.repetitions, config.buckets), 0.01), torch.Generator().manual_seed(seed))
        return cls(config, labels, tfidf, network)

    # -- scores

    def score(self, texts: Sequence[str], labels: IntArray | None = None) -> Scores:
        return self._score(self.tfidf.transform(texts), labels)

    def score_masked(self, document: Document, keep: BoolArray, labels: IntArray | None = None, mode: MaskMode = "delete") -> Scores:
        return self._score(self.tfidf.masked(document, keep, mode), labels)

    @torch.inference_mode()
    def _score(self, features: sparse.csr_array, labels: IntArray | None) -> Scores:
        """Chosen labels cost only their R buckets each; nothing of size n x L is held for them."""
        scores = np.empty((features.shape[0], len(self.labels) if labels is None else len(labels)), dtype=np.float32)
        for start, sums in self._sums(features, BATCH):
            rows = slice(start, start + BATCH)
            scores[rows] = self.reader.dense(self.network.buckets(sums)) if labels is None else self._paths(sums, labels).numpy()
        return scores

    def _sums(self, features: sparse.csr_array, batch: int) -> Iterator[tuple[int, Tensor]]:
        """First-layer sums [R, n, H + B] of TF-IDF vectors [N, F], n = `batch` at a time, with the batch's first row."""
        for start in range(0, features.shape[0], batch):
            yield start, self.network.sums(*self.hashing.bags(sparse.csr_array(features[start : start + batch])))

    def _paths(self, sums: Tensor, labels: IntArray) -> Tensor:
        """First-layer sums [R, n, H + B] -> scores of chosen labels [n, m], differentiable."""
        columns = torch.from_numpy(self.buckets.lookup[:, labels].astype(np.int64))
        return self.reader.chosen(self.network.buckets(sums, columns), labels)

    @torch.inference_mode()
    def retrieve(self, texts: Sequence[str], k: int) -> tuple[IntArray, Scores]:
        """Exact or approximate, as configured. With k above L the last places are empty."""
        find = self.reader.exact_top if self.config.search == "exact" else self.reader.approximate_top
        ids = np.full((len(texts), k), -1, dtype=np.int64)
        best = np.full((len(texts), k), -np.inf, dtype=np.float32)
        for start, sums in self._sums(self.tfidf.transform(texts), CHUNK):
            found, scores = find(self.network.buckets(sums), k)
            ids[start : start + len(found), : found.shape[1]] = found
            best[start : start + len(found), : found.shape[1]] = scores
        return ids, best

    def words_read(self, document: Document) -> int:
        return len(document)

    # -- gradients, with respect to the document's TF-IDF values

    def embed(self, document: Document) -> Features:
        return self.tfidf.embed(document)

    def score_embedded(self, embedded: Embedded, vectors: NDArray[np.float32], labels: IntArray | None = None) -> Scores:
        table = self._rows(embedded)
        chosen = np.arange(len(self.labels)) if labels is None else labels
        with torch.inference_mode():
            parts = [self._paths(torch.matmul(torch.from_numpy(part[:, :, 0]), table), chosen).numpy() for part in _parts(vectors)]
        return np.concatenate(parts) if parts else np.zeros((0, len(chosen)), np.float32)

    def gradient(self, embedded: Embedded, vectors: NDArray[np.float32], labels: IntArray) -> tuple[Scores, NDArray[np.float32]]:
        table = self._rows(embedded)
        distinct, place = np.unique(labels, return_inverse=True)
        scores, slopes = np.empty(len(vectors), np.float32), np.empty_like(vectors)
        for start, part in zip(range(0, len(vectors), BATCH), _parts(vectors), strict=True):
            leaf = torch.from_numpy(np.array(part[:, :, 0])).requires_grad_(True)
            own = self._paths(torch.matmul(leaf, table), distinct)[torch.arange(len(part)), torch.from_numpy(place[start : start + BATCH])]
            (found,) = torch.autograd.grad(own.sum(), leaf)
            scores[start : start + BATCH], slopes[start : start + BATCH, :, 0] = own.detach().numpy(), found.numpy()
        return scores, slopes

    def _rows(self, embedded: Embedded) -> Tensor:
        """The document's features' rows of the table, with their signs: [R, T, H + B]."""
        if not isinstance(embedded, Features):
            raise InputError("these rows were not made by this model's `embed`")
        rows = self.network.table[torch.from_numpy(self.hashing.rows[:, embedded.columns])]
        signs = self.hashing.signs
        return rows if signs is None else rows * torch.from_numpy(signs[:, embedded.columns, None])

    # -- saving

    def settings(self) -> dict[str, Any]:
        return to_json(self.config)

    def tensors(self) -> dict[str, NDArray[Any]]:
        return {**self.tfidf.tensors(), **{name: part.numpy().astype(np.float16) for name, part in self.network.state_dict().items()}}

    def files(self) -> dict[str, str]:
        return self.tfidf.files()

    @classmethod
    def load(cls, saved: Saved) -> Self:
        """Raises CheckpointError for settings or tensors that do not fit together."""
        tfidf = TfIdf.load(saved)
        try:
            config = from_json(Config, saved.settings)
            check_identifiable(len(saved.labels), config.buckets, config.repetitions)
        except SettingsError as error:
            raise CheckpointError(f"checkpoint '{saved.name}': {error}") from error
        with torch.device("meta"):
            shapes = {name: tuple(part.shape) for name, part in Network(config).state_dict().items()}
        tensors = {name: torch.from_numpy(saved.tensor(name, shape).astype(np.float32)) for name, shape in shapes.items()}
        with torch.device("meta"):
            network = Network(config)
        network.load_state_dict(tensors, assign=True)
        return cls(config, saved.labels, tfidf, network, saved.name, saved.digest)


def _parts(vectors: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    return (vectors[start : start + BATCH] for start in range(0, len(vectors), BATCH))


def _digest(network: Network) -> str:
    """Names weights that no checkpoint holds yet."""
    h = hashlib.sha256()
    for part in network.state_dict().values():
        h.update(np.ascontiguousarray(part.cpu().numpy()).data)
    return h.hexdigest()[:16]


# -- training


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


def train(config: Config, dataset: Dataset, labels: LabelSpace, run: Run) -> Mach:
    """Hash, train the networks together on the split "train", keep the epoch with the best nDCG@5 on "dev". Resumes from the
    run folder. Raises SettingsError where so few hashes cannot tell the labels apart."""
    check_identifiable(len(labels), config.buckets, config.repetitions)
    splits = {name: dataset.split(name) for name in ("train", "dev")}
    truth = {name: truth_for(split, dataset.label_names, labels)[0][:, : len(labels)] for name, split in splits.items()}
    tfidf = TfIdf.fit(splits["train"].texts or (), config.minimum_documents, config.maximum_features, run.progress)
    features = {name: tfidf.transform(split.texts or ()) for name, split in splits.items()}
    buckets = Buckets.of(len(labels), config.buckets, config.repetitions)
    network = Network(config)
    network.start(base_rates(truth["train"], buckets), torch.Generator().manual_seed(run.seed))
    reader = Reader.of(buckets, config.method, labels, network.rates.numpy()[:, 0])
    propensity = labels.inverse_propensities()
    task = MachTask(
        network, Hashing(config, len(tfidf)), reader, features["train"], truth["train"], features["dev"],
        truth["dev"], ((propensity / propensity.min()) ** config.tail).astype(np.float32), config.batch_size, labels.bins(),
    )  # fmt: skip
    fit(task, config, run)
    return Mach(config, labels, tfidf, network.cpu())
