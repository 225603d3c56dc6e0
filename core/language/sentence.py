"""Sentence embeddings, to say how similar an attacked text still is.

The encoder is the package's own, untouched by any training here, so that a text is never judged by the model it attacks.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from core.document import Document
from core.models.parts.encoder import EMBEDDED, Encoder, PieceTokenizer, batches_by_length, pad
from core.types import FloatArray

WINDOW = 256
"""Tokens of a text that are read, special tokens included, as the published encoder does (its max_seq_length). What comes
later changes no embedding."""
_CACHED = 64


class SentenceEncoder:
    """Mean-pooled, L2-normalised sentence embeddings (Reimers and Gurevych 2019). Safe to share between threads."""

    def __init__(self, name: str, encoder: Encoder, tokenizer: PieceTokenizer) -> None:
        self.name, self.width = name, encoder.width
        self._encoder, self._tokenizer = encoder.requires_grad_(False).eval(), tokenizer
        self._known: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self._lock = threading.Lock()

    @classmethod
    def load(cls, source: str = EMBEDDED, local: bool = False) -> Self:
        """The embedded encoder, or a folder or hub name of a BERT. A hub name makes a request, unless `local`. Raises
        CheckpointError or MissingPackage."""
        encoder = Encoder(source, 0, WINDOW, local=local)
        return cls(source, encoder, PieceTokenizer(source, local=local))

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """[n, width], rows of length 1. Texts of the same tokens are computed once."""
        return self._embed([Document.from_text(text) for text in texts])

    def _embed(self, documents: Sequence[Document]) -> NDArray[np.float32]:
        rows = [self._tokenizer.tokens(document, WINDOW - 2).ids for document in documents]
        places: dict[bytes, int] = {}
        place = [places.setdefault(row.tobytes(), len(places)) for row in rows]
        distinct = [rows[i] for i in np.unique(place, return_index=True)[1]] if rows else []
        found = np.zeros((len(distinct), self.width), dtype=np.float32)
        for batch in batches_by_length([len(row) for row in distinct]) if distinct else []:
            ids, mask = pad([distinct[i] for i in batch], self._tokenizer.first, self._tokenizer.last, self._tokenizer.pad)
            with torch.inference_mode():
                pooled = self._encoder.pooled(self._encoder.lower(mask, ids=ids), mask)
                found[batch] = torch.nn.functional.normalize(pooled, dim=-1).numpy()
        return found[place]

    def _original(self, document: Document) -> NDArray[np.float32]:
        """An attack compares one original with many texts."""
        with self._lock:
            known = self._known.get(document.text)
            if known is not None:
                self._known.move_to_end(document.text)
                return known
        row: NDArray[np.float32] = self._embed([document])[0]
        with self._lock:
            self._known[document.text] = row
            while len(self._known) > _CACHED:
                self._known.popitem(last=False)
        return row

    def cosine(self, original: Document, documents: Sequence[Document]) -> FloatArray:
        """The cosine of each document with the original [n], in [-1, 1]."""
        found = self._embed(documents).astype(np.float64) @ self._original(original).astype(np.float64)
        return np.clip(found, -1.0, 1.0)
