"""Classifiers whose every answer is known by hand, for tests of whatever takes a classifier.

`Linear` is a bag of words: score = bias + the weights of its words, so that SHAP, Integrated Gradients and occlusion must
return exactly the weights. `Threshold` turns on a count of trigger words, so that the smallest change that flips it is
known. `Attending` is a tiny transformer with fixed random weights. All of them count the texts they score.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.document import Document
from core.labels import LabelSpace
from core.ranking import top_k
from core.types import Attended, BoolArray, Embedded, IntArray, LabelAttended, MaskMode, Scores, Unit

WORDS: dict[str, tuple[float, ...]] = {
    # word: weight for games, editor, library, network
    "game": (3.0, -0.5, -0.5, 0.0),
    "chess": (2.0, 0.0, -0.25, 0.0),
    "editor": (-1.0, 4.0, 0.0, -0.5),
    "text": (0.0, 1.5, 0.25, 0.0),
    "library": (-1.0, -1.0, 3.5, 0.5),
    "c++": (0.0, 0.5, 1.0, 0.0),
    "network": (0.5, -0.5, 0.5, 3.0),
    "server": (0.25, -1.0, 0.0, 2.5),
    "the": (0.0, 0.0, 0.0, 0.0),
}
LABELS = LabelSpace.of(["games", "editor", "library", "network"], [120, 40, 8, 1], 400)
BIAS = (0.5, 0.0, -0.5, -1.0)
TEXT = "A chess game: the text editor (in C++) needs no network server."


def _chosen(scores: Scores, labels: IntArray | None) -> Scores:
    return scores if labels is None else scores[:, labels]


class Linear:
    """score[label] = BIAS[label] + sum over the words, repeats counted, of WORDS[word][label]. Unknown words weigh 0.

    Maskable, Differentiable (a row's vector is its word's weights, the baseline 0, the gradient 1 in the label's place)
    and Savable. `queries` counts the texts scored in any way, `batches` remembers the size of each call of `score`.
    """

    unit: Unit = "margin"

    def __init__(
        self, weights: dict[str, tuple[float, ...]] = WORDS, labels: LabelSpace = LABELS, bias: Sequence[float] = BIAS, name: str = "toy-linear"
    ):
        self.name = name
        self.labels = labels
        self.weights = {word: np.asarray(row, dtype=np.float32) for word, row in weights.items()}
        self.bias = np.asarray(bias, dtype=np.float32)
        self.digest = hashlib.sha256(repr((weights, labels.names, tuple(bias))).encode()).hexdigest()[:16]
        self.queries = 0
        self.batches: list[int] = []
        self._last: tuple[Document | None, NDArray[np.float32]] = (None, np.zeros((0, len(labels)), dtype=np.float32))
        self._nothing = np.zeros(len(labels), dtype=np.float32)

    def rows(self, document: Document) -> NDArray[np.float32]:
        """The weights of each word: [w, L]. Those of the last document are kept: explainers ask a thousand times."""
        if document is not self._last[0]:
            self._last = document, self._rows(document)
        return self._last[1]

    def _rows(self, document: Document) -> NDArray[np.float32]:
        return np.array([self.weights.get(word.casefold(), self._nothing) for word in document.words], dtype=np.float32).reshape(-1, len(self.labels))

    def score(self, texts: Sequence[str], labels: IntArray | None = None) -> Scores:
        self.batches.append(len(texts))
        self.queries += len(texts)
        found = np.array([self.rows(Document.from_text(text)).sum(axis=0, dtype=np.float64) for text in texts]).reshape(-1, len(self.labels))
        return _chosen((found + self.bias).astype(np.float32), labels)

    def retrieve(self, texts: Sequence[str], k: int) -> tuple[IntArray, Scores]:
        scores = self.score(texts)
        best = top_k(scores, k)
        return best, np.take_along_axis(scores, best, axis=1)

    def words_read(self, document: Document) -> int:
        return len(document)

    def score_masked(self, document: Document, keep: BoolArray, labels: IntArray | None = None, mode: MaskMode = "delete") -> Scores:
        self.queries += len(keep)
        return _chosen((keep.astype(np.float64) @ self.rows(document) + self.bias).astype(np.float32), labels)

    def embed(self, document: Document) -> Embedded:
        rows = self.rows(document)
        return Embedded(rows, np.zeros_like(rows), np.eye(len(document), dtype=np.float32), document.words, "no words")

    def score_embedded(self, embedded: Embedded, vectors: NDArray[np.float32], labels: IntArray | None = None) -> Scores:
        self.queries += len(vectors)
        return _chosen((vectors.sum(axis=1, dtype=np.float64) + self.bias).astype(np.float32), labels)

    def gradient(self, embedded: Embedded, vectors: NDArray[np.float32], labels: IntArray) -> tuple[Scores, NDArray[np.float32]]:
        scores = self.score_embedded(embedded, vectors)
        slopes = np.zeros_like(vectors)
        slopes[np.arange(len(vectors)), :, labels] = 1
        return scores[np.arange(len(vectors)), labels], slopes

    def settings(self) -> dict[str, Any]:
        return {}

    def tensors(self) -> dict[str, NDArray[Any]]:
        return {"weights": np.stack(list(self.weights.values())), "bias": self.bias}

    def files(self) -> dict[str, str]:
        return {"vocabulary.txt": "".join(f"{word}\n" for word in self.weights)}


class Labelwise(Linear):
    """Linear, in which each label attends to the words by the softmax of its own weights for them."""

    def __init__(self) -> None:
        super().__init__(name="toy-labelwise")

    def label_attention(self, document: Document, labels: IntArray) -> LabelAttended:
        self.queries += 1
        grown = np.exp(self.rows(document)[:, labels].T.astype(np.float64))
        weights = (grown / np.maximum(grown.sum(axis=1, keepdims=True), 1e-9)).astype(np.float32)
        return LabelAttended(weights, document.words, np.arange(len(document), dtype=np.int64))


class Threshold:
    """Two labels: 'alarm' scores 1 where a text holds `needed` or more trigger words, else 0; 'calm' is the opposite.

    The smallest change that flips an alarm is known: cut (triggers - needed + 1) words. A Classifier and nothing more.
    """

    unit: Unit = "probability"
    name = "toy-threshold"
    digest = "0" * 16

    def __init__(self, triggers: Sequence[str] = ("fire", "smoke"), needed: int = 2) -> None:
        self.labels = LabelSpace.of(["calm", "alarm"], [50, 3], 53)
        self.triggers = frozenset(triggers)
        self.needed = needed
        self.queries = 0

    def score(self, texts: Sequence[str], labels: IntArray | None = None) -> Scores:
        self.queries += len(texts)
        counts = [sum(word.casefold() in self.triggers for word in Document.from_text(text).words) for text in texts]
        alarm = np.asarray(counts, dtype=np.int64) >= self.needed
        return _chosen(np.stack([~alarm, alarm], axis=1).astype(np.float32), labels)

    def retrieve(self, texts: Sequence[str], k: int) -> tuple[IntArray, Scores]:
        scores = self.score(texts)
        best = top_k(scores, k)
        return best, np.take_along_axis(scores, best, axis=1)

    def words_read(self, document: Document) -> int:
        return len(document)


class Attending(Linear):
    """Two layers of two-headed self-attention over [CLS] and at most `window` words, with random weights of a fixed seed.

    Attentive, and differentiable with curvature. Its first token belongs to no word, as in real transformers.
    """

    unit: Unit = "logit"
    layers, heads, width = 2, 2, 8

    def __init__(self, labels: LabelSpace = LABELS, window: int = 64, seed: int = 0) -> None:
        super().__init__(labels=labels, name="toy-attending")
        rng = np.random.default_rng(seed)
        self.window = window
        self.digest = f"{seed:016x}"
        shape = (self.layers, self.heads, self.width, self.width // self.heads)
        self.query, self.key, self.content = (rng.normal(0, 0.6, shape).astype(np.float32) for _ in range(3))
        self.output = rng.normal(0, 1, (self.width, len(labels))).astype(np.float32)

    def words_read(self, document: Document) -> int:
        return min(len(document), self.window)

    def embed(self, document: Document) -> Embedded:
        read = document.words[: self.window]
        vectors = np.stack([self._vector("[CLS]"), *(self._vector(word.casefold()) for word in read)])
        owner = np.zeros((len(vectors), len(document)), dtype=np.float32)
        owner[np.arange(1, len(vectors)), np.arange(len(read))] = 1
        return Embedded(vectors, np.zeros_like(vectors), owner, ("[CLS]", *read), "zero vectors")

    def _vector(self, word: str) -> NDArray[np.float32]:
        seed = int.from_bytes(hashlib.sha256(word.encode("utf-8", "surrogatepass")).digest()[:8], "big")
        return np.random.default_rng(seed).normal(0, 1, self.width).astype(np.float32)

    def _forward(self, vectors: Any) -> tuple[Any, list[Any]]:
        """Rows [n, T, d], torch -> scores [n, L] and the attention [n, heads, T, T] of each layer."""
        import torch

        weights = []
        for layer in range(self.layers):
            query, key, content = (
                torch.einsum("ntd,hde->nhte", vectors, torch.from_numpy(w[layer]).to(vectors.dtype)) for w in (self.query, self.key, self.content)
            )
            weights.append(torch.softmax(query @ key.transpose(2, 3) / self.width**0.5, dim=-1))  # [n, heads, T, T]
            vectors = vectors + (weights[-1] @ content).transpose(1, 2).flatten(2)  # [n, T, d]
        return vectors[:, 0] @ torch.from_numpy(self.output).to(vectors.dtype), weights

    def score_embedded(self, embedded: Embedded, vectors: NDArray[np.float32], labels: IntArray | None = None) -> Scores:
        import torch

        self.queries += len(vectors)
        with torch.inference_mode():
            return _chosen(self._forward(torch.from_numpy(vectors))[0].numpy(), labels)

    def score(self, texts: Sequence[str], labels: IntArray | None = None) -> Scores:
        self.batches.append(len(texts))
        embedded = [self.embed(Document.from_text(text)) for text in texts]
        found = [self.score_embedded(each, each.vectors[None], labels) for each in embedded]
        return np.concatenate([np.zeros((0, len(self.labels) if labels is None else len(labels)), dtype=np.float32), *found])

    def score_masked(self, document: Document, keep: BoolArray, labels: IntArray | None = None, mode: MaskMode = "delete") -> Scores:
        if mode == "delete":
            return self.score([document.keep(row).text for row in keep], labels)
        masked = [document.replace(dict.fromkeys(np.flatnonzero(~row), "mask")).text for row in keep]
        return self.score(masked, labels)

    def gradient(self, embedded: Embedded, vectors: NDArray[np.float32], labels: IntArray) -> tuple[Scores, NDArray[np.float32]]:
        import torch

        self.queries += len(vectors)
        rows = torch.from_numpy(vectors).requires_grad_()
        scores = self._forward(rows)[0].gather(1, torch.from_numpy(labels)[:, None])[:, 0]
        (slopes,) = torch.autograd.grad(scores.sum(), rows)
        return scores.detach().numpy(), slopes.numpy()

    def attention(self, document: Document) -> Attended:
        import torch

        self.queries += 1
        embedded = self.embed(document)
        with torch.inference_mode():
            weights = torch.stack(self._forward(torch.from_numpy(embedded.vectors[None]))[1], dim=1)[0].numpy()
        owner = np.arange(-1, len(embedded.tokens) - 1, dtype=np.int64)
        return Attended(weights, embedded.tokens, owner, np.eye(len(owner), dtype=np.float32)[0])

    def attention_gradient(self, document: Document, label: int) -> NDArray[np.float32]:
        import torch

        self.queries += 1
        rows = torch.from_numpy(self.embed(document).vectors[None]).requires_grad_()
        scores, weights = self._forward(rows)
        return torch.stack(torch.autograd.grad(scores[0, label], weights), dim=1)[0].numpy()
