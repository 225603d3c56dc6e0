"""How far the labels of a data set and of a classifier are the same, and what each label was trained on: asked before anything is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from core.data.dataset import Dataset, truth_for
from core.errors import InputError
from core.labels import LabelSpace
from core.types import Classifier, IntArray

NEAR = 0.2
"""A data set's training split is taken for what a classifier was trained on where the counts of their common labels add up to the same, give
or take this share: a part of the split may have been held out for choosing an epoch."""


@dataclass(frozen=True)
class Meeting:
    """The truth of a split before a classifier. truth [n, L + u], its last u columns labels that the classifier lacks; counts [L + u]:
    training documents of each, 0 where no count is known (`uncounted`: such labels that occur). `labels` occur in the split, `shared` of them
    are the classifier's; `pairs` are its true (document, label) pairs, `shared_pairs` those whose label is the classifier's."""

    truth: sparse.csr_array
    counts: IntArray
    labels: int
    shared: int
    pairs: int
    shared_pairs: int
    uncounted: int

    @property
    def said(self) -> str | None:
        """What is not shared, as a sentence for the first line; None where the classifier has every label."""
        if self.shared == self.labels:
            return None
        said = (
            f"the model has {self.shared:,} of the {self.labels:,} labels of this split, which make "
            f"{100 * self.shared_pairs / self.pairs:.1f} % of the {self.pairs:,} true pairs; the others count as misses"
        )
        if self.uncounted:
            said += f", {self.uncounted:,} of them as trained on no document: these data hold no training split of the model's"
        return said

    def to_json(self) -> dict[str, Any]:
        return {
            "labels": self.labels, "shared_labels": self.shared, "pairs": self.pairs, "shared_pairs": self.shared_pairs,
            "uncounted_labels": self.uncounted, "said": self.said,
        }  # fmt: skip


def meet(classifier: Classifier, dataset: Dataset, split: str) -> Meeting:
    """Raises InputError where the split has true labels and the classifier knows none of them: every figure would be 0 and mean nothing."""
    labels, known = classifier.labels, len(classifier.labels)
    truth, origin = truth_for(dataset.split(split), dataset.label_names, labels)
    present = np.unique(truth.indices[truth.data != 0])
    pairs = int((truth.data != 0).sum())
    shared = int((present < known).sum())
    if pairs and not shared:
        examples = ", ".join(repr(dataset.label_names[int(origin[column])]) for column in present[:3])
        raise InputError(
            f"no label of '{dataset.name}', split '{split}' ({examples}, ...) is a label of '{classifier.name}' "
            f"({', '.join(map(repr, labels.names[:3]))}, ...): they meet by name, so nothing can be measured. Choose data with the model's "
            "labels, or a checkpoint that was trained on these"
        )
    counts = training_counts(labels, dataset, origin)
    uncounted = int((counts[present[present >= known]] == 0).sum())
    return Meeting(truth, counts, len(present), shared, pairs, int(((truth.indices < known) & (truth.data != 0)).sum()), uncounted)


def training_counts(labels: LabelSpace, dataset: Dataset, origin: IntArray) -> IntArray:
    """Training documents [len(origin)] of the classifier's labels, then of the data set's others (`origin`: see truth_for). A label that was
    left out of a training for its few documents has its count in the data's training split, where that is what the classifier was trained
    on; else 0."""
    known = len(labels)
    place = origin[:known]
    own = int(labels.counts[place >= 0].sum())
    there = int(dataset.counts[place[place >= 0]].sum())
    same = own > 0 and abs(there - own) <= NEAR * own
    others = dataset.counts[origin[known:]] if same else np.zeros(len(origin) - known, dtype=np.int64)
    return np.concatenate([labels.counts, others]).astype(np.int64)
