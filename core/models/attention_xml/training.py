"""How AttentionXML is trained: the loop's view of the network of one level. What it computes, and from which paper: __init__.py."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import torch
import torch.nn.functional as F
from scipy import sparse
from torch import Tensor, nn

from core.data.cache import cache_folder
from core.data.clusters import pifa
from core.data.dataset import Dataset, truth_for
from core.document import Document
from core.errors import InputError
from core.labels import LabelSpace, inverse_propensities
from core.metrics import find_hits, ndcg, precision, psp, value
from core.models.attention_xml.model import AttentionXml
from core.models.attention_xml.network import AttentionXmlModule, Config, Padded
from core.models.attention_xml.scoring import TreeScorer
from core.models.attention_xml.tree import Tree
from core.models.parts.tfidf import TfIdf
from core.models.parts.word_task import WordTask
from core.models.parts.word_vectors import word_vectors
from core.models.parts.words import PADDING, UNKNOWN, Words
from core.ranking import top_k
from core.runs.run import Run
from core.training.defended import Defence, Inputs, Space, defended
from core.training.loop import fit
from core.training.task import bucketed
from core.types import Classifier, IntArray

TOP = 5


@dataclass(frozen=True)
class Above:
    """What a level below the first is trained with: the trained networks above it, and of each training document the nodes of the level
    before whose children it is trained on, true ones first."""

    modules: Sequence[AttentionXmlModule]
    nodes: Sequence[IntArray]


@dataclass
class AttentionXmlTask(WordTask):
    """The loop's view of one level: the columns of `truth` are its nodes, and so are those of `dev_truth` but on the labels' level. Below
    the first level the loss is summed over the children of the documents' candidates only."""

    module: AttentionXmlModule
    config: Config
    tree: Tree
    above: Above | None = None
    selection: str = "nDCG@5"
    lengths: IntArray = field(init=False)

    def __post_init__(self) -> None:
        self.lengths = np.asarray([max(1, len(row)) for row in self.rows], dtype=np.int64)

    @classmethod
    def of(
        cls, config: Config, dataset: Dataset, labels: LabelSpace, words: Words, tree: Tree, run: Run, above: Sequence[AttentionXmlModule]
    ) -> Self:
        """A new network for the level below those already trained, which it starts from."""
        level, (training, dev) = len(above), (dataset.split(name) for name in ("train", "dev"))
        rows, dev_rows = ([words.ids(Document.from_text(t).words[: config.window]) for t in split.texts or ()] for split in (training, dev))
        truth, dev_truth = (truth_for(split, dataset.label_names, labels)[0] for split in (training, dev))
        known = sparse.csr_array(truth[:, : len(labels)], dtype=np.float32)
        last = level == len(tree.parents)
        own = known if last else tree.truth(level, known)
        return cls(
            module=new_module(config, words, own, run, above),
            config=config,
            rows=rows,
            truth=own,
            positive_weight=torch.ones(own.shape[1]),
            dev_rows=dev_rows,
            dev_truth=dev_truth if last else tree.truth(level, sparse.csr_array(dev_truth[:, : len(labels)])),
            labels=labels,
            words=words,
            tree=tree,
            texts=training.texts or (),
            dev_texts=dev.texts or (),
            above=Above(above, training_nodes(config, tree, words, above, rows, known)) if above else None,
        )

    def groups(self) -> list[dict[str, Any]]:
        """Weight decay spares word vectors: rare words' are seldom updated and would fade away."""
        vectors = self.module.embedding.weight
        others = [parameter for parameter in self.module.parameters() if parameter is not vectors]
        found: list[dict[str, Any]] = [{"params": others}]
        if self.config.vector_rate:
            found.append({"params": [vectors], "lr_scale": self.config.vector_rate, "weight_decay": 0.0})
        return found

    def batches(self, epoch: int, generator: np.random.Generator) -> list[IntArray]:
        return bucketed(self.lengths, self.config.batch_size, generator)

    def loss(self, module: nn.Module, rows: IntArray) -> Tensor:
        if self.above is not None:
            return self._candidates_loss(module, rows, self.above)
        return self.loss_of(self.outputs(module, self.inputs(module, rows)), self.targets(rows))

    def _candidates_loss(self, module: nn.Module, rows: IntArray, above: Above) -> Tensor:
        inputs = self.inputs(module, rows)
        level = len(above.modules)
        own = [self.tree.children(level - 1, above.nodes[row]) for row in rows]
        most = max(len(nodes) for nodes in own)
        nodes = np.stack([np.pad(each, (0, most - len(each))) for each in own])
        counted = np.arange(most) < np.asarray([len(each) for each in own])[:, None]
        truth = np.stack([np.isin(each, self.truth[[row]].indices) for each, row in zip(nodes, rows, strict=True)]) & counted
        placed, target, weight = (torch.from_numpy(array).to(self._device) for array in (nodes, np.float32(truth), np.float32(counted)))
        logits = module(inputs.rest, inputs.vectors, placed)
        return F.binary_cross_entropy_with_logits(logits, target, weight=weight, reduction="sum") / len(rows)

    # -- what a defence sees (core.training.defended)

    def inputs(self, module: nn.Module, rows: IntArray, texts: Sequence[str] | None = None, apart: bool = False, space: Space = "trained") -> Inputs:
        """Rows are word vectors: those of the batch's distinct words, or with `apart` one for every place."""
        text = Padded.of([self.rows[row] for row in rows] if texts is None else [self._ids(text) for text in texts])
        hidden = (torch.rand(text.places.shape).numpy() < self.config.word_dropout * self.module.training) & (text.places != PADDING)
        distinct, read = Padded(np.where(hidden, UNKNOWN, text.places), text.lengths).distinct()
        vectors, real = self.module.vector_dropout(self.module.embed(distinct)), torch.from_numpy(distinct != PADDING).to(self._device)
        if not apart:
            return Inputs(vectors, real, torch.zeros(len(distinct), dtype=torch.long, device=self._device), read)
        place = torch.from_numpy(read.places.ravel()).to(self._device)
        owner = torch.arange(len(text.lengths), device=self._device).repeat_interleave(text.places.shape[1])
        own = Padded(np.arange(text.places.size, dtype=np.int64).reshape(text.places.shape), text.lengths)
        return Inputs(vectors[place], real[place], owner, own)

    def classifier(self) -> Classifier:
        return AttentionXml(self.config, self.labels, self.words, self.tree, [copy.deepcopy(self.module)])

    def validate(self, module: nn.Module) -> dict[str, float]:
        """In percent, of this level's nodes; below the first level of those that the beam reaches."""
        if self.above is None:
            sizes = Tree(self.truth.shape[1])
            scores = TreeScorer([self.module], sizes, self.words, self.config.window, self.config.candidates).score_rows(self.dev_rows)
            predicted = top_k(scores, TOP)
        else:
            predicted = self._reached(self.above)
        flat = np.ones(self.dev_truth.shape[1])
        if self.truth.shape[1] == len(self.labels):
            unseen = np.zeros(self.dev_truth.shape[1] - len(self.labels), dtype=np.int64)
            flat = inverse_propensities(np.concatenate([self.labels.counts, unseen]), self.labels.documents)
        ranked = find_hits(predicted, self.dev_truth, flat)
        found = {"P@1": precision(ranked, 1), "P@5": precision(ranked, 5), "nDCG@5": ndcg(ranked, 5), "PSP@5": psp(ranked, 5)}
        return {name: 100 * value(ratio) for name, ratio in found.items()}

    def _reached(self, above: Above) -> IntArray:
        """The best nodes of the beam [n, TOP], -1 where it reached fewer."""
        scorer = TreeScorer([*above.modules, self.module], self.tree, self.words, self.config.window, self.config.candidates)
        best = np.full((len(self.dev_rows), min(TOP, self.truth.shape[1])), -1, dtype=np.int64)
        for row, (nodes, scores) in enumerate(scorer.beams(self.dev_rows, len(above.modules))):
            order = np.lexsort((nodes, -scores))[: best.shape[1]]
            best[row, : len(order)] = nodes[order]
        return best


def training_nodes(
    config: Config, tree: Tree, words: Words, above: Sequence[AttentionXmlModule], rows: Sequence[IntArray], truth: sparse.csr_array
) -> list[IntArray]:
    """Of each training document the `candidates` nodes of the level before whose children it is trained on: the true ones first, then
    the best of the beam (section 3.2)."""
    level = len(above) - 1
    wanted = tree.truth(level, truth)
    beams = TreeScorer(above, tree, words, config.window, config.candidates).beams(rows, level)
    found = []
    for row, (nodes, scores) in enumerate(beams):
        true = wanted.indices[wanted.indptr[row] : wanted.indptr[row + 1]].astype(np.int64)
        others = nodes[np.lexsort((nodes, -scores))]
        found.append(np.sort(np.concatenate([true, others[~np.isin(others, true)]])[: config.candidates]))
    return found


def new_module(config: Config, words: Words, truth: sparse.csr_array, run: Run, above: Sequence[AttentionXmlModule]) -> AttentionXmlModule:
    """Starts from the network of the level above, but for the attention, whose nodes are others; without one from word vectors and the
    nodes' mean base rate."""
    torch.manual_seed(run.seed)
    module = AttentionXmlModule(config, words.size, truth.shape[1])
    rate = float(np.clip(truth.sum() / max(1, truth.shape[0] * truth.shape[1]), 1e-6, 1 - 1e-6))
    with torch.no_grad():
        if above:
            state = {name: tensor for name, tensor in above[-1].state_dict().items() if name != "attention"}
            module.load_state_dict({**module.state_dict(), **state})
            return module
        module.embedding.weight.normal_(0, config.vector_scale)
        if config.vectors == "encoder" and words.words:
            vectors = word_vectors(words.words, config.width, config.vector_scale, cache_folder(), run.progress)
            module.embedding.weight[-len(vectors) :] = torch.from_numpy(vectors)
        module.embedding.weight[PADDING] = 0
        module.output.bias.fill_(float(np.log(rate / (1 - rate))))
    return module


FINE_TUNING: Mapping[str, Any] = {"epochs": 3, "learning_rate": 0.0005, "vector_rate": 0.0}
"""Settings that differ from the parent's when a trained AttentionXML is trained on: word vectors stay, so that a child's checkpoint need
not hold them."""


def train(
    config: Config, dataset: Dataset, labels: LabelSpace, run: Run, defence: Defence | None = None, parent: AttentionXml | None = None
) -> AttentionXml:  # fmt: skip
    """Train a network a level on the split "train", on from `parent` if there is one; choose each one's epoch on "dev". Every level
    resumes from a state of its own. InputError for a defence of a tree."""
    words = Words.build(dataset.split("train").texts or (), config.minimum_count, config.vocabulary) if parent is None else parent.words
    tree = _tree(config, dataset, labels, run) if parent is None else parent.tree
    if tree.parents and defence is not None:
        raise InputError(f"a defence needs all labels in one network; raise tree_above to {len(labels):,} or more, or train without a defence")
    modules: list[AttentionXmlModule] = []
    for task in _levels(config, dataset, labels, words, tree, run, modules):
        if parent is not None:
            task.module.load_state_dict(parent.modules[len(modules)].state_dict())
        fit(defended(task, defence, run), config, run, state="state" if not tree.parents else f"state-{len(modules)}")
        modules.append(task.module.eval())
    return AttentionXml(config, labels, words, tree, modules)


def _levels(
    config: Config, dataset: Dataset, labels: LabelSpace, words: Words, tree: Tree, run: Run, modules: list[AttentionXmlModule]
) -> Iterator[AttentionXmlTask]:  # fmt: skip
    """The task of each level, made when those above it are trained."""
    for _ in tree.sizes:
        yield AttentionXmlTask.of(config, dataset, labels, words, tree, run, tuple(modules))


def _tree(config: Config, dataset: Dataset, labels: LabelSpace, run: Run) -> Tree:
    """From the labels' PIFA features over TF-IDF, where there are more labels than are scored at once."""
    if len(labels) <= config.tree_above:
        return Tree(len(labels))
    training = dataset.split("train")
    tfidf = TfIdf.fit(training.texts or (), 2, 200_000, run.progress)
    truth = truth_for(training, dataset.label_names, labels)[0][:, : len(labels)]
    return Tree.build(pifa(truth, tfidf.transform(training.texts or ())), config.max_leaf, config.fan_out, config.top, run.seed)
