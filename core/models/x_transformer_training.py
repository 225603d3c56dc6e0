"""How X-Transformer (x_transformer.py) is trained: the label tree, the fine-tuning of the matcher, the rankers.

Each step takes what the one before it left, so that a run that was stopped goes on: the label tree follows from the seed,
the fine-tuning from the loop's saved state, the rankers from their chunks of labels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import nn

from core.data.clusters import cluster as label_tree
from core.data.clusters import pifa
from core.data.dataset import Dataset, truth_for
from core.fields import Field, check
from core.labels import LabelSpace
from core.models.encoder import EMBEDDED, Encoder, PieceTokenizer
from core.models.matcher import Hidden, Matcher, MatcherTask, embed_hidden, hidden_states
from core.models.one_vs_rest import fit_one_vs_rest, prune
from core.models.routing import matched
from core.models.tfidf import TfIdf
from core.ranking import top_k
from core.training.defended import Copies, Defence, defended
from core.training.loop import LoopSettings, fit
from core.training.runs import Run
from core.types import IntArray


@dataclass(frozen=True)
class Config:
    """Settings of X-Transformer. The defaults made the shipped debtags checkpoint."""

    encoder: Annotated[str, Field("all-MiniLM-L6-v2 (carried by a package), a folder, or a hub name (makes a request)")] = EMBEDDED
    trained_layers: Annotated[int, Field("upper encoder layers that are fine-tuned; the rest stays frozen", low=1, high=48)] = 3
    window: Annotated[int, Field("tokens that the encoder reads, special tokens included; TF-IDF reads the whole text", low=8, high=512)] = 128
    max_leaf: Annotated[int, Field("labels in a cluster, at most", low=1, high=1_000)] = 16
    beam: Annotated[int, Field("clusters whose labels are ranked", low=1, high=10_000)] = 10
    epochs: Annotated[int, Field("passes of fine-tuning over the training documents", low=1, high=100)] = 3
    batch_size: Annotated[int, Field("documents in a step of fine-tuning", low=1, high=4_096)] = 32
    learning_rate: Annotated[float, Field("peak learning rate of the encoder layers", low=0.0, high=1.0)] = 1.5e-4
    head_scale: Annotated[float, Field("learning rate of the heads over that of the layers", low=0.1, high=1_000.0)] = 20.0
    minimum_documents: Annotated[int, Field("training documents that a word or bigram needs to be a TF-IDF feature", low=1, high=1_000)] = 2
    maximum_features: Annotated[int, Field("TF-IDF features, at most", low=100, high=10_000_000)] = 200_000
    embedding_weight: Annotated[float, Field("norm of the embedding block beside the unit TF-IDF block", low=0.0, high=100.0)] = 1.0
    cost: Annotated[float, Field("C of the rankers: the weight of the errors against the margin", low=1e-4, high=1e4)] = 1.0
    matcher_weight: Annotated[float, Field("lambda: weight of the cluster's log-probability in a label's score", low=0.0, high=10.0)] = 0.1
    threshold: Annotated[float, Field("ranker weights on TF-IDF below this are dropped", low=0.0, high=1.0)] = 0.05
    precision: Annotated[str, Field("arithmetic of fine-tuning", choices=("fp32", "bf16", "fp16"))] = "fp32"

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class Weights:
    """What fine-tuning and ranker training leave: cluster of each label [L], matcher head [K, d] and [K], ranker on TF-IDF
    [F, L] (sparse, by feature) and on the embedding [L, d], and its bias [L]."""

    cluster: IntArray
    head: NDArray[np.float32]
    head_bias: NDArray[np.float32]
    words: sparse.csr_array
    embedding: NDArray[np.float32]
    bias: NDArray[np.float32]


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


def unit_rows(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows scaled to length 1."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: NDArray[np.float32] = vectors / np.maximum(norms, 1e-12)
    return scaled
