"""Which words a label's attention rests on and what each adds to its logit, before and after.

The attended vector is a sum over words, m = sum_t a_t h_t, and from it on the network is a layer with a ReLU and a linear one, so in either
text the logit is the sum over words of a_t times h_t times gradient, plus a constant (the biases of the units that are on). Exact in each
text; between two texts other units may be on, and the LSTM carries a change to the words around it. With a tree, what the nodes
above the label take from its log-odds is a share of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from core.document import Document
from core.models.attention_xml.network import AttentionXmlModule, Padded
from core.models.parts.contributions import change, compare, finished, folded
from core.types import Contribution, Contributions, Intermediate

if TYPE_CHECKING:
    from core.models.attention_xml.model import AttentionXml


def attention_xml_contributions(model: AttentionXml, before: Document, after: Document, label: int) -> Contributions:
    label = model.labels.find(label)
    scores = model.score([before.text, after.text], np.asarray([label]))[:, 0].astype(np.float64)
    sides, logits, read = [], [], []
    for document, score in zip((before, after), scores, strict=True):
        shares, attention, constant, logit = _words(model, document, label)
        parts = {("word", name): value for name, value in shares.items()} | {("constant", "biases"): constant}
        if model.tree.parents:
            parts[("path", "nodes above the label")] = float(score) - logit
        sides.append(parts)
        read.append(attention)
        logits.append(logit)
    details = {("word", name): f"attention {read[0].get(name, 0):.2f} \u2192 {read[1].get(name, 0):.2f}" for name in {**read[0], **read[1]}}
    found = compare(sides[0], sides[1], details)
    words = [share for share in found if share.part == "word"]
    whole = [*folded(words, "word"), *(share for share in found if share.part != "word")]
    figures = [Intermediate("label's own logit", *logits), Intermediate("largest attention to one word", *(max(each.values()) for each in read))]
    return finished(model.labels, label, float(scores[0]), float(scores[1]), whole, figures, _summary(words, whole))


@torch.inference_mode()
def _words(model: AttentionXml, document: Document, label: int) -> tuple[dict[str, float], dict[str, float], float, float]:
    """Of each word what it adds to the label's own logit and how much of the attention it has, added up where it stands twice; the constant;
    the logit."""
    module = model.modules[-1]
    if not isinstance(module, AttentionXmlModule):
        raise TypeError(f"a {type(module).__name__} is no network of a level")
    words = document.words[: model.config.window]
    text = Padded.of([model.words.ids(words)])
    hidden = module.encode(module.embed(text.places), torch.from_numpy(text.lengths))
    attention = module.attended(hidden, torch.from_numpy(text.real), torch.tensor([label]))[0, 0].double()
    narrow = attention[:, None] * (hidden[0] @ module.bottleneck.weight.T).double()  # [T, b]
    bias, weight = module.bottleneck.bias.double(), module.output.weight[0].double()
    on = (narrow.sum(dim=0) + bias > 0).double() * weight
    parts = (narrow @ on).tolist()
    constant = float(bias @ on) + float(module.output.bias[0])
    shares: dict[str, float] = {}
    weights: dict[str, float] = {}
    for name, part, share in zip([word.casefold() for word in words] or ["(no word)"], parts, attention.tolist(), strict=True):
        shares[name] = shares.get(name, 0.0) + part
        weights[name] = weights.get(name, 0.0) + share
    return shares, weights, constant, constant + sum(parts)


def _summary(words: list[Contribution], whole: list[Contribution]) -> str:
    total = sum(change(share) for share in whole)
    way = -1.0 if total < 0 else 1.0
    moved = [share for share in words if way * change(share) > 0][:3]
    named = ", ".join(f"'{share.name}' {share.before:.2f} \u2192 {share.after:.2f} ({share.detail})" for share in moved) or "no word by itself"
    return f"Of the words that the label's attention reads, these moved it most: {named}."
