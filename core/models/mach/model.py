"""Mach, the classifier. What it computes, and from which paper: the package's own page."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from core.checkpoint import Saved
from core.document import Document
from core.errors import CheckpointError, InputError, SettingsError
from core.fields import from_json, to_json
from core.labels import LabelSpace
from core.models import linear
from core.models.linear.part import LinearPart
from core.models.mach.buckets import CHUNK, Buckets, Reader, check_identifiable, reconstruct
from core.models.mach.contributions import mach_contributions
from core.models.mach.network import Config, Hashing, Network
from core.models.parts.columns import Columns, columns_of, reads_columns
from core.models.parts.substitution import Changed
from core.models.parts.tfidf import Features, TfIdf
from core.ranking import best_of_all, best_scored
from core.types import BoolArray, Contributions, Embedded, IntArray, MaskMode, Perturbable, RowKinds, Scores, Unit, Weigh
from core.vector import FeatureSpace, FeatureVector

BATCH = 256
"""Documents that go through the networks at a time."""


class Mach:
    """The classifier around the networks. Maskable, Differentiable in the space of the original features (hashing is linear,
    so attributions to features are exact) and Savable."""

    KIND = "mach"
    row_kinds = RowKinds(features="TF-IDF values before hashing")

    def __init__(
        self, config: Config, labels: LabelSpace, tfidf: TfIdf | Columns, network: Network, linear: LinearPart | None = None, name: str = "mach",
        digest: str = "",
    ) -> None:  # fmt: skip
        self.config, self.labels, self.tfidf, self.name = config, labels, tfidf, name
        self.network = network.eval().requires_grad_(False)
        self.linear = linear
        self.hashing = Hashing(config, len(tfidf))
        self.buckets = Buckets.of(len(labels), config.buckets, config.repetitions)
        self.reader = Reader.of(self.buckets, config.method, labels, network.rates.numpy()[:, 0])
        self.unit: Unit = "margin" if config.method in ("evidence", "logit-sum", "unbiased") else "probability"
        self.digest = digest or _digest(network, linear)

    @classmethod
    def random(cls, config: Config, labels: LabelSpace, tfidf: TfIdf, seed: int = 0) -> Self:
        """Untrained networks without a linear part, to measure with. Raises SettingsError as `check_identifiable`."""
        check_identifiable(len(labels), config.buckets, config.repetitions)
        network = Network(config)
        network.start(np.full((config.repetitions, config.buckets), 0.01), torch.Generator().manual_seed(seed))
        return cls(replace(config, with_linear=False), labels, tfidf, network)

    # -- scores

    def score(self, texts: Sequence[str], labels: IntArray | None = None) -> Scores:
        return self.features_scored(self.tfidf.transform(texts), labels)

    def score_masked(self, document: Document, keep: BoolArray, labels: IntArray | None = None, mode: MaskMode = "delete") -> Scores:
        return self.features_scored(self.tfidf.masked(document, keep, mode), labels)

    def features_scored(self, features: sparse.csr_array, labels: IntArray | None) -> Scores:
        """TF-IDF vectors [n, F] -> [n, L or m]. Chosen labels cost only their R buckets each; nothing n x L is held for them."""
        scores = np.empty((features.shape[0], len(self.labels) if labels is None else len(labels)), dtype=np.float32)
        with torch.inference_mode():
            for start, sums in self._sums(features, BATCH):
                rows = slice(start, start + BATCH)
                scores[rows] = self.reader.dense(self.network.buckets(sums)) if labels is None else self._paths(sums, labels).numpy()
        return scores if self.linear is None else self.linear.sum(scores, self.linear.model.margins(features, labels))

    def score_substituted(self, document: Document, position: int, words: Sequence[str]) -> Scores:
        """The first layer is linear in the features: what stays of the document is summed once."""
        if not isinstance(self.tfidf, TfIdf):
            return self.score([document.replace({position: word}).text for word in words])
        changed = Changed.of(self.tfidf, document, position, words)
        scores = np.empty((len(words), len(self.labels)), dtype=np.float32)
        with torch.inference_mode():
            (_, whole), norms = next(self._sums(changed.whole, 1)), torch.from_numpy(changed.norms)[:, None]
            for start, difference in self._sums(changed.difference, BATCH):
                rows = slice(start, start + BATCH)
                scores[rows] = self.reader.dense(self.network.buckets((whole + difference) / norms[rows]))
        return scores if self.linear is None else self.linear.sum(scores, self.linear.model.margins_changed(changed))

    def _sums(self, features: sparse.csr_array, batch: int) -> Iterator[tuple[int, Tensor]]:
        """First-layer sums [R, n, H + B] of TF-IDF vectors [N, F], n = `batch` at a time, with the batch's first row."""
        for start in range(0, features.shape[0], batch):
            yield start, self.network.sums(*self.hashing.bags(sparse.csr_array(features[start : start + batch])))

    def _paths(self, sums: Tensor, labels: IntArray) -> Tensor:
        """First-layer sums [R, n, H + B] -> scores of chosen labels [n, m], differentiable."""
        columns = torch.from_numpy(self.buckets.lookup[:, labels].astype(np.int64))
        return self.reader.chosen(self.network.buckets(sums, columns), labels)

    def retrieve(self, texts: Sequence[str], k: int) -> tuple[IntArray, Scores]:
        """Exact or approximate, as configured; with a linear part always by all labels' scores. Places past L are empty."""
        return best_of_all(self, texts, k) if self.linear is not None else self.found(self.tfidf.transform(texts), k)

    def found(self, features: sparse.csr_array, k: int) -> tuple[IntArray, Scores]:
        """The networks' k best labels of features [n, F]."""
        find = self.reader.exact_top if self.config.search == "exact" else self.reader.approximate_top
        ids = np.full((features.shape[0], k), -1, dtype=np.int64)
        best = np.full((features.shape[0], k), -np.inf, dtype=np.float32)
        with torch.inference_mode():
            for start, sums in self._sums(features, CHUNK):
                chosen, scores = find(self.network.buckets(sums), k)
                ids[start : start + len(chosen), : chosen.shape[1]] = chosen
                best[start : start + len(chosen), : chosen.shape[1]] = scores
        return ids, best

    def words_read(self, document: Document) -> int:
        return len(document)

    def contributions(self, before: Document, after: Document, label: int) -> Contributions:
        return mach_contributions(self, before, after, label)

    # -- gradients, with respect to the document's TF-IDF values

    def embed(self, document: Document) -> Features:
        return self.tfidf.embed(document)

    def score_embedded(self, embedded: Embedded, vectors: NDArray[np.float32], labels: IntArray | None = None) -> Scores:
        table = self._rows(embedded)
        with torch.inference_mode():
            sums = [torch.matmul(torch.from_numpy(part[:, :, 0]), table) for part in _parts(vectors)]
            # All labels share R * B bucket logits; the columns of each label's own buckets would be R * H * L numbers.
            parts = [self.reader.dense(self.network.buckets(one)) if labels is None else self._paths(one, labels).numpy() for one in sums]
        scores: Scores = np.concatenate(parts) if parts else np.zeros((0, len(self.labels) if labels is None else len(labels)), np.float32)
        return scores if self.linear is None else self.linear.sum(scores, self.linear.model.score_embedded(embedded, vectors, labels))

    @torch.enable_grad()
    def gradient(self, embedded: Embedded, vectors: NDArray[np.float32], labels: IntArray) -> tuple[Scores, NDArray[np.float32]]:
        table = self._rows(embedded)
        distinct, place = np.unique(labels, return_inverse=True)
        scores, slopes = np.empty(len(vectors), np.float32), np.empty_like(vectors)
        for start, part in zip(range(0, len(vectors), BATCH), _parts(vectors), strict=True):
            leaf = torch.from_numpy(np.array(part[:, :, 0])).requires_grad_(True)
            own = self._paths(torch.matmul(leaf, table), distinct)[torch.arange(len(part)), torch.from_numpy(place[start : start + BATCH])]
            (found,) = torch.autograd.grad(own.sum(), leaf)
            scores[start : start + BATCH], slopes[start : start + BATCH, :, 0] = own.detach().numpy(), found.numpy()
        if self.linear is not None:
            margins, weights = self.linear.model.gradient(embedded, vectors, labels)
            scores = self.linear.sum(scores, margins)
            slopes = np.float32(self.linear.scale) * (slopes + np.float32(self.linear.share) * weights)
        return scores, slopes

    def perturbable(self, embedded: Embedded) -> Perturbable:
        return Perturbable.of(embedded, 0)

    @torch.enable_grad()
    def weighted_gradient(self, embedded: Embedded, vectors: NDArray[np.float32], weigh: Weigh) -> tuple[Scores, NDArray[np.float32]]:
        """Both parts read the same features, so their slopes add up."""
        part, reader = self.linear, self.reader
        leaf = torch.from_numpy(np.array(vectors[:, :, 0])).requires_grad_(True)
        z = self.network.buckets(torch.matmul(leaf, self._rows(embedded)))
        paths = reconstruct(z, reader.lookup, reader.method, reader.buckets.size, reader.known)
        own = scores = paths.detach().numpy()
        if part is not None:
            scores = part.sum(own, part.model.score_embedded(embedded, vectors))
        weights = weigh(scores)
        (found,) = torch.autograd.grad(paths, leaf, torch.from_numpy(weights))
        slopes = found.numpy()[:, :, None]
        if part is not None:
            direct = part.model.weighted_gradient(embedded, vectors, lambda margins: weights)[1]
            slopes = np.float32(part.scale) * (slopes + np.float32(part.share) * direct)
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
        own = {name: part.numpy().astype(np.float16) for name, part in self.network.state_dict().items()}
        return {**self.tfidf.tensors(), **own, **({} if self.linear is None else self.linear.tensors())}

    def files(self) -> dict[str, str]:
        return self.tfidf.files()

    @classmethod
    def load(cls, saved: Saved) -> Mach:
        """Raises CheckpointError for settings or tensors that do not fit together."""
        tfidf = Columns.load(saved) if reads_columns(saved) else TfIdf.load(saved)
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
        part = LinearPart.load(saved, linear.Config(threshold=config.linear_threshold), tfidf) if config.with_linear else None
        return over(tfidf)(config, saved.labels, tfidf, network, part, saved.name, saved.digest)


class FeatureMach(Mach):
    """MACH over vectors; a FeatureClassifier."""

    ABOUT = "mach over vectors"
    row_kinds = RowKinds(features="feature values before hashing")

    @property
    def space(self) -> FeatureSpace:
        return columns_of(self.tfidf).space

    def score_features(self, vectors: sparse.csr_array, labels: IntArray | None = None) -> Scores:
        return self.features_scored(columns_of(self.tfidf).weigh(vectors), labels)

    def retrieve_features(self, vectors: sparse.csr_array, k: int) -> tuple[IntArray, Scores]:
        if self.linear is None:
            return self.found(columns_of(self.tfidf).weigh(vectors), k)
        return best_scored(lambda start, stop: self.score_features(sparse.csr_array(vectors[start:stop])), vectors.shape[0], len(self.labels), k)

    def embed_features(self, vector: FeatureVector) -> Features:
        return columns_of(self.tfidf).rows(vector)


def over(features: TfIdf | Columns) -> type[Mach]:
    """The class of a MACH over these features: of texts, or of a data set's vectors."""
    return Mach if isinstance(features, TfIdf) else FeatureMach


def _parts(vectors: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    return (vectors[start : start + BATCH] for start in range(0, len(vectors), BATCH))


def _digest(network: Network, part: LinearPart | None) -> str:
    """Names weights that no checkpoint holds yet."""
    h = hashlib.sha256(b"" if part is None else part.digest.encode())
    for tensor in network.state_dict().values():
        h.update(np.ascontiguousarray(tensor.cpu().numpy()).data)
    return h.hexdigest()[:16]
