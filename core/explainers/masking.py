"""The one place that scores masked documents: every explainer that takes words away goes through here.

A mask is a row of booleans, true = the word stays. Equal masks are scored once, batches hold documents of like length
(deleted words then cost nothing), only the chosen label columns leave the model, queries are counted, and progress is
reported between batches, which is where a Cancelled stops the work.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Annotated

import numpy as np

from core.document import Document
from core.errors import CapabilityError
from core.explainers.attribution import Question
from core.fields import Field, check
from core.ranking import BLOCK, ranks
from core.types import BoolArray, Classifier, FloatArray, IntArray, Maskable, MaskMode

MAX_FEATURES = 2_000
"""Features that are masked one by one. Longer documents are masked in runs of neighbouring words: 100,000 single words
would take 100,000 queries of 100,000 words each, and a mask matrix of gigabytes."""

BATCH_WORDS = 4_096
"""Words scored between two looks at the progress: some 80 documents of 50 words, half a second of a small transformer."""

MaskScorer = Callable[[BoolArray], FloatArray]
"""masks [n, w] -> scores [n, m]; all that a kernel knows of a classifier."""


def features(words: int) -> int:
    """How many features stand for so many words."""
    return min(words, MAX_FEATURES)


Mode = Annotated[str, Field("how a word is taken away: cut out, or replaced by the model's mask token", choices=("delete", "mask"))]
"""The `mode` setting of every explainer that takes words away."""


def mode_of(name: str) -> MaskMode:
    """A component's `mode` setting, which `core.fields` knows as a string, as the type that classifiers take."""
    return "mask" if name == "mask" else "delete"


class MaskedScores:
    """Scores masks over the features of one question: `masking(masks [n, width]) -> [n, m]`, float64.

    `width` features stand for the question's words: one each, or runs of neighbours in a very long document. `queries`
    counts distinct documents scored so far. `planned` masks are expected in all, for the progress. With `ranked`, ranks
    (1 = best) among all labels come back in place of scores; without `runs` every word is a feature, however many.
    """

    def __init__(self, question: Question, mode: MaskMode = "delete", planned: int = 0, ranked: bool = False, runs: bool = True) -> None:
        if mode == "mask" and not isinstance(question.classifier, Maskable):
            raise CapabilityError(f"'{question.classifier.name}' has no mask token to put in a word's place; use mode 'delete'")
        self.question = question
        self.mode: MaskMode = mode
        self.planned = planned
        self.ranked = ranked
        words = len(question.document)
        bounds = np.linspace(0, words, (features(words) if runs else words) + 1).astype(np.int64)
        self.lengths: IntArray = bounds[1:] - bounds[:-1]
        self.queries = 0
        self._asked = 0
        self._known: dict[bytes, FloatArray] = {}

    @property
    def width(self) -> int:
        return len(self.lengths)

    @property
    def notes(self) -> tuple[str, ...]:
        if self.width == len(self.question.document):
            return ()
        longest = int(self.lengths.max())
        return (f"Words were taken away in runs of up to {longest} neighbours, which share their value: more than {MAX_FEATURES:,} are too many.",)

    def spread(self, values: FloatArray) -> FloatArray:
        """Feature values [m, width] -> word values [m, w]; a run's value is shared equally by its words."""
        return np.repeat(values / self.lengths, self.lengths, axis=1)

    def __call__(self, masks: BoolArray) -> FloatArray:
        keys = [row.tobytes() for row in np.packbits(masks, axis=1)]
        first = {key: i for i, key in enumerate(keys) if key not in self._known}
        new = np.fromiter(first.values(), dtype=np.int64, count=len(first))
        self._asked += len(masks) - len(new)
        new = new[np.argsort(masks[new].sum(axis=1), kind="stable")]
        for batch in self._batches(masks, new):
            scores = self._score(masks[batch]).astype(np.float64)
            self._known.update((keys[i], row) for i, row in zip(batch, scores, strict=True))
            self.queries += len(batch)
            self._asked += len(batch)
            self.question.progress(min(self._asked, max(self.planned, self._asked)), max(self.planned, self._asked), "texts with words taken away")
        return np.array([self._known[key] for key in keys]).reshape(len(masks), len(self.question.labels))

    def _batches(self, masks: BoolArray, order: IntArray) -> list[IntArray]:
        """Cut rows, sorted by the words they keep, into batches of about BATCH_WORDS words."""
        kept = masks[order] @ self.lengths
        most = max(1, BLOCK // len(self.question.classifier.labels)) if self.ranked else len(order)
        batches, start = [], 0
        while start < len(order):
            # The last row of a batch is its longest, and sets what a padded row costs.
            cost = np.maximum(kept[start:], 16) * np.arange(1, len(order) - start + 1)
            size = min(most, max(1, int(np.searchsorted(cost, BATCH_WORDS, side="right"))))
            batches.append(order[start : start + size])
            start += size
        return batches

    def _score(self, masks: BoolArray) -> FloatArray:
        question = self.question
        labels = None if self.ranked else question.labels
        keep = masks if self.width == len(question.document) else np.repeat(masks, self.lengths, axis=1)
        if isinstance(question.classifier, Maskable):
            scores = question.classifier.score_masked(question.document, keep, labels, self.mode)
        else:
            scores = question.classifier.score([question.document.keep(row).text for row in keep], labels)
        return (ranks(scores, question.labels) if self.ranked else scores).astype(np.float64)


class TakesWordsAway(ABC):
    """What explainers that score masked documents share of the `Explainer` protocol. `mode` is a setting of each of them."""

    mode: str

    def __post_init__(self) -> None:
        check(self)

    @classmethod
    def refusal(cls, classifier: Classifier) -> str | None:
        """None: any classifier can score a text with fewer words."""
        return None

    @abstractmethod
    def queries(self, words: int, labels: int) -> int:
        """How many masked documents `attribute` will ask for."""

    def probe(self, question: Question) -> float:
        return seconds_each(question, mode_of(self.mode))

    def masking(self, question: Question) -> MaskedScores:
        """The scorer of the question's masks, which knows how many to expect."""
        return MaskedScores(question, mode_of(self.mode), planned=self.queries(len(question.document), len(question.labels)))


def read_part(classifier: Classifier, document: Document) -> Document:
    """The words that the model's window holds, with their separators. Words past it are cut off for good: were they
    kept, deleting a word would let one slide into the window, and its effect would be booked on the deleted word."""
    read = classifier.words_read(document)
    return document if read >= len(document) else Document(document.pieces[: 2 * read + 1])


def stratified(mass: FloatArray, count: int, rng: np.random.Generator) -> tuple[IntArray, FloatArray]:
    """`count` draws from the distribution proportional to `mass` [s], one from each of `count` equal slices of it
    (systematic sampling), in random order; and the distribution [s]."""
    chance = mass / mass.sum()
    slices = (np.arange(count) + rng.random()) / max(1, count)
    drawn = np.minimum(np.searchsorted(np.cumsum(chance), slices), len(mass) - 1)
    return rng.permutation(drawn).astype(np.int64), chance


def random_masks(width: int, kept: IntArray, rng: np.random.Generator) -> BoolArray:
    """Masks [n, width] that keep `kept` [n] random features each."""
    masks = np.empty((len(kept), width), dtype=np.bool_)
    for start in range(0, len(kept), 512):  # blocks, because the random orders take eight bytes an entry
        size = kept[start : start + 512]
        masks[start : start + 512] = rng.random((len(size), width)).argsort(axis=1).argsort(axis=1) < size[:, None]
    return masks


def half_masks(width: int, count: int = 8) -> BoolArray:
    """`count` masks that each keep about half of the words: what a typical query looks like."""
    return np.random.default_rng(0).random((count, width)) < 0.5


def seconds_each(question: Question, mode: MaskMode = "delete") -> float:
    """Seconds a masked score takes: a few are scored, the first call not timed because it also warms caches."""
    masking = MaskedScores(Question(question.classifier, question.document, question.labels), mode)
    masks = half_masks(masking.width, 16)
    masking(masks[:4])
    before, start = masking.queries, time.perf_counter()
    masking(masks[4:])
    return (time.perf_counter() - start) / max(1, masking.queries - before)
