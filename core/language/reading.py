"""Where a masked language model comes from: a checkpoint of ours, a folder that transformers wrote, or a hub name."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from core import checkpoint
from core.errors import CheckpointError, InputError, SettingsError
from core.fields import from_json
from core.files import read_json
from core.language.masked_lm import MaskedLanguageModel
from core.language.names import DEFAULT, KIND, MODEL
from core.language.network import LanguageNetwork
from core.language.training import Config
from core.models.parts.encoder import EMBEDDED, Encoder, PieceTokenizer
from core.text.normalisation import Normaliser

LONGEST_WINDOW = 512


def config_file(source: str) -> Path | None:
    """The config.json of a checkpoint of ours, None for any other source."""
    with suppress(OSError, ValueError):  # a source that cannot be a path
        for path in (Path(source) / "config.json", checkpoint.FOLDER / source / "config.json"):
            if os.path.lexists(path) and not _by_transformers(path):
                return path
    return None


def _by_transformers(path: Path) -> bool:
    """Whether a config.json is one that transformers wrote. What cannot be read is left to `checkpoint.load` to refuse."""
    try:
        return "model_type" in read_json(path, dict[str, Any], checkpoint.MAX_CONFIG_BYTES)
    except InputError:
        return False


def read(source: str, local: bool = False) -> MaskedLanguageModel:
    """Raises CheckpointError with the remedy. See `core.language.load`."""
    config = config_file(source)
    if config is not None:
        return _ours(config.parent)
    if source == DEFAULT:
        # Its name is ours, so no request is made for it: this says that it is missing.
        checkpoint.find(source)
    return _foreign(source, local)


def _ours(folder: Path) -> MaskedLanguageModel:
    saved = checkpoint.load(folder, KIND)
    if saved.model != MODEL:
        raise CheckpointError(f"checkpoint '{saved.name}' is a '{saved.model}'; this version knows {MODEL}")
    try:
        config = from_json(Config, saved.settings)
        network = LanguageNetwork(Encoder(config.encoder, config.trained_layers, config.window, local=True))
        network.load_trained_state(saved)
        tokenizer = PieceTokenizer(config.encoder, True, Normaliser.of(saved.files))
    except (InputError, SettingsError) as error:
        raise CheckpointError(f"checkpoint '{saved.name}': {error}; train it again or fetch a whole copy") from error
    return MaskedLanguageModel(saved.name, saved.digest, network.requires_grad_(False).eval(), tokenizer, config.window)


class Foreign(nn.Module):
    """An `AutoModelForMaskedLM`, asked like ours."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    @property
    def table(self) -> Tensor:
        return self.model.get_input_embeddings().weight  # type: ignore[no-any-return]  # transformers is untyped

    def logits(self, ids: Tensor, mask: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        if hasattr(self.model, "bert") and hasattr(self.model, "cls"):
            # BERT: only the places asked for go through the vocabulary.
            hidden = self.model.bert(input_ids=ids, attention_mask=mask).last_hidden_state
            return self.model.cls(hidden[rows, columns])  # type: ignore[no-any-return]  # transformers is untyped
        return self.model(input_ids=ids, attention_mask=mask).logits[rows, columns]  # type: ignore[no-any-return]  # transformers is untyped


def _foreign(source: str, local: bool) -> MaskedLanguageModel:
    from transformers import AutoModelForMaskedLM
    from transformers.utils import logging

    if source == EMBEDDED:
        raise CheckpointError(f"'{EMBEDDED}' is a sentence encoder without a masked language model's head; use {DEFAULT}, which is built on it")
    logging.disable_progress_bar()
    local = local or Path(source).is_dir()
    try:
        model, report = AutoModelForMaskedLM.from_pretrained(
            source, local_files_only=local, use_safetensors=True, trust_remote_code=False, output_loading_info=True
        )  # fmt: skip
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"'{source}' is no masked language model that can be read here: {error}") from error
    if missing := sorted(report["missing_keys"]):
        raise CheckpointError(f"'{source}' has no weights for {', '.join(missing[:3])}: it was not trained as a masked language model")
    tokenizer = PieceTokenizer(source, local=local)
    if not tokenizer.word_pieces:
        raise CheckpointError(f"the tokeniser of '{source}' is not WordPiece; a BERT or DistilBERT is needed, whose entries are whole words")
    window = min(int(getattr(model.config, "max_position_embeddings", LONGEST_WINDOW)), LONGEST_WINDOW)
    return MaskedLanguageModel(Path(source).name if local else source, _digest(model), Foreign(model).requires_grad_(False).eval(), tokenizer, window)


def _digest(model: nn.Module) -> str:
    """SHA-256 over names and values of all weights, 16 hexadecimal digits."""
    found = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        found.update(name.encode())
        found.update(value.contiguous().view(torch.uint8).numpy().data if value.ndim else bytes(value.numpy().data))
    return found.hexdigest()[:16]
