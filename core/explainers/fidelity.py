"""How far an explanation can be believed: measures of faithfulness, computed for any Attribution (methods.md, section 9).

Words are taken away in order of their value, largest first, and the label's score is watched (DeYoung et al. 2020, ERASER:
comprehensiveness, sufficiency, and AOPC, the mean over 1, 5, 10, 20 and 50 % of the words). All in the classifier's declared
unit, all masked documents of all labels in two batched passes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from core.errors import InputError
from core.explainers import explain, explainer_class
from core.explainers.attribution import Attribution, Question
from core.explainers.masking import MaskedScores, MaskScorer, mode_of, read_part
from core.fields import from_json
from core.types import BoolArray, Classifier, FloatArray, IntArray, Progress, silent

SHARES = (0.01, 0.05, 0.1, 0.2, 0.5)
"""Shares of the words that ERASER takes away."""

AT = 0.2
"""The share at which comprehensiveness and sufficiency are given on their own."""

TOP = 10
"""Words whose overlap between seeds is the stability."""

NOISE = 1e-6
"""Values below this share of the largest are rounding: ranking them would compare noise."""

CURVE = 20
"""Points of the curve on which the flip is sought."""


@dataclass(frozen=True)
class FidelityMeasure:
    """What a figure in `Attribution.fidelity` means, for a tooltip; `better` is 'higher', 'lower' or ''."""

    help: str
    better: str


MEASURES: Mapping[str, FidelityMeasure] = {
    "completeness": FidelityMeasure("relative error of sum of the values = score - baseline score (Integrated Gradients)", "lower"),
    "elsewhere": FidelityMeasure("share of the score difference that lies on tokens belonging to no word (Integrated Gradients)", "lower"),
    "r2": FidelityMeasure("weighted R2 of the surrogate: how much of the nearby scores' variance the linear model explains (LIME)", "higher"),
    "comprehensiveness": FidelityMeasure("what the score loses when the top 20 % of the words are taken away", "higher"),
    "sufficiency": FidelityMeasure("what the score loses when only the top 20 % of the words are kept", "lower"),
    "aopc": FidelityMeasure("mean loss of score over taking away the top 1, 5, 10, 20 and 50 % of the words", "higher"),
    "aopc_random": FidelityMeasure("the same with the words in random order: what AOPC must beat", ""),
    "flip_word": FidelityMeasure("1 if taking away the top word alone makes the label leave the k best", "higher"),
    "flip_share": FidelityMeasure("smallest share of the words, in order of value, whose loss makes the label leave the k best", "lower"),
    "stability": FidelityMeasure("mean overlap (Jaccard) of the ten top words with those of other seeds", "higher"),
}


def measure_fidelity(
    attribution: Attribution,
    classifier: Classifier,
    *,
    k: int = 5,
    orders: int = 5,
    repeats: int = 0,
    seed: int = 0,
    progress: Progress = silent,
) -> Attribution:
    """The attribution with its fidelity filled in; measures that do not apply to a label are NaN there (a flip, if the
    label is not among the k best or never leaves them).

    `orders` random orders make the baseline; `repeats` explanations with other seeds make the stability, each of which
    costs as much as the explanation itself. k = 0 leaves the flips out: they alone need the scores of all labels.
    Raises InputError if the classifier's weights are not those that were explained."""
    if classifier.digest != attribution.digest:
        raise InputError(
            f"the explanation is of the weights {attribution.digest}, not of '{classifier.name}' with {classifier.digest}; explain again"
        )
    document = read_part(classifier, attribution.document)
    question = Question(classifier, document, attribution.labels, progress)
    mode = mode_of(str(attribution.settings.get("mode", "delete")))
    ranking = np.argsort(-attribution.values[:, : len(document)], axis=1, kind="stable")
    scores = MaskedScores(question, mode, planned=len(SHARES) * (2 * len(ranking) + orders) + 1, runs=False)
    found = erasure(ranking, scores, orders, np.random.default_rng(seed))
    if k:
        places = MaskedScores(question, mode, planned=CURVE * len(ranking) + 1, ranked=True, runs=False)
        found |= flips(ranking, places, k)
    if repeats and attribution.seed is not None:
        found["stability"] = _stability(attribution, classifier, repeats, progress)
    return attribution.with_fidelity(found)


def without_top(order: IntArray, counts: IntArray) -> BoolArray:
    """order [w], most important word first -> masks [len(counts), w] that lack the first `counts` words of it."""
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    return place >= counts[:, None]


def erasure(ranking: IntArray, score: MaskScorer, orders: int, rng: np.random.Generator) -> dict[str, FloatArray]:
    """ranking [m, w] -> comprehensiveness, sufficiency, aopc and aopc_random, each [m]."""
    labels, words = ranking.shape
    counts = np.maximum(1, np.ceil(np.array(SHARES) * words)).astype(np.int64)
    ordered = np.concatenate([without_top(order, counts) for order in ranking])
    shuffled = [without_top(rng.permutation(words), counts) for _ in range(orders)]
    scores = score(np.concatenate([np.ones((1, words), dtype=np.bool_), ordered, ~ordered, *shuffled]))
    loss = scores[0] - scores[1:]
    own, at = np.arange(labels), SHARES.index(AT)
    lost, missing = loss[: 2 * len(ordered)].reshape(2, labels, len(SHARES), labels)[:, own, :, own].transpose(1, 0, 2)
    random = loss[2 * len(ordered) :].mean(axis=0) if orders else np.full(labels, np.nan)
    return {"comprehensiveness": lost[:, at], "sufficiency": missing[:, at], "aopc": lost.mean(axis=1), "aopc_random": random}


def flips(ranking: IntArray, places: MaskScorer, k: int) -> dict[str, FloatArray]:
    """ranking [m, w]; `places` gives the labels' ranks (1 = best) -> flip_word and flip_share [m], the share to within
    the CURVE points that are tried."""
    labels, words = ranking.shape
    counts = np.unique(np.geomspace(1, words, CURVE).round().astype(np.int64))
    masks = np.concatenate([without_top(order, counts) for order in ranking])
    found = places(np.concatenate([np.ones((1, words), dtype=np.bool_), masks]))
    own = np.arange(labels)
    out = found[1:].reshape(labels, len(counts), labels)[own, :, own] > k
    inside = found[0] <= k
    share = np.where(out.any(axis=1), counts[out.argmax(axis=1)] / words, np.nan)
    return {"flip_word": np.where(inside, out[:, 0].astype(np.float64), np.nan), "flip_share": np.where(inside, share, np.nan)}


def _stability(attribution: Attribution, classifier: Classifier, repeats: int, progress: Progress) -> FloatArray:
    """Mean Jaccard overlap [m] of the top words with those found under `repeats` other seeds."""
    kind = explainer_class(attribution.method)
    overlaps = []
    for shift in range(1, repeats + 1):
        explainer = from_json(kind, {**attribution.settings, "seed": (attribution.seed or 0) + shift})
        other = explain(explainer, classifier, attribution.document, attribution.labels, progress)
        overlaps.append([jaccard(top_words(one), top_words(two)) for one, two in zip(attribution.values, other.values, strict=True)])
    return np.asarray(np.mean(overlaps, axis=0))


def top_words(values: FloatArray, count: int = TOP) -> frozenset[int]:
    """Positions of the `count` words with the largest |value|; among equals, and in the noise, the earlier. values [w]."""
    size = np.abs(values)
    size[size <= NOISE * size.max(initial=0)] = 0
    return frozenset(np.argsort(-size, kind="stable")[:count].tolist())


def jaccard(one: frozenset[int], other: frozenset[int]) -> float:
    """|both| / |either|; 1 for two empty sets."""
    return len(one & other) / len(one | other) if one | other else 1.0
