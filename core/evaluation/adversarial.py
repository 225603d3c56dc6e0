"""How good a classifier still is when every document's rows are attacked: the same documents and denominators, clean and attacked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from core.attacks.embeddings.fgsm import EmbeddingAttack, Perturbed, perturb
from core.attacks.embeddings.saying import kinds_of, moved, network_only, said
from core.data.dataset import Dataset
from core.document import Document
from core.errors import CapabilityError, InputError
from core.evaluation.clean import DEPTH
from core.evaluation.meeting import Meeting, meet
from core.fields import to_json as settings_to_json
from core.labels import inverse_propensities
from core.metrics import Estimate, RankedHits, difference, estimate, find_hits
from core.ranking import top_k
from core.types import Classifier, IntArray, Progress, silent

SHOWN = ("P@1", "P@3", "P@5", "nDCG@5")


@dataclass(frozen=True)
class AttackedMetrics:
    """What one epsilon does. `metrics` under attack; `gap`: clean minus attacked, with the interval of a paired bootstrap; `radii`: the
    median eps_eff by kind of row; `share`: the median ||delta|| / ||e||; `rose`: documents whose loss rose; `untouched`: documents in
    which nothing could move or no label could be aimed at, kept in every figure as they are."""

    attack: EmbeddingAttack
    metrics: dict[str, Estimate]
    gap: dict[str, Estimate]
    radii: dict[str, float]
    share: float
    rose: int
    untouched: int
    ranked_hits: RankedHits


@dataclass(frozen=True)
class AttackedEvaluation:
    """Both sides rank all labels by their score, without the beam that a model may retrieve with: an attacked row has no text to retrieve
    for. `rows`: the documents of the split that were attacked, drawn by `seed` where `limit` says how many; `of`: how many the split has;
    `excluded`: drawn, but without a true label; `met`: how far the split's labels are the classifier's."""

    split: str
    rows: IntArray
    of: int
    limit: int | None
    excluded: int
    seed: int
    loss: str
    clean: dict[str, Estimate]
    attacked: tuple[AttackedMetrics, ...]
    ranked_hits: RankedHits
    met: Meeting


def evaluate_attacked(
    classifier: Classifier, dataset: Dataset, attacks: Sequence[EmbeddingAttack], split: str = "test", limit: int | None = None, seed: int = 0,
    progress: Progress = silent,
) -> AttackedEvaluation:  # fmt: skip
    """Attack each document with each of the attacks. `limit`: so many documents, drawn at random by the seed, not the first ones.

    Raises CapabilityError where an attack does not fit the classifier, InputError for a data set without text or truth.
    """
    for attack in attacks:
        if why := attack.refusal(classifier):
            raise CapabilityError(why)
    part = dataset.split(split)
    if part.texts is None:
        raise InputError(f"data set '{dataset.name}' holds vectors, no text; this classifier reads text")
    drawn = drawn_rows(len(part), limit, seed)
    met = meet(classifier, dataset, split)
    truth = met.truth
    rows = drawn[np.diff(truth.indptr)[drawn] > 0]
    truth, known = truth[rows], len(classifier.labels)
    propensity = inverse_propensities(met.counts, classifier.labels.documents)
    clean = places(len(rows))
    sides = [clean.copy() for _ in attacks]
    notes: list[list[_Note]] = [[] for _ in attacks]
    for done, row in enumerate(rows):
        document, own = Document.from_text(part.texts[row]), truth.indices[truth.indptr[done] : truth.indptr[done + 1]]
        for i, attack in enumerate(attacks):
            progress(done * len(attacks) + i, len(rows) * len(attacks), f"attacking {split}")
            found = perturb(attack, classifier, document, [int(label) for label in own if label < known], seed)
            fill(clean, done, found.scores_before)
            fill(sides[i], done, found.scores_after)
            notes[i].append(_Note.of(found))
    progress(len(rows) * len(attacks), len(rows) * len(attacks), f"attacking {split}")
    ranked = find_hits(clean, truth, propensity)
    attacked = [_attacked(attacks[i], notes[i], ranked, find_hits(sides[i], truth, propensity)) for i in range(len(attacks))]
    loss = attacks[0].loss_for(classifier.unit)
    return AttackedEvaluation(split, rows, len(part), limit, len(drawn) - len(rows), seed, loss, estimate(ranked), tuple(attacked), ranked, met)


@dataclass(frozen=True)
class _Note:
    """What is kept of one attacked document: its rows are megabytes."""

    radii: dict[str, float]
    share: float
    rose: bool

    @classmethod
    def of(cls, found: Perturbed) -> _Note:
        return cls(dict(found.radii), found.share, found.rose)


def drawn_rows(count: int, limit: int | None, seed: int) -> IntArray:
    """`limit` of `count` rows, drawn at random by the seed, in order; all of them without a limit."""
    if limit is not None and limit < 1:
        raise InputError(f"the limit is {limit}; it must be 1 or more documents")
    if limit is None or limit >= count:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, size=limit, replace=False))


def places(documents: int) -> IntArray:
    """Rankings [documents, DEPTH] to be filled."""
    return np.full((documents, DEPTH), -1, dtype=np.int64)


def fill(predicted: IntArray, row: int, scores: Any) -> None:
    """Put the best labels of scores [L] into their row."""
    best = top_k(scores[None], DEPTH)[0]
    predicted[row, : len(best)] = best


def _attacked(attack: EmbeddingAttack, notes: Sequence[_Note], clean: RankedHits, ranked: RankedHits) -> AttackedMetrics:
    kinds = sorted({kind for note in notes for kind in note.radii})
    radii = {kind: float(np.median([note.radii[kind] for note in notes if kind in note.radii])) for kind in kinds}
    moved = [note for note in notes if note.radii]
    share = float(np.median([note.share for note in moved])) if moved else 0.0
    rose = sum(note.rose for note in notes)
    return AttackedMetrics(attack, estimate(ranked), difference(clean, ranked), radii, share, rose, len(notes) - len(moved), ranked)


def curve(attack: EmbeddingAttack, epsilons: Sequence[float]) -> list[EmbeddingAttack]:
    """The same attack at each epsilon."""
    return [replace(attack, epsilon=epsilon) for epsilon in epsilons]


def figures(metrics: dict[str, Estimate]) -> dict[str, dict[str, float]]:
    """The metrics SHOWN, for JSON."""
    return {name: {"value": metrics[name].value, "low": metrics[name].low, "high": metrics[name].high} for name in SHOWN}


def to_json(found: AttackedEvaluation, classifier: Classifier, dataset: Dataset) -> dict[str, Any]:
    """The object of `python -m core evaluate --attack ... --json`: `metrics` are the clean ones, `attacked` has an entry an epsilon."""
    first = found.attacked[0].attack
    kinds = kinds_of(classifier)
    return {
        "checkpoint": classifier.name,
        "digest": classifier.digest,
        "unit": classifier.unit,
        "dataset": dataset.name,
        "data_digest": dataset.digest,
        "split": found.split,
        "documents": len(found.ranked_hits),
        "limit": found.limit,
        "drawn_from": found.of,
        "excluded": found.excluded,
        "labels_met": found.met.to_json(),
        "seed": found.seed,
        "attack": first.NAME,
        "settings": {name: value for name, value in settings_to_json(first).items() if name != "epsilon"},
        "loss": found.loss,
        "moved": moved(first, kinds),
        "network_only": network_only(first, kinds),
        "ranked_by": "the scores of all labels, without a beam",
        "metrics": figures(found.clean),
        "attacked": [
            {
                "epsilon": side.attack.epsilon, "said": said(side.attack, classifier.unit, kinds), "metrics": figures(side.metrics),
                "gap": figures(side.gap), "eps_eff_median": side.radii, "share_median": side.share, "loss_rose": side.rose,
                "untouched": side.untouched,
            }
            for side in found.attacked
        ],
    }  # fmt: skip
