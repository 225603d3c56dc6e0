"""LIME: a weighted linear model around one document (Ribeiro, Singh & Guestrin 2016, eq. 1 and 2).

The definitions are those of the package `lime` 0.2 with bow=False, so that weights agree: every word position is its own
feature; a perturbed text lacks a number of words drawn uniformly from 1..w; its distance is 100 (1 - cosine) to the full
text and its weight sqrt(exp(-distance^2 / width^2)); the surrogate is a ridge regression with alpha 1 and an intercept.

Ours spends its texts better. lime draws sizes uniformly and then weights most small texts to nothing; here a size is drawn
in proportion to the root of its weight and the rest of the weight goes into the regression (importance sampling, the same
expected objective), and the sizes are stratified. On an XML-CNN, 12 documents of 40-70 words, Kendall's tau to lime's own
sampling with 20,000 texts rises from 0.72 to 0.75 with 200 texts, 0.83 to 0.85 with 500 and 0.88 to 0.89 with 1,000 (on the
linear reference, tilts 0, 0.5 and 1 give 0.66, 0.69, 0.67 with 128 texts and 0.88, 0.90, 0.89 with 1,000).
(Complementary pairs of texts and surrogates with pairs of neighbouring words were tried and gave nothing more.) Where all
2^w texts fit in the budget they are enumerated with their exact expected multiplicity.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np

from core.explainers.attribution import Answer, Question
from core.explainers.masking import Mode, TakesWordsAway, features, random_masks, stratified
from core.fields import Field
from core.types import BoolArray, FloatArray, IntArray

ALPHA = 1.0
"""lime's ridge penalty."""

TILT = 0.5
"""Sizes are drawn in proportion to (their lime weight)^TILT."""


def proximity(kept: IntArray, words: int, kernel_width: float) -> FloatArray:
    """lime's weight of a text that keeps `kept` of `words` words. For 0/1 vectors the cosine to the full text is
    sqrt(kept / words); an empty text is at distance 100, as in scikit-learn."""
    distance = 100 * (1 - np.sqrt(kept / words))
    return np.asarray(np.sqrt(np.exp(-((distance / kernel_width) ** 2))))


def sample(words: int, samples: int, kernel_width: float, rng: np.random.Generator) -> tuple[BoolArray, FloatArray]:
    """masks [n, w], the full text first, and regression weights [n]. The weights sum to what lime's would in
    expectation, so that the ridge penalty weighs the same."""
    if 2**words <= samples:
        return _every_mask(words, samples, kernel_width)
    sizes = np.arange(1, words + 1)
    weight = proximity(words - sizes, words, kernel_width)
    drawn, chance = stratified(weight**TILT, samples - 1, rng)
    masks = np.ones((samples, words), dtype=np.bool_)
    masks[1:] = random_masks(words, words - sizes[drawn], rng)
    return masks, np.concatenate([[1.0], (weight / (words * chance))[drawn]])


def _every_mask(words: int, samples: int, kernel_width: float) -> tuple[BoolArray, FloatArray]:
    """All 2^w masks, each weighted by how often lime would draw it among `samples`, times its proximity."""
    masks = ((np.arange(2**words)[::-1, None] >> np.arange(words)) & 1).astype(np.bool_)
    kept = masks.sum(axis=1)
    of_size = np.bincount(kept, minlength=words + 1)
    often = np.where(kept == words, 1.0, (samples - 1) / (words * of_size[kept]))
    return masks, often * proximity(kept, words, kernel_width)


def fit(masks: BoolArray, scores: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """masks [n, w], scores [n, m], weights [n] -> coefficients [m, w], intercepts [m] and weighted R2 [m] of the ridge
    regressions, all labels in one factorisation. R2 is 0 where a score never changes."""
    from sklearn.linear_model import Ridge

    design = masks.astype(np.float64)
    ridge = Ridge(alpha=ALPHA).fit(design, scores, sample_weight=weights)
    coefficients = np.asarray(ridge.coef_).reshape(scores.shape[1], -1)
    intercepts = np.asarray(ridge.intercept_).reshape(-1)
    left = weights @ (scores - design @ coefficients.T - intercepts) ** 2
    spread = weights @ (scores - np.average(scores, axis=0, weights=weights)) ** 2
    return coefficients, intercepts, 1 - np.divide(left, spread, out=np.ones_like(left), where=spread > 1e-12 * weights.sum())


@dataclass(frozen=True)
class Lime(TakesWordsAway):
    """A weighted linear model on texts with words taken away; its weights are the words' values."""

    samples: Annotated[int, Field("perturbed texts that are scored", low=20, high=100_000)] = 1_000
    kernel_width: Annotated[float, Field("how local: the kernel's width on cosine distance in percent", low=1, high=1_000)] = 25.0
    mode: Mode = "delete"
    seed: Annotated[int, Field("seed of the random texts", low=0, high=2**31 - 1)] = 0

    NAME: ClassVar[str] = "lime"
    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {"quick": {"samples": 300}, "normal": {"samples": 1_000}, "thorough": {"samples": 5_000}}

    def queries(self, words: int, labels: int) -> int:
        width = features(words)
        return 2**width if width < 30 and 2**width <= self.samples else self.samples

    def attribute(self, question: Question) -> Answer:
        masking = self.masking(question)
        masks, weights = sample(masking.width, self.samples, self.kernel_width, np.random.default_rng(self.seed))
        scores = masking(masks)
        values, base, r2 = fit(masks, scores, weights)
        return Answer(masking.spread(values), base, scores[0], masking.queries, fidelity={"r2": r2}, notes=masking.notes)
