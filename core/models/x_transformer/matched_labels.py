"""X-Transformer's matcher as a classifier of its own: the label level that fine-tuning trains beside the clusters (matching.py).

It is what a defence attacks while the encoder is being trained, when there are no rankers yet.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from core.document import Document
from core.errors import InputError
from core.labels import LabelSpace
from core.models.parts.encoder import Encoder, PieceTokenizer, batches_by_length, pad
from core.models.x_transformer.network import LABEL_LEVEL, Matcher
from core.ranking import best_of_all
from core.types import Embedded, IntArray, Perturbable, RowKinds, Scores, Unit, Weigh


class MatchedLabels:
    """Logits of the label level. Holds a copy of the trained part as it was when this was made."""

    name = "matcher"
    unit: Unit = "logit"
    row_kinds = RowKinds("hidden states below the trained layers")

    def __init__(self, encoder: Encoder, module: Matcher, tokenizer: PieceTokenizer, labels: LabelSpace) -> None:
        if module.labels is None:
            raise InputError(f"with more than {LABEL_LEVEL:,} labels the matcher scores clusters alone; it cannot be attacked by itself")
        self.encoder, self.tokenizer, self.labels = encoder, tokenizer, labels
        self.module = copy.deepcopy(module).eval().requires_grad_(False)
        h = hashlib.sha256()
        for tensor in self.module.state_dict().values():
            h.update(np.ascontiguousarray(tensor.cpu().numpy()).data)
        self.digest = h.hexdigest()[:16]

    @torch.inference_mode()
    def score(self, texts: Sequence[str], labels: IntArray | None = None) -> Scores:
        rows = [self.tokenizer.tokens(Document.from_text(text), self.encoder.window - 2).ids for text in texts]
        scores = np.empty((len(rows), len(self.labels)), dtype=np.float32)
        device = next(self.module.parameters()).device
        for batch in batches_by_length([len(row) for row in rows]) if rows else []:
            padded = pad([rows[i] for i in batch], self.tokenizer.first, self.tokenizer.last, self.tokenizer.pad)
            ids, mask = (part.to(device) for part in padded)
            scores[batch] = self.module(self.encoder.lower(mask, ids=ids), mask)[1].float().cpu().numpy()
        return scores if labels is None else scores[:, labels]

    def retrieve(self, texts: Sequence[str], k: int) -> tuple[IntArray, Scores]:
        return best_of_all(self, texts, k)

    # -- gradients, with respect to the hidden states that the trained layers read

    @torch.inference_mode()
    def embed(self, document: Document) -> Embedded:
        """Rows are the document's hidden states below the trained layers; the baseline is zero, which no text has."""
        tokens = self.tokenizer.tokens(document, self.encoder.window - 2)
        ids, mask = (part.to(self._device) for part in pad([tokens.ids], self.tokenizer.first, self.tokenizer.last, self.tokenizer.pad))
        vectors = self.encoder.lower(mask, ids=ids)[0].cpu().numpy()
        own = np.zeros((len(vectors), len(document)), dtype=np.float32)
        place = 1 + np.flatnonzero(tokens.owner >= 0)
        own[place, tokens.owner[place - 1]] = 1
        return Embedded(vectors, np.zeros_like(vectors), own, self.tokenizer.names(ids[0].tolist()), "zero in the place of every hidden state")

    def score_embedded(self, embedded: Embedded, vectors: NDArray[np.float32], labels: IntArray | None = None) -> Scores:
        with torch.inference_mode():
            scores: Scores = self._logits(torch.from_numpy(vectors)).cpu().numpy()
        return scores if labels is None else scores[:, labels]

    def gradient(self, embedded: Embedded, vectors: NDArray[np.float32], labels: IntArray) -> tuple[Scores, NDArray[np.float32]]:
        chosen = np.zeros((len(vectors), len(self.labels)), dtype=np.float32)
        chosen[np.arange(len(vectors)), labels] = 1
        scores, slopes = self.weighted_gradient(embedded, vectors, lambda found: chosen)
        return scores[np.arange(len(vectors)), labels], slopes

    def perturbable(self, embedded: Embedded) -> Perturbable:
        return Perturbable.of(embedded, len(embedded.tokens))

    @torch.enable_grad()  # the loop validates without gradients, and a defence attacks in validation
    def weighted_gradient(self, embedded: Embedded, vectors: NDArray[np.float32], weigh: Weigh) -> tuple[Scores, NDArray[np.float32]]:
        leaf = torch.from_numpy(np.array(vectors)).requires_grad_(True)
        logits = self._logits(leaf)
        scores: Scores = logits.detach().cpu().numpy()
        weights = torch.from_numpy(np.asarray(weigh(scores), dtype=np.float32)).to(logits.device)
        (slopes,) = torch.autograd.grad((logits * weights).sum(), leaf)
        return scores, slopes.numpy()

    def _logits(self, vectors: torch.Tensor) -> torch.Tensor:
        mask = torch.ones(vectors.shape[:2], dtype=torch.long, device=self._device)
        found: torch.Tensor = self.module(vectors.to(self._device), mask)[1]
        return found.float()

    @property
    def _device(self) -> torch.device:
        return next(self.module.parameters()).device

    def words_read(self, document: Document) -> int:
        owner = self.tokenizer.tokens(document, self.encoder.window - 2).owner
        return int(owner.max(initial=-1)) + 1
