"""What a data set holds, said before anyone trains on it: counts, duplicates, overlap, labels without training documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data.dataset import Dataset, Split
from core.data.readers.splitting import keys
from core.document import Document
from core.labels import BIN_EDGES, bin_name
from core.types import IntArray

WORDS_SAMPLED = 1_000
"""Words are counted as the models see them, in so many documents of a split, evenly spaced: all 57,000 acts of EURLEX57K would
take the better part of a minute."""


@dataclass(frozen=True)
class Spread:
    """How a count varies over documents."""

    mean: float
    median: float
    largest: int

    @classmethod
    def of(cls, counts: Sequence[int] | NDArray[Any]) -> Spread | None:
        """None of no counts."""
        if not len(counts):
            return None
        return cls(float(np.mean(counts)), float(np.median(counts)), int(np.max(counts)))


@dataclass(frozen=True)
class SplitReport:
    """One split. Texts are the same if they agree but for case and white space, vectors if they are equal.

    `duplicates` repeat an earlier document of the split, `in_train` a training document (0 for train); `labels_unseen` occur
    here but in no training document, `assignments_unseen` is how often. `words` is measured in `words_documents` documents.
    """

    name: str
    documents: int
    labels: int
    assignments: int
    labels_per_document: Spread | None
    without_label: int
    words: Spread | None
    words_documents: int
    features_per_document: Spread | None
    empty: int
    duplicates: int
    in_train: int
    labels_unseen: int
    assignments_unseen: int


@dataclass(frozen=True)
class BinReport:
    """Labels of one range of training counts, and how many label assignments each split has in it."""

    name: str
    labels: int
    assignments: dict[str, int]


@dataclass(frozen=True)
class Report:
    """What `describe` finds."""

    name: str
    digest: str
    labels: int
    features: int
    splits: tuple[SplitReport, ...]
    bins: tuple[BinReport, ...]
    source: str
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Ready for json.dumps."""
        return {
            **asdict(self),
            "splits": [asdict(split) for split in self.splits],
            "bins": [asdict(each) for each in self.bins],
            "notes": [*self.notes],
        }

    def to_text(self) -> str:
        """Lines for a terminal: a table of splits, a table of bins, the notes."""
        lines = [f"{self.name}: {sum(split.documents for split in self.splits):,} documents, {self.labels:,} labels, digest {self.digest}"]
        lines += ["", *_columns([["", *(split.name for split in self.splits)], *self._rows()])]
        if any(each.labels for each in self.bins):
            heads = ["training documents of a label", "labels", *(f"uses in {split.name}" for split in self.splits)]
            bins = [[each.name, f"{each.labels:,}", *(f"{count:,}" for count in each.assignments.values())] for each in self.bins]
            lines += ["", *_columns([heads, *bins])]
        lines += ["", *(f"- {note}" for note in self.notes), f"Source: {self.source}"]
        return "\n".join(lines)

    def _rows(self) -> list[list[str]]:
        """One row for each measure that some split has."""

        def spread(found: Spread | None) -> str:
            return f"{found.mean:,.2f} / {found.median:,g} / {found.largest:,}" if found else "-"

        rows = {
            "documents": [f"{split.documents:,}" for split in self.splits],
            "labels used": [f"{split.labels:,}" for split in self.splits],
            "labels a document (mean / median / most)": [spread(split.labels_per_document) for split in self.splits],
            "words a document (mean / median / most)": [spread(split.words) for split in self.splits],
            "features a document (mean / median / most)": [spread(split.features_per_document) for split in self.splits],
            "documents without a label": [f"{split.without_label:,}" for split in self.splits],
            "empty documents": [f"{split.empty:,}" for split in self.splits],
            "duplicates within the split": [f"{split.duplicates:,}" for split in self.splits],
            "also in train": [f"{split.in_train:,}" if split.name != "train" else "-" for split in self.splits],
            "labels never in train": [f"{split.labels_unseen:,}" if split.name != "train" else "-" for split in self.splits],
        }
        return [[name, *cells] for name, cells in rows.items() if set(cells) != {"-"}]


def describe(dataset: Dataset) -> Report:
    """Measure a data set. Beside the data: about a hundred bytes a document to find duplicates, one count a label a split."""
    counts = dataset.counts
    trained = "train" in dataset.splits
    known = frozenset(keys(dataset.splits["train"])) if trained else frozenset()
    splits = tuple(_split(name, split, counts, known, trained) for name, split in dataset.splits.items())
    width = next((split.features.shape[1] for split in dataset.splits.values() if split.features is not None), 0)
    notes = dataset.notes
    if any(0 < split.words_documents < split.documents for split in splits):
        notes += (f"words a document were counted in {WORDS_SAMPLED:,} documents of each larger split, evenly spaced",)
    return Report(
        dataset.name, dataset.digest, len(dataset.label_names), width, splits, _bins(dataset, counts) if trained else (), dataset.source, notes
    )


def label_counts(split: Split) -> IntArray:
    """Documents of each label [L] in one split."""
    return np.bincount(split.truth.indices, minlength=split.truth.shape[1]).astype(np.int64)


def _split(name: str, split: Split, trained: IntArray, known: frozenset[bytes], has_train: bool) -> SplitReport:
    found = label_counts(split)
    sizes = np.diff(split.truth.indptr)
    digests = keys(split)
    texts = split.texts or ()
    # All documents of a split of at most WORDS_SAMPLED, else every n-th.
    sample = np.unique(np.linspace(0, len(texts) - 1, min(len(texts), WORDS_SAMPLED)).astype(np.int64)) if texts else np.zeros(0, dtype=np.int64)
    features = None if split.features is None else np.diff(split.features.indptr)
    empty = sum(not text.strip() for text in texts) if split.texts is not None else int((features == 0).sum()) if features is not None else 0
    unseen = (trained == 0) & (found > 0) & has_train
    return SplitReport(
        name=name,
        documents=len(split),
        labels=int((found > 0).sum()),
        assignments=int(sizes.sum()),
        labels_per_document=Spread.of(sizes),
        without_label=int((sizes == 0).sum()),
        words=Spread.of([len(Document.from_text(texts[i][:4_000_000])) for i in sample.tolist()]),
        words_documents=len(sample),
        features_per_document=None if features is None else Spread.of(features),
        empty=empty,
        duplicates=len(digests) - len(set(digests)),
        in_train=0 if name == "train" else sum(digest in known for digest in digests),
        labels_unseen=int(unseen.sum()),
        assignments_unseen=int(found[unseen].sum()),
    )


def _bins(dataset: Dataset, counts: IntArray) -> tuple[BinReport, ...]:
    """The bins of core.labels, those without a label included."""
    places = np.searchsorted(np.asarray(BIN_EDGES), counts, side="right")
    uses = {name: label_counts(split) for name, split in dataset.splits.items()}
    return tuple(
        BinReport(bin_name(i), int((places == i).sum()), {name: int(found[places == i].sum()) for name, found in uses.items()})
        for i in range(len(BIN_EDGES) + 1)
    )


def _columns(rows: list[list[str]]) -> list[str]:
    """Rows as lines, the first column to the left and the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) if i == 0 else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths, strict=True))).rstrip()
            for row in rows]  # fmt: skip
