"""The detector of feature squeezing: a text that reads quite differently once squeezed was probably made to.

    score(x) = max over squeezers of sum over the 20 best labels of g(x) of |g(x) - g(squeezed x)|     (Xu et al. 2018, section 5; methods.md 7.3)

g is the model's declared score, whatever its unit, so a threshold holds for one checkpoint. It is set on clean held-out documents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import InputError
from core.ranking import top_k
from core.types import Classifier, FloatArray, Progress, silent

TOP = 20
RATE = 0.05
BLOCK = 256
"""Texts scored at a time."""


def distances(
    classifier: Classifier, squeezed: Sequence[Classifier], texts: Sequence[str], top: int = TOP, progress: Progress = silent
) -> FloatArray:
    """[squeezers, n]: the L1 distance over the `top` best labels of each text, for each squeezer; their maximum is the detector's score."""
    found = np.zeros((len(squeezed), len(texts)))
    for start in range(0, len(texts), BLOCK):
        block = texts[start : start + BLOCK]
        scores = classifier.score(block)
        best = top_k(scores, top)
        own = np.take_along_axis(scores, best, axis=1).astype(np.float64)
        for row, one in zip(found, squeezed, strict=True):
            row[start : start + len(block)] = np.abs(own - np.take_along_axis(one.score(block), best, axis=1)).sum(axis=1)
        progress(start + len(block), len(texts), "reading with and without squeezing")
    return found


def threshold_for(clean: FloatArray, rate: float = RATE) -> float:
    """The least score of `clean` [n] that at most `rate` of them exceed. A text is flagged where its score is larger."""
    if not len(clean):
        raise InputError("a threshold needs clean documents; give one or more")
    return float(np.quantile(clean, 1 - rate, method="higher"))


@dataclass(frozen=True)
class Detection:
    """How well scores tell attacked texts from clean ones. tpr and fpr at the threshold; the curve's points from (0, 0) to (1, 1)."""

    threshold: float
    tpr: float
    fpr: float
    auc: float
    curve_fpr: FloatArray
    curve_tpr: FloatArray
    attacked: int
    clean: int


def detection(clean: FloatArray, attacked: FloatArray, threshold: float) -> Detection:
    """clean [n] and attacked [m] scores, judged at a threshold that was set on other documents."""
    from sklearn.metrics import roc_auc_score, roc_curve

    if not len(clean) or not len(attacked):
        raise InputError(f"there are {len(clean)} clean and {len(attacked)} attacked texts; a detector is judged by one or more of both")
    truth, scores = np.repeat([0, 1], [len(clean), len(attacked)]), np.concatenate([clean, attacked])
    fpr, tpr, _ = roc_curve(truth, scores)
    return Detection(
        threshold, float((attacked > threshold).mean()), float((clean > threshold).mean()), float(roc_auc_score(truth, scores)),
        np.asarray(fpr, dtype=np.float64), np.asarray(tpr, dtype=np.float64), len(attacked), len(clean),
    )  # fmt: skip
