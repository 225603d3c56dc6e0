"""A BERT of two layers and random weights in a folder, with a word-piece vocabulary: what an encoder needs, in 100 KB."""

from __future__ import annotations

from pathlib import Path

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def write(folder: Path, words: list[str], seed: int = 0, width: int = 16) -> Path:
    """Write the model and its tokeniser and return the folder. `words` become whole pieces; letters and punctuation are
    pieces too, so that any ASCII text can be tokenised."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer

    folder.mkdir(parents=True, exist_ok=True)
    letters = [chr(code) for code in range(33, 127) if not chr(code).isupper()]
    vocabulary = list(dict.fromkeys([*PIECES, *words, *letters, *(f"##{letter}" for letter in letters if letter.isalnum())]))
    BertTokenizer(vocab={piece: i for i, piece in enumerate(vocabulary)}, do_lower_case=True).save_pretrained(folder)
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=width, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, max_position_embeddings=64
    )
    BertModel(config).save_pretrained(folder)
    return folder
