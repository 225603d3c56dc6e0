"""Integrated Gradients: (x - x0) times the mean gradient on the straight way from a baseline x0 to the document's rows x
(Sundararajan, Taly & Yan 2017, eq. 1), summed over each row and shared out to the words that own it.

The method's completeness axiom, sum of the attributions = f(x) - f(x0), holds on every piece of the way. So the error of
the trapezoid rule is known on each piece, from the scores that come with the gradients, and only the pieces with the
larger errors are halved: the kinks of ReLU and max pooling and the steep flank of a sigmoid get the steps, not the flats.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np

from core.errors import CapabilityError
from core.explainers.attribution import Answer, Question
from core.fields import Field, check
from core.types import Classifier, Differentiable, Embedded, FloatArray, IntArray

CAP = 512
"""Most gradients that one label may take."""

FLOOR = 1e-6
"""A smaller difference f(x) - f(x0) counts as this much in relative errors: below it lies the rounding of float32."""

BATCH_FLOATS = 4_000_000
"""Numbers in one batch of interpolated rows: 16 MB of float32, and as much for the gradient."""

MOST_SLOPES = 16_000_000
"""Slopes held at a time, over all labels: 128 MB. Only documents of tens of thousands of rows meet this limit."""

Slopes = Callable[[FloatArray, IntArray], tuple[FloatArray, FloatArray]]
"""(positions [n] on the way, labels [n] as columns 0..m-1) -> scores [n] and (x - x0) . gradient of each row [n, T]."""


@dataclass
class Path:
    """One label's nodes on the way so far, sorted: positions [n], scores [n], slopes [n, T]."""

    at: FloatArray
    scores: FloatArray
    slopes: FloatArray

    def errors(self) -> FloatArray:
        """Score difference minus trapezoid on each piece [n - 1]: what completeness lacks there."""
        return np.asarray(np.diff(self.scores) - (np.diff(self.at)[:, None] * (self.slopes[1:] + self.slopes[:-1]) / 2).sum(axis=1))

    def integral(self) -> FloatArray:
        """Attribution of each row [T]."""
        return np.asarray((np.diff(self.at)[:, None] * (self.slopes[1:] + self.slopes[:-1]) / 2).sum(axis=0))

    def completeness(self) -> float:
        """|sum of the attributions - (f(x) - f(x0))| / |f(x) - f(x0)|."""
        return float(abs(self.errors().sum()) / max(abs(self.scores[-1] - self.scores[0]), FLOOR))

    def add(self, at: FloatArray, scores: FloatArray, slopes: FloatArray) -> None:
        order = np.argsort(np.concatenate([self.at, at]), kind="stable")
        self.at = np.concatenate([self.at, at])[order]
        self.scores = np.concatenate([self.scores, scores])[order]
        self.slopes = np.concatenate([self.slopes, slopes])[order]

    def worst(self, most: int) -> FloatArray:
        """Middles of the pieces to halve next: those with at least a tenth of the largest error, at most a quarter of all
        pieces and at most `most`."""
        errors = np.abs(self.errors())
        count = min(most, (len(errors) + 3) // 4, int((errors >= 0.1 * errors.max()).sum()))
        chosen = np.sort(np.argsort(-errors, kind="stable")[:count])
        return np.asarray((self.at[chosen] + self.at[chosen + 1]) / 2)


def integrate(slopes: Slopes, labels: int, steps: int, tolerance: float, cap: int = CAP) -> list[Path]:
    """One path a label: `steps` equal pieces, then the worst pieces halved until completeness is within `tolerance` or
    `cap` gradients are spent."""
    grid = np.linspace(0, 1, steps + 1)
    scores, rows = slopes(np.tile(grid, labels), np.repeat(np.arange(labels), len(grid)))
    n = len(grid)
    paths = [Path(grid, scores[i * n : (i + 1) * n], rows[i * n : (i + 1) * n]) for i in range(labels)]
    while True:
        todo = [i for i, path in enumerate(paths) if path.completeness() > tolerance and len(path.at) < cap]
        if not todo:
            return paths
        new = [paths[i].worst(cap - len(paths[i].at)) for i in todo]
        scores, rows = slopes(np.concatenate(new), np.repeat(np.array(todo), [len(at) for at in new]))
        ends = np.cumsum([len(at) for at in new])[:-1]
        for i, at, own, slope in zip(todo, new, np.split(scores, ends), np.split(rows, ends), strict=True):
            paths[i].add(at, own, slope)


class _Gradients:
    """`Slopes` of one embedded document, in batches that fit in memory, counted, with progress."""

    def __init__(self, question: Question, classifier: Differentiable, embedded: Embedded) -> None:
        self.question, self.classifier, self.embedded = question, classifier, embedded
        self.difference = embedded.vectors - embedded.baseline
        self.batch = int(np.clip(BATCH_FLOATS // max(1, self.difference.size), 1, 64))
        self.queries = 0

    def __call__(self, at: FloatArray, columns: IntArray) -> tuple[FloatArray, FloatArray]:
        scores = np.empty(len(at))
        slopes = np.empty((len(at), len(self.difference)))
        for start in range(0, len(at), self.batch):
            part = slice(start, start + self.batch)
            vectors = self.embedded.baseline + at[part, None, None].astype(np.float32) * self.difference
            found, gradient = self.classifier.gradient(self.embedded, vectors, self.question.labels[columns[part]])
            scores[part] = found
            slopes[part] = np.einsum("ntd,td->nt", gradient, self.difference, dtype=np.float64)
            done = min(start + self.batch, len(at))
            self.question.progress(self.queries + done, self.queries + len(at), "gradients on the way from the baseline")
        self.queries += len(at)
        return scores, slopes


@dataclass(frozen=True)
class IntegratedGradients:
    """Gradients summed on the way from a baseline that says nothing to the document; needs a differentiable model."""

    steps: Annotated[int, Field("equal pieces of the way to start with", low=1, high=CAP - 1)] = 16
    tolerance: Annotated[float, Field("completeness error at which no piece is halved any more", low=0, high=1)] = 0.008

    NAME: ClassVar[str] = "integrated-gradients"
    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "quick": {"steps": 8, "tolerance": 0.05},
        "normal": {"steps": 16, "tolerance": 0.008},
        "thorough": {"steps": 64, "tolerance": 0.001},
    }

    def __post_init__(self) -> None:
        check(self)

    @classmethod
    def refusal(cls, classifier: Classifier) -> str | None:
        if isinstance(classifier, Differentiable):
            return None
        return f"Integrated Gradients needs a model with gradients, and '{classifier.name}' offers none."

    def queries(self, words: int, labels: int) -> int:
        """The first grid; refining it may take up to CAP gradients a label."""
        return (self.steps + 1) * labels

    def probe(self, question: Question) -> float:
        gradients = _Gradients(Question(question.classifier, question.document, question.labels), *self._embedded(question))
        at, columns = np.linspace(0, 1, 8), np.zeros(8, dtype=np.int64)
        gradients(at[:1], columns[:1])
        start = time.perf_counter()
        gradients(at, columns)
        return (time.perf_counter() - start) / len(at)

    def attribute(self, question: Question) -> Answer:
        gradients = _Gradients(question, *self._embedded(question))
        most = MOST_SLOPES // max(1, len(gradients.difference) * len(question.labels))
        paths = integrate(gradients, len(question.labels), self.steps, self.tolerance, min(CAP, max(most, self.steps + 1)))
        rows = np.array([path.integral() for path in paths])
        base = np.array([path.scores[0] for path in paths])
        total = np.array([path.scores[-1] for path in paths])
        owner = gradients.embedded.owner.astype(np.float64)
        completeness = np.array([path.completeness() for path in paths])
        elsewhere = (rows * (1 - owner.sum(axis=1))).sum(axis=1) / np.maximum(np.abs(total - base), FLOOR)
        notes = (f"The baseline is {gradients.embedded.baseline_name}.", *_remarks(completeness, elsewhere, self.tolerance))
        fidelity = {"completeness": completeness, "elsewhere": np.abs(elsewhere)}
        return Answer(rows @ owner, base, total, gradients.queries, fidelity=fidelity, notes=notes)

    def _embedded(self, question: Question) -> tuple[Differentiable, Embedded]:
        classifier = question.classifier
        if not isinstance(classifier, Differentiable):
            raise CapabilityError(self.refusal(classifier) or "")
        return classifier, classifier.embed(question.document)


def _remarks(completeness: FloatArray, elsewhere: FloatArray, tolerance: float) -> list[str]:
    """Sentences for what a reader would not expect."""
    found = []
    if completeness.max() > tolerance:
        found.append(
            f"The completeness error is still {completeness.max():.1%} for one label after the most gradients allowed (sought: {tolerance:.1%})."
        )
    if np.abs(elsewhere).max() > 0.01:
        found.append(
            f"Up to {np.abs(elsewhere).max():.0%} of the score difference lies on tokens that belong to no word (punctuation, special tokens)."
        )
    return found
