"""A masked language model of two layers on a tiny vocabulary, ours and transformers' own."""

from __future__ import annotations

from pathlib import Path

import torch

from core import checkpoint
from core.fields import to_json
from core.language.names import KIND, MODEL
from core.language.network import LanguageNetwork
from core.language.training import Config
from core.models.parts.encoder import Encoder
from tests import tiny_bert

WORDS = ["fast", "slow", "quick", "chess", "engine", "editor", "text", "for", "a", "the", "plays", "simple", "game", "board"]
SENTENCES = (
    "A fast chess engine for the board game.",
    "The simple text editor",
    "a quick game",
    "Plays chess: a simple, fast engine; the board plays the game for a quick editor.",
)


def bert_for_masked_lm(folder: Path, seed: int = 0) -> Path:
    """A `BertForMaskedLM` with weights large enough that its answers differ, and its tokeniser."""
    from transformers import BertConfig, BertForMaskedLM

    tiny_bert.write(folder, WORDS)
    config = BertConfig.from_pretrained(folder)
    torch.manual_seed(seed)
    model = BertForMaskedLM(config)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    model.save_pretrained(folder)
    return folder


def network(folder: Path, config: Config) -> LanguageNetwork:
    torch.manual_seed(1)
    found = LanguageNetwork(Encoder(str(folder), config.trained_layers, config.window))
    for parameter in (*found.head.parameters(), *found.encoder.upper.parameters()):
        torch.nn.init.normal_(parameter, std=0.4)
    return found.eval()


def ours(folder: Path, bert: Path, window: int = 32) -> Path:
    """A checkpoint of ours in `folder`, on the encoder in `bert`."""
    config = Config(encoder=str(bert), trained_layers=1, window=window)
    saved = network(bert, config).trained_state()
    checkpoint.save(folder, model=MODEL, settings=to_json(config), labels=None, tensors=saved, kind=KIND)
    return folder
