"""Rebalanced losses: what a positive of each label weighs, so that labels with few training documents are learnt too.

Qaraei, Schultheis, Gupta, Babbar: Convex Surrogates for Unbiased Loss Functions in Extreme Classification With Missing Labels,
WWW 2021, eq. 4.6. With propensities p_j (Jain et al. 2016, eq. 2) and effective numbers of documents (Cui et al. 2019):

    loss = sum_j C_j W_j l+ + l-,   W_j = 2 / p_j - 1,   C_j = (1 - beta) / (1 - beta^n_j),   PW: C_j = 1

W is a convex upper bound of the unbiased loss, not the unbiased loss itself. The authors' code divides the weights by their mean over
the labels, which eq. 4.6 does not say: without it W is always >= 1. The propensities are those that PSP@k divides by, on purpose: the
loss is made for what PSP@k measures.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from core.errors import SettingsError
from core.labels import inverse_propensities
from core.types import FloatArray, IntArray

Kind = Literal["pw", "pw-cb"]
KINDS: tuple[Kind, ...] = ("pw", "pw-cb")
BETA = 0.9


class Constants(NamedTuple):
    """A and B of the propensity model."""

    a: float
    b: float


DEFAULT = Constants(0.55, 1.5)
CONSTANTS: dict[str, Constants] = {
    "amazon670k": Constants(0.6, 2.6),
    "amazon3m": Constants(0.6, 2.6),
    "wiki500k": Constants(0.5, 0.4),
    "wikipedia500k": Constants(0.5, 0.4),
    "wikilshtc": Constants(0.5, 0.4),
}
"""A and B where they are not DEFAULT, by what a data set's name holds in small letters without its punctuation. Not meant, and
DEFAULT: AmazonCat-13K, Wiki10-31K, EUR-Lex, RCV1."""


def constants_for(dataset: str) -> Constants:
    """A and B for a data set of this name ("Amazon-670K", "data/wiki500k", ...)."""
    plain = "".join(letter for letter in dataset.casefold() if letter.isalnum())
    return next((found for part, found in CONSTANTS.items() if part in plain), DEFAULT)


def propensity_weights(counts: IntArray, documents: int, constants: Constants = DEFAULT) -> FloatArray:
    """W [L] of eq. 4.6 from the labels' training documents [L] and their total N; a label without any counts as seen once."""
    return 2 * inverse_propensities(counts, documents, *constants) - 1


def class_balance(counts: IntArray, beta: float = BETA) -> FloatArray:
    """C [L], from 1 for a label seen once down to 1 - beta. SettingsError for a beta outside [0, 1)."""
    if not 0 <= beta < 1:
        raise SettingsError(f"beta must be at least 0 and below 1, not {beta}; the paper takes {BETA}")
    # expm1 keeps its digits where beta comes near to 1, and n ln 0 is minus infinity for beta = 0.
    with np.errstate(divide="ignore"):
        return np.asarray((1 - beta) / -np.expm1(np.maximum(counts, 1) * np.log(np.float64(beta))), dtype=np.float64)


def positive_weights(
    counts: IntArray, documents: int, kind: Kind = "pw", normalised: bool = True, constants: Constants = DEFAULT, beta: float = BETA
) -> FloatArray:
    """What a positive weighs, [L]: W, or C W with "pw-cb"; `normalised`: divided by the mean over the labels, as the authors' code does."""
    weights = propensity_weights(counts, documents, constants)
    if kind == "pw-cb":
        weights = weights * class_balance(counts, beta)
    return weights / weights.mean() if normalised and len(weights) else weights
