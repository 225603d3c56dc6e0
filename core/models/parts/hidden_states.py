"""Documents as the hidden states that an encoder's frozen layers give them: computed once, kept in half precision
(two bytes x 384 a token: 1.7 GB for debtags), which halves the cost of an epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.document import Document
from core.models.parts.encoder import PieceTokenizer, batches_by_length, pad
from core.training.defended import Inputs, Outputs, Space
from core.types import IntArray, Progress


@dataclass(frozen=True)
class Hidden:
    """Hidden states below the trained layers: values [sum of lengths, d] in half precision, starts [n + 1]."""

    values: NDArray[np.float16]
    starts: IntArray

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> IntArray:
        return np.diff(self.starts)

    def batch(self, rows: IntArray, device: torch.device) -> tuple[Tensor, Tensor]:
        """Padded hidden states [n, T, d] and mask [n, T]."""
        lengths = self.lengths[rows]
        longest = int(lengths.max())
        padded = np.zeros((len(rows), longest, self.values.shape[1]), dtype=np.float16)
        for place, (row, length) in enumerate(zip(rows, lengths, strict=True)):
            padded[place, :length] = self.values[self.starts[row] : self.starts[row] + length]
        mask = torch.from_numpy((np.arange(longest)[None] < lengths[:, None]).astype(np.int64))
        return torch.from_numpy(padded).to(device).float(), mask.to(device)


@torch.inference_mode()
def hidden_states(encoder: Any, tokenizer: PieceTokenizer, texts: Sequence[str], progress: Progress, what: str = "frozen layers") -> Hidden:
    """Run all texts through the frozen layers, in batches of similar length. `what` names the work in the progress."""
    device = next(encoder.parameters()).device
    rows = [tokenizer.tokens(Document.from_text(text), encoder.window - 2).ids for text in texts]
    starts = np.concatenate([[0], np.cumsum([len(row) + 2 for row in rows])]).astype(np.int64)
    values = np.zeros((int(starts[-1]), encoder.width), dtype=np.float16)
    done = 0
    for batch in batches_by_length([len(row) for row in rows]):
        ids, mask = pad([rows[i] for i in batch], tokenizer.before, tokenizer.after, tokenizer.pad)
        hidden = encoder.lower(mask.to(device), ids=ids.to(device)).half().cpu().numpy()
        for place, row in enumerate(batch):
            values[starts[row] : starts[row + 1]] = hidden[place, : starts[row + 1] - starts[row]]
        done += len(batch)
        progress(done, len(rows), what)
    return Hidden(values, starts)


def encoded_inputs(
    encoder: Any, tokenizer: PieceTokenizer, texts: Sequence[str], kept: tuple[Tensor, Tensor] | None, space: Space, device: torch.device
) -> Inputs:  # fmt: skip
    """What a defence sees of an encoder's input: the hidden states below the trained layers, which may be `kept` with their mask, or in the
    space "input" the word vectors. Special tokens and padding are not real; `rest` is the mask and the space."""
    if kept is not None:
        vectors, mask = kept
    else:
        ids = [tokenizer.tokens(Document.from_text(text), encoder.window - 2).ids for text in texts]
        padded, mask = (part.to(device) for part in pad(ids, tokenizer.before, tokenizer.after, tokenizer.pad))
        with torch.no_grad():
            vectors = encoder.word_vectors(padded) if space == "input" else encoder.lower(mask, ids=padded)
    lengths = mask.sum(dim=1, keepdim=True)
    place = torch.arange(mask.shape[1], device=device)[None]
    real = (place >= len(tokenizer.before)) & (place < lengths - len(tokenizer.after))
    owner = torch.arange(len(mask), device=device)[:, None].expand_as(mask)
    return Inputs(vectors.flatten(0, 1), real.flatten(), owner.flatten(), (mask, space))


class OnHiddenStates:
    """What a defence sees (core.training.defended) of a task whose documents are hidden states: they went through the encoder's frozen
    layers once, `hidden`; other texts go through them again."""

    module: Any
    hidden: Hidden
    encoder: Any
    tokenizer: PieceTokenizer
    texts: Sequence[str]

    def inputs(self, module: nn.Module, rows: IntArray, texts: Sequence[str] | None = None, apart: bool = False, space: Space = "trained") -> Inputs:
        """Rows are the hidden states below the trained layers or, in the space "input", the encoder's word vectors. Special tokens
        and padding are not real."""
        given = [self.texts[row] for row in rows] if texts is None else texts
        kept = self.hidden.batch(rows, self._device) if space == "trained" and texts is None else None
        return encoded_inputs(self.encoder, self.tokenizer, given, kept, space, self._device)

    def outputs(self, module: nn.Module, inputs: Inputs, vectors: Tensor | None = None) -> Outputs:
        mask, space = inputs.rest
        rows = (inputs.vectors if vectors is None else vectors).view(*mask.shape, -1)
        found = module(self.encoder.lower(mask, vectors=rows) if space == "input" else rows, mask)
        return tuple(logits for logits in found if logits is not None)

    @property
    def _device(self) -> torch.device:
        found: torch.device = next(self.module.parameters()).device
        return found
