"""Word vectors to start an embedding from: all-MiniLM-L6-v2 reads each word alone, and a PCA narrows what it says.

XML-CNN's paper starts from GloVe (Liu et al. 2017, section 4.1), a download of 800 MB. The sentence encoder that this
project carries anyway stands in for it: after two epochs on debtags dev nDCG@5 is 75.9, and 72.8 from random vectors.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import CheckpointError
from core.files import opened
from core.files.writing import beside
from core.types import Progress, silent

BATCH = 256


def encoded_words(words: Sequence[str], progress: Progress = silent) -> NDArray[np.float32]:
    """Mean-pooled last hidden state of the encoder for each word alone [V, 384]. About 400 words a second and core."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    from core.models.parts.encoder import EMBEDDED, source_folder

    folder = source_folder(EMBEDDED)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    encoder = AutoModel.from_pretrained(folder, local_files_only=True).eval()
    order = sorted(range(len(words)), key=lambda i: len(words[i]))
    found = np.zeros((len(words), encoder.config.hidden_size), dtype=np.float32)
    for start in range(0, len(order), BATCH):
        chosen = order[start : start + BATCH]
        read = tokenizer([words[i] for i in chosen], padding=True, truncation=True, max_length=32, return_tensors="pt")
        with torch.inference_mode():
            hidden = encoder(**read).last_hidden_state
        mask = read["attention_mask"][..., None]
        found[chosen] = ((hidden * mask).sum(1) / mask.sum(1)).numpy()
        progress(min(start + BATCH, len(order)), len(order), "word vectors")
    return found


def narrowed(vectors: NDArray[np.float32], width: int, scale: float) -> NDArray[np.float32]:
    """Centred, rotated to the principal axes, cut to the first `width` of them, and scaled to a root mean square of
    `scale` over all coordinates: [V, D] -> [V, width]. A width beyond D or V is filled with zeros."""
    centred = vectors - vectors.mean(axis=0)
    values, axes = np.linalg.eigh(centred.T @ centred)
    rotated = centred @ axes[:, np.argsort(-values)[:width]]
    spread = np.sqrt(np.square(rotated).mean())
    out = np.zeros((len(vectors), width), dtype=np.float32)
    out[:, : rotated.shape[1]] = rotated * (scale / spread if spread > 0 else 1.0)
    return out


def word_vectors(words: Sequence[str], width: int, scale: float, cache: Path, progress: Progress = silent) -> NDArray[np.float32]:
    """[V, width] for the words, in their order. The encoder's answer is kept in `cache`, named by the words."""
    from safetensors.numpy import load_file, save_file

    digest = hashlib.sha256("\n".join(words).encode("utf-8", "surrogatepass")).hexdigest()[:16]
    path = cache / f"words-{digest}.safetensors"
    if path.is_file():
        with opened(path, CheckpointError):  # a regular file, no link
            found = load_file(path)["words"]
    else:
        found = encoded_words(words, progress)
        cache.mkdir(parents=True, exist_ok=True)
        with beside(path) as part:
            save_file({"words": found}, part)
    return narrowed(found, width, scale)
