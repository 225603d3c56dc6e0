"""Which runs of words carried a label through XML-CNN's pooled maxima, before and after.

A pooled value is the activation of one filter on one run of 2, 4 or 8 words: the largest in its chunk. From the pooled values on
the network is a bottleneck with a ReLU and a linear layer, so in either text the logit is the sum over filters of value
times gradient, plus a constant (the biases of the units that are on). The shares of all filters whose maximum lies at
the same words are added up. That is exact in each text; between two texts other units may be on, which shows as a
change of runs that kept their words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core.document import Document
from core.models.linear.contributions import part_share
from core.models.parts.contributions import change, compare, finished, folded
from core.models.xml_cnn.network import WIDTHS, Ragged, XmlCnnModule
from core.types import Contribution, Contributions, IntArray, Intermediate

if TYPE_CHECKING:
    from core.models.xml_cnn.model import XmlCnn


def xml_cnn_contributions(model: XmlCnn, before: Document, after: Document, label: int) -> Contributions:
    label = model.labels.find(label)
    scale, shift = (1.0, 0.0) if model.linear is None else (model.linear.scale, model.linear.shift)
    sides, logits = [], []
    details: dict[tuple[str, str], str] = {}
    for document in (before, after):
        shares, filters, constant, logit = _runs(model, document, label)
        named = {("run of words", name): scale * value for name, value in shares.items()}
        sides.append({**named, ("constant", "biases"): scale * constant + shift})
        details |= {("run of words", name): f"largest for {count} filters" for name, count in filters.items()}
        logits.append(logit)
    found = compare(sides[0], sides[1], details)
    shares_of_runs = folded([share for share in found if share.part == "run of words"], "runs of words")
    whole = [*shares_of_runs, *(share for share in found if share.part == "constant")]
    if model.linear is not None:
        whole.append(part_share(model.linear, before, after, label))
    scores = model.score([before.text, after.text], np.asarray([label]))[:, 0]
    figures = [Intermediate("network's logit", *logits)]
    return finished(model.labels, label, float(scores[0]), float(scores[1]), whole, figures, _summary(shares_of_runs, whole))


def _runs(model: XmlCnn, document: Document, label: int) -> tuple[dict[str, float], dict[str, int], float, float]:
    """What each run of words adds to the logit and for how many filters it is the largest; the constant; the logit."""
    words = document.words[: model.config.window]
    pooled, starts, widths = maxima(model.module, model.words.ids(words))
    leaf = pooled.detach().requires_grad_(True)
    logit = model.module.logits(model.module.hidden(leaf[None]), torch.tensor([label]))[0, 0]
    (slopes,) = torch.autograd.grad(logit, leaf)
    parts = (leaf.detach() * slopes).double().numpy()
    shares: dict[str, float] = {}
    filters: dict[str, int] = {}
    for part, start, width, value in zip(parts, starts, widths, pooled, strict=True):
        if value > 0:  # a filter whose largest activation is cut off by the ReLU says nothing
            name = " ".join(words[start : start + width]).casefold() or "(padding)"
            shares[name] = shares.get(name, 0.0) + float(part)
            filters[name] = filters.get(name, 0) + 1
    whole = float(logit.detach())
    return shares, filters, whole - float(parts.sum()), whole


@torch.no_grad()
def maxima(module: XmlCnnModule, ids: IntArray) -> tuple[Tensor, IntArray, IntArray]:
    """Word ids [T] of one document -> pooled values [3 * p * F] as `XmlCnnModule.pool` gives them, and of each the first word and
    the width of the run it comes from."""
    text = Ragged.of([ids])
    distinct, places = np.unique(text.places, return_inverse=True)
    text = Ragged(places, text.lengths)
    values, starts, widths = [], [], []
    for w, product, bias in zip(WIDTHS, module.products(module.embed(distinct)), module.filter_bias, strict=True):
        terms = places[text.spans(w)[:, None] + np.arange(w)] * w + np.arange(w)
        activations = F.embedding_bag(torch.from_numpy(terms), product, mode="sum")
        runs, begins = text.chunks(w, module.chunks)
        for low, high in zip(begins, [*begins[1:], len(runs)], strict=True):
            largest, at = activations[runs[low] : runs[high - 1] + 1].max(dim=0)
            values.append(F.relu(largest + bias[0, 0]))
            starts.append(int(runs[low]) + at.numpy())
            widths.append(np.full(len(at), w, dtype=np.int64))
    return torch.cat(values), np.concatenate(starts), np.concatenate(widths)


def _summary(runs: list[Contribution], whole: list[Contribution]) -> str:
    total = sum(change(share) for share in whole)
    way = -1.0 if total < 0 else 1.0
    lost = [share for share in runs if way * change(share) > 0][:3]
    named = ", ".join(f"'{share.name}' {share.before:.2f} \u2192 {share.after:.2f}" for share in lost) or "no run of words by itself"
    linear = next((share for share in whole if share.part == "linear part"), None)
    beside = "" if linear is None else f"; the linear part added {change(linear):+.2f}"
    return f"Of the runs of words that carry the label, these moved it most: {named}{beside}."
