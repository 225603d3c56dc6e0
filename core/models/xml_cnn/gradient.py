"""The slope of a weighted sum of XML-CNN's logits in its word vectors, without the work that autograd would waste.

Max pooling reads one activation of each filter in each chunk, so nearly all slopes of the convolutions are 0; autograd multiplies them
with the filters all the same. Here autograd differentiates the bottleneck and the output alone, and each of the 3 * p * F largest
activations then adds its slope times its filter to the words of its run.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core.models.xml_cnn.network import SHORTEST, WIDTHS, XmlCnnModule
from core.types import IntArray, Scores, Weigh


@torch.no_grad()
def filter_rows(module: XmlCnnModule) -> Tensor:
    """What a word's vector is multiplied with, for each width, place in the run and filter in turn: [sum of WIDTHS * F, d]."""
    return torch.cat([weight.T for weight in module.filters.values()]).contiguous()


@torch.no_grad()
def weighted_gradient(module: XmlCnnModule, filters: Tensor, vectors: Tensor, weigh: Weigh) -> tuple[Scores, Tensor]:
    """`filters` as from `filter_rows`, word vectors [n, T, d] -> logits [n, L] and, with w = weigh(logits),
    d sum_l w_l logit_l / d vectors [n, T, d]."""
    n, length, d = vectors.shape
    rows = F.pad(vectors, (0, 0, 0, max(0, SHORTEST - length)))
    products = module.products(rows.reshape(-1, d))
    peaks = [_peaks(product.view(n, -1, w, product.shape[1]), module.chunks) for w, product in zip(WIDTHS, products, strict=True)]
    pooled = torch.stack([F.relu(largest + bias) for (largest, _), bias in zip(peaks, module.filter_bias, strict=True)], dim=1)
    leaf = pooled.detach().requires_grad_()
    with torch.enable_grad():
        logits = module.logits(module.hidden(leaf.flatten(1)))
        scores: Scores = logits.detach().cpu().numpy()
        (slopes,) = torch.autograd.grad(logits, leaf, torch.from_numpy(weigh(scores)).to(logits))
    starts = torch.stack([found for _, found in peaks], dim=1)
    words, terms, shares = _terms(starts.cpu().numpy(), (slopes * (pooled > 0)).cpu().numpy(), rows.shape[1])
    order = np.argsort(words, kind="stable")
    begins = np.searchsorted(words[order], np.arange(n * rows.shape[1]))
    index, offsets, weights = (torch.from_numpy(part).to(rows.device) for part in (terms[order], begins, shares[order]))
    found = F.embedding_bag(index, filters, offsets, mode="sum", per_sample_weights=weights)
    return scores, found.view(n, -1, d)[:, :length]


def _peaks(products: Tensor, chunks: int) -> tuple[Tensor, Tensor]:
    """What each vector adds to each filter from each of w places, [n, T, w, F] -> the largest activation of each filter in each
    chunk, before the bias, and the first word of its run: [n, p, F] each. The chunks are those of `Ragged.chunks`."""
    w = products.shape[2]
    runs = products.shape[1] - w + 1
    activations = products[:, :runs, 0]
    for j in range(1, w):
        activations = activations + products[:, j : j + runs, j]
    largest, starts = [], []
    for i in range(chunks):
        low, high = i * runs // chunks, -(-(i + 1) * runs // chunks)
        found = activations[:, low:high].max(dim=1)
        largest.append(found.values)
        starts.append(found.indices + low)
    return torch.stack(largest, dim=1), torch.stack(starts, dim=1)


def _terms(starts: IntArray, slopes: Scores, words: int) -> tuple[IntArray, IntArray, Scores]:
    """First words of the largest runs and their slopes, [n, 3, p, F] each -> for each word that a slope reaches: its number among
    all n * T words, its row of `filter_rows`, and the slope."""
    width = np.repeat(np.arange(len(WIDTHS)), WIDTHS)  # of each of the 14 places in a run
    place = np.concatenate([np.arange(w) for w in WIDTHS])
    shares = slopes[:, width]  # [n, 14, p, F]
    reached = starts[:, width] + place[:, None, None] + np.arange(len(starts))[:, None, None, None] * words
    rows = np.broadcast_to(np.arange(len(place) * slopes.shape[3]).reshape(len(place), 1, -1), shares.shape)
    return reached.ravel(), rows.ravel(), shares.ravel()
