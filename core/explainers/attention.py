"""Attention as an explanation: where the encoder looks, merged from tokens to words.

Three readings. `rollout` (Abnar & Zuidema 2020): the product over layers of (A + I) / 2, A the mean over heads, read off at
the rows that enter the document vector. `last-layer`: the same rows of the last layer alone. `gradient` (Chefer, Gur &
Wolf 2021, eq. 5-6): per label, heads weighted by the positive part of gradient x attention, R <- R + A R. Only the last
depends on the label. Attention shows where information flows, not what caused a score: read it beside Integrated
Gradients.

A model whose labels have each an attention of their own (AttentionXML) needs none of these: what a label reads from each word is
shown as it is, in every view.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from core.errors import CapabilityError
from core.explainers.attribution import Answer, Question
from core.fields import Field, check
from core.types import Attended, Attentive, Classifier, FloatArray, IntArray, LabelAttentive

CAVEAT = "Attention shows where the encoder looks, not why a label was chosen; it is no cause."
LABEL_CAVEAT = (
    "This is the label's own attention: it reads the document through these weights alone. What is read at a word also holds what stands "
    "around it, and may speak for the label or against it; Integrated Gradients says which."
)


def last_layer(weights: NDArray[np.float32], pooling: NDArray[np.float32]) -> FloatArray:
    """weights [layers, heads, T, T], pooling [T] -> how much of the document vector is read from each token [T]."""
    return np.asarray(pooling.astype(np.float64) @ weights[-1].mean(axis=0, dtype=np.float64))


def rollout(weights: NDArray[np.float32]) -> FloatArray:
    """weights [layers, heads, T, T] -> [T, T]: how much of each final token comes from each first one; rows sum to 1."""
    flow = np.eye(weights.shape[-1])
    for layer in weights:
        step = (layer.mean(axis=0, dtype=np.float64) + np.eye(len(flow))) / 2
        flow = step @ flow
    return flow


def gradient_weighted(weights: NDArray[np.float32], gradient: NDArray[np.float32], pooling: NDArray[np.float32]) -> FloatArray:
    """weights, gradient [layers, heads, T, T] -> relevance of each token for one label [T], without the tokens' own
    identity term."""
    relevance = np.eye(weights.shape[-1])
    for layer, slope in zip(weights, gradient, strict=True):
        step = np.maximum(layer.astype(np.float64) * slope, 0).mean(axis=0)
        relevance = relevance + step @ relevance
    return np.asarray(pooling.astype(np.float64) @ (relevance - np.eye(len(relevance))))


def to_words(tokens: FloatArray, owner: IntArray, words: int) -> FloatArray:
    """Sum token values [..., T] over the tokens of each word [..., w]; tokens that belong to no word are dropped."""
    share = np.zeros((len(owner), words))
    owned = np.flatnonzero(owner >= 0)
    share[owned, owner[owned]] = 1
    return np.asarray(tokens @ share)


def word_matrix(tokens: FloatArray, owner: IntArray, words: int) -> FloatArray:
    """Attention between tokens [T, T] -> between words [w, w]: given to a word is a sum over its tokens, given by a word is
    the mean over its tokens. A word without a token has a row of zeros."""
    given_to = to_words(tokens, owner, words)
    count = np.bincount(owner[owner >= 0], minlength=words)
    return to_words(given_to.T, owner, words).T / np.maximum(count, 1)[:, None]


@dataclass(frozen=True)
class Attention:
    """Where the encoder looks. Only the gradient-weighted view depends on the label, but where labels have attentions of their own."""

    view: Annotated[str, Field("which reading of the attention weights", choices=("gradient", "rollout", "last-layer"))] = "gradient"

    NAME: ClassVar[str] = "attention"
    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {"quick": {"view": "rollout"}, "normal": {}, "thorough": {}}

    def __post_init__(self) -> None:
        check(self)

    @classmethod
    def refusal(cls, classifier: Classifier) -> str | None:
        if isinstance(classifier, Attentive | LabelAttentive):
            return None
        return f"Attention can be shown where a model attends to words, and '{classifier.name}' has no attention."

    def queries(self, words: int, labels: int) -> int:
        return 2 + (labels if self.view == "gradient" else 0)

    def probe(self, question: Question) -> float:
        start = time.perf_counter()
        if isinstance(question.classifier, LabelAttentive):
            question.classifier.label_attention(question.document, question.labels)
        else:
            self._attentive(question).attention(question.document)
        return time.perf_counter() - start

    def attribute(self, question: Question) -> Answer:
        if isinstance(question.classifier, LabelAttentive):
            return self._own(question, question.classifier)
        classifier = self._attentive(question)
        planned, words = self.queries(len(question.document), len(question.labels)), len(question.document)
        attended = classifier.attention(question.document)
        question.progress(1, planned, "attention")
        values = np.empty((len(question.labels), words))
        if self.view == "gradient":
            for row, label in enumerate(question.labels):
                slope = classifier.attention_gradient(question.document, int(label))
                values[row] = to_words(gradient_weighted(attended.weights, slope, attended.pooling), attended.owner, words)
                question.progress(2 + row, planned, "attention")
        else:
            values[:] = to_words(self._tokens(attended), attended.owner, words)
        total = classifier.score([question.document.text], question.labels)[0].astype(np.float64)
        question.progress(planned, planned, "attention")
        same = () if self.view == "gradient" else ("This view of attention is the same for every label.",)
        return Answer(values, np.zeros(len(total)), total, planned, additive=False, notes=(CAVEAT, *same))

    def _own(self, question: Question, classifier: LabelAttentive) -> Answer:
        """Each label's own attention, the same in every view: two queries, one for the weights and one for the scores."""
        attended = classifier.label_attention(question.document, question.labels)
        question.progress(1, 2, "attention")
        values = to_words(attended.weights.astype(np.float64), attended.owner, len(question.document))
        total = classifier.score([question.document.text], question.labels)[0].astype(np.float64)
        question.progress(2, 2, "attention")
        return Answer(values, np.zeros(len(total)), total, 2, additive=False, notes=(LABEL_CAVEAT,))

    def _tokens(self, attended: Attended) -> FloatArray:
        if self.view == "rollout":
            return np.asarray(attended.pooling.astype(np.float64) @ rollout(attended.weights))
        return last_layer(attended.weights, attended.pooling)

    def _attentive(self, question: Question) -> Attentive:
        if not isinstance(question.classifier, Attentive):
            raise CapabilityError(self.refusal(question.classifier) or "")
        return question.classifier
