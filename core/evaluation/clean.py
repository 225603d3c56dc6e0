"""How good a classifier is on a split: metrics with intervals, and recall by label frequency."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from core.data.bags import as_text
from core.data.dataset import Dataset
from core.evaluation.meeting import Meeting, meet
from core.labels import BIN_EDGES, bin_name, inverse_propensities
from core.metrics import Estimate, RankedHits, estimate, find_hits, recall_by_bin
from core.types import Classifier, FeatureClassifier, IntArray, Progress, silent

DEPTH = 5
BATCH = 256


@dataclass(frozen=True)
class Evaluation:
    """Metrics by name with 95 % intervals; recall@5 by frequency bin as {bin: (recall, pairs)}; `unknown_pairs`: true
    pairs whose label the classifier does not know, counted as misses; `met`: how far the labels are the
    same; `ranked_hits` serves paired comparisons."""

    split: str
    metrics: dict[str, Estimate]
    bins: dict[int, tuple[float, int]]
    unknown_pairs: int
    ranked_hits: RankedHits
    predicted: IntArray
    met: Meeting


def evaluate(classifier: Classifier, dataset: Dataset, split: str = "test", progress: Progress = silent, limit: int | None = None) -> Evaluation:
    """Retrieve five labels for each document and judge them. Label spaces meet by name; propensities and bins come from
    training counts, those of labels left out of the training too (see `core.evaluation.meeting`). `limit`: first documents only. InputError
    where the classifier has none of the split's labels."""
    retrieve = _retriever(classifier, dataset, split)
    met = meet(classifier, dataset, split)
    truth = met.truth[:limit]
    count = truth.shape[0]
    predicted = np.full((count, DEPTH), -1, dtype=np.int64)
    for start in range(0, count, BATCH):
        ids = retrieve(start, min(start + BATCH, count), min(DEPTH, len(classifier.labels)))
        predicted[start : start + len(ids), : ids.shape[1]] = ids
        progress(min(start + BATCH, count), count, f"evaluating on {split}")
    known = len(classifier.labels)
    ranked = find_hits(predicted, truth, inverse_propensities(met.counts, classifier.labels.documents))
    bins = np.searchsorted(np.asarray(BIN_EDGES), met.counts, side="right").astype(np.int64)
    unknown = int((truth.indices >= known).sum())
    return Evaluation(split, estimate(ranked), recall_by_bin(predicted, truth, bins), unknown, ranked, predicted, met)


def _retriever(classifier: Classifier, dataset: Dataset, split: str) -> Callable[[int, int, int], IntArray]:
    """(start, stop, k) -> label ids of the split's documents from start to before stop: vectors where the classifier reads them, else
    texts; bags whose features are words are written as text for a classifier of texts."""
    part = dataset.split(split)
    if part.texts is None and isinstance(classifier, FeatureClassifier) and part.features is not None:
        vectors, over = part.features, classifier
        return lambda start, stop, k: over.retrieve_features(sparse.csr_array(vectors[start:stop]), k)[0]
    texts = (part if part.texts is not None else as_text(dataset).split(split)).texts or ()
    return lambda start, stop, k: classifier.retrieve(texts[start:stop], k)[0]


def to_json(evaluation: Evaluation, classifier: Classifier, dataset: Dataset) -> dict[str, Any]:
    """The stable object of `python -m core evaluate --json`."""
    return {
        "checkpoint": classifier.name,
        "digest": classifier.digest,
        "dataset": dataset.name,
        "data_digest": dataset.digest,
        "split": evaluation.split,
        "documents": len(evaluation.ranked_hits),
        "excluded": evaluation.ranked_hits.excluded,
        "unknown_pairs": evaluation.unknown_pairs,
        "labels_met": evaluation.met.to_json(),
        "metrics": {name: {"value": e.value, "low": e.low, "high": e.high} for name, e in evaluation.metrics.items()},
        "recall@5_by_bin": {bin_name(b): {"recall": r, "pairs": n} for b, (r, n) in evaluation.bins.items()},
    }
