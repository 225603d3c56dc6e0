"""How the linear model is trained: TF-IDF or a data set's own vectors, then one machine a label."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
from scipy import sparse

from core.data.clusters import cluster, pifa
from core.data.dataset import Dataset, truth_for
from core.errors import InputError
from core.labels import LabelSpace
from core.metrics import find_hits, ndcg, precision, value
from core.models.linear.model import Config, LinearModel, over
from core.models.parts.columns import Columns
from core.models.parts.one_vs_rest import fit_one_vs_rest, prune
from core.models.parts.routing import near_and_random
from core.models.parts.tfidf import TfIdf
from core.ranking import top_k
from core.runs.run import Run

if TYPE_CHECKING:
    from core.training.defended import Copies, Defence  # costs torch, which a linear model does without


def train(
    config: Config, dataset: Dataset, labels: LabelSpace, run: Run, defence: Defence | None = None, parent: LinearModel | None = None
) -> LinearModel:  # fmt: skip
    """Fit on the split "train", of texts or of vectors, and a record of how good the result is on "dev"."""
    if defence is not None or parent is not None:
        raise InputError("the linear model is solved, not trained step by step: it takes no parent and no defence; choose another model")
    split = dataset.split("dev")
    truth = truth_for(split, dataset.label_names, labels)[0]
    if split.texts is None and split.features is not None:
        features, columns = read_features(config, dataset)
        known = truth_for(dataset.split("train"), dataset.label_names, labels)[0][:, : len(labels)]
        model = fit(config, labels, columns, features["train"], known, run)
        scores = model.margins(features["dev"])
        ranked = find_hits(top_k(scores, 5), truth, np.ones(truth.shape[1]))
    else:
        model = fit_texts(config, dataset, labels, run)
        ranked = find_hits(model.retrieve(split.texts or (), 5)[0], truth, np.ones(truth.shape[1]))
    found = {"P@1": value(precision(ranked, 1)), "P@5": value(precision(ranked, 5)), "nDCG@5": value(ndcg(ranked, 5))}
    run.log({"kind": "dev", "step": len(labels), **found})
    return model


def fit_texts(config: Config, dataset: Dataset, labels: LabelSpace, run: Run, copies: Copies | None = None) -> LinearModel:
    """Fit TF-IDF on the split "train", and the SVMs on it and on altered copies of its documents, if there are any. Resumes
    from the run folder by chunks of labels."""
    split = dataset.split("train")
    texts = split.texts or ()
    truth = truth_for(split, dataset.label_names, labels)[0][:, : len(labels)]
    tfidf = TfIdf.fit(texts, config.minimum_documents, config.maximum_features, run.progress)
    features, truth = with_copies(tfidf, tfidf.transform(texts), truth, copies)
    return fit(config, labels, tfidf, features, truth, run)


def with_copies(
    tfidf: TfIdf, features: sparse.csr_array, truth: sparse.csr_array, copies: Copies | None
) -> tuple[sparse.csr_array, sparse.csr_array]:
    """TF-IDF vectors [n, F] and truth [n, L] with those of altered copies below them, which keep their documents' labels."""
    if copies is None:
        return features, truth
    both = sparse.vstack([features, tfidf.transform(copies.texts)], format="csr"), sparse.vstack([truth, truth[copies.rows]], format="csr")
    return sparse.csr_array(both[0]), sparse.csr_array(both[1])


class ReadsFeatures(Protocol):
    """The settings of a Config that say which features are read."""

    @property
    def minimum_documents(self) -> int: ...
    @property
    def maximum_features(self) -> int: ...


def read_features(config: ReadsFeatures, dataset: Dataset) -> tuple[dict[str, sparse.csr_array], Columns]:
    """The vectors of "train" and "dev" as a model reads them, and the columns, fitted on "train"."""
    raw = {name: dataset.split(name).features for name in ("train", "dev")}
    if raw["train"] is None or raw["dev"] is None:
        raise InputError(f"data set '{dataset.name}' has no vectors in one of its splits; one of train and dev holds text only")
    columns = Columns.fit(raw["train"], dataset.feature_names, config.minimum_documents, config.maximum_features)
    return {name: columns.weigh(part) for name, part in raw.items() if part is not None}, columns


def fit(
    config: Config, labels: LabelSpace, tfidf: TfIdf | Columns, features: sparse.csr_array, truth: sparse.csr_array, run: Run
) -> LinearModel:  # fmt: skip
    """Fit the SVMs on TF-IDF vectors or weighed vectors [n, F] with truth [n, L]."""
    rows = None
    if config.negatives:
        rows = near_and_random(truth, cluster(pifa(truth, features), config.max_leaf, run.seed), config.negatives, run.seed)
    found, bias = fit_one_vs_rest(features, truth, config.cost, rows, run.progress, run.folder / "machines", run.seed, log=run.log)
    weights = sparse.csr_array(prune(found, config.threshold).T)  # by feature: what a document touches lies together
    weights.sort_indices()
    return over(tfidf)(config, labels, tfidf, weights, bias.astype(np.float32))
