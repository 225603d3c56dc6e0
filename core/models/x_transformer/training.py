"""How X-Transformer (__init__.py) is trained: the label tree, the fine-tuning of the matcher, the rankers.

Each step takes what the one before it left, so that a run that was stopped goes on: the label tree follows from the seed,
the fine-tuning from the loop's saved state, the rankers from their chunks of labels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import nn

from core.data.clusters import cluster as label_tree
from core.data.clusters import pifa
from core.data.dataset import Dataset, truth_for
from core.labels import LabelSpace
from core.models.parts.encoder import Encoder, PieceTokenizer, torch_device
from core.models.parts.hidden_states import Hidden, hidden_states
from core.models.parts.one_vs_rest import fit_one_vs_rest, prune
from core.models.parts.routing import matched
from core.models.parts.tfidf import TfIdf
from core.models.x_transformer.matching import MatcherTask
from core.models.x_transformer.model import XTransformer
from core.models.x_transformer.network import Config, Matcher, Weights, embed_hidden, unit_rows
from core.ranking import top_k
from core.runs.run import Run
from core.training.defended import Copies, Defence, defended
from core.training.loop import LoopSettings, fit
from core.types import IntArray


@dataclass(frozen=True)
class LabelIndex:
    """What is known before fine-tuning: texts and truth [n, L] of "train" and "dev"; of "train" the TF-IDF vectors [n, F] and
    which clusters a document's labels lie in [n, K]; and the cluster of each label [L]."""

    texts: Mapping[str, Sequence[str]]
    truth: Mapping[str, sparse.csr_array]
    tfidf: TfIdf
    features: sparse.csr_array
    cluster: IntArray
    matched: sparse.csr_array


def index_labels(config: Config, dataset: Dataset, labels: LabelSpace, run: Run, known: tuple[TfIdf, IntArray] | None = None) -> LabelIndex:
    """TF-IDF, PIFA features of the labels over it, and the leaves of their tree (section 3.1); of a parent's the `known` ones."""
    texts = {name: dataset.split(name).texts or () for name in ("train", "dev")}
    truth = {name: truth_for(dataset.split(name), dataset.label_names, labels)[0][:, : len(labels)] for name in texts}
    tfidf = TfIdf.fit(texts["train"], config.minimum_documents, config.maximum_features, run.progress) if known is None else known[0]
    features = tfidf.transform(texts["train"])
    cluster = label_tree(pifa(truth["train"], features), max_leaf=config.max_leaf, seed=run.seed) if known is None else known[1]
    return LabelIndex(texts, truth, tfidf, features, cluster, matched(truth["train"], cluster))


def fine_tuned(
    config: Config, index: LabelIndex, encoder: Encoder, tokenizer: PieceTokenizer, labels: LabelSpace, run: Run,
    defence: Defence | None = None, start: Callable[[Matcher, Hidden], None] | None = None,
) -> tuple[MatcherTask, Hidden]:  # fmt: skip
    """Fine-tune the encoder's upper layers in place (section 3.2): the task, whose matcher is then on the CPU, and the training
    documents' hidden states below them. `start` sets the matcher's first weights."""
    hidden = {name: hidden_states(encoder, tokenizer, texts, run.progress, f"frozen layers, {name}") for name, texts in index.texts.items()}
    module = Matcher(encoder, index.matched.shape[1], index.truth["train"].mean(axis=0), index.matched.mean(axis=0))
    if start is not None:
        start(module, hidden["train"])
    task = MatcherTask(
        module, hidden["train"], index.matched, index.truth["train"], hidden["dev"], index.truth["dev"], config.batch_size, config.head_scale,
        index.cluster, encoder, tokenizer, labels, index.texts["train"], index.texts["dev"],
    )  # fmt: skip
    settings = LoopSettings(
        epochs=config.epochs, batch_size=config.batch_size, learning_rate=config.learning_rate, warmup=0.06, clip=1.0,
        precision=config.precision, save_every_steps=300,
    )  # fmt: skip
    fit(defended(task, defence, run), settings, run)
    encoder.cpu().eval()
    module.cpu().eval()
    return task, hidden["train"]


def started_from(
    head: NDArray[np.float32], head_bias: NDArray[np.float32], truth: sparse.csr_array, run: Run
) -> Callable[[Matcher, Hidden], None]:  # fmt: skip
    """The first weights of a matcher whose encoder is trained already: the parent's head over the clusters, and a head over the labels
    fitted to the parent's own embeddings, which a checkpoint does not hold."""

    def start(module: Matcher, hidden: Hidden) -> None:
        with torch.no_grad():
            module.clusters.weight.copy_(torch.from_numpy(head))
            module.clusters.bias.copy_(torch.from_numpy(head_bias))
        if module.labels is not None:
            fit_head(module.labels, embed_hidden(module, hidden, run.progress)[0], truth, run.seed)

    return start


HEAD_EPOCHS, HEAD_BATCH, HEAD_RATE = 6, 256, 0.01


def fit_head(head: nn.Linear, pooled: NDArray[np.float32], truth: sparse.csr_array, seed: int) -> None:
    """Logistic regression of labels [n, L] on embeddings [n, d] by Adam: seconds, as the encoder is not run."""
    optimiser = torch.optim.Adam(head.parameters(), lr=HEAD_RATE)
    order = np.random.default_rng(seed)
    for epoch in range(HEAD_EPOCHS):
        for group in optimiser.param_groups:
            group["lr"] = HEAD_RATE * (1 - epoch / HEAD_EPOCHS)
        shuffled = order.permutation(len(pooled))
        for first in range(0, len(shuffled), HEAD_BATCH):
            rows = np.sort(shuffled[first : first + HEAD_BATCH])
            wanted = torch.from_numpy(truth[rows].toarray().astype(np.float32))
            loss = nn.functional.binary_cross_entropy_with_logits(head(torch.from_numpy(pooled[rows])), wanted, reduction="sum") / len(rows)
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()


def ranked(config: Config, index: LabelIndex, task: MatcherTask, hidden: Hidden, run: Run, copies: Copies | None = None) -> Weights:
    """Train a ranker for each label on the documents of its cluster and those that the matcher sends there (section 3.3), and on
    altered copies of these documents, if there are any."""
    module = task.module
    pooled, logits = embed_hidden(module, hidden, run.progress)
    features, truth, matched_clusters = index.features, index.truth["train"], index.matched
    if copies is not None:
        altered = embed_hidden(module, hidden_states(task.encoder, task.tokenizer, copies.texts, run.progress, "frozen layers, copies"), run.progress)
        pooled, logits = np.concatenate([pooled, altered[0]]), np.concatenate([logits, altered[1]])
        features = sparse.csr_array(sparse.vstack([features, index.tfidf.transform(copies.texts)], format="csr"))
        truth = sparse.csr_array(sparse.vstack([truth, truth[copies.rows]], format="csr"))
        matched_clusters = sparse.csr_array(sparse.vstack([matched_clusters, matched_clusters[copies.rows]], format="csr"))
    routed = np.zeros(logits.shape, dtype=np.bool_)
    np.put_along_axis(routed, top_k(logits, config.beam), True, axis=1)
    routed |= matched_clusters.toarray() > 0
    both = sparse.csr_array(sparse.hstack([features, config.embedding_weight * unit_rows(pooled)]))

    def rows(label: int) -> IntArray:
        return np.flatnonzero(routed[:, index.cluster[label]]).astype(np.int64)

    found, bias = fit_one_vs_rest(both, truth, config.cost, rows, run.progress, run.folder / "rankers", run.seed, log=run.log)
    width = len(index.tfidf)
    words = sparse.csr_array(prune(sparse.csr_array(found[:, :width]), config.threshold).T)
    words.sort_indices()
    embedding = config.embedding_weight * found[:, width:].toarray().astype(np.float32)
    head, head_bias = module.clusters.weight.detach().numpy(), module.clusters.bias.detach().numpy()
    return Weights(index.cluster, head, head_bias, words, embedding, bias.astype(np.float32))


FINE_TUNING: Mapping[str, Any] = {"epochs": 1, "learning_rate": 5e-5, "head_scale": 5.0}
"""Settings that differ from the parent's when a trained X-Transformer is trained on."""


def train(
    config: Config, dataset: Dataset, labels: LabelSpace, run: Run, defence: Defence | None = None, parent: XTransformer | None = None
) -> XTransformer:  # fmt: skip
    """Index the labels, fine-tune the encoder, train the rankers; on from `parent` if there is one, whose label tree and features
    stay. The fine-tuning resumes from the run folder, and so do the rankers, by chunks of labels; the frozen layers' states are
    computed anew."""
    known = None if parent is None else (parent.tfidf, parent.weights.cluster)
    index = index_labels(config, dataset, labels, run, known)
    tokenizer = PieceTokenizer(config.encoder, normaliser=index.tfidf.words.normaliser)
    encoder = Encoder(config.encoder, config.trained_layers, config.window)
    start = None
    if parent is not None:
        encoder.upper.load_state_dict(parent.encoder.upper.state_dict())
        start = started_from(parent.weights.head, parent.weights.head_bias, index.truth["train"], run)
    task, hidden = fine_tuned(config, index, encoder.to(torch_device(run.device)), tokenizer, labels, run, defence, start)
    weights = ranked(config, index, task, hidden, run, None if defence is None else defence.copies(task, run))
    return XTransformer(config, labels, encoder, tokenizer, index.tfidf, weights)
