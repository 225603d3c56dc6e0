"""AttentionXml, the classifier. What it computes, and from which paper: the package's own page."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from core import fields
from core.checkpoint import Saved
from core.document import Document
from core.errors import CheckpointError, InputError, SettingsError
from core.labels import LabelSpace
from core.models.attention_xml.contributions import attention_xml_contributions
from core.models.attention_xml.network import AttentionXmlModule, Config
from core.models.attention_xml.scoring import TreeScorer
from core.models.attention_xml.tree import Tree
from core.models.parts.words import Words
from core.ranking import best_of_all
from core.types import BoolArray, Contributions, Embedded, IntArray, LabelAttended, MaskMode, Perturbable, RowKinds, Scores, Unit, Weigh


class AttentionXml:
    """Word vectors, a BiLSTM and label-wise attention (AttentionXML), over a shallow tree where there are many labels."""

    KIND = "attention-xml"
    unit: Unit = "logit"
    row_kinds = RowKinds("word vectors")

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

    def contributions(self, before: Document, after: Document, label: int) -> Contributions:
        return attention_xml_contributions(self, before, after, label)

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
        return self.words.files()

    @classmethod
    def load(cls, saved: Saved) -> Self:
        """Raises CheckpointError for settings, words, tree or tensors that do not fit together."""
        try:
            config = fields.from_json(Config, saved.settings)
            words = Words.load(saved)
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
