"""What an explainer is asked, what it answers, and the finished result that pages, exports and the command line show."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np

from core.document import Document
from core.types import Classifier, FloatArray, IntArray, Progress, Unit, silent

UNSIGNED = frozenset({"attention"})
"""Methods whose values say how much is read and nothing of for or against: they are drawn in one hue, as shares of their sum."""


@dataclass(frozen=True)
class Question:
    """Why does `classifier` give `labels` [m] their scores on `document`? The document holds only words that the model
    reads, at least one; `core.explainers.explain` has seen to that."""

    classifier: Classifier
    document: Document
    labels: IntArray
    progress: Progress = silent


@dataclass(frozen=True)
class Answer:
    """What a method found, for the words of the question: values [m, w], base [m], total [m] in the classifier's unit,
    `queries` (model evaluations), and what it knows of its own fidelity ({measure: [m]}).

    `additive` says whether the method claims base + sum of the values = total; only then is there a residual.
    """

    values: FloatArray
    base: FloatArray
    total: FloatArray
    queries: int
    additive: bool = True
    fidelity: Mapping[str, FloatArray] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Explainer(Protocol):
    """A frozen dataclass of settings that can answer questions. `NAME` is its key in `EXPLAINERS`; PRESETS gives the
    settings that differ from the defaults under 'quick', 'normal' and 'thorough'."""

    NAME: ClassVar[str]
    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]]

    @classmethod
    def refusal(cls, classifier: Classifier) -> str | None:
        """Why this classifier cannot be explained so, as a sentence; None if it can."""
        ...

    def queries(self, words: int, labels: int) -> int:
        """How many model evaluations a document of `words` words costs; duplicates can only lower it."""
        ...

    def probe(self, question: Question) -> float:
        """Seconds that one of these evaluations takes, measured on a few."""
        ...

    def attribute(self, question: Question) -> Answer: ...


@dataclass(frozen=True)
class Attribution:
    """How much each word of a document contributes to the scores of m labels, and how that was found.

    values [m, words] are in the classifier's `unit`, positive = towards the label, and cover ALL words of `document`: a
    word that the model never reads has 0 and a note says so. base [m] is the score of nothing by the method's own
    meaning (LIME: intercept; SHAP, occlusion: no words; integrated gradients: baseline; attention: 0), total [m] the score
    of the document, residual [m] = total - base - sum of the values, None where the method claims no such sum.
    `words_read` words were looked at; fidelity {measure: [m]}, see `core.explainers.fidelity.MEASURES`.
    """

    document: Document
    labels: IntArray
    label_names: tuple[str, ...]
    unit: Unit
    values: FloatArray
    base: FloatArray
    total: FloatArray
    residual: FloatArray | None
    method: str
    settings: Mapping[str, Any]
    seed: int | None
    queries: int
    checkpoint: str
    digest: str
    words_read: int
    fidelity: Mapping[str, FloatArray] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def unsigned(self) -> bool:
        """Whether the values speak neither for a label nor against it (see `UNSIGNED`)."""
        return self.method in UNSIGNED

    def with_fidelity(self, found: Mapping[str, FloatArray]) -> Attribution:
        """The same with more measures. `queries` stays what the explanation itself took."""
        return dataclasses.replace(self, fidelity={**self.fidelity, **found})

    def to_json(self) -> dict[str, Any]:
        """The object that `python -m core explain --json` prints. Measures that do not apply are null."""
        return {
            "checkpoint": self.checkpoint,
            "digest": self.digest,
            "explainer": self.method,
            "settings": dict(self.settings),
            "seed": self.seed,
            "unit": self.unit,
            "queries": self.queries,
            "words": len(self.document),
            "words_read": self.words_read,
            "notes": list(self.notes),
            "labels": [self._label_json(row) for row in range(len(self.labels))],
        }

    def _label_json(self, row: int) -> dict[str, Any]:
        words = zip(self.document.words, self.document.spans, self.values[row], strict=True)
        return {
            "id": int(self.labels[row]),
            "label": self.label_names[row],
            "score": float(self.total[row]),
            "base": float(self.base[row]),
            "residual": None if self.residual is None else float(self.residual[row]),
            "words": [{"index": i, "word": word, "start": s, "end": e, "value": float(v)} for i, (word, (s, e), v) in enumerate(words)],
            "fidelity": {name: _number(column[row]) for name, column in self.fidelity.items()},
        }


def shares(values: FloatArray) -> FloatArray:
    """Values [w] that are 0 or more, as shares [w] of their sum; zeros where they are all 0."""
    total = float(values.sum())
    return values / total if total > 0 else np.zeros_like(values)


def _number(value: float) -> float | None:
    """JSON has no NaN: a measure that does not apply is null."""
    return float(value) if math.isfinite(value) else None
