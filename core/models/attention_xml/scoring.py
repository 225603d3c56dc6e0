"""AttentionXML's networks as a scorer of texts, masked documents and embedded rows. What they compute: __init__.py."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.document import Document
from core.models.attention_xml.network import AttentionXmlModule, Padded
from core.models.attention_xml.tree import Tree
from core.models.parts.paths import joint_logit
from core.models.parts.words import UNKNOWN, Words
from core.types import BoolArray, Embedded, IntArray, MaskMode, Scores, Weigh

WORDS = 8_192
"""Words, padding included, that go through the LSTMs at a time."""

NUMBERS = 2**21
"""Numbers that attention and bottleneck may hold at a time: 8 MB."""

NODES = 4_096
"""Nodes of a level that are scored at a time, where no gradient is asked for."""

Beam = tuple[IntArray, Scores]
"""Nodes that a document's beam reached, by their id, and the log-odds of the paths to them."""


class TreeScorer:
    """Log-odds of labels, along their paths if there is a tree; a document's words after the window are not read.

    `modules`: the network of each level, the labels' last; without a tree there is that one alone. They must be in evaluation mode."""

    def __init__(self, modules: Sequence[AttentionXmlModule], tree: Tree, words: Words, window: int, candidates: int) -> None:
        self.modules = nn.ModuleList(modules)
        self.tree, self.words, self.window, self.candidates = tree, words, window, candidates

    @property
    def _networks(self) -> list[AttentionXmlModule]:
        return [module for module in self.modules if isinstance(module, AttentionXmlModule)]

    @property
    def width(self) -> int:
        """Of a row: a word's vectors in all levels' networks, one after the other."""
        return sum(module.embedding.embedding_dim for module in self._networks)

    def rows(self, texts: Sequence[str]) -> list[IntArray]:
        return [self.words.ids(Document.from_text(text).words[: self.window]) for text in texts]

    # -- scores of rows of word ids

    @torch.inference_mode()
    def score_rows(self, rows: Sequence[IntArray], labels: IntArray | None = None) -> Scores:
        """Word ids of each document -> log-odds [n, L or m]."""
        chosen = np.arange(self.tree.labels) if labels is None else np.asarray(labels, dtype=np.int64)
        scores = np.empty((len(rows), len(chosen)), dtype=np.float32)
        for part in self._portions([len(row) for row in rows], len(chosen)):
            text = Padded.of([rows[i] for i in part])
            scores[part] = self._paths(text, [self._vectors(module, text) for module in self._networks], chosen).cpu().numpy()
        return scores

    def _portions(self, lengths: Sequence[int], columns: int) -> Iterator[IntArray]:
        """Documents of similar length, as many as fit into WORDS and NUMBERS."""
        order = np.argsort(np.asarray(lengths, dtype=np.int64), kind="stable")
        widest = max(module.bottleneck.out_features for module in self._networks)
        start = 0
        for end in range(1, len(order) + 1):
            longest = max(1, lengths[order[end]]) if end < len(order) else 0
            many = end - start + 1
            if end == len(order) or many * longest > WORDS or many * max(longest, widest) * min(max(1, columns), NODES) > NUMBERS:
                yield order[start:end]
                start = end

    def _vectors(self, module: AttentionXmlModule, text: Padded) -> Tensor:
        """[B, T, d]"""
        distinct, again = text.distinct()
        return module.embed(distinct)[torch.from_numpy(again.places).to(module.start.device)]

    def _paths(self, text: Padded, vectors: Sequence[Tensor], labels: IntArray) -> Tensor:
        """Vectors [B, T, d] of each level -> log-odds of the paths to the labels [B, m]."""
        found: Tensor | None = None
        for module, own, level in zip(self._networks, vectors, self.tree.paths, strict=True):
            nodes, place = np.unique(level[labels], return_inverse=True)
            logits = self._level(module, text, own, nodes)[:, torch.from_numpy(place).to(own.device)]
            found = logits if found is None else joint_logit(found, logits)
        if found is None:
            raise AssertionError("a tree has at least the level of the labels")
        return found

    def _level(self, module: AttentionXmlModule, text: Padded, vectors: Tensor, nodes: IntArray) -> Tensor:
        """One level's logits of some nodes [B, m]."""
        lengths, real = (torch.from_numpy(array).to(vectors.device) for array in (text.lengths, text.real))
        hidden = module.encode(vectors, lengths)
        step = max(1, len(nodes)) if torch.is_grad_enabled() else NODES
        parts = [torch.from_numpy(nodes[start : start + step]).to(vectors.device) for start in range(0, max(1, len(nodes)), step)]
        return torch.cat([module.logits(hidden, module.attended(hidden, real, part)) for part in parts], dim=1)

    @torch.inference_mode()
    def beams(self, rows: Sequence[IntArray], last: int) -> list[Beam]:
        """For each document the nodes of level `last` below its best candidates, level by level (ties by id)."""
        found: list[Beam] = [(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32))] * len(rows)
        columns = self.tree.sizes[0] if last == 0 else self.candidates * 8
        for part in self._portions([len(row) for row in rows], columns):
            text = Padded.of([rows[i] for i in part])
            every = np.arange(self.tree.sizes[0], dtype=np.int64)
            first = self._level(self._networks[0], text, self._vectors(self._networks[0], text), every).cpu().numpy()
            beams: list[Beam] = [(every, scores) for scores in first]
            for level in range(last):
                beams = self._below(text, beams, level)
            for row, beam in zip(part, beams, strict=True):
                found[row] = beam
        return found

    def _below(self, text: Padded, beams: Sequence[Beam], level: int) -> list[Beam]:
        """From the nodes of one level that each document's beam reached, those of the next."""
        module, nodes, above = self._networks[level + 1], [], []
        for own, scores in beams:
            best = np.lexsort((own, -scores))[: self.candidates]
            below = [self.tree.children(level, own[[i]]) for i in best]
            nodes.append(np.concatenate(below))
            above.append(np.repeat(scores[best], [len(each) for each in below]))
        most = max(len(each) for each in nodes)
        padded = np.stack([np.pad(each, (0, most - len(each))) for each in nodes])
        # Every id's own row of the table stands at its places.
        logits = module(text, module.embedding.weight, torch.from_numpy(padded).to(module.start.device)).cpu()
        found = []
        for own, scores, row in zip(nodes, above, logits, strict=True):
            order = np.argsort(own, kind="stable")
            path = joint_logit(torch.from_numpy(scores), row[: len(own)]).numpy()
            found.append((own[order], path[order]))
        return found

    @torch.inference_mode()
    def attention(self, document: Document, labels: IntArray) -> NDArray[np.float32]:
        """How much each label reads from each word of the window [m, T]; rows sum to 1."""
        module = self._networks[-1]
        text = Padded.of([self.words.ids(document.words[: self.window])])
        lengths, real = (torch.from_numpy(array).to(module.start.device) for array in (text.lengths, text.real))
        hidden = module.encode(self._vectors(module, text), lengths)
        found: NDArray[np.float32] = module.attended(hidden, real, torch.from_numpy(labels).to(hidden.device))[0].cpu().numpy()
        return found[:, : len(document)]

    # -- masks

    def score_masked(self, document: Document, keep: BoolArray, labels: IntArray | None = None, mode: MaskMode = "delete") -> Scores:
        """[n, L or m]. Equal rows of `keep` are scored once. mode "mask" puts the unknown word in a removed word's place."""
        # Words past the window are read only where words before them are cut out.
        cut = int((~keep).sum(axis=1).max()) if mode == "delete" and len(keep) else 0
        keep, window = keep[:, : self.window + cut], self.window
        ids = self.words.ids(document.words[: window + cut])
        first, again = np.unique(np.packbits(keep, axis=1), axis=0, return_index=True, return_inverse=True)[1:]
        rows = [ids[keep[i]][:window] if mode == "delete" else np.where(keep[i, :window], ids[:window], UNKNOWN) for i in first]
        return self.score_rows(rows, labels)[again.ravel()]

    # -- rows of vectors

    @torch.inference_mode()
    def embed(self, document: Document) -> Embedded:
        """The vectors of the words in the window; each row is its word's own."""
        ids = self.words.ids(document.words[: self.window])
        vectors = np.concatenate([module.embed(ids).cpu().numpy() for module in self._networks], axis=1).reshape(len(ids), self.width)
        owner = np.eye(len(ids), len(document), dtype=np.float32)
        return Embedded(vectors, np.zeros_like(vectors), owner, document.words[: len(ids)], "the padding vector (zero) in every place")

    def score_embedded(self, vectors: NDArray[np.float32], labels: IntArray | None = None) -> Scores:
        chosen = np.arange(self.tree.labels) if labels is None else np.asarray(labels, dtype=np.int64)
        scores = np.empty((len(vectors), len(chosen)), dtype=np.float32)
        with torch.inference_mode():
            for part in self._portions([vectors.shape[1]] * len(vectors), len(chosen)):
                scores[part] = self._embedded_paths(torch.from_numpy(vectors[part]), chosen).cpu().numpy()
        return scores

    def gradient(self, vectors: NDArray[np.float32], labels: IntArray) -> tuple[Scores, NDArray[np.float32]]:
        scores, slopes = np.empty(len(vectors), dtype=np.float32), np.empty(vectors.shape, dtype=np.float32)
        distinct, place = np.unique(labels, return_inverse=True)
        for part in self._portions([vectors.shape[1]] * len(vectors), len(distinct)):
            with torch.enable_grad():
                leaf = torch.from_numpy(vectors[part]).requires_grad_()
                own = self._embedded_paths(leaf, distinct.astype(np.int64))[torch.arange(len(part)), torch.from_numpy(place[part])]
                (found,) = torch.autograd.grad(own.sum(), leaf)
            scores[part], slopes[part] = own.detach().cpu().numpy(), found.numpy()
        return scores, slopes

    def weighted_gradient(self, vectors: NDArray[np.float32], weigh: Weigh) -> tuple[Scores, NDArray[np.float32]]:
        with torch.enable_grad():
            leaf = torch.from_numpy(np.array(vectors, dtype=np.float32)).requires_grad_()
            paths = self._embedded_paths(leaf, np.arange(self.tree.labels))
            scores: Scores = paths.detach().cpu().numpy()
            (slopes,) = torch.autograd.grad(paths, leaf, torch.from_numpy(weigh(scores)).to(paths))
        return scores, slopes.numpy()

    def _embedded_paths(self, vectors: Tensor, labels: IntArray) -> Tensor:
        """[n, T, width] -> [n, m]; a document without words is one zero vector, as `Padded.of` has it."""
        n, length, width = vectors.shape
        rows = vectors if length else vectors.new_zeros(n, 1, width)
        device = self._networks[0].start.device
        levels = torch.split(rows.to(device), [module.embedding.embedding_dim for module in self._networks], dim=2)
        size = rows.shape[1]
        text = Padded(np.zeros((n, size), dtype=np.int64), np.full(n, size, dtype=np.int64))
        # cuDNN's LSTM has no backward pass in evaluation mode.
        with torch.backends.cudnn.flags(enabled=not torch.is_grad_enabled()):
            return self._paths(text, levels, labels)
