"""Which pairs of document and label a study attacks (methods.md 5.4; Qaraei and Babbar 2022, section 4.2).

Eligible are, by goal, pairs whose label is
    positive-targeted   true and in the top k
    negative-targeted   neither true nor in the top k; with clusters, only one that shares a cluster with a true label
    non-targeted        (documents, not pairs) any that have a true label in the top k; the rarest such label gives the bin
by the dense score, as attacks see it. Pairs are drawn bin by bin in turn, so that each bin gives equally many until it runs out;
what it lacks the others give. The same seed draws the same pairs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import sparse

from core.attacks import Demote, Disturb, Promote
from core.attacks.goals import goal_class
from core.attacks.targets import LabelClusters, clusters_for, siblings
from core.data.dataset import Dataset, truth_for
from core.document import Document
from core.errors import InputError
from core.labels import LabelSpace
from core.ranking import top_k
from core.study.settings import Study
from core.types import Classifier, IntArray, Progress, silent

BATCH = 128
LABELS_A_BIN, SHARE_OF_LABELS = 10, 30
"""An automatic bin is closed once it holds this many labels that have an eligible document, or one in so many of all labels."""
TRIES = 50
"""Draws of a random label and document, for each pair wanted, before a bin counts as empty."""


@dataclass(frozen=True)
class Pair:
    """`row` of the split, its name there, its true labels that the classifier knows, the label attacked (None: non-targeted), the
    training count that puts it into `bin`."""

    id: str
    row: int
    document: str
    label: int | None
    count: int
    bin: str
    truth: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Bin:
    """Training counts in [low, high), high None = no end; pairs (or, where they are drawn blindly, labels) that were eligible, and
    the pairs drawn."""

    name: str
    low: int
    high: int | None
    eligible: int
    drawn: int = 0


@dataclass(frozen=True)
class Plan:
    """Pairs in the order in which they are attacked, bins, and sentences about what was left out."""

    pairs: tuple[Pair, ...]
    bins: tuple[Bin, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {"bins": [asdict(one) for one in self.bins], "notes": list(self.notes), "pairs": [pair.to_json() for pair in self.pairs]}


@dataclass(frozen=True)
class Scene:
    """The documents that may be drawn: rows of the split, their true labels that the classifier knows, their top k labels [n, k]."""

    space: LabelSpace
    rows: IntArray
    truth: tuple[tuple[int, ...], ...]
    top: IntArray


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
    bins = tuple(Bin(one.name, one.low, one.high, one.eligible, int(counts[i])) for i, one in enumerate(bins))
    short = [one.name for one in bins if one.drawn < max(counts) - 1]
    if short:
        notes.append(f"bins that ran out, so that others gave more: {', '.join(short)}")
    if len(drawn) < study.pairs:
        notes.append(f"{len(drawn)} of {study.pairs} pairs could be drawn")
    pairs = []
    for at, document, label in drawn:
        row, name = int(scene.rows[document]), "*" if label is None else str(label)
        pairs.append(Pair(f"{row}:{name}", row, ids[row], label, _count(scene, document, label), bins[at].name, scene.truth[document]))
    return Plan(tuple(pairs), bins, tuple(notes))


def look(study: Study, classifier: Classifier, dataset: Dataset, seed: int = 0, progress: Progress = silent) -> tuple[Scene, list[str]]:
    """Score every document that is not too long, and say what was left out."""
    split = dataset.split(study.split)
    if split.texts is None:
        raise InputError(f"data set '{dataset.name}' holds vectors, no text; words cannot be attacked")
    lengths = np.asarray([len(Document.from_text(text)) for text in split.texts], dtype=np.int64)
    rows = np.flatnonzero((lengths > 0) & ((lengths <= study.max_words) if study.max_words else True)).astype(np.int64)
    notes = []
    if empty := int((lengths == 0).sum()):
        notes.append(f"{empty} documents without words were left out")
    if longer := len(lengths) - len(rows) - empty:
        notes.append(f"{longer} documents of more than {study.max_words} words were left out")
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
    return Scene(classifier.labels, rows, tuple(tuple(int(j) for j in each if j < len(classifier.labels)) for each in known), top), notes


def _count(scene: Scene, document: int, label: int | None) -> int:
    """The training count that bins a pair: of its label, or of the document's rarest right label of the top k."""
    counts = scene.space.counts
    return int(counts[label]) if label is not None else min(int(counts[j]) for j in _right(scene, document))


def _right(scene: Scene, document: int) -> list[int]:
    return [int(label) for label in scene.top[document] if int(label) in scene.truth[document]]


Queue = Iterator[tuple[int, int | None]]
"""Pairs of (document of the scene, label) in the order in which a bin gives them."""


def eligible(study: Study, scene: Scene, clusters: LabelClusters | None, seed: int) -> tuple[tuple[Bin, ...], list[Queue]]:
    """The bins that are not empty, and of each a shuffled queue of its eligible pairs."""
    if goal_class(study.goal) is Promote and clusters is None:
        edges = study.edges() or automatic_edges(scene.space.counts, len(scene.space))
        inside = [np.flatnonzero((scene.space.counts >= low) & (scene.space.counts < (high or np.inf))) for low, high in spans(edges)]
        used = [(span, labels) for span, labels in zip(spans(edges), inside, strict=True) if len(labels)]
        bins = tuple(Bin(name(low, high), low, high, len(labels)) for (low, high), labels in used)
        return bins, [_blind(scene, labels, study.pairs, np.random.default_rng([seed, low])) for (low, _), labels in used]
    pairs = list(_pairs(study, scene, clusters))
    counts = np.asarray([_count(scene, document, label) for document, label in pairs], dtype=np.int64)
    # Non-targeted: the bin's labels are the rarest right ones, and their counts stand for them.
    distinct = {(count if label is None else label): int(count) for (_, label), count in zip(pairs, counts, strict=True)}
    edges = study.edges() or automatic_edges(np.asarray(list(distinct.values()), dtype=np.int64), len(scene.space))
    found, queues = [], []
    for low, high in spans(edges):
        members = np.flatnonzero((counts >= low) & (counts < (high or np.inf)))
        if len(members):
            found.append(Bin(name(low, high), low, high, len(members)))
            queues.append(iter([pairs[i] for i in np.random.default_rng([seed, low]).permutation(members).tolist()]))
    return tuple(found), queues


def _pairs(study: Study, scene: Scene, clusters: LabelClusters | None) -> Iterator[tuple[int, int | None]]:
    """All eligible pairs, by document, then by label."""
    kind = goal_class(study.goal)
    for document, true in enumerate(scene.truth):
        top = {int(label) for label in scene.top[document]}
        if kind is Disturb:
            if top & set(true):
                yield document, None
        elif kind is Demote:
            yield from ((document, label) for label in true if label in top)
        else:
            assert clusters is not None
            near = siblings(scene.space, true, clusters)
            yield from ((document, label) for label in sorted(near) if label not in top)


def _blind(scene: Scene, labels: IntArray, wanted: int, rng: np.random.Generator) -> Queue:
    """Uniform draws of a label of the bin and a document, those that do not fit thrown away: all pairs together would be as many as
    documents times labels. Ends after TRIES draws a wanted pair."""
    seen: set[tuple[int, int]] = set()
    for _ in range(TRIES * wanted if len(labels) and len(scene.rows) else 0):
        pair = int(rng.integers(len(scene.rows))), int(labels[rng.integers(len(labels))])
        document, label = pair
        if pair not in seen and label not in scene.truth[document] and label not in scene.top[document]:
            seen.add(pair)
            yield pair


def draw(queues: Sequence[Queue], wanted: int, per_document: int) -> list[tuple[int, int, int | None]]:
    """(bin, document, label), from each bin in turn, no document more than `per_document` times."""
    used: dict[int, int] = {}
    found: list[tuple[int, int, int | None]] = []
    open_bins = list(enumerate(queues))
    while open_bins and len(found) < wanted:
        still = []
        for at, queue in open_bins:
            pair = next((pair for pair in queue if used.get(pair[0], 0) < per_document), None)
            if pair is not None:
                still.append((at, queue))
                if len(found) < wanted:
                    found.append((at, *pair))
                    used[pair[0]] = used.get(pair[0], 0) + 1
        open_bins = still
    return found


def automatic_edges(counts: IntArray, labels: int) -> tuple[int, ...]:
    """Lower edges of bins over the training counts of the labels that have an eligible document: walking upwards, a bin is closed
    once it holds a thirtieth of all labels, at least ten; the last may hold fewer. Labels of one count stay together."""
    least = max(LABELS_A_BIN, labels / SHARE_OF_LABELS)
    values, sizes = np.unique(counts, return_counts=True)
    edges, held = list[int](), 0.0
    for value, size in zip(values.tolist(), sizes.tolist(), strict=True):
        if not edges or held >= least:
            edges.append(int(value))
            held = 0
        held += size
    return tuple(edges)


def spans(edges: Sequence[int]) -> list[tuple[int, int | None]]:
    """[low, high) of each bin; the last has no end. Labels below the first edge are in none."""
    return list(zip(edges, [*edges[1:], None], strict=True))


def name(low: int, high: int | None) -> str:
    """'[5, 20)' or '1000 and more'."""
    return f"{low} and more" if high is None else f"[{low}, {high})"
