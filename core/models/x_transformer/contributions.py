"""Where X-Transformer lost a label: its cluster left the beam, or it lost its place inside the cluster.

score = ranker's margin on the embedding + its margin on TF-IDF + bias + lambda * log sigmoid(matcher's logit of the cluster): four
parts, each exact. Retrieval looks only at the labels of the `beam` clusters with the largest logits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.document import Document
from core.models.linear.contributions import feature_shares
from core.models.parts.contributions import change, finished, folded
from core.models.x_transformer.network import unit_rows
from core.ranking import ranks
from core.types import Contribution, Contributions, FloatArray, IntArray, Intermediate

if TYPE_CHECKING:
    from core.models.x_transformer.model import XTransformer


@dataclass(frozen=True)
class _Seen:
    """Of the two texts [2]: the matcher's logit of the label's cluster, the cluster's place among all, the label's place in it and
    among all labels, and the shares of matcher and embedding."""

    logit: FloatArray
    place: IntArray
    inside: IntArray
    rank: IntArray
    matcher: FloatArray
    embedding: FloatArray


def x_transformer_contributions(model: XTransformer, before: Document, after: Document, label: int) -> Contributions:
    label = model.labels.find(label)
    seen, scores = _look(model, before, after, label)
    bias = float(model.weights.bias[label])
    words = feature_shares(model.tfidf, model.weights.words, before, after, label)
    shares = [
        Contribution("matcher", f"cluster {int(model.weights.cluster[label])}", float(seen.matcher[0]), float(seen.matcher[1])),
        Contribution("ranker on the embedding", "document vector", float(seen.embedding[0]), float(seen.embedding[1])),
        Contribution("bias", "of the label", bias, bias),
        *folded(words, "words and pairs"),
    ]
    beam = float(min(model.config.beam, len(model.weights.head)))
    figures = (
        Intermediate("place of the label's cluster", float(seen.place[0]), float(seen.place[1])),
        Intermediate("clusters in the beam", beam, beam),
        Intermediate("matcher's logit of the cluster", float(seen.logit[0]), float(seen.logit[1])),
        Intermediate("place of the label in its cluster", float(seen.inside[0]), float(seen.inside[1])),
        Intermediate("ranker's margin", *(float(scores[i] - seen.matcher[i]) for i in (0, 1))),
        Intermediate("place of the label among all", float(seen.rank[0]), float(seen.rank[1])),
    )
    return finished(model.labels, label, float(scores[0]), float(scores[1]), shares, figures, _summary(model, label, seen, shares, words))


def _look(model: XTransformer, before: Document, after: Document, label: int) -> tuple[_Seen, FloatArray]:
    w, texts = model.weights, [before.text, after.text]
    room = model.encoder.window - 2
    pooled = model.pool([model.tokenizer.tokens(document, room).ids for document in (before, after)])
    logits = model.cluster_logits(pooled)
    cluster = int(w.cluster[label])
    own = np.flatnonzero(w.cluster == cluster)
    dense = model.score(texts)
    column = np.asarray([int(np.searchsorted(own, label))])
    matcher = -model.config.matcher_weight * np.logaddexp(0, -logits[:, cluster].astype(np.float64))
    embedding = unit_rows(pooled) @ w.embedding[label]
    seen = _Seen(
        logits[:, cluster].astype(np.float64), ranks(logits, np.asarray([cluster]))[:, 0], ranks(dense[:, own], column)[:, 0],
        ranks(dense, np.asarray([label]))[:, 0], matcher, embedding.astype(np.float64),
    )  # fmt: skip
    return seen, dense[:, label].astype(np.float64)


def _summary(model: XTransformer, label: int, seen: _Seen, shares: list[Contribution], words: list[Contribution]) -> str:
    beam, size = model.config.beam, int((model.weights.cluster == model.weights.cluster[label]).sum())
    was, now = (int(place) for place in seen.place)
    where = f"cluster {int(model.weights.cluster[label])} ({size} label{'s' if size > 1 else ''})"
    if was <= beam < now:
        told = f"The beam lost the label: its {where} went from place {was} to {now}, and only {beam} clusters are looked at"
    elif now <= beam < was:
        told = f"The label came into the beam: its {where} went from place {was} to {now} of {beam}"
    elif now > beam:
        told = f"The label was and is outside the beam: its {where} stands at place {was}, now {now}, and only {beam} clusters are looked at"
    else:
        inside = "keeps its place" if seen.inside[0] == seen.inside[1] else f"goes from place {seen.inside[0]} to {seen.inside[1]}"
        told = f"Its {where} stays in the beam (place {was}, now {now} of {beam}); inside it the label {inside}"
    matcher, embedding = shares[0], shares[1]
    return f"{told}; matcher {change(matcher):+.2f}, ranker on the embedding {change(embedding):+.2f}, on words {sum(map(change, words)):+.2f}."
