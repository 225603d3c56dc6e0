"""Draws pairs of document and label from bins of training counts, equally from each (methods.md 5.4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from core.attacks import Demote, Disturb, Promote
from core.attacks.goals import goal_class
from core.attacks.targets import LabelClusters, siblings
from core.labels import LabelSpace
from core.study.settings import Study
from core.types import IntArray

LABELS_A_BIN, SHARE_OF_LABELS = 10, 30
"""An automatic bin is closed once it holds this many labels that have an eligible document, or one in so many of all labels."""
TRIES = 50
"""Draws of a random label and document, for each pair wanted, before a bin counts as empty."""


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
class DrawnFrom:
    """The documents that may be drawn: rows of the split, their true labels that the classifier knows, their top k labels [n, k]."""

    space: LabelSpace
    rows: IntArray
    truth: tuple[tuple[int, ...], ...]
    top: IntArray


def binned_by(scene: DrawnFrom, document: int, label: int | None) -> tuple[int, int]:
    """The label whose training count puts a pair into its bin, and that count: the attacked one, or of a non-targeted attack the
    document's rarest right label of the top k."""
    counts = scene.space.counts
    right = (int(each) for each in scene.top[document] if int(each) in scene.truth[document])
    chosen = label if label is not None else min(right, key=lambda each: (int(counts[each]), each))
    return chosen, int(counts[chosen])


Queue = Iterator[tuple[int, int | None]]
"""Pairs of (document of the scene, label) in the order in which a bin gives them."""


def eligible(study: Study, scene: DrawnFrom, clusters: LabelClusters | None, seed: int) -> tuple[tuple[Bin, ...], list[Queue]]:
    """The bins that are not empty, and of each a shuffled queue of its eligible pairs."""
    if goal_class(study.goal) is Promote and clusters is None:
        edges = study.edges() or automatic_edges(scene.space.counts, len(scene.space))
        inside = [np.flatnonzero((scene.space.counts >= low) & (scene.space.counts < (high or np.inf))) for low, high in spans(edges)]
        used = [(span, labels) for span, labels in zip(spans(edges), inside, strict=True) if len(labels)]
        bins = tuple(Bin(name(low, high), low, high, len(labels)) for (low, high), labels in used)
        return bins, [_blind(scene, labels, study.pairs, np.random.default_rng([seed, low])) for (low, _), labels in used]
    pairs = list(_pairs(study, scene, clusters))
    places = [binned_by(scene, document, label) for document, label in pairs]
    counts = np.asarray([count for _, count in places], dtype=np.int64)
    edges = study.edges() or automatic_edges(np.asarray(list(dict(places).values()), dtype=np.int64), len(scene.space))
    found, queues = [], []
    for low, high in spans(edges):
        members = np.flatnonzero((counts >= low) & (counts < (high or np.inf)))
        if len(members):
            found.append(Bin(name(low, high), low, high, len(members)))
            queues.append(iter([pairs[i] for i in np.random.default_rng([seed, low]).permutation(members).tolist()]))
    return tuple(found), queues


def _pairs(study: Study, scene: DrawnFrom, clusters: LabelClusters | None) -> Iterator[tuple[int, int | None]]:
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


def _blind(scene: DrawnFrom, labels: IntArray, wanted: int, rng: np.random.Generator) -> Queue:
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
