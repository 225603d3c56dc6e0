"""Whether a label lost its cluster or its place in it, and which words' places in the document vector carried it, before and after.

From the encoder's last hidden states on, the label's own logit is a sum over tokens in either text: the document vector is their mean (or
one of them), tanh(u) is u times tanh(u)/u, LayerNorm is linear once its deviation is known, a ReLU is on or off. Each token's share is its
hidden state times that slope (the "rescale" rule of DeepLIFT, Shrikumar et al. 2017, with zero for reference); what no token says, the
biases, is the constant. Exact in each text; what a hidden state says of its neighbours is counted where it stands. For a tail label the
root of its cluster takes something from the log-odds, a share of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from core.document import Document
from core.models.aplc_xlnet.network import AplcModule, Tail
from core.models.parts.contributions import change, compare, finished, folded
from core.types import Contribution, Contributions, Intermediate

if TYPE_CHECKING:
    from core.models.aplc_xlnet.model import AplcXlnet


@dataclass(frozen=True)
class _Seen:
    """Of one text: the shares of its words and other tokens, the constant, the label's own logit and its cluster's root (None: head)."""

    shares: dict[tuple[str, str], float]
    constant: float
    logit: float
    root: float | None


def aplc_xlnet_contributions(model: AplcXlnet, before: Document, after: Document, label: int) -> Contributions:
    label = model.labels.find(label)
    scores = model.score([before.text, after.text], np.asarray([label]))[:, 0].astype(np.float64)
    seen = [_look(model, document, label) for document in (before, after)]
    cluster = int(model.clusters.owner[label])
    sides = []
    for one, score in zip(seen, scores, strict=True):
        parts = {**one.shares, ("constant", "biases"): one.constant}
        if one.root is not None:
            parts[("cluster", f"tail {cluster}")] = float(score) - one.logit
        sides.append(parts)
    found = compare(sides[0], sides[1])
    words = [share for share in found if share.part in ("word", "token")]
    whole = [*folded(words, "words and tokens"), *(share for share in found if share.part not in ("word", "token"))]
    figures = [Intermediate("label's own logit", seen[0].logit, seen[1].logit)]
    if seen[0].root is not None and seen[1].root is not None:
        figures.append(Intermediate("logit of its cluster's root", seen[0].root, seen[1].root))
    return finished(model.labels, label, float(scores[0]), float(scores[1]), whole, figures, _summary(cluster, seen, words))


def _look(model: AplcXlnet, document: Document, label: int) -> _Seen:
    ids, owner = model.read(document)
    mask = torch.ones((1, len(ids)), dtype=torch.long)
    with torch.inference_mode():
        last = model.module.through(model.encoder.lower(mask, ids=torch.from_numpy(ids)[None]), mask, model.module.layers)
    leaf = last.clone().requires_grad_(True)
    with torch.enable_grad():
        own, root = _own_logit(model, leaf, mask, label)
        (slopes,) = torch.autograd.grad(own, leaf)
    parts = (leaf.detach() * slopes)[0].double().sum(dim=1).numpy()
    names = model.tokenizer.names([int(i) for i in ids])
    shares: dict[tuple[str, str], float] = {}
    for part, word, name in zip(parts, owner, names, strict=True):
        key = ("word", document.words[word].casefold()) if word >= 0 else ("token", name)
        shares[key] = shares.get(key, 0.0) + float(part)
    logit = float(own.detach())
    return _Seen(shares, logit - float(parts.sum()), logit, root)


def _own_logit(model: AplcXlnet, last: Tensor, mask: Tensor, label: int) -> tuple[Tensor, float | None]:
    """The label's logit in its cluster as a function that is linear in the last hidden states, and the cluster's root."""
    module, cluster = model.module, int(model.clusters.owner[label])
    place = int(model.clusters.places[label] - model.clusters.starts[cluster])
    summary = _scaled(module.summary(module.pooled(last, mask)))
    head = module.head(summary)[0]
    if cluster == 0:
        return head[place], None
    tail = _tail(module, cluster - 1)
    narrow = tail.narrow(summary)
    centred = narrow - narrow.mean(dim=-1, keepdim=True)
    deviation = (centred.square().mean(dim=-1, keepdim=True) + tail.norm.eps).sqrt().detach()
    normal = centred / deviation * tail.norm.weight + tail.norm.bias
    root = float(head[len(head) - len(module.tails) + cluster - 1].detach())
    return tail.read(torch.relu(normal))[0, place], root


def _scaled(u: Tensor) -> Tensor:
    """tanh(u), with the slope tanh(u) / u."""
    held = u.detach()
    ratio = torch.where(held.abs() > 1e-6, held.tanh() / torch.where(held == 0, 1.0, held), 1.0)
    return u * ratio


def _tail(module: AplcModule, number: int) -> Tail:
    tail = module.tails[number]
    if not isinstance(tail, Tail):
        raise TypeError(f"a {type(tail).__name__} is no tail cluster")
    return tail


def _summary(cluster: int, seen: list[_Seen], words: list[Contribution]) -> str:
    before, after = seen
    if before.root is None or after.root is None:
        where = f"The label stands in the head; its logit went from {before.logit:.2f} to {after.logit:.2f}"
    else:
        where = (
            f"Its cluster's root (tail {cluster}) went from {before.root:.2f} to {after.root:.2f}, "
            f"and its own logit there from {before.logit:.2f} to {after.logit:.2f}"
        )
    way = -1.0 if after.logit < before.logit else 1.0
    moved = [share for share in words if way * change(share) > 0][:3]
    named = ", ".join(f"'{share.name}' {share.before:.2f} \u2192 {share.after:.2f}" for share in moved)
    return f"{where}; of the words, these moved that most: {named}." if named else f"{where}."
