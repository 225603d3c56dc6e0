"""XML-CNN: a convolution over word vectors, dynamic max pooling, a bottleneck, one logit a label.

Liu, Chang, Wu and Yang: Deep Learning for Extreme Multi-label Text Classification, SIGIR 2017.

    words -> vectors -> filters of 2, 4 and 8 words -> ReLU -> the largest value in each of p chunks, for each filter -> bottleneck -> logits

Deviations, all said here: word vectors start from a sentence encoder instead of GloVe (word_vectors.py); the output bias
starts at the labels' base rates; positives may be weighted by inverse propensity (Qaraei et al. 2021), tempered.
A chunk is a share of the document's OWN length, not of a padded window, so a score never depends on what a text is
batched with. When a filter's positions do not divide by p, neighbouring chunks overlap by one, as in adaptive pooling.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor, nn

from core import fields
from core.checkpoint import Saved
from core.data.dataset import Dataset, truth_for
from core.data.debtags import cache_folder
from core.document import Document
from core.errors import CheckpointError, InputError, SettingsError
from core.labels import LabelSpace, inverse_propensities
from core.metrics import judge, ndcg, precision, psp, recall_by_bin, value
from core.models.word_vectors import word_vectors
from core.models.words import PADDING, UNKNOWN, Words
from core.models.xml_cnn_network import SHORTEST, Config, Ragged, XmlCnnModule
from core.ranking import BLOCK, top_k
from core.training.loop import bucketed, fit
from core.training.runs import Run
from core.types import BoolArray, Embedded, IntArray, MaskMode, Scores, Unit

__all__ = ["Config", "XmlCnn", "train"]

CHUNK = 16_384
"""Words that are convolved at a time when scoring: the sums of one filter width take 8 MB and stay in the cache."""


def _portions(lengths: IntArray) -> Iterator[slice]:
    """Consecutive slices of documents with about CHUNK words each."""
    start, total = 0, 0
    for end, length in enumerate(lengths):
        if total and total + length > CHUNK:
            yield slice(start, end)
            start, total = end, 0
        total += int(length)
    if start < len(lengths):
        yield slice(start, len(lengths))


@torch.inference_mode()
def _score_rows(module: XmlCnnModule, rows: Sequence[IntArray], width: int, columns: Tensor | None = None) -> Scores:
    """Word ids of each document -> logits [n, width]."""
    scores = np.empty((len(rows), width), dtype=np.float32)
    for part in _portions(np.asarray([max(len(row), SHORTEST) for row in rows], dtype=np.int64)):
        text = Ragged.of(rows[part])
        distinct, places = np.unique(text.places, return_inverse=True)
        logits = module.forward_from_embeddings(module.embed(distinct), Ragged(places, text.lengths), columns)
        scores[part] = logits.float().cpu().numpy()
    return scores


class XmlCnn:
    """The classifier around the network. Scores are logits; a document's words after the window are not read."""

    KIND = "xml-cnn"
    KIND = KIND
    unit: Unit = "logit"

    def __init__(self, config: Config, labels: LabelSpace, words: Words, module: XmlCnnModule, name: str = KIND, digest: str = "") -> None:
        self.config, self.labels, self.words, self.name = config, labels, words, name
        self.module = module.eval().requires_grad_(False)
        self.digest = digest or _digest(module)

    @property
    def _device(self) -> torch.device:
        return self.module.embedding.weight.device

    def _ids(self, text: str) -> IntArray:
        return self.words.ids(Document.from_text(text).words[: self.config.window])

    def _width(self, labels: IntArray | None) -> int:
        return len(self.labels) if labels is None else len(labels)

    def _columns(self, labels: IntArray | None) -> Tensor | None:
        return None if labels is None else torch.from_numpy(np.asarray(labels, dtype=np.int64)).to(self._device)

    def score(self, texts: Sequence[str], labels: IntArray | None = None) -> Scores:
        """Logits [n, L or m]. An empty text is scored as padding alone."""
        return _score_rows(self.module, [self._ids(text) for text in texts], self._width(labels), self._columns(labels))

    def retrieve(self, texts: Sequence[str], k: int) -> tuple[IntArray, Scores]:
        """The k best of all labels: this model has no beam. With k above L the last places are empty."""
        ids = np.full((len(texts), k), -1, dtype=np.int64)
        best = np.full((len(texts), k), -np.inf, dtype=np.float32)
        step = max(1, BLOCK // max(1, len(self.labels)))
        for start in range(0, len(texts), step):
            scores = self.score(texts[start : start + step])
            found = top_k(scores, k)
            ids[start : start + step, : found.shape[1]] = found
            best[start : start + step, : found.shape[1]] = np.take_along_axis(scores, found, axis=1)
        return ids, best

    def words_read(self, document: Document) -> int:
        return min(len(document), self.config.window)

    @torch.inference_mode()
    def score_masked(self, document: Document, keep: BoolArray, labels: IntArray | None = None, mode: MaskMode = "delete") -> Scores:
        """Logits [n, L or m]. Products are made once for the document; a row costs only its gathers and the bottleneck.
        Equal rows of `keep` are scored once. mode "mask" puts the unknown word in a removed word's place."""
        distinct, places = np.unique(np.append(self.words.ids(document.words), [PADDING, UNKNOWN]), return_inverse=True)
        places, padding, unknown = places[:-2], int(places[-2]), int(places[-1])
        products = self.module.products(self.module.embed(distinct))
        columns = self._columns(labels)
        packed, first, again = np.unique(np.packbits(keep, axis=1), axis=0, return_index=True, return_inverse=True)
        window = self.config.window
        rows = [places[keep[i]][:window] if mode == "delete" else np.where(keep[i, :window], places[:window], unknown) for i in first]
        scores = np.empty((len(packed), self._width(labels)), dtype=np.float32)
        for part in _portions(np.asarray([max(len(row), SHORTEST) for row in rows])):
            filled = [np.append(row, np.full(max(0, SHORTEST - len(row)), padding)) for row in rows[part]]
            text = Ragged(np.concatenate(filled), np.asarray([len(row) for row in filled]))
            scores[part] = self.module.logits(self.module.hidden(self.module.pool(products, text)), columns).cpu().numpy()
        return scores[again.ravel()]

    @torch.inference_mode()
    def embed(self, document: Document) -> Embedded:
        """The vectors of the words in the window; each row is its word's own."""
        read = self.words_read(document)
        vectors = self.module.embed(self.words.ids(document.words[:read])).cpu().numpy().reshape(read, self.config.width)
        owner = np.eye(read, len(document), dtype=np.float32)
        return Embedded(vectors, np.zeros_like(vectors), owner, document.words[:read], "the padding vector (zero) in every place")

    def _hidden(self, vectors: Tensor) -> Tensor:
        """[n, T, d], every row with vectors of its own -> [n, h]."""
        n, length, width = vectors.shape
        table = torch.cat([vectors.new_zeros(1, width), vectors.reshape(n * length, width)])  # row 0 is the padding
        text = Ragged.of(list(1 + np.arange(n * length).reshape(n, length)))
        return self.module.hidden(self.module.pool(self.module.products(table), text))

    def _vector_portions(self, vectors: NDArray[np.float32]) -> Iterator[tuple[slice, Tensor]]:
        for part in _portions(np.full(len(vectors), max(vectors.shape[1], SHORTEST))):
            yield part, torch.from_numpy(np.ascontiguousarray(vectors[part], dtype=np.float32)).to(self._device)

    @torch.inference_mode()
    def score_embedded(self, embedded: Embedded, vectors: NDArray[np.float32], labels: IntArray | None = None) -> Scores:
        columns = self._columns(labels)
        scores = np.empty((len(vectors), self._width(labels)), dtype=np.float32)
        for part, rows in self._vector_portions(vectors):
            scores[part] = self.module.logits(self._hidden(rows), columns).cpu().numpy()
        return scores

    def gradient(self, embedded: Embedded, vectors: NDArray[np.float32], labels: IntArray) -> tuple[Scores, NDArray[np.float32]]:
        scores, gradients = np.empty(len(vectors), dtype=np.float32), np.empty(vectors.shape, dtype=np.float32)
        weight, bias = self.module.output.weight, self.module.output.bias
        columns = torch.from_numpy(np.asarray(labels, dtype=np.int64)).to(self._device)
        for part, rows in self._vector_portions(vectors):
            with torch.enable_grad():
                chosen = (self._hidden(rows.requires_grad_()) * weight[columns[part]]).sum(1) + bias[columns[part]]
                (found,) = torch.autograd.grad(chosen.sum(), rows)
            scores[part], gradients[part] = chosen.detach().cpu().numpy(), found.cpu().numpy()
        return scores, gradients

    def settings(self) -> Mapping[str, Any]:
        return fields.to_json(self.config)

    def tensors(self) -> Mapping[str, NDArray[Any]]:
        """In half precision, which moves debtags logits by less than 0.01."""
        return {name: tensor.cpu().numpy().astype(np.float16) for name, tensor in self.module.state_dict().items()}

    def files(self) -> Mapping[str, str]:
        return {"words.txt": self.words.to_text()}

    @classmethod
    def load(cls, saved: Saved) -> Self:
        """Raises CheckpointError for settings, words or tensors that do not fit together."""
        try:
            config = fields.from_json(Config, saved.settings)
            words = Words.from_text(saved.file("words.txt"))
        except (SettingsError, InputError) as error:
            raise CheckpointError(f"checkpoint '{saved.name}': {error}") from error
        with torch.device("meta"):  # only names and shapes: the weights come from the file
            module = XmlCnnModule(config, words.size, len(saved.labels))
        state = {name: torch.from_numpy(saved.tensor(name, tuple(t.shape)).astype(np.float32)) for name, t in module.state_dict().items()}
        module.load_state_dict(state, assign=True)
        return cls(config, saved.labels, words, module, saved.name, saved.digest)


def _digest(module: nn.Module) -> str:
    """Names weights that are not in a checkpoint (yet)."""
    h = hashlib.sha256()
    for name, tensor in module.state_dict().items():
        h.update(name.encode() + tensor.cpu().numpy().tobytes())
    return h.hexdigest()[:16]


@dataclass
class XmlCnnTask:
    """The loop's view of XML-CNN: word ids of each document and its labels as rows of 0/1 [n, L]; `dev` as a classifier
    sees it, over all of the data set's labels [n, L + u]. Binary cross-entropy, summed over labels, averaged over documents."""

    module: XmlCnnModule
    config: Config
    rows: list[IntArray]
    truth: sparse.csr_array
    positive_weight: Tensor
    dev_rows: list[IntArray]
    dev_truth: sparse.csr_array
    labels: LabelSpace
    selection: str = "nDCG@5"
    lengths: IntArray = field(init=False)

    def __post_init__(self) -> None:
        self.lengths = np.asarray([max(len(row), SHORTEST) for row in self.rows], dtype=np.int64)

    def groups(self) -> list[dict[str, Any]]:
        """Weight decay shrinks the upper layers only: rare words' vectors, seldom updated, would fade away."""
        upper = [*self.module.bottleneck.parameters(), *self.module.output.parameters()]
        lower = [*self.module.filters.parameters(), self.module.filter_bias]
        vectors = {"params": [self.module.embedding.weight], "lr_scale": self.config.vector_rate, "weight_decay": 0.0}
        return [{"params": upper}, {"params": lower, "weight_decay": 0.0}, vectors]

    def batches(self, epoch: int, generator: np.random.Generator) -> list[IntArray]:
        return bucketed(self.lengths, self.config.batch_size, generator)

    def loss(self, module: nn.Module, rows: IntArray) -> Tensor:
        text = Ragged.of([self.rows[row] for row in rows])
        hidden = (torch.rand(len(text.places)).numpy() < self.config.word_dropout) & (text.places != PADDING)
        logits: Tensor = module(Ragged(np.where(hidden, UNKNOWN, text.places), text.lengths))
        truth = torch.from_numpy(self.truth[rows].toarray()).to(logits.device)
        weight = self.positive_weight.to(logits.device)
        return F.binary_cross_entropy_with_logits(logits, truth, pos_weight=weight, reduction="sum") / len(rows)

    def validate(self, module: nn.Module) -> dict[str, float]:
        """In percent. "tail R@5" is the recall of the label occurrences with 5 to 19 training documents."""
        scores = _score_rows(self.module, self.dev_rows, len(self.labels))
        predicted = top_k(scores, 5)
        unseen = np.zeros(self.dev_truth.shape[1] - len(self.labels), dtype=np.int64)
        counts = np.concatenate([self.labels.counts, unseen])
        judged = judge(predicted, self.dev_truth, inverse_propensities(counts, self.labels.documents))
        tail = (counts >= 5) & (counts < 20)
        recall = recall_by_bin(predicted, self.dev_truth, tail.astype(np.int64)).get(1, (0.0, 0))[0]
        found = {"P@1": precision(judged, 1), "P@5": precision(judged, 5), "nDCG@5": ndcg(judged, 5), "PSP@5": psp(judged, 5)}
        return {**{name: 100 * value(ratio) for name, ratio in found.items()}, "tail R@5": 100 * recall}


def tempered_weights(labels: LabelSpace, share: float) -> Tensor:
    """(2/p - 1)^share for each label [L] (Qaraei et al. 2021, eq. 4.6, here tempered). As in the equation and unlike their
    code not normalised: weights below 1 on frequent labels slow learning. Uses the propensities of PSP@k, on purpose."""
    return torch.from_numpy(((2 * labels.inverse_propensities() - 1) ** share).astype(np.float32))


def _new_module(config: Config, words: Words, labels: LabelSpace, run: Run) -> XmlCnnModule:
    torch.manual_seed(run.seed)
    module = XmlCnnModule(config, words.size, len(labels))
    rates = np.clip(labels.counts / max(1, labels.documents), 1e-6, 1 - 1e-6)
    with torch.no_grad():
        module.embedding.weight.normal_(0, config.vector_scale)
        if config.vectors == "encoder" and words.words:
            vectors = word_vectors(words.words, config.width, config.vector_scale, cache_folder(), run.progress)
            module.embedding.weight[-len(vectors) :] = torch.from_numpy(vectors)
        module.embedding.weight[PADDING] = 0
        module.output.bias.copy_(torch.from_numpy(np.log(rates / (1 - rates))))
        module.output.weight.mul_(0.1)
    return module


def train(config: Config, dataset: Dataset, labels: LabelSpace, run: Run) -> XmlCnn:
    """Train on the split "train", choose the epoch on "dev"."""
    training, dev = dataset.split("train"), dataset.split("dev")
    texts = training.texts or ()
    words = Words.build(texts, config.minimum_count, config.vocabulary)
    task = XmlCnnTask(
        module=_new_module(config, words, labels, run),
        config=config,
        rows=[words.ids(Document.from_text(text).words[: config.window]) for text in texts],
        truth=sparse.csr_array(truth_for(training, dataset.label_names, labels)[0][:, : len(labels)], dtype=np.float32),
        positive_weight=tempered_weights(labels, config.tail_weight),
        dev_rows=[words.ids(Document.from_text(text).words[: config.window]) for text in dev.texts or ()],
        dev_truth=truth_for(dev, dataset.label_names, labels)[0],
        labels=labels,
    )
    fit(task, config, run)
    return XmlCnn(config, labels, words, task.module)
