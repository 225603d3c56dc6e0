"""Occlusion, or leave-one-out: a word's value is what the score loses when this word alone is taken away
(Zeiler & Fergus 2014; for text Li et al. 2016, "Understanding neural networks through representation erasure")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from core.explainers.attribution import Answer, Question
from core.explainers.masking import MaskScorer, Mode, TakesWordsAway, features
from core.types import FloatArray

Differences = tuple[FloatArray, FloatArray, FloatArray]


def occlude(words: int, score: MaskScorer) -> Differences:
    """values [m, w] = f(x) - f(x without word i), base [m] = f(no words), total [m] = f(x): w + 2 scores."""
    masks = np.ones((words + 2, words), dtype=np.bool_)
    masks[np.arange(words), np.arange(words)] = False
    masks[words + 1] = False
    scores = score(masks)
    return (scores[words] - scores[:words]).T, scores[words + 1], scores[words]


@dataclass(frozen=True)
class Occlusion(TakesWordsAway):
    """One word away at a time: exact, cheap, and blind to words that stand in for each other."""

    mode: Mode = "delete"

    NAME: ClassVar[str] = "occlusion"
    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {"quick": {}, "normal": {}, "thorough": {}}

    def queries(self, words: int, labels: int) -> int:
        return features(words) + 2

    def attribute(self, question: Question) -> Answer:
        masking = self.masking(question)
        values, base, total = occlude(masking.width, masking)
        return Answer(masking.spread(values), base, total, masking.queries, additive=False, notes=masking.notes)
