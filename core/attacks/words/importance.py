"""How attacks weigh words: by taking each away, by the gradient, or by what an explanation says.

importance(i) = sign * sum over gamma of (g(S without i) - g(S)): eqs. 3.1 to 3.3 of Qaraei and Babbar (2022), larger = the goal
gains more when the word is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np

from core.attacks.words.oracle import WordOracle
from core.document import Document
from core.fields import Field, check
from core.types import BoolArray, Classifier, Differentiable, FloatArray, IntArray, Maskable, MaskMode

BATCH_WORDS, BATCH_ROWS = 4_096, 64
"""Between two looks at the budget so many words are masked, but at least so many texts: a long text is mostly past the model's
window, and what its maskings share is worked out once a batch."""


def _masked(oracle: WordOracle, document: Document, positions: Sequence[int], mode: MaskMode) -> FloatArray:
    """Progress [n] with each of n words taken away, minus the progress with none taken away."""
    gamma = np.asarray(oracle.gamma(document), dtype=np.int64)
    keep: BoolArray = np.ones((len(positions) + 1, len(document)), dtype=np.bool_)
    keep[np.arange(len(positions)), list(positions)] = False
    size = max(BATCH_ROWS, BATCH_WORDS // max(1, len(document)))
    parts = [_sum(oracle, document, keep[start : start + size], gamma, mode) for start in range(0, len(keep), size)]
    oracle.count(len(positions))
    found = np.concatenate(parts)
    return np.asarray(oracle.goal.sign * (found[:-1] - found[-1]), dtype=np.float64)


def _sum(oracle: WordOracle, document: Document, keep: BoolArray, gamma: IntArray, mode: MaskMode) -> FloatArray:
    oracle.pause()
    if isinstance(oracle.classifier, Maskable):
        scores = oracle.classifier.score_masked(document, keep, gamma, mode)
    else:
        scores = oracle.classifier.score([document.keep(row).text for row in keep], gamma)
    return np.asarray(scores.astype(np.float64).sum(axis=1), dtype=np.float64)


def _spread(document: Document, positions: Sequence[int], values: FloatArray) -> FloatArray:
    found = np.full(len(document), -np.inf)
    found[list(positions)] = values
    return found


@dataclass(frozen=True)
class Masking:
    """Leave one word out at a time: one query a word."""

    mode: Annotated[str, Field("put the model's own mask or unknown token in a word's place, or cut the word out", choices=("mask", "delete"))] = (
        "mask"
    )

    NAME: ClassVar[str] = "masking"

    def __post_init__(self) -> None:
        check(self)

    def refusal(self, classifier: Classifier) -> str | None:
        if self.mode == "mask" and not isinstance(classifier, Maskable):
            return f"'{classifier.name}' has no mask token to put in a word's place; weigh words by cutting them out."
        return None

    def queries(self, words: int, labels: int) -> int:
        return words

    def rank_words(self, oracle: WordOracle, document: Document, positions: Sequence[int]) -> FloatArray:
        return _spread(document, positions, _masked(oracle, document, positions, "mask" if self.mode == "mask" else "delete"))


@dataclass(frozen=True)
class Gradient:
    """The first-order estimate of leaving each word out, (v - v0) . dg/dv with v0 the model's empty rows, from one gradient
    a label; then the most important words are checked by really leaving them out. 2 |gamma| + `recheck` queries in
    place of one a word (a gradient counts as two)."""

    recheck: Annotated[int, Field("words, the most important by the gradient, that are left out for an exact figure", low=0, high=1_000)] = 8
    mode: Annotated[str, Field("how a word is left out in the check", choices=("mask", "delete"))] = "mask"

    NAME: ClassVar[str] = "gradient"

    def __post_init__(self) -> None:
        check(self)

    def refusal(self, classifier: Classifier) -> str | None:
        if not isinstance(classifier, Differentiable):
            return f"'{classifier.name}' gives no gradient; weigh words by masking."
        return None

    def queries(self, words: int, labels: int) -> int:
        return 2 * labels + min(self.recheck, words)

    def rank_words(self, oracle: WordOracle, document: Document, positions: Sequence[int]) -> FloatArray:
        estimate = self._estimate(oracle, document)[list(positions)]
        chosen = np.argsort(-estimate, kind="stable")[: self.recheck]
        values = estimate.copy()
        if len(chosen):
            exact = _masked(oracle, document, [positions[i] for i in chosen], "mask" if self.mode == "mask" else "delete")
            rest = np.delete(estimate, chosen)
            # Checked words keep their exact order and stand before the unchecked ones, whose figures are on another scale.
            values[chosen] = exact
            if len(rest):
                unchecked = np.setdiff1d(np.arange(len(values)), chosen)
                values[unchecked] = rest - rest.max() + min(float(exact.min()), 0.0) - 1e-9
        return _spread(document, positions, values)

    def _estimate(self, oracle: WordOracle, document: Document) -> FloatArray:
        classifier = oracle.classifier
        assert isinstance(classifier, Differentiable)
        embedded = classifier.embed(document)
        rows = ((embedded.vectors - embedded.baseline) * oracle.slopes(document)).sum(axis=1)
        found: FloatArray = -oracle.goal.sign * (rows @ embedded.owner)
        return np.pad(found, (0, len(document) - len(found)))


Attribute = Callable[[Classifier, Document, Sequence[int]], tuple[FloatArray, int]]
"""(classifier, document, labels) -> values [w], how much each word speaks for the labels' summed score, and queries."""


@dataclass(frozen=True)
class Explained:
    """The ranking that an explanation gives. Attacks do not know explainers: `attribute` is one, handed in by who does; `asks` says
    what it costs for so many words and labels."""

    attribute: Attribute
    name: str
    of: tuple[tuple[str, Any], ...] = ()
    unfit: Callable[[Classifier], str | None] = lambda classifier: None
    asks: Callable[[int, int], int] = lambda words, labels: words

    NAME: ClassVar[str] = "explanation"

    def settings(self) -> dict[str, Any]:
        """The explainer's name and settings."""
        return {"explainer": self.name, **dict(self.of)}

    def refusal(self, classifier: Classifier) -> str | None:
        return self.unfit(classifier)

    def queries(self, words: int, labels: int) -> int:
        return self.asks(words, labels)

    def rank_words(self, oracle: WordOracle, document: Document, positions: Sequence[int]) -> FloatArray:
        values, queries = self.attribute(oracle.classifier, document, oracle.gamma(document))
        oracle.count(queries)
        return _spread(document, positions, (-oracle.goal.sign * values)[list(positions)])


@dataclass(frozen=True)
class RandomOrder:
    """No weighing: a seeded random order, the floor that every other ranking is read against. No queries."""

    seed: Annotated[int, Field("seed of the order", low=0, high=2**32 - 1)] = 0

    NAME: ClassVar[str] = "random"

    def __post_init__(self) -> None:
        check(self)

    def refusal(self, classifier: Classifier) -> str | None:
        return None

    def queries(self, words: int, labels: int) -> int:
        return 0

    def rank_words(self, oracle: WordOracle, document: Document, positions: Sequence[int]) -> FloatArray:
        return _spread(document, positions, np.random.default_rng(self.seed).permutation(len(positions)).astype(np.float64))
