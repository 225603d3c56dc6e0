"""AttentionXML: word vectors, a BiLSTM, an attention of its own for each label, and one small MLP that all labels share.

You, Zhang, Wang, Dai, Mamitsuka and Zhu: AttentionXML: Label Tree-based Attention-Aware Deep Model for High-Performance Extreme
Multi-Label Text Classification, NeurIPS 2019.

    words -> vectors -> H = BiLSTM [T, 2h] -> A_j = softmax over words of (H w_j) -> m_j = A_j H -> ReLU(W m_j + b) -> logit of label j

With more labels than `tree_above` a shallow and wide tree of labels (attention_xml_tree.py), a network a level, each started from the
one above; a level is trained on the children of a document's true nodes and of the best predicted ones. A label's score is the
log-odds of its path's probability, the product of the sigmoids along it (paths.py); it is defined for every label, while `retrieve`
follows the best `candidates` nodes of each level.

Deviations, all said here: word vectors start from a sentence encoder instead of GloVe (word_vectors.py) and are trained; the window is
128 words instead of 500 (debtags' documents have 56); words are a Document's own; the learning rate falls to 0 along a line instead of
averaging the weights of late steps (SWA), which serves the same end; gradients are clipped at a fixed norm; one tree instead of three;
lists of candidates are not filled up with random nodes, the places after a shorter one do not count.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from core import fields
from core.checkpoint import Saved
from core.data.clusters import pifa
from core.data.dataset import Dataset, truth_for
from core.document import Document
from core.errors import CheckpointError, InputError, SettingsError
from core.labels import LabelSpace
from core.models.attention_xml_network import AttentionXmlModule, Config
from core.models.attention_xml_scoring import TreeScorer
from core.models.attention_xml_training import AttentionXmlTask
from core.models.attention_xml_tree import Tree
from core.models.tfidf import TfIdf
from core.models.words import Words
from core.ranking import best_of_all
from core.training.defended import Defence, defended
from core.training.loop import fit
from core.training.runs import Run
from core.types import Blame, BoolArray, Embedded, IntArray, LabelAttended, MaskMode, Perturbable, Scores, Unit, Weigh

__all__ = ["AttentionXml", "Config", "train"]


class AttentionXml:
    """Word vectors, a BiLSTM and label-wise attention (AttentionXML), over a shallow tree where there are many labels."""

    KIND = "attention-xml"
    unit: Unit = "logit"

    def __init__(
        self, config: Config, labels: LabelSpace, words: Words, tree: Tree, modules: Sequence[AttentionXmlModule], name: str = "attention-xml",
        digest: str = "",
    ) -> None:  # fmt: skip
        self.config, self.labels, self.words, self.tree, self.name = config, labels, words, tree, name
        self.scorer = TreeScorer(modules, tree, words, config.window, config.candidates)
        self.modules = self.scorer.modules.eval().requires_grad_(False)
        self.digest = digest or _digest(self.modules)

    # -- scores

    def score(self, texts: Sequence[str], labels: IntArray | None = None) -> Scores:
        return self.scorer.score_rows(self.scorer.rows(texts), labels)

    def score_masked(self, document: Document, keep: BoolArray, labels: IntArray | None = None, mode: MaskMode = "delete") -> Scores:
        return self.scorer.score_masked(document, keep, labels, mode)

    def retrieve(self, texts: Sequence[str], k: int) -> tuple[IntArray, Scores]:
        """Along the tree, if there is one; else the k best of all labels."""
        if not self.tree.parents:
            return best_of_all(self, texts, k)
        ids = np.full((len(texts), k), -1, dtype=np.int64)
        best = np.full((len(texts), k), -np.inf, dtype=np.float32)
        for row, (nodes, scores) in enumerate(self.scorer.beams(self.scorer.rows(texts), len(self.tree.parents))):
            order = np.lexsort((nodes, -scores))[:k]
            ids[row, : len(order)], best[row, : len(order)] = nodes[order], scores[order]
        return ids, best

    def words_read(self, document: Document) -> int:
        return min(len(document), self.config.window)

    def blame(self, before: Document, after: Document, label: int) -> Blame:
        from core.models.blame_attention_xml import blame_attention_xml  # which imports this module

        return blame_attention_xml(self, before, after, label)

    # -- attention

    def label_attention(self, document: Document, labels: IntArray) -> LabelAttended:
        weights = self.scorer.attention(document, labels)
        return LabelAttended(weights, document.words[: weights.shape[1]], np.arange(weights.shape[1], dtype=np.int64))

    # -- gradients

    def embed(self, document: Document) -> Embedded:
        return self.scorer.embed(document)

    def score_embedded(self, embedded: Embedded, vectors: NDArray[np.float32], labels: IntArray | None = None) -> Scores:
        return self.scorer.score_embedded(vectors, labels)

    def gradient(self, embedded: Embedded, vectors: NDArray[np.float32], labels: IntArray) -> tuple[Scores, NDArray[np.float32]]:
        return self.scorer.gradient(vectors, labels)

    def perturbable(self, embedded: Embedded) -> Perturbable:
        return Perturbable.of(embedded, len(embedded.tokens))

    def weighted_gradient(self, embedded: Embedded, vectors: NDArray[np.float32], weigh: Weigh) -> tuple[Scores, NDArray[np.float32]]:
        return self.scorer.weighted_gradient(vectors, weigh)

    # -- saving

    def settings(self) -> Mapping[str, Any]:
        return fields.to_json(self.config)

    def tensors(self) -> Mapping[str, NDArray[Any]]:
        """Weights in half precision, a network a level; the node of each node's parent."""
        own = {f"levels.{name}": tensor.cpu().numpy().astype(np.float16) for name, tensor in self.modules.state_dict().items()}
        return {**own, **{f"tree.{level}.parents": above.astype(np.int32) for level, above in enumerate(self.tree.parents)}}

    def files(self) -> Mapping[str, str]:
        return {"words.txt": self.words.to_text()}

    @classmethod
    def load(cls, saved: Saved) -> Self:
        """Raises CheckpointError for settings, words, tree or tensors that do not fit together."""
        try:
            config = fields.from_json(Config, saved.settings)
            words = Words.from_text(saved.file("words.txt"))
            tree = _load_tree(saved, config)
        except (SettingsError, InputError) as error:
            raise CheckpointError(f"checkpoint '{saved.name}': {error}") from error
        with torch.device("meta"):  # only names and shapes: the weights come from the file
            modules = [AttentionXmlModule(config, words.size, nodes) for nodes in tree.sizes]
        for level, module in enumerate(modules):
            state = {
                name: torch.from_numpy(saved.tensor(f"levels.{level}.{name}", tuple(wanted.shape)).astype(np.float32))
                for name, wanted in module.state_dict().items()
            }
            module.load_state_dict(state, assign=True)
        return cls(config, saved.labels, words, tree, modules, saved.name, saved.digest)


def _load_tree(saved: Saved, config: Config) -> Tree:
    """The tree, none for few labels. Each level's numbers are checked against the one above."""
    count = len(saved.labels)
    if count <= config.tree_above:
        return Tree(count)
    levels = sorted(int(name.split(".")[1]) for name in saved.tensors if name.startswith("tree."))
    parents = [saved.ids(f"tree.{level}.parents", (None,), below=max(1, count)) for level in range(len(levels) or 1)]
    return Tree(count, tuple(parents))


def _digest(module: nn.Module) -> str:
    """Names weights that are not in a checkpoint (yet)."""
    h = hashlib.sha256()
    for name, tensor in module.state_dict().items():
        h.update(name.encode() + tensor.cpu().numpy().tobytes())
    return h.hexdigest()[:16]


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
