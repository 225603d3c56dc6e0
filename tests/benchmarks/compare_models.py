"""Checkpoints beside napkinXC's PLT on the same TF-IDF features, on one split: metrics, recall by label frequency, and
paired intervals against the first checkpoint and against PLT.

    python -m tests.benchmarks.compare_models --dataset debtags debtags-linear debtags-xml-cnn debtags-mach debtags-x-transformer
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from core.data import load_dataset
from core.data.dataset import Dataset, truth_for
from core.evaluation.clean import DEPTH, evaluate
from core.labels import BIN_EDGES, LabelSpace, bin_name, inverse_propensities
from core.metrics import RankedHits, difference, estimate, find_hits, recall_by_bin
from core.models import load
from core.models.parts.tfidf import TfIdf

SHOWN = ("P@1", "P@3", "P@5", "nDCG@5", "PSP@1", "PSP@5")


def plt(dataset: Dataset, labels: LabelSpace, split: str) -> tuple[RankedHits, dict[int, tuple[float, int]], float]:
    """One probabilistic label tree with napkinXC's defaults on our features: judged like a checkpoint, and its seconds."""
    from napkinxc.models import PLT

    train, test = dataset.split("train"), dataset.split(split)
    tfidf = TfIdf.fit(train.texts or (), 2, 1_000_000)
    truth = truth_for(train, dataset.label_names, labels)[0][:, : len(labels)]
    features = [_matrix(tfidf, part.texts or ()) for part in (train, test)]
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        tree = PLT(str(Path(folder) / "plt"), threads=1, seed=0)
        tree.fit(features[0], [truth.indices[a:b].tolist() for a, b in zip(truth.indptr, truth.indptr[1:], strict=False)])
        found = tree.predict(features[1], top_k=DEPTH)
    predicted = np.full((len(test), DEPTH), -1, dtype=np.int64)
    for row, ids in enumerate(found):
        predicted[row, : len(ids)] = ids
    wanted = truth_for(test, dataset.label_names, labels)[0]
    counts = np.concatenate([labels.counts, np.zeros(wanted.shape[1] - len(labels), dtype=np.int64)])
    bins = np.searchsorted(np.asarray(BIN_EDGES), counts, side="right").astype(np.int64)
    ranked = find_hits(predicted, wanted, inverse_propensities(counts, labels.documents))
    return ranked, recall_by_bin(predicted, wanted, bins), time.monotonic() - start


def _matrix(tfidf: TfIdf, texts: tuple[str, ...]):  # type: ignore[no-untyped-def]  # scipy is untyped
    from scipy import sparse

    return sparse.csr_matrix(tfidf.transform(texts))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", nargs="+")
    parser.add_argument("--dataset", default="debtags")
    parser.add_argument("--split", default="test")
    parser.add_argument("--out", help="write everything as JSON")
    arguments = parser.parse_args()
    dataset = load_dataset(arguments.dataset)
    ranked: dict[str, RankedHits] = {}
    bins: dict[str, dict[int, tuple[float, int]]] = {}
    labels = None
    for name in arguments.checkpoints:
        classifier = load(name)
        labels = labels or classifier.labels
        if classifier.labels != labels:
            sys.exit(f"{name} knows other labels than {arguments.checkpoints[0]}; a paired comparison needs the same")
        found = evaluate(classifier, dataset, arguments.split)
        ranked[name], bins[name] = found.ranked_hits, found.bins
    assert labels is not None
    ranked["napkinXC PLT"], bins["napkinXC PLT"], seconds = plt(dataset, labels, arguments.split)
    record: dict[str, object] = {"plt_seconds": seconds, "documents": len(ranked["napkinXC PLT"])}
    for name, own in ranked.items():
        metrics = estimate(own)
        print(f"{name:24s}", "  ".join(f"{key} {100 * metrics[key].value:.1f}" for key in SHOWN))
        print(" " * 24, "  ".join(f"{bin_name(b)}: {100 * r:.1f} of {n}" for b, (r, n) in bins[name].items()))
        record[name] = {
            "metrics": {k: vars(v) for k, v in metrics.items()},
            "recall@5": {bin_name(b): v for b, v in bins[name].items()},
        }
    for reference in (arguments.checkpoints[0], "napkinXC PLT"):
        for name, own in ranked.items():
            if name == reference:
                continue
            gaps = difference(own, ranked[reference])
            print(
                f"{name} - {reference}:",
                "  ".join(f"{k} {100 * gaps[k].value:+.2f} [{100 * gaps[k].low:+.2f}, {100 * gaps[k].high:+.2f}]" for k in SHOWN),
            )
            record[f"{name} - {reference}"] = {k: vars(v) for k, v in gaps.items()}
    if arguments.out:
        Path(arguments.out).write_text(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
