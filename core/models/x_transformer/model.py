"""XTransformer, the classifier. What it computes, and from which paper: the package's own page."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from core.checkpoint import Saved
from core.document import Document
from core.errors import InputError
from core.fields import from_json, to_json
from core.labels import LabelSpace
from core.models.parts.encoder import Encoder, PieceTokenizer, batches_by_length, pad
from core.models.parts.one_vs_rest import dense_rows, margins
from core.models.parts.tfidf import TfIdf
from core.models.x_transformer.contributions import x_transformer_contributions
from core.models.x_transformer.network import Config, Weights, unit_rows
from core.ranking import top_k
from core.types import Attended, BoolArray, Contributions, Embedded, IntArray, MaskMode, Perturbable, RowKinds, Scores, Unit, Weigh


@dataclass(frozen=True)
class XEmbedded(Embedded):
    """An embedded document whose first `positions` rows are token vectors and whose others hold, in their first coordinate,
    the TF-IDF value of feature `columns[i]`: both branches that a score depends on, so that attributions are complete."""

    positions: int
    columns: IntArray


class XTransformer:
    """Label tree, fine-tuned MiniLM matcher, and linear rankers on its embedding and on TF-IDF of words and bigrams."""

    KIND = "x-transformer"
    unit: Unit = "margin"
    row_kinds = RowKinds("input word-piece vectors", "TF-IDF values")

    def __init__(
        self, config: Config, labels: LabelSpace, encoder: Encoder, tokenizer: PieceTokenizer, tfidf: TfIdf, weights: Weights,
        name: str = "x-transformer", digest: str = "",
    ) -> None:  # fmt: skip
        self.config, self.labels, self.name, self.digest = config, labels, name, digest
        self.encoder, self.tokenizer, self.tfidf, self.weights = encoder.requires_grad_(False).eval(), tokenizer, tfidf, weights
        self._eager: Encoder | None = None
        self._lock = threading.Lock()

    # -- scores

    def score(self, texts: Sequence[str], labels: IntArray | None = None) -> Scores:
        documents = [Document.from_text(text) for text in texts]
        rows = [self.tokenizer.tokens(document, self.encoder.window - 2).ids for document in documents]
        return self._score(self.pool(rows), self.tfidf.transform(texts), labels)

    def score_masked(self, document: Document, keep: BoolArray, labels: IntArray | None = None, mode: MaskMode = "delete") -> Scores:
        rows = self.tokenizer.masked(document, keep, mode, self.encoder.window - 2)
        return self._score(self.pool(rows), self.tfidf.masked(document, keep, mode), labels)

    @torch.inference_mode()
    def pool(self, rows: Sequence[IntArray]) -> NDArray[np.float32]:
        """Token rows (without special tokens) -> mean-pooled vectors [n, d], batched by length, equal rows read once."""
        places: dict[bytes, int] = {}
        place = np.asarray([places.setdefault(row.tobytes(), len(places)) for row in rows], dtype=np.int64)
        distinct: list[IntArray] = [rows[i] for i in np.unique(place, return_index=True)[1]]
        pooled = np.zeros((len(distinct), self.encoder.width), dtype=np.float32)
        device = next(self.encoder.parameters()).device
        for batch in batches_by_length([len(row) for row in distinct]) if distinct else []:
            ids, mask = pad([distinct[i] for i in batch], self.tokenizer.first, self.tokenizer.last, self.tokenizer.pad)
            ids, mask = ids.to(device), mask.to(device)
            pooled[batch] = self.encoder.pooled(self.encoder.lower(mask, ids=ids), mask).cpu().numpy()
        return pooled[place]

    def cluster_logits(self, pooled: NDArray[np.float32]) -> NDArray[np.float32]:
        """The matcher's logits over clusters [n, K]."""
        return pooled @ self.weights.head.T + self.weights.head_bias

    def _score(self, pooled: NDArray[np.float32], features: sparse.csr_array, labels: IntArray | None) -> Scores:
        w, chosen = self.weights, slice(None) if labels is None else labels
        scores = unit_rows(pooled) @ w.embedding[chosen].T + w.bias[chosen] + margins(features, w.words, labels)
        log_sigmoid = -np.logaddexp(0, -self.cluster_logits(pooled))
        return np.asarray(scores + self.config.matcher_weight * log_sigmoid[:, w.cluster[chosen]], dtype=np.float32)

    def retrieve(self, texts: Sequence[str], k: int) -> tuple[IntArray, Scores]:
        rows = [self.tokenizer.tokens(Document.from_text(text), self.encoder.window - 2).ids for text in texts]
        pooled = self.pool(rows)
        scores = self._score(pooled, self.tfidf.transform(texts), None)
        beam = top_k(self.cluster_logits(pooled), self.config.beam)
        inside = np.zeros((len(texts), len(self.weights.head)), dtype=np.bool_)
        np.put_along_axis(inside, beam, True, axis=1)
        scores = np.where(inside[:, self.weights.cluster], scores, -np.inf).astype(np.float32)
        best = top_k(scores, k)
        found = np.take_along_axis(scores, best, axis=1)
        return np.where(np.isfinite(found), best, -1), found

    def words_read(self, document: Document) -> int:
        """All of them: the encoder stops at its window, TF-IDF does not."""
        return len(document)

    def words_encoded(self, document: Document) -> int:
        """How many first words the encoder reads; later words count through TF-IDF only."""
        owner = self.tokenizer.tokens(document, self.encoder.window - 2).owner
        return int(owner.max(initial=-1)) + 1

    def contributions(self, before: Document, after: Document, label: int) -> Contributions:
        return x_transformer_contributions(self, before, after, label)

    # -- gradients

    def embed(self, document: Document) -> XEmbedded:
        tokens = self.tokenizer.tokens(document, self.encoder.window - 2)
        ids = np.concatenate([[self.tokenizer.first], tokens.ids, [self.tokenizer.last]]).astype(np.int64)
        owner = np.concatenate([[-1], tokens.owner, [-1]]).astype(np.int64)
        with torch.inference_mode():
            device = next(self.encoder.parameters()).device
            words = self.encoder.word_vectors(torch.from_numpy(ids).to(device)).cpu().numpy()
            padding = self.encoder.word_vectors(torch.tensor([self.tokenizer.pad], device=device)).cpu().numpy()
        features, shares = self.tfidf.transform([document.text]), self.tfidf.shares(document)
        vectors = np.zeros((len(ids) + features.nnz, self.encoder.width), dtype=np.float32)
        vectors[: len(ids)] = words
        vectors[len(ids) :, 0] = features.data
        baseline = vectors.copy()
        baseline[: len(ids)][owner >= 0] = padding
        baseline[len(ids) :] = 0
        own = np.zeros((len(vectors), len(document)), dtype=np.float32)
        own[np.flatnonzero(owner >= 0), owner[owner >= 0]] = 1
        own[len(ids) :] = shares
        names = (*self.tokenizer.names([int(i) for i in ids]), *(self.tfidf.name(int(c)) for c in features.indices))
        said = "padding vectors for the tokens of all words (special tokens and punctuation stay), no TF-IDF features"
        return XEmbedded(vectors, baseline, own, names, said, len(ids), features.indices.astype(np.int64))

    def score_embedded(self, embedded: Embedded, vectors: NDArray[np.float32], labels: IntArray | None = None) -> Scores:
        embedded = _own(embedded)
        chosen = np.arange(len(self.labels)) if labels is None else labels
        with torch.inference_mode():
            return np.concatenate([self._paths(embedded, torch.from_numpy(part), chosen).numpy() for part in _parts(vectors)])

    @torch.enable_grad()
    def gradient(self, embedded: Embedded, vectors: NDArray[np.float32], labels: IntArray) -> tuple[Scores, NDArray[np.float32]]:
        embedded = _own(embedded)
        scores, gradients = [], []
        distinct, place = np.unique(labels, return_inverse=True)
        for start, part in zip(range(0, len(vectors), _STEP), _parts(vectors), strict=True):
            leaf = torch.from_numpy(np.array(part)).requires_grad_(True)
            paths = self._paths(embedded, leaf, distinct)
            own = paths[torch.arange(len(part)), torch.from_numpy(place[start : start + len(part)])]
            (found,) = torch.autograd.grad(own.sum(), leaf)
            scores.append(own.detach().numpy())
            gradients.append(found.numpy())
        return np.concatenate(scores), np.concatenate(gradients)

    def perturbable(self, embedded: Embedded) -> Perturbable:
        return Perturbable.of(embedded, _own(embedded).positions)

    @torch.enable_grad()
    def weighted_gradient(self, embedded: Embedded, vectors: NDArray[np.float32], weigh: Weigh) -> tuple[Scores, NDArray[np.float32]]:
        leaf = torch.from_numpy(np.array(vectors)).requires_grad_(True)
        paths = self._paths(_own(embedded), leaf, np.arange(len(self.labels)))
        scores = paths.detach().numpy()
        (found,) = torch.autograd.grad(paths, leaf, torch.from_numpy(weigh(scores)))
        return scores, found.numpy()

    def _paths(self, embedded: XEmbedded, vectors: Tensor, labels: IntArray) -> Tensor:
        """Scores [n, m] as a function of vectors [n, T, d]; the same sum as `_score`."""
        device = next(self.encoder.parameters()).device
        mask = torch.ones((len(vectors), embedded.positions), dtype=torch.long, device=device)
        tokens = vectors[:, : embedded.positions].to(device)
        pooled = self.encoder.pooled(self.encoder.lower(mask, vectors=tokens), mask).cpu()
        return self._head(pooled, labels) + vectors[:, embedded.positions :, 0] @ torch.from_numpy(
            dense_rows(self.weights.words, embedded.columns, labels)
        )

    def _head(self, pooled: Tensor, labels: IntArray) -> Tensor:
        """The part of the score that the embedding decides, bias included: [n, d] -> [n, m]."""
        w = self.weights
        unit = torch.nn.functional.normalize(pooled, dim=-1)
        margins = unit @ torch.from_numpy(w.embedding[labels]).T + torch.from_numpy(w.bias[labels])
        clusters = pooled @ torch.from_numpy(w.head).T + torch.from_numpy(w.head_bias)
        return margins + self.config.matcher_weight * torch.nn.functional.logsigmoid(clusters)[:, torch.from_numpy(w.cluster[labels])]

    # -- attention

    def attention(self, document: Document) -> Attended:
        ids, owner, weights, _ = self._attend(document)
        said = self.tokenizer.names([int(i) for i in ids])
        return Attended(weights.detach().numpy(), said, owner, np.full(len(ids), 1 / len(ids), dtype=np.float32))

    def attention_gradient(self, document: Document, label: int) -> NDArray[np.float32]:
        *_, layers, pooled = self._attend(document, keep=True)
        score = self._head(pooled, np.asarray([self.labels.find(label)]))[0, 0]
        return np.stack([part[0].numpy() for part in torch.autograd.grad(score, layers)])

    def _attend(self, document: Document, keep: bool = False) -> Any:
        """Token ids, owners, attention [layers, heads, T, T] (or, to differentiate, the list of layers) and pooled vector.
        sdpa gives no weights, so an eager copy of the encoder is made the first time somebody looks."""
        with self._lock:
            if self._eager is None:
                eager = Encoder(self.config.encoder, self.config.trained_layers, self.config.window, attention="eager", local=True)
                eager.upper.load_state_dict(self.encoder.upper.state_dict())
                self._eager = eager.requires_grad_(False).eval()
        tokens = self.tokenizer.tokens(document, self.encoder.window - 2)
        ids, mask = pad([tokens.ids], self.tokenizer.first, self.tokenizer.last, self.tokenizer.pad)
        vectors = self._eager.word_vectors(ids).requires_grad_(keep)
        out = self._eager.bert(inputs_embeds=vectors, attention_mask=mask, output_attentions=True)
        if len(out.attentions or ()) != len(self._eager.bert.encoder.layer):
            raise InputError(f"the encoder '{self.config.encoder}' gave no attention weights; it must be loaded with eager attention")
        owner = np.concatenate([[-1], tokens.owner, [-1]]).astype(np.int64)
        layers = list(out.attentions) if keep else torch.stack([layer[0] for layer in out.attentions])
        return ids[0].numpy(), owner, layers, out.last_hidden_state.mean(dim=1)

    # -- saving

    def settings(self) -> Mapping[str, Any]:
        return to_json(self.config)

    def tensors(self) -> Mapping[str, NDArray[Any]]:
        w = self.weights
        half = {"head": w.head, "head_bias": w.head_bias, "embedding": w.embedding, "bias": w.bias, "words.data": w.words.data}
        narrow = np.uint16 if len(self.labels) <= 2**16 else np.int32
        whole = {
            "cluster": w.cluster.astype(np.int32),
            "words.labels": w.words.indices.astype(narrow),
            "words.counts": np.diff(w.words.indptr).astype(np.int32),
        }
        return {**{name: array.astype(np.float16) for name, array in half.items()}, **whole, **self.encoder.trained_state(), **self.tfidf.tensors()}

    def files(self) -> Mapping[str, str]:
        return self.tfidf.files()

    @classmethod
    def load(cls, saved: Saved) -> Self:
        config = from_json(Config, saved.settings)
        encoder = Encoder(config.encoder, config.trained_layers, config.window, local=True)
        encoder.load_trained_state(saved)
        tfidf = TfIdf.load(saved)
        count, width = len(saved.labels), encoder.width
        cluster = saved.ids("cluster", (count,), below=max(1, count))
        clusters = int(cluster.max(initial=-1)) + 1
        words = saved.sparse("words.data", "words.labels", "words.counts", (len(tfidf), count))
        head, head_bias, embedding, bias = (
            saved.tensor(name, shape).astype(np.float32)
            for name, shape in (("head", (clusters, width)), ("head_bias", (clusters,)), ("embedding", (count, width)), ("bias", (count,)))
        )
        weights = Weights(cluster, head, head_bias, words, embedding, bias)
        return cls(
            config, saved.labels, encoder, PieceTokenizer(config.encoder, True, tfidf.words.normaliser), tfidf, weights, saved.name, saved.digest
        )


_STEP = 32
"""Embedded documents that go through the encoder together: 32 x 128 tokens."""


def _parts(vectors: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    return [vectors[start : start + _STEP] for start in range(0, len(vectors), _STEP)]


def _own(embedded: Embedded) -> XEmbedded:
    if not isinstance(embedded, XEmbedded):
        raise InputError("these rows were not embedded by this classifier")
    return embedded
