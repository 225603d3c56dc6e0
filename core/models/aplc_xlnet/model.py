"""AplcXlnet, the classifier. What it computes, and from which paper: the package's own page."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.checkpoint import Saved
from core.document import Document
from core.errors import InputError
from core.fields import to_json
from core.labels import LabelSpace
from core.models.aplc_xlnet.contributions import aplc_xlnet_contributions
from core.models.aplc_xlnet.network import AplcModule, Clusters, Config, path_logits
from core.models.aplc_xlnet.saving import Kept, loaded, stored
from core.models.parts import adapters
from core.models.parts.encoder import PieceTokenizer, batches_by_length, pad
from core.models.parts.xlnet_encoder import AnyEncoder, XlnetEncoder, encoder_for
from core.ranking import best_of_all
from core.types import Attended, BoolArray, Contributions, Embedded, IntArray, MaskMode, Perturbable, RowKinds, Scores, Unit, Weigh

STEP = 32
"""Embedded documents that go through the encoder together where gradients are asked for."""


class AplcXlnet:
    """A pretrained encoder with adaptive probabilistic label clusters (APLC-XLNet); reads with MiniLM where nothing else is asked for."""

    KIND = "aplc-xlnet"
    unit: Unit = "logit"
    row_kinds = RowKinds("input word-piece vectors")

    def __init__(
        self, config: Config, labels: LabelSpace, encoder: AnyEncoder, tokenizer: PieceTokenizer, clusters: Clusters, module: AplcModule,
        kept: Kept, name: str = "aplc-xlnet", digest: str = "",
    ) -> None:  # fmt: skip
        """`module` holds whole layers, to which adapters are added already; of `encoder` only what lies below them is used."""
        self.config, self.labels, self.name, self.clusters = config, labels, name, clusters
        self.encoder, self.tokenizer, self.kept = encoder.requires_grad_(False).eval(), tokenizer, kept
        self.module = module.requires_grad_(False).eval()
        self.digest = digest or _digest(module)
        self._reader: AnyEncoder | None = None
        self._lock = threading.Lock()

    @classmethod
    def trained(
        cls, config: Config, labels: LabelSpace, encoder: AnyEncoder, tokenizer: PieceTokenizer, clusters: Clusters, module: AplcModule
    ) -> Self:  # fmt: skip
        """From a module as it was trained, whose adapters are added to its layers here."""
        kept = Kept(adapters.taken(module.layers) if config.adapter_rank else module.layers.state_dict())
        adapters.merge(module.layers)
        return cls(config, labels, encoder, tokenizer, clusters, module, kept)

    # -- scores

    @property
    def _device(self) -> torch.device:
        return self.module.summary.weight.device

    @property
    def _room(self) -> int:
        """Tokens of a document that are read, without the special ones."""
        return self.encoder.window - 2

    def score(self, texts: Sequence[str], labels: IntArray | None = None) -> Scores:
        return self._score_rows([self.tokenizer.tokens(Document.from_text(text), self._room).ids for text in texts], labels)

    def score_masked(self, document: Document, keep: BoolArray, labels: IntArray | None = None, mode: MaskMode = "delete") -> Scores:
        return self._score_rows(self.tokenizer.masked(document, keep, mode, self._room), labels)

    @torch.inference_mode()
    def _score_rows(self, rows: Sequence[IntArray], labels: IntArray | None) -> Scores:
        """Token rows without special tokens -> [n, L or m]: batched by length, equal rows read once."""
        places: dict[bytes, int] = {}
        place = np.asarray([places.setdefault(row.tobytes(), len(places)) for row in rows], dtype=np.int64)
        distinct: list[IntArray] = [rows[i] for i in np.unique(place, return_index=True)[1]] if len(rows) else []
        columns = self._columns(labels)
        scores = np.empty((len(distinct), len(columns)), dtype=np.float32)
        for batch in batches_by_length([len(row) for row in distinct]) if distinct else []:
            padded = pad([distinct[i] for i in batch], self.tokenizer.before, self.tokenizer.after, self.tokenizer.pad)
            ids, mask = (part.to(self._device) for part in padded)
            outputs = self.module(self.encoder.lower(mask, ids=ids), mask)
            scores[batch] = path_logits(outputs)[:, columns].float().cpu().numpy()
        return scores[place]

    def _columns(self, labels: IntArray | None) -> Tensor:
        """The places of chosen labels, or of all by id."""
        places = self.clusters.places
        return torch.from_numpy(places if labels is None else places[np.asarray(labels, dtype=np.int64)]).to(self._device)

    def retrieve(self, texts: Sequence[str], k: int) -> tuple[IntArray, Scores]:
        """The k best of all labels: there is no beam."""
        return best_of_all(self, texts, k)

    def words_read(self, document: Document) -> int:
        owner = self.tokenizer.tokens(document, self._room).owner
        return int(owner.max(initial=-1)) + 1

    def contributions(self, before: Document, after: Document, label: int) -> Contributions:
        return aplc_xlnet_contributions(self, before, after, label)

    # -- gradients

    def read(self, document: Document) -> tuple[IntArray, IntArray]:
        """Token ids with the special ones, and the owner word of each, -1 for special tokens and punctuation: [T] each."""
        tokens, before, after = self.tokenizer.tokens(document, self._room), self.tokenizer.before, self.tokenizer.after
        ids = np.concatenate([np.asarray(before, dtype=np.int64), tokens.ids, np.asarray(after, dtype=np.int64)])
        return ids, np.concatenate([np.full(len(before), -1), tokens.owner, np.full(len(after), -1)]).astype(np.int64)

    def embed(self, document: Document) -> Embedded:
        ids, owner = self.read(document)
        with torch.inference_mode():
            words = self.encoder.word_vectors(torch.from_numpy(ids).to(self._device)).cpu().numpy()
            padding = self.encoder.word_vectors(torch.tensor([self.tokenizer.pad], device=self._device)).cpu().numpy()
        baseline = words.copy()
        baseline[owner >= 0] = padding
        own = np.zeros((len(ids), len(document)), dtype=np.float32)
        own[np.flatnonzero(owner >= 0), owner[owner >= 0]] = 1
        said = "padding vectors for the tokens of all words (special tokens and punctuation stay)"
        return Embedded(words, baseline, own, self.tokenizer.names([int(i) for i in ids]), said)

    def score_embedded(self, embedded: Embedded, vectors: NDArray[np.float32], labels: IntArray | None = None) -> Scores:
        columns = self._columns(labels)
        if not len(vectors):
            return np.empty((0, len(columns)), dtype=np.float32)
        with torch.inference_mode():
            parts = [self._logits(torch.from_numpy(vectors[start : start + STEP]))[:, columns] for start in range(0, len(vectors), STEP)]
            return torch.cat(parts).float().cpu().numpy()

    @torch.enable_grad()
    def gradient(self, embedded: Embedded, vectors: NDArray[np.float32], labels: IntArray) -> tuple[Scores, NDArray[np.float32]]:
        scores, slopes = np.empty(len(vectors), dtype=np.float32), np.empty(vectors.shape, dtype=np.float32)
        columns = self._columns(labels)
        for start in range(0, len(vectors), STEP):
            part = slice(start, start + STEP)
            leaf = torch.from_numpy(np.array(vectors[part])).requires_grad_()
            own = self._logits(leaf).gather(1, columns[part, None])[:, 0]
            (found,) = torch.autograd.grad(own.sum(), leaf)
            scores[part], slopes[part] = own.detach().float().cpu().numpy(), found.numpy()
        return scores, slopes

    def perturbable(self, embedded: Embedded) -> Perturbable:
        return Perturbable.of(embedded, len(embedded.tokens))

    @torch.enable_grad()
    def weighted_gradient(self, embedded: Embedded, vectors: NDArray[np.float32], weigh: Weigh) -> tuple[Scores, NDArray[np.float32]]:
        leaf = torch.from_numpy(np.array(vectors)).requires_grad_()
        logits = self._logits(leaf)[:, self._columns(None)]
        scores: Scores = logits.detach().float().cpu().numpy()
        (slopes,) = torch.autograd.grad(logits, leaf, torch.from_numpy(weigh(scores)).to(logits))
        return scores, slopes.numpy()

    def _logits(self, vectors: Tensor) -> Tensor:
        """Word vectors [n, T, d] of documents of one length -> log-odds by falling frequency [n, L]."""
        mask = torch.ones(vectors.shape[:2], dtype=torch.long, device=self._device)
        return path_logits(self.module(self.encoder.lower(mask, vectors=vectors.to(self._device)), mask))

    # -- attention

    def attention(self, document: Document) -> Attended:
        ids, owner, layers, _ = self._attend(document)
        weights = torch.stack([layer[0] for layer in layers]).detach().cpu().numpy()
        pooling = np.full(len(ids), 1 / len(ids), dtype=np.float32)
        if self.config.pooling == "cls":
            pooling = np.eye(len(ids), dtype=np.float32)[-1 if self.tokenizer.cls_last else 0]
        return Attended(weights, self.tokenizer.names([int(i) for i in ids]), owner, pooling)

    def attention_gradient(self, document: Document, label: int) -> NDArray[np.float32]:
        label = self.labels.find(label)
        with torch.enable_grad():
            _, _, layers, outputs = self._attend(document, keep=True)
            score = path_logits(outputs)[0, int(self.clusters.places[label])]
            return np.stack([part[0].cpu().numpy() for part in torch.autograd.grad(score, layers)])

    def _attend(self, document: Document, keep: bool = False) -> tuple[IntArray, IntArray, list[Tensor], tuple[Tensor, ...]]:
        """Token ids, owners, each layer's attention [1, heads, T, T], and the logits that come of it; to differentiate, with `keep`."""
        ids, owner = self.read(document)
        reader = self._eager()
        mask = torch.ones((1, len(ids)), dtype=torch.long, device=self._device)
        vectors = reader.word_vectors(torch.from_numpy(ids)[None].to(self._device)).requires_grad_(keep)
        if isinstance(reader, XlnetEncoder):
            last, layers = reader.attended(mask, vectors)
        else:
            out = reader.bert(inputs_embeds=vectors, attention_mask=mask, output_attentions=True)
            last, layers = out.last_hidden_state, list(out.attentions or ())
            if len(layers) != len(reader.bert.encoder.layer):
                raise InputError(f"the encoder '{self.config.encoder}' gave no attention weights; it must be loaded with eager attention")
        return ids, owner, layers, self.module.clusters(self.module.pooled(last, mask))

    def _eager(self) -> AnyEncoder:
        """A copy of the whole encoder that shows its attention, made the first time somebody looks."""
        with self._lock:
            if self._reader is None:
                eager = encoder_for(self.config.encoder, self.config.trained_layers, self.config.window, attention="eager", local=True)
                eager.upper.load_state_dict(self.module.layers.state_dict())
                self._reader = eager.requires_grad_(False).eval().to(self._device)
            return self._reader

    # -- saving

    def settings(self) -> Mapping[str, Any]:
        return to_json(self.config)

    def tensors(self) -> Mapping[str, NDArray[Any]]:
        """In half precision, without what the encoder's own files hold."""
        return stored(self.module, self.kept, self.clusters)

    def files(self) -> Mapping[str, str]:
        return self.tokenizer.normaliser.files()

    @classmethod
    def load(cls, saved: Saved) -> Self:
        """Raises CheckpointError for tensors that do not fit together, and for an order that is not by falling frequency."""
        parts = loaded(saved)
        return cls(parts.config, saved.labels, parts.encoder, parts.tokenizer, parts.clusters, parts.module, parts.kept, saved.name, saved.digest)


def _digest(module: AplcModule) -> str:
    """Names weights that are not in a checkpoint (yet)."""
    h = hashlib.sha256()
    for name, tensor in module.state_dict().items():
        h.update(name.encode() + np.ascontiguousarray(tensor.cpu().numpy()).tobytes())
    return h.hexdigest()[:16]
