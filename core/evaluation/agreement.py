"""How far two explanations of the same label on the same document agree: Kendall's tau-b over all words (Kendall 1945),
and how many of the ten top words both name."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from core.errors import InputError
from core.explainers.attribution import Attribution
from core.types import FloatArray

TOP = 10


@dataclass(frozen=True)
class Agreement:
    """tau in [-1, 1], or None where one side gives all words the same value; `shared` of the `top` highest words."""

    tau: float | None
    shared: int
    top: int


def agreement(one: Attribution, other: Attribution, label: str) -> Agreement:
    """Of the words that both looked at. Raises InputError for different documents or a label that one did not explain."""
    if one.document != other.document:
        raise InputError("the two explanations are of different documents, so they cannot be compared")
    read = min(one.words_read, other.words_read)
    return of_values(values_of(one, label)[:read], values_of(other, label)[:read])


def values_of(attribution: Attribution, label: str) -> FloatArray:
    """The words' values [w] for a label by its name."""
    if label not in attribution.label_names:
        raise InputError(f"the explanation by {attribution.method} is not of label {label!r}")
    values: FloatArray = attribution.values[attribution.label_names.index(label)]
    return values


def of_values(one: FloatArray, other: FloatArray) -> Agreement:
    """Values [w] of the same words. Ties in a top list go to the earlier word."""
    from scipy.stats import kendalltau

    top = min(TOP, len(one))
    best = [set(np.argsort(-values, kind="stable")[:top].tolist()) for values in (one, other)]
    varied = len(one) > 1 and np.ptp(one) > 0 and np.ptp(other) > 0
    tau = float(kendalltau(one, other).statistic) if varied else math.nan
    return Agreement(None if math.isnan(tau) else tau, len(best[0] & best[1]), top)
