"""The masked language model as a network: a sentence encoder with BERT's prediction head (Devlin et al. 2019, section 3.1).

The head is dense, GELU, LayerNorm and a decoder tied to the encoder's frozen input embeddings, plus a bias for each
vocabulary entry. Only the places asked for go through the vocabulary: [places, V], never [texts, tokens, V].
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.checkpoint import Saved
from core.models.parts.encoder import Encoder, padding_mask, through


class Head(nn.Module):
    """Hidden states [m, d] and input embeddings [V, d] -> logits [m, V]."""

    def __init__(self, width: int, vocabulary: int) -> None:
        super().__init__()
        self.dense = nn.Linear(width, width)
        nn.init.normal_(self.dense.weight, std=0.02)
        nn.init.zeros_(self.dense.bias)
        self.norm = nn.LayerNorm(width, eps=1e-12)
        self.bias = nn.Parameter(torch.zeros(vocabulary))

    def forward(self, hidden: Tensor, table: Tensor) -> Tensor:
        return nn.functional.linear(self.norm(nn.functional.gelu(self.dense(hidden))), table, self.bias)


class LanguageNetwork(nn.Module):
    """An encoder, of which the upper layers are trained, and the head."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = Head(encoder.width, len(self.table))
        # So few passes over so little text underfit: dropout would only slow them down.
        for module in encoder.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0

    @property
    def table(self) -> Tensor:
        """The input embeddings [V, d], which are the decoder too."""
        return self.encoder.bert.embeddings.word_embeddings.weight  # type: ignore[no-any-return]  # transformers is untyped

    def hidden(self, ids: Tensor, mask: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """ids and mask [n, T] -> the last layer's states [m, d] at the places (rows[i], columns[i]). The last layer's dense
        parts, two thirds of it, are computed at these places only."""
        layers = self.encoder.bert.encoder.layer
        hidden = through(self.encoder.bert.embeddings(input_ids=ids), mask, layers[:-1])
        mixed, _ = layers[-1].attention.self(hidden, padding_mask(hidden, mask))
        attended = layers[-1].attention.output(mixed[rows, columns], hidden[rows, columns])
        found: Tensor = layers[-1].feed_forward_chunk(attended)
        return found

    def logits(self, ids: Tensor, mask: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """The logits [m, V] at the places."""
        found: Tensor = self.head(self.hidden(ids, mask, rows, columns), self.table)
        return found

    def forward(self, ids: Tensor, mask: Tensor, rows: Tensor, columns: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy [] of the targets [m] at the places."""
        return nn.functional.cross_entropy(self.logits(ids, mask, rows, columns).float(), targets)

    def trained_state(self) -> dict[str, NDArray[np.float16]]:
        """The trained layers and the head in half precision: all that a checkpoint carries."""
        head = {f"head.{name}": value.detach().cpu().numpy().astype(np.float16) for name, value in self.head.state_dict().items()}
        return {**self.encoder.trained_state(), **head}

    def load_trained_state(self, saved: Saved) -> None:
        """What `trained_state` gave. Raises CheckpointError for what is missing or misshapen."""
        self.encoder.load_trained_state(saved)
        wanted = self.head.state_dict()
        found = {name: saved.tensor(f"head.{name}", tuple(value.shape)) for name, value in wanted.items()}
        self.head.load_state_dict({name: torch.from_numpy(array.astype(np.float32)) for name, array in found.items()})
