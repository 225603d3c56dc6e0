"""An XLNet of two layers and random weights in a folder, with a Unigram vocabulary: what an encoder needs, in 100 KB."""

from __future__ import annotations

from pathlib import Path

SPECIAL = ["<unk>", "<s>", "</s>", "<cls>", "<sep>", "<pad>", "<mask>", "<eod>", "<eop>"]


def write(folder: Path, words: list[str], seed: int = 0) -> Path:
    """Write the model and its tokeniser and return the folder. `words` become whole pieces; letters and punctuation are
    pieces too, so that any ASCII text can be tokenised."""
    import torch
    from transformers import XLNetConfig, XLNetModel, XLNetTokenizer

    folder.mkdir(parents=True, exist_ok=True)
    letters = [chr(code) for code in range(33, 127)]
    pieces = [*((special, 0.0) for special in SPECIAL), *((f"\u2581{word}", -2.0) for word in words), ("\u2581", -4.0)]
    pieces += [(letter, -6.0) for letter in letters]
    XLNetTokenizer(vocab=pieces, do_lower_case=True).save_pretrained(folder)
    torch.manual_seed(seed)
    config = XLNetConfig(vocab_size=len(pieces), d_model=16, n_layer=2, n_head=2, d_inner=32)
    XLNetModel(config).save_pretrained(folder)
    return folder
