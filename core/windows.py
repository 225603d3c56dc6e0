"""A long document read in windows: each as long as the model reads, and the label's score the maximum or the mean over them.

Models that read the first words only (XML-CNN, X-Transformer) say nothing of the rest of a long document. In windows every word can change
a score. It is another classifier than the one that was trained and measured (nothing was trained for it; a mean dilutes what one window
says, a maximum collects every window's false labels), so it has a name and a digest of its own and is never chosen by itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, cast

import numpy as np

from core.document import Document
from core.errors import InputError
from core.fields import Field, check
from core.labels import LabelSpace
from core.ranking import best_of_all
from core.types import BoolArray, Classifier, IntArray, Maskable, MaskMode, PartlyEncoded, Scores, Unit

BATCH = 64
"""Windows scored at a time."""
POOLINGS = ("maximum", "mean")
MOST = 1_000
"""Windows of one document."""

NAMED = ", {} over windows"
"""What a classifier's name ends with where it reads in windows."""


@dataclass(frozen=True)
class Windows:
    """How a long document is read."""

    pooling: Annotated[str, Field("a label's score over the windows", choices=POOLINGS)] = "maximum"
    overlap: Annotated[float, Field("share of a window that the next one reads again, so that few phrases are cut", low=0, high=0.9)] = 0.25

    def __post_init__(self) -> None:
        check(self)

    def over(self, classifier: Classifier) -> WindowedClassifier:
        """Maskable where the classifier is."""
        return MaskableWindows(classifier, self) if isinstance(classifier, Maskable) else WindowedClassifier(classifier, self)


@dataclass(frozen=True)
class WindowedClassifier:
    """A `Classifier` and nothing more: the windows' attention and gradients belong to no single text."""

    inner: Classifier
    windows: Windows

    @cached_property
    def name(self) -> str:
        return self.inner.name + NAMED.format(self.windows.pooling)

    @cached_property
    def digest(self) -> str:
        said = f"{self.inner.digest} {self.windows.pooling} {self.windows.overlap}"
        return hashlib.sha256(said.encode()).hexdigest()[:16]

    @property
    def labels(self) -> LabelSpace:
        return self.inner.labels

    @property
    def unit(self) -> Unit:
        return self.inner.unit

    def score(self, texts: Sequence[str], labels: IntArray | None = None) -> Scores:
        """[n, L or m]: the maximum or the mean of the windows' scores, in the classifier's own unit."""
        parts = [[window.text for window in self.read(Document.from_text(text))] for text in texts]
        owner = np.repeat(np.arange(len(texts)), [len(part) for part in parts])
        flat = [text for part in parts for text in part]
        pool = _Pool(self.windows.pooling, len(texts), len(self.labels) if labels is None else len(labels))
        for start in range(0, len(flat), BATCH):
            pool.add(owner[start : start + BATCH], self.inner.score(flat[start : start + BATCH], labels))
        return pool.pooled()

    def retrieve(self, texts: Sequence[str], k: int) -> tuple[IntArray, Scores]:
        """By the pooled scores of all labels: a beam of one window is none of the document."""
        return best_of_all(cast("Classifier", self), texts, k)

    def words_read(self, document: Document) -> int:
        """All of them."""
        return len(document)

    def read(self, document: Document) -> list[Document]:
        """The windows, in order; one, the document itself, where the model reads it whole. InputError for a document of more than MOST
        windows."""
        return [_cut(document, first, last) for first, last in self.spans(document)] or [document]

    def spans(self, document: Document) -> list[tuple[int, int]]:
        """First word and first word past the end, of each window."""
        found: list[tuple[int, int]] = []
        start, words = 0, len(document)
        while start < words:
            read = self.inner.words_read(document if not start else _cut(document, start, words))
            if not read:
                break  # nothing more that this model reads
            found.append((start, min(words, start + read)))
            if start + read >= words:
                break
            start += max(1, read - int(self.windows.overlap * read))
            if len(found) > MOST:
                raise InputError(f"the document has more than {MOST:,} windows of {read:,} words; cut it and try again")
        return found


class MaskableWindows(WindowedClassifier):
    """Over a classifier that can put a mask token in a word's place: the windows stay where they were in the whole document."""

    def score_masked(self, document: Document, keep: BoolArray, labels: IntArray | None = None, mode: MaskMode = "delete") -> Scores:
        """keep [n, w] -> [n, L or m]. Deleted words move what follows into other windows, so with "delete" each text is read anew."""
        if mode == "delete":
            return self.score([document.keep(row).text for row in keep], labels)
        inner, everything = cast("Maskable", self.inner), np.arange(len(keep))
        pool = _Pool(self.windows.pooling, len(keep), len(self.labels) if labels is None else len(labels))
        for first, last in self.spans(document) or [(0, len(document))]:
            pool.add(everything, inner.score_masked(_cut(document, first, last), keep[:, first:last], labels, mode))
        return pool.pooled()


class _Pool:
    """Scores of windows as they come, pooled by the text that they belong to."""

    def __init__(self, pooling: str, texts: int, width: int) -> None:
        self.maximum = pooling == "maximum"
        self.scores = np.full((texts, width), -np.inf if self.maximum else 0, dtype=np.float32)
        self.counts = np.zeros((texts, 1), dtype=np.float32)

    def add(self, texts: IntArray, scores: Scores) -> None:
        """Scores [n, width] of windows of the texts with these numbers [n]."""
        (np.maximum if self.maximum else np.add).at(self.scores, texts, scores)
        np.add.at(self.counts, texts, 1)

    def pooled(self) -> Scores:
        return self.scores if self.maximum else self.scores / self.counts


def read_as(classifier: Classifier, pooling: str | None) -> Classifier:
    """The classifier over windows; itself without a pooling."""
    return cast("Classifier", Windows(pooling=pooling).over(classifier)) if pooling else classifier


def reading(classifier: Classifier, document: Document) -> list[str]:
    """What of a document is read by what, as sentences: none where every part of the model reads every word at once and no windows were
    asked for. A model with a linear part reads all words by it, and the first ones only by its network."""
    windows = classifier if isinstance(classifier, WindowedClassifier) else None
    inner, words = (classifier if windows is None else windows.inner), len(document)
    read = inner.words_read(document)
    by_network = inner.words_encoded(document) if isinstance(inner, PartlyEncoded) else read
    part = f"its network reads the first {by_network:,} of {words:,} words, its linear part (TF-IDF) all of them"
    if windows is None:
        if read < words:
            return [f"the model reads the first {read:,} of {words:,} words; the others cannot change a score"]
        return [part] if by_network < words else []
    if len(spans := windows.spans(document)) > 1:
        most = max(last - first for first, last in spans)
        pooled = f"a label's score is the {windows.windows.pooling} over them"
        return [f"all {words:,} words are read, in {len(spans):,} windows of up to {most:,} words; {pooled}"]
    if by_network < words:
        return [f"nothing is windowed, since the linear part reads the text in one piece: the scores are those without windows; {part}"]
    return [f"the text is one window: the model reads all {words:,} words at once, so the scores are those without windows"]


def parts_of(name: str) -> tuple[str, str | None]:
    """A classifier's name as that of its checkpoint and the pooling, None where it reads no windows."""
    for pooling in POOLINGS:
        if name.endswith(NAMED.format(pooling)):
            return name.removesuffix(NAMED.format(pooling)), pooling
    return name, None


def _cut(document: Document, first: int, last: int) -> Document:
    """Words first to last - 1 with what stands between them: pieces alternate, separator first and last."""
    if first == 0 and last == len(document):
        return document
    return Document.from_text("".join(document.pieces[2 * first + 1 : 2 * last]))
