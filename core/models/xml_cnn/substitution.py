"""XML-CNN's pooled activations where one word of a document is replaced in many ways.

A word stands in at most 2 + 4 + 8 runs of the three filter widths. Those runs alone are summed anew, from what their other words
add and what each substitute adds; the largest activation of a chunk is then the larger of what its other runs hold
and of these. Exact, to rounding.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core.models.parts.words import PADDING
from core.models.xml_cnn.network import SHORTEST, WIDTHS, Ragged, XmlCnnModule
from core.types import IntArray


def pooled(module: XmlCnnModule, ids: IntArray, position: int, substitutes: IntArray) -> Tensor:
    """Word ids [T] of a document cut to the window, a place in it, and the n ids put there -> [n, 3 * p * F], what
    `XmlCnnModule.pool` gives for the n documents."""
    row = np.pad(ids, (0, max(0, SHORTEST - len(ids))), constant_values=PADDING)
    distinct, places = np.unique(row, return_inverse=True)
    fixed = module.products(module.embed(distinct))
    fresh = module.products(module.embed(substitutes))
    text = Ragged(places, np.asarray([len(row)], dtype=np.int64))
    parts = [
        _width(w, own, new.view(len(substitutes), w, -1), text, position, module.chunks)
        for w, own, new in zip(WIDTHS, fixed, fresh, strict=True)
    ]  # fmt: skip
    biased = [F.relu(part + bias) for part, bias in zip(parts, module.filter_bias, strict=True)]
    return torch.cat([part.flatten(1) for part in biased], dim=1)


def _width(w: int, products: Tensor, fresh: Tensor, text: Ragged, position: int, chunks: int) -> Tensor:
    """The largest activation of each filter of one width in each chunk, before bias and ReLU: [n, p, F]. products [U * w, F]
    of the document's distinct words, fresh [n, w, F] of the substitutes."""
    starts = text.spans(w)
    terms = text.places[starts[:, None] + np.arange(w)] * w + np.arange(w)  # [runs, w]
    first, last = max(0, position - w + 1), min(position, len(starts) - 1)
    touched = np.arange(first, last + 1)
    sums = F.embedding_bag(torch.from_numpy(terms).to(products.device), products, mode="sum")  # [runs, F]
    # What a touched run's other words add: the word's own share is left out by weight, not subtracted, so nothing cancels.
    others = F.embedding_bag(
        torch.from_numpy(terms[touched]).to(products.device), products, mode="sum",
        per_sample_weights=torch.from_numpy((touched[:, None] + np.arange(w) != position).astype(np.float32)).to(products.device),
    )  # fmt: skip
    anew = others + fresh[:, position - touched]  # [n, touched, F]
    sums[touched] = -torch.inf
    runs, begins = text.chunks(w, chunks)
    pooled = []
    for low, high in zip(begins, [*begins[1:], len(runs)], strict=True):
        start, end = int(runs[low]), int(runs[high - 1]) + 1
        kept = sums[start:end].amax(dim=0)
        inside = slice(max(start, first) - first, max(0, min(end, last + 1) - first))
        changed = anew[:, inside]
        pooled.append(torch.maximum(kept, changed.amax(dim=1)) if changed.shape[1] else kept.expand(len(fresh), -1))
    return torch.stack(pooled, dim=1)
