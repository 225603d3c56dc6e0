"""An XLNet as the encoder of a model: the same face as the BERT encoder's (encoder.py), so that one model reads with either.

Yang et al.: XLNet: Generalized Autoregressive Pretraining for Language Understanding, NeurIPS 2019. Positions are relative, so padding at
the end moves no token; <cls> stands last and is a segment of its own (type 2), as XLNet was trained. A word is tokenised by itself,
as the start of a word also where punctuation stands before it, so that every token has one owner (encoder.py).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from core.errors import CheckpointError
from core.models.parts.encoder import Encoder, Through, source_folder

TEXT, CLS, PADDING = 0, 2, 3
"""Segments of XLNet's tokens."""


@dataclass(frozen=True)
class Layout:
    """What running XLNet's layers needs beside their weights: the relative positions' width and their largest distance (0: none)."""

    width: int
    clamp: int

    def through(self, hidden: Tensor, mask: Tensor, layers: nn.ModuleList) -> Tensor:
        """Hidden states [n, T, d], mask [n, T] -> [n, T, d]."""
        return self.attended(hidden, mask, layers, attention=False)[0]

    def attended(self, hidden: Tensor, mask: Tensor, layers: nn.ModuleList, attention: bool) -> tuple[Tensor, list[Tensor]]:
        """And, with `attention`, what each layer's heads attend to: [n, heads, T, T] each."""
        length = hidden.shape[1]
        blocked = _blocked(mask, hidden.dtype)
        segments = _segments(mask)
        apart = nn.functional.one_hot((segments[:, None] != segments[None]).long(), 2).to(hidden.dtype)  # [T, T, n, 2]
        positions = self._positions(length, hidden)[:, None].expand(-1, hidden.shape[0], -1)
        states = hidden.transpose(0, 1)
        weights: list[Tensor] = []
        layer: Any
        for layer in layers:
            with _seen(layer.rel_attn.dropout, weights if attention else None):
                states = layer(states, None, attn_mask_h=blocked, attn_mask_g=None, r=positions, seg_mat=apart)[0]
        return states.transpose(0, 1), weights

    def _positions(self, length: int, like: Tensor) -> Tensor:
        """Sines and cosines of the distances T, ..., 1 - T: [2T, d]."""
        distance = torch.arange(length, -length, -1.0, dtype=torch.float32, device=like.device)
        if self.clamp > 0:
            distance = distance.clamp(-self.clamp, self.clamp)
        turns = 1 / torch.pow(10_000, torch.arange(0, self.width, 2.0, device=like.device) / self.width)
        angle = distance[:, None] * turns
        return torch.cat([angle.sin(), angle.cos()], dim=-1).to(like.dtype)


@contextmanager
def _seen(dropout: nn.Module, into: list[Tensor] | None) -> Iterator[None]:
    """Keep the attention [n, heads, T, T] that goes through a layer's dropout: the very tensor the layer reads on from, so that it can be
    differentiated; what the layer returns is a copy. Other threads' passes are not kept."""
    if into is None:
        yield
        return
    own = threading.get_ident()

    def keep(module: nn.Module, given: tuple[Tensor, ...], out: Tensor) -> None:
        if out.dim() == 4 and threading.get_ident() == own:
            into.append(out)

    hook = dropout.register_forward_hook(keep)
    try:
        yield
    finally:
        hook.remove()


def _blocked(mask: Tensor, dtype: torch.dtype) -> Tensor | None:
    """1 where a token must not look, [T, T, n, 1]: at padding, but for itself. None without padding."""
    if bool(mask.all()):
        return None
    padding = (1 - mask).T.to(dtype)[None, :, :, None].expand(mask.shape[1], -1, -1, -1)
    own = torch.eye(mask.shape[1], dtype=dtype, device=mask.device)[:, :, None, None]
    return (padding - own > 0).to(dtype)


def _segments(mask: Tensor) -> Tensor:
    """Text, then <cls> at the last real place, then padding: [T, n]."""
    place = torch.arange(mask.shape[1], device=mask.device)[None]
    last = mask.sum(dim=1, keepdim=True) - 1
    found = torch.where(place == last, CLS, torch.where(place > last, PADDING, TEXT))
    return found.T.contiguous()


class XlnetEncoder(nn.Module):
    """XLNet layers of which the upper `trained` ones carry gradients; all below is frozen."""

    def __init__(self, source: str, trained: int, window: int, local: bool = False) -> None:
        from transformers import AutoModel

        super().__init__()
        folder = source_folder(source)
        try:
            model: Any = AutoModel.from_pretrained(
                folder, local_files_only=local or Path(folder).is_dir(), use_safetensors=True, trust_remote_code=False
            )
        except (OSError, ValueError) as error:
            raise CheckpointError(f"the encoder '{source}' cannot be read: {error}") from error
        depth = len(model.layer)
        if trained > depth:
            raise CheckpointError(f"the encoder '{source}' has {depth} layers, of which {trained} cannot be trained")
        if model.attn_type != "bi" or model.bi_data:
            raise CheckpointError(f"the encoder '{source}' is an XLNet with attention '{model.attn_type}'; one that looks both ways ('bi') is needed")
        self.model = model
        self.window, self.split, self.width = window, depth - trained, int(model.d_model)
        self.layout = Layout(int(model.d_model), int(model.clamp_len))
        self.requires_grad_(False)
        self.upper.requires_grad_(True)

    @property
    def upper(self) -> nn.ModuleList:
        return self.model.layer[self.split :]  # type: ignore[no-any-return]  # transformers is untyped

    @property
    def through(self) -> Through:
        return self.layout.through

    @property
    def table(self) -> nn.Embedding:
        """The word vectors, a row for each token id."""
        return self.model.word_embedding  # type: ignore[no-any-return]  # transformers is untyped

    def word_vectors(self, ids: Tensor) -> Tensor:
        """[n, T] -> [n, T, d]."""
        found: Tensor = self.table(ids)
        return found

    def lower(self, mask: Tensor, ids: Tensor | None = None, vectors: Tensor | None = None) -> Tensor:
        """Embeddings and the frozen layers: ids [n, T] or word vectors [n, T, d] -> hidden [n, T, d]."""
        if vectors is None:
            if ids is None:
                raise TypeError("give ids or vectors")
            vectors = self.word_vectors(ids)
        return self.through(vectors, mask, self.model.layer[: self.split])

    def attended(self, mask: Tensor, vectors: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Word vectors [n, T, d] through all layers: the last hidden states and each layer's attention [n, heads, T, T]."""
        return self.layout.attended(vectors, mask, self.model.layer, attention=True)


AnyEncoder = Encoder | XlnetEncoder


def encoder_for(source: str, trained: int, window: int, attention: str = "sdpa", local: bool = False) -> AnyEncoder:
    """The encoder of a folder or hub name, by what its config.json says it is: an XLNet, else a BERT or what is built like one."""
    from transformers import AutoConfig
    from transformers.utils import logging

    logging.disable_progress_bar()
    folder = source_folder(source)
    try:
        kind = AutoConfig.from_pretrained(folder, local_files_only=local or Path(folder).is_dir(), trust_remote_code=False).model_type
    except (OSError, ValueError) as error:
        raise CheckpointError(f"the encoder '{source}' cannot be read: {error}") from error
    return XlnetEncoder(source, trained, window, local) if kind == "xlnet" else Encoder(source, trained, window, attention, local)
