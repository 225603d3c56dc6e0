"""How XML-CNN is trained: the loop's view of it. What it computes, and from which paper: __init__.py."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

from core.data.cache import cache_folder
from core.data.dataset import Dataset, truth_for
from core.document import Document
from core.labels import LabelSpace, inverse_propensities
from core.metrics import find_hits, ndcg, precision, psp, recall_by_bin, value
from core.models import linear
from core.models.linear.part import LinearPart
from core.models.parts.word_task import WordTask
from core.models.parts.word_vectors import word_vectors
from core.models.parts.words import PADDING, UNKNOWN, Words
from core.models.xml_cnn.model import XmlCnn, linear_config
from core.models.xml_cnn.network import SHORTEST, Config, Ragged, XmlCnnModule
from core.models.xml_cnn.scoring import score_rows
from core.ranking import top_k
from core.runs.run import Run
from core.training.defended import Defence, Inputs, Space, defended
from core.training.loop import fit
from core.training.task import bucketed
from core.types import Classifier, FloatArray, IntArray


@dataclass
class XmlCnnTask(WordTask):
    """The loop's view of XML-CNN."""

    module: XmlCnnModule
    config: Config
    selection: str = "nDCG@5"
    lengths: IntArray = field(init=False)

    def __post_init__(self) -> None:
        self.lengths = np.asarray([max(len(row), SHORTEST) for row in self.rows], dtype=np.int64)

    @property
    def propensities(self) -> FloatArray:
        """1/p of every column of `dev_truth` [L + u]; labels outside the classifier's are taken as seen once."""
        unseen = np.zeros(self.dev_truth.shape[1] - len(self.labels), dtype=np.int64)
        return inverse_propensities(np.concatenate([self.labels.counts, unseen]), self.labels.documents)

    @classmethod
    def of(cls, config: Config, dataset: Dataset, labels: LabelSpace, words: Words, run: Run) -> Self:
        """A new network for the labels of a data set, with its documents."""
        training, dev = dataset.split("train"), dataset.split("dev")
        return cls(
            module=new_module(config, words, labels, run),
            config=config,
            rows=[words.ids(Document.from_text(text).words[: config.window]) for text in training.texts or ()],
            truth=sparse.csr_array(truth_for(training, dataset.label_names, labels)[0][:, : len(labels)], dtype=np.float32),
            positive_weight=tempered_weights(labels, config.tail_weight),
            dev_rows=[words.ids(Document.from_text(text).words[: config.window]) for text in dev.texts or ()],
            dev_truth=truth_for(dev, dataset.label_names, labels)[0],
            labels=labels,
            words=words,
            texts=training.texts or (),
            dev_texts=dev.texts or (),
        )

    def groups(self) -> list[dict[str, Any]]:
        """Weight decay shrinks the upper layers only: rare words' vectors, seldom updated, would fade away."""
        upper = [*self.module.bottleneck.parameters(), *self.module.output.parameters()]
        lower = [*self.module.filters.parameters(), self.module.filter_bias]
        found: list[dict[str, Any]] = [{"params": upper}, {"params": lower, "weight_decay": 0.0}]
        if self.config.vector_rate:
            found.append({"params": [self.module.embedding.weight], "lr_scale": self.config.vector_rate, "weight_decay": 0.0})
        return found

    def batches(self, epoch: int, generator: np.random.Generator) -> list[IntArray]:
        return bucketed(self.lengths, self.config.batch_size, generator)

    def loss(self, module: nn.Module, rows: IntArray) -> Tensor:
        return self.loss_of(self.outputs(module, self.inputs(module, rows)), self.targets(rows))

    # -- what a defence sees (core.training.defended)

    def inputs(self, module: nn.Module, rows: IntArray, texts: Sequence[str] | None = None, apart: bool = False, space: Space = "trained") -> Inputs:
        """Rows are word vectors: those of the batch's distinct words, or with `apart` one for every place."""
        ids = [self.rows[row] for row in rows] if texts is None else [self._ids(text) for text in texts]
        text = Ragged.of(ids)
        hidden = (torch.rand(len(text.places)).numpy() < self.config.word_dropout * self.module.training) & (text.places != PADDING)
        distinct, places = np.unique(np.where(hidden, UNKNOWN, text.places), return_inverse=True)
        vectors, real = self.module.vector_dropout(self.module.embed(distinct)), torch.from_numpy(distinct != PADDING).to(self._device)
        owner = torch.from_numpy(np.repeat(np.arange(len(text.lengths)), text.lengths)).to(self._device)
        if not apart:
            return Inputs(vectors, real, owner, Ragged(places, text.lengths))
        place = torch.from_numpy(places).to(self._device)
        return Inputs(vectors[place], real[place], owner, Ragged(np.arange(len(places)), text.lengths))

    def classifier(self) -> Classifier:
        return XmlCnn(self.config, self.labels, self.words, copy.deepcopy(self.module))

    def validate(self, module: nn.Module) -> dict[str, float]:
        """In percent. "tail R@5" is the recall of the label occurrences with 5 to 19 training documents."""
        scores = score_rows(self.module, self.dev_rows)
        predicted = top_k(scores, 5)
        ranked = find_hits(predicted, self.dev_truth, self.propensities)
        counts = np.concatenate([self.labels.counts, np.zeros(self.dev_truth.shape[1] - len(self.labels), dtype=np.int64)])
        tail = (counts >= 5) & (counts < 20)
        recall = recall_by_bin(predicted, self.dev_truth, tail.astype(np.int64)).get(1, (0.0, 0))[0]
        found = {"P@1": precision(ranked, 1), "P@5": precision(ranked, 5), "nDCG@5": ndcg(ranked, 5), "PSP@5": psp(ranked, 5)}
        return {**{name: 100 * value(ratio) for name, ratio in found.items()}, "tail R@5": 100 * recall}


def tempered_weights(labels: LabelSpace, share: float) -> Tensor:
    """(2/p - 1)^share for each label [L] (Qaraei et al. 2021, eq. 4.6, here tempered). As in the equation and unlike their
    code not normalised: weights below 1 on frequent labels slow learning. Uses the propensities of PSP@k, on purpose.
    On debtags 0.3 (with 256 filters) and 0.5 (normalised) slowed learning, dev nDCG@5 74.9 and 75.7 after two epochs against 77.9, and found
    no tail label in two and three epochs, so the default is 0."""
    return torch.from_numpy(((2 * labels.inverse_propensities() - 1) ** share).astype(np.float32))


def new_module(config: Config, words: Words, labels: LabelSpace, run: Run) -> XmlCnnModule:
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


FINE_TUNING: Mapping[str, Any] = {"epochs": 4, "learning_rate": 0.001, "vector_rate": 0.0}
"""Settings that differ from the parent's when a trained XML-CNN is trained on: word vectors stay, so that a child's checkpoint need
not hold them."""


def train(
    config: Config, dataset: Dataset, labels: LabelSpace, run: Run, defence: Defence | None = None, parent: XmlCnn | None = None
) -> XmlCnn:  # fmt: skip
    """Train on the split "train", on from `parent` if there is one; choose the epoch, and then the linear part's share, on "dev"."""
    words = Words.build(dataset.split("train").texts or (), config.minimum_count, config.vocabulary) if parent is None else parent.words
    task = XmlCnnTask.of(config, dataset, labels, words, run)
    if parent is not None:
        task.module.load_state_dict(parent.module.state_dict())
    fit(defended(task, defence, run), config, run)
    if not config.with_linear:
        return XmlCnn(config, labels, words, task.module)
    copies = None if defence is None else defence.copies(task, run)
    if parent is not None and parent.linear is not None and copies is None:
        svms = parent.linear.model
    else:
        svms = linear.fit_texts(linear_config(config), dataset, labels, run, copies)
    margins = svms.score(task.dev_texts)
    scores = score_rows(task.module, task.dev_rows)
    part = LinearPart.fitted(svms, scores, margins, task.dev_truth, run, calibrated=True, share=config.linear_share)
    return XmlCnn(config, labels, words, task.module, part)
