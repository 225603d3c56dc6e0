"""The linear reference as a part of an ensemble: score(x) = scale * (network(x) + share * margin(x)) + shift.

A model is made of its network alone unless `--with-linear true` asks for the ensemble (core.checkpoint.ensemble says what that is called).
Networks of this size do not reach labels with a handful of training documents; one-vs-rest SVMs on words and bigrams do
(measurements.md, section 1). Each errs where the other does not: on debtags' dev split XML-CNN alone has P@1 84.8 and
nDCG@5 81.2, the SVMs 84.2 and 82.3, their sum 86.5 and 84.3. The share is chosen on the dev split. Scale and shift
change no ranking; where the network's scores are log-odds they are fitted there too (Platt 1999), so that the sum is
log-odds again.

`WithLinear` adds a part to a network that embeds a document in rows of its own (XML-CNN). MACH reads the SVMs' own
features, so it computes them once and calls `LinearPart.sum` itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from core.checkpoint import Saved
from core.document import Document
from core.errors import CheckpointError, InputError
from core.labels import LabelSpace
from core.metrics import find_hits, ndcg, value
from core.models.linear import Config, LinearModel, load_weights, over
from core.models.parts.columns import Columns
from core.models.parts.tfidf import TfIdf
from core.ranking import best_of_all, top_k
from core.runs.run import Run
from core.types import BoolArray, Embedded, IntArray, MaskMode, Perturbable, RowKinds, Scores, Unit, Weigh

SHARES = (0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0)
"""Tried on the dev split: what a margin, mostly in -1.5..1.5, is worth in the network's logits, mostly in -15..5."""

TOLERANCE = 0.001
"""Of shares whose nDCG@5 is this close to the best the largest is taken: the rare labels gain by it."""


@dataclass(frozen=True)
class Joined(Embedded):
    """The network's rows, then the linear part's: one feature a row, its value in the first coordinate, zeros after it."""

    network: Embedded
    features: Embedded


def join(network: Embedded, features: Embedded) -> Joined:
    """Put one document's rows for both parts below each other."""
    width = network.vectors.shape[1]
    padded = np.zeros((len(features.tokens), width), dtype=np.float32)
    padded[:, :1] = features.vectors
    return Joined(
        np.concatenate([network.vectors, padded]),
        np.concatenate([network.baseline, np.zeros_like(padded)]),
        np.concatenate([network.owner, features.owner]),
        network.tokens + features.tokens,
        f"{network.baseline_name}; {features.baseline_name}",
        network,
        features,
    )


@dataclass(frozen=True)
class LinearPart:
    """One-vs-rest SVMs and what their margins are multiplied with. `shared`: their TF-IDF features are the network's own,
    so that the network's part of a checkpoint holds them."""

    model: LinearModel
    share: float
    scale: float = 1.0
    shift: float = 0.0
    shared: bool = False

    def sum(self, logits: Scores, margins: Scores) -> Scores:
        """The whole's scores from those of its parts, of any shape."""
        return np.asarray(self.scale * (logits + self.share * margins) + self.shift, dtype=np.float32)

    @property
    def digest(self) -> str:
        return f"{self.model.digest} {self.share} {self.scale} {self.shift}"

    def tensors(self) -> Mapping[str, NDArray[Any]]:
        """A sum in the network's own unit is told by its share alone."""
        svms = self.model.weight_tensors() if self.shared else self.model.tensors()
        own = {f"linear.{name}": array for name, array in svms.items()}
        if (self.scale, self.shift) == (1.0, 0.0):
            return {**own, "linear.share": np.asarray([self.share], dtype=np.float32)}
        return {**own, "linear.sum": np.asarray([self.share, self.scale, self.shift], dtype=np.float32)}

    def files(self) -> Mapping[str, str]:
        return {} if self.shared else {f"linear-{name}": text for name, text in self.model.files().items()}

    @classmethod
    def load(cls, saved: Saved, config: Config, shared: TfIdf | Columns | None = None) -> Self:
        """From the checkpoint of the whole model, whose network may share its TF-IDF. Raises CheckpointError."""
        tfidf: TfIdf | Columns = TfIdf.load(saved, "linear.", "linear-") if shared is None else shared
        weights = load_weights(saved, len(tfidf), "linear.")
        if "linear.share" in saved.tensors:
            share, scale, shift = float(saved.tensor("linear.share", (1,))[0]), 1.0, 0.0
        else:
            share, scale, shift = (float(number) for number in saved.tensor("linear.sum", (3,)))
        if scale <= 0:
            raise CheckpointError(f"checkpoint '{saved.name}': the scale of its scores is {scale:g}, which would reverse the ranking; train it again")
        model = over(tfidf)(config, saved.labels, tfidf, *weights, saved.name, saved.digest)
        return cls(model, share, scale, shift, shared is not None)

    @classmethod
    def fitted(
        cls, model: LinearModel, network: Scores, margins: Scores, truth: sparse.csr_array, run: Run, calibrated: bool, shared: bool = False,
        share: float = 0.0,
    ) -> Self:  # fmt: skip
        """Choose the share by nDCG@5 on held-out documents, for which the network gave `network` [n, L], the SVMs
        `margins` [n, L], and `truth` [n, L + u] holds; a `share` that is given is kept. `calibrated`: fit the scale and the shift
        there too."""
        flat = np.ones(truth.shape[1])
        quality = [value(ndcg(find_hits(top_k(network + np.float32(share) * margins, 5), truth, flat), 5)) for share in SHARES]
        share = share or max(tried for tried, found in zip(SHARES, quality, strict=True) if found >= max(quality) - TOLERANCE)
        run.log({"kind": "linear part", "share": share, "nDCG@5": {str(tried): 100 * found for tried, found in zip(SHARES, quality, strict=True)}})
        scale, shift = _platt(network + np.float32(share) * margins, truth) if calibrated else (1.0, 0.0)
        return cls(model, share, scale, shift, shared)


def _platt(sums: Scores, truth: sparse.csr_array) -> tuple[float, float]:
    """Scale and shift that make log-odds of sums [n, L]."""
    from sklearn.linear_model import LogisticRegression

    holds = truth[:, : sums.shape[1]].toarray().ravel()
    platt = LogisticRegression(C=np.inf).fit(sums.reshape(-1, 1), holds > 0)
    scale, shift = float(platt.coef_[0, 0]), float(platt.intercept_[0])
    # Where the sums say nothing of the labels the fit may have no slope, or a falling one: the order of the sums is kept.
    return (scale, shift) if scale > 0 else (1.0, 0.0)


class ScoringNetwork(Protocol):
    """What is added to: the scoring half of core.types' protocols."""

    def score(self, texts: Sequence[str], labels: IntArray | None = None) -> Scores: ...
    def score_masked(self, document: Document, keep: BoolArray, labels: IntArray | None = None, mode: MaskMode = "delete") -> Scores: ...
    def score_substituted(self, document: Document, position: int, words: Sequence[str]) -> Scores: ...
    def words_read(self, document: Document) -> int: ...
    def embed(self, document: Document) -> Embedded: ...
    def score_embedded(self, embedded: Embedded, vectors: NDArray[np.float32], labels: IntArray | None = None) -> Scores: ...
    def gradient(self, embedded: Embedded, vectors: NDArray[np.float32], labels: IntArray) -> tuple[Scores, NDArray[np.float32]]: ...
    def weighted_gradient(self, embedded: Embedded, vectors: NDArray[np.float32], weigh: Weigh) -> tuple[Scores, NDArray[np.float32]]: ...


class WithLinear:
    """A network, and the linear part if there is one, as one Maskable and Differentiable classifier."""

    ROWS: ClassVar[str] = "rows of the network"
    """What the network's rows are, for a person."""
    unit: Unit = "logit"

    def __init__(self, network: ScoringNetwork, linear: LinearPart | None, labels: LabelSpace, name: str, digest: str) -> None:
        self.network, self.linear, self.labels, self.name, self.digest = network, linear, labels, name, digest

    def score(self, texts: Sequence[str], labels: IntArray | None = None) -> Scores:
        scores = self.network.score(texts, labels)
        return scores if self.linear is None else self.linear.sum(scores, self.linear.model.score(texts, labels))

    def retrieve(self, texts: Sequence[str], k: int) -> tuple[IntArray, Scores]:
        """The k best of all labels: there is no beam."""
        return best_of_all(self, texts, k)

    def words_read(self, document: Document) -> int:
        """The linear part has no window."""
        return self.network.words_read(document) if self.linear is None else len(document)

    def words_encoded(self, document: Document) -> int:
        """How many first words the network reads."""
        return self.network.words_read(document)

    def score_masked(self, document: Document, keep: BoolArray, labels: IntArray | None = None, mode: MaskMode = "delete") -> Scores:
        scores = self.network.score_masked(document, keep, labels, mode)
        if self.linear is None:
            return scores
        return self.linear.sum(scores, self.linear.model.score_masked(document, keep, labels, mode))

    def score_substituted(self, document: Document, position: int, words: Sequence[str]) -> Scores:
        scores = self.network.score_substituted(document, position, words)
        return scores if self.linear is None else self.linear.sum(scores, self.linear.model.score_substituted(document, position, words))

    def embed(self, document: Document) -> Embedded:
        """The network's rows; with a linear part, its active features after them."""
        rows = self.network.embed(document)
        return rows if self.linear is None else join(rows, self.linear.model.embed(document))

    def score_embedded(self, embedded: Embedded, vectors: NDArray[np.float32], labels: IntArray | None = None) -> Scores:
        if self.linear is None:
            return self.network.score_embedded(embedded, vectors, labels)
        both, cut = _joined(embedded)
        scores = self.network.score_embedded(both.network, vectors[:, :cut], labels)
        return self.linear.sum(scores, self.linear.model.score_embedded(both.features, vectors[:, cut:, :1], labels))

    def gradient(self, embedded: Embedded, vectors: NDArray[np.float32], labels: IntArray) -> tuple[Scores, NDArray[np.float32]]:
        if self.linear is None:
            return self.network.gradient(embedded, vectors, labels)
        both, cut = _joined(embedded)
        slopes = np.zeros(vectors.shape, dtype=np.float32)
        scores, slopes[:, :cut] = self.network.gradient(both.network, vectors[:, :cut], labels)
        margins, slopes[:, cut:, :1] = self.linear.model.gradient(both.features, vectors[:, cut:, :1], labels)
        slopes[:, cut:, :1] *= self.linear.share
        return self.linear.sum(scores, margins), slopes * np.float32(self.linear.scale)

    @property
    def row_kinds(self) -> RowKinds:
        return RowKinds(self.ROWS, "" if self.linear is None else "TF-IDF values of the linear part")

    def perturbable(self, embedded: Embedded) -> Perturbable:
        return Perturbable.of(embedded, len(embedded.tokens) if self.linear is None else _joined(embedded)[1])

    def weighted_gradient(self, embedded: Embedded, vectors: NDArray[np.float32], weigh: Weigh) -> tuple[Scores, NDArray[np.float32]]:
        if self.linear is None:
            return self.network.weighted_gradient(embedded, vectors, weigh)
        both, cut = _joined(embedded)
        part, own, values = self.linear, vectors[:, :cut], vectors[:, cut:, :1]
        margins = part.model.score_embedded(both.features, values)
        slopes = np.zeros(vectors.shape, dtype=np.float32)
        logits, slopes[:, :cut] = self.network.weighted_gradient(both.network, own, lambda logits: weigh(part.sum(logits, margins)))
        scores = part.sum(logits, margins)
        weights = weigh(scores)
        slopes[:, cut:, :1] = part.share * part.model.weighted_gradient(both.features, values, lambda margins: weights)[1]
        return scores, slopes * np.float32(part.scale)


def _joined(embedded: Embedded) -> tuple[Joined, int]:
    """The rows of both parts, and the number of the network's."""
    if not isinstance(embedded, Joined):
        raise InputError("these rows were not made by this model's `embed`")
    return embedded, len(embedded.network.tokens)
