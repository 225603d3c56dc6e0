"""Which pairs of document and label a study attacks (methods.md 5.4; Qaraei and Babbar 2022, section 4.2).

Eligible are, by goal, pairs whose label is
    positive-targeted   true and in the top k
    negative-targeted   neither true nor in the top k; with clusters, only one that shares a cluster with a true label
    non-targeted        (documents, not pairs) any that have a true label in the top k; the rarest such label gives the bin
by the dense score, as attacks see it. Pairs are drawn bin by bin in turn, so that each bin gives equally many until it runs out;
what it lacks the others give. The same seed draws the same pairs.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from core.attacks import Promote
from core.attacks.goals import goal_class
from core.attacks.targets import clusters_for
from core.data.dataset import Dataset, truth_for
from core.document import Document
from core.errors import InputError
from core.ranking import top_k
from core.study.drawing import Bin, DrawnFrom, binned_by, draw, eligible
from core.study.settings import Study
from core.types import Classifier, Progress, silent

BATCH = 128


@dataclass(frozen=True)
class Pair:
    """`row` of the split, its name there, its true labels that the classifier knows, the label attacked (None: non-targeted), the
    training count that puts it into `bin`. `unknown`: the label's name where the classifier has no such label, so that the pair cannot
    be attacked (pairs of another study only)."""

    id: str
    row: int
    document: str
    label: int | None
    count: int
    bin: str
    truth: tuple[int, ...]
    unknown: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Plan:
    """Pairs in the order in which they are attacked, bins, and sentences about what was left out."""

    pairs: tuple[Pair, ...]
    bins: tuple[Bin, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {"bins": [asdict(one) for one in self.bins], "notes": list(self.notes), "pairs": [pair.to_json() for pair in self.pairs]}


def plan(study: Study, classifier: Classifier, dataset: Dataset, seed: int, progress: Progress = silent) -> Plan:
    """Score the split and draw. InputError where nothing is eligible."""
    scene, notes = look(study, classifier, dataset, seed, progress)
    clusters = None
    if goal_class(study.goal) is Promote and study.targets == "cluster":
        clusters = clusters_for(classifier.labels, dataset)
        assert clusters is not None  # a data set is given
        notes.append(f"label clusters: {clusters.source}")
    bins, queues = eligible(study, scene, clusters, seed)
    ids = dataset.split(study.split).ids
    drawn = draw(queues, study.pairs, study.per_document)
    if not drawn:
        raise InputError(f"no pair of split '{study.split}' can be attacked so ({study.goal}, k = {study.k}); choose another split, goal or k")
    counts = np.bincount([at for at, _, _ in drawn], minlength=len(bins))
    bins = tuple(replace(one, drawn=int(counts[i])) for i, one in enumerate(bins))
    short = [one.name for one in bins if one.drawn < max(counts) - 1]
    if short:
        notes.append(f"bins that ran out, so that others gave more: {', '.join(short)}")
    if len(drawn) < study.pairs:
        notes.append(f"{len(drawn)} of {study.pairs} pairs could be drawn")
    pairs = []
    for at, document, label in drawn:
        row, name = int(scene.rows[document]), "*" if label is None else str(label)
        pairs.append(Pair(f"{row}:{name}", row, ids[row], label, binned_by(scene, document, label)[1], bins[at].name, scene.truth[document]))
    return Plan(tuple(pairs), bins, tuple(notes))


def look(study: Study, classifier: Classifier, dataset: Dataset, seed: int = 0, progress: Progress = silent) -> tuple[DrawnFrom, list[str]]:
    """Score every document that is not too long or too short, and say what was left out."""
    split = dataset.split(study.split)
    if split.texts is None:
        raise InputError(f"data set '{dataset.name}' holds vectors, no text; words cannot be attacked")
    lengths = np.asarray([len(Document.from_text(text)) for text in split.texts], dtype=np.int64)
    longer = (lengths > study.max_words) & bool(study.max_words)
    shorter = (lengths > 0) & (lengths < study.min_words)
    rows = np.flatnonzero((lengths > 0) & ~longer & ~shorter).astype(np.int64)
    notes = []
    if empty := int((lengths == 0).sum()):
        notes.append(f"{empty} documents without words were left out")
    for left, said in ((longer, f"more than {study.max_words}"), (shorter, f"fewer than {study.min_words}")):
        if left.any():
            notes.append(f"{int(left.sum())} documents of {said} words were left out")
    if 0 < study.documents < len(rows):
        notes.append(f"{study.documents} of {len(rows)} documents were looked at, drawn at random")
        rows = np.sort(np.random.default_rng(seed).choice(rows, size=study.documents, replace=False))
    top = np.zeros((len(rows), min(study.k, len(classifier.labels))), dtype=np.int64)
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        top[start : start + len(part)] = top_k(classifier.score([split.texts[row] for row in part]), study.k)
        progress(start + len(part), len(rows), "scoring the split")
    truth = sparse.csr_array(truth_for(split, dataset.label_names, classifier.labels)[0])
    known = [truth.indices[truth.indptr[row] : truth.indptr[row + 1]] for row in rows]
    return DrawnFrom(classifier.labels, rows, tuple(tuple(int(j) for j in each if j < len(classifier.labels)) for each in known), top), notes
