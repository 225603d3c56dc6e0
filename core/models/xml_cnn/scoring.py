"""XML-CNN's network as a scorer of texts, masked documents and embedded rows. What it computes: __init__.py."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.document import Document
from core.models.parts.substitution import check_words
from core.models.parts.words import PADDING, UNKNOWN, Words
from core.models.xml_cnn.gradient import filter_rows, weighted_gradient
from core.models.xml_cnn.network import SHORTEST, Ragged, XmlCnnModule
from core.models.xml_cnn.substitution import pooled
from core.types import BoolArray, Embedded, IntArray, MaskMode, Scores, Weigh

CHUNK = 16_384
"""Words that are convolved at a time when scoring: the sums of one filter width take 8 MB and stay in the cache."""

SUBSTITUTES = 512
"""Words tried in one place at a time: their sums take 30 MB."""


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
def score_rows(module: XmlCnnModule, rows: Sequence[IntArray], columns: Tensor | None = None) -> Scores:
    """Word ids of each document -> logits [n, L or m]."""
    scores = np.empty((len(rows), module.output.out_features if columns is None else len(columns)), dtype=np.float32)
    for part in _portions(np.asarray([max(len(row), SHORTEST) for row in rows], dtype=np.int64)):
        text = Ragged.of(rows[part])
        distinct, places = np.unique(text.places, return_inverse=True)
        logits = module.forward_from_embeddings(module.embed(distinct), Ragged(places, text.lengths), columns)
        scores[part] = logits.float().cpu().numpy()
    return scores


class CnnScorer:
    """Logits of texts; a document's words after the window are not read."""

    def __init__(self, module: XmlCnnModule, words: Words, window: int) -> None:
        self.module = module.eval().requires_grad_(False)
        self.words, self.window = words, window
        self._filter_rows: tuple[tuple[tuple[int, int], ...], Tensor] | None = None

    @property
    def _device(self) -> torch.device:
        return self.module.embedding.weight.device

    def _ids(self, text: str) -> IntArray:
        return self.words.ids(Document.from_text(text).words[: self.window])

    def _count(self, labels: IntArray | None) -> int:
        return self.module.output.out_features if labels is None else len(labels)

    def _columns(self, labels: IntArray | None) -> Tensor | None:
        return None if labels is None else torch.from_numpy(np.asarray(labels, dtype=np.int64)).to(self._device)

    def score(self, texts: Sequence[str], labels: IntArray | None = None) -> Scores:
        """Logits [n, L or m]. An empty text is scored as padding alone."""
        return score_rows(self.module, [self._ids(text) for text in texts], self._columns(labels))

    def words_read(self, document: Document) -> int:
        return min(len(document), self.window)

    @torch.inference_mode()
    def score_masked(self, document: Document, keep: BoolArray, labels: IntArray | None = None, mode: MaskMode = "delete") -> Scores:
        """Logits [n, L or m]. Products are made once for the document; a row costs only its gathers and the bottleneck.
        Equal rows of `keep` are scored once. mode "mask" puts the unknown word in a removed word's place."""
        # Words past the window are read only where words before them are cut out.
        cut = int((~keep).sum(axis=1).max()) if mode == "delete" and len(keep) else 0
        keep = keep[:, : self.window + cut]
        ids = self.words.ids(document.words[: self.window + cut])
        distinct, places = np.unique(np.append(ids, [PADDING, UNKNOWN]), return_inverse=True)
        places, padding, unknown = places[:-2], int(places[-2]), int(places[-1])
        products = self.module.products(self.module.embed(distinct))
        columns = self._columns(labels)
        packed, first, again = np.unique(np.packbits(keep, axis=1), axis=0, return_index=True, return_inverse=True)
        window = self.window
        rows = [places[keep[i]][:window] if mode == "delete" else np.where(keep[i, :window], places[:window], unknown) for i in first]
        scores = np.empty((len(packed), self._count(labels)), dtype=np.float32)
        for part in _portions(np.asarray([max(len(row), SHORTEST) for row in rows])):
            filled = [np.append(row, np.full(max(0, SHORTEST - len(row)), padding)) for row in rows[part]]
            text = Ragged(np.concatenate(filled), np.asarray([len(row) for row in filled]))
            scores[part] = self.module.logits(self.module.hidden(self.module.pool(products, text)), columns).cpu().numpy()
        return scores[again.ravel()]

    @torch.inference_mode()
    def score_substituted(self, document: Document, position: int, words: Sequence[str]) -> Scores:
        """[n, L] for n words put in place of one: only the runs it stands in are summed anew. Equal ids are scored once; past the
        window nothing changes."""
        check_words(document, position, words)
        ids = self.words.ids(document.words[: self.window])
        if position >= self.window or not words:
            return np.repeat(score_rows(self.module, [ids]), len(words), axis=0)
        distinct, again = np.unique(self.words.ids(words), return_inverse=True)
        parts = [
            self.module.logits(self.module.hidden(pooled(self.module, ids, position, distinct[start : start + SUBSTITUTES])))
            for start in range(0, len(distinct), SUBSTITUTES)
        ]
        return torch.cat(parts).cpu().numpy()[again]

    @torch.inference_mode()
    def embed(self, document: Document) -> Embedded:
        """The vectors of the words in the window; each row is its word's own."""
        read = self.words_read(document)
        vectors = self.module.embed(self.words.ids(document.words[:read])).cpu().numpy().reshape(read, self.module.embedding.embedding_dim)
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
        scores = np.empty((len(vectors), self._count(labels)), dtype=np.float32)
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

    def weighted_gradient(self, embedded: Embedded, vectors: NDArray[np.float32], weigh: Weigh) -> tuple[Scores, NDArray[np.float32]]:
        rows = torch.from_numpy(np.array(vectors, dtype=np.float32)).to(self._device)
        scores, slopes = weighted_gradient(self.module, self._filters(), rows, weigh)
        return scores, slopes.cpu().numpy()

    def _filters(self) -> Tensor:
        """`filter_rows`, made again where the weights were changed or moved."""
        key = tuple((weight.data_ptr(), weight._version) for weight in self.module.filters.values())
        if self._filter_rows is None or self._filter_rows[0] != key:
            self._filter_rows = key, filter_rows(self.module)
        return self._filter_rows[1]
