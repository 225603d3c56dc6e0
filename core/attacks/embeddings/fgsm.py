"""FGSM and PGD on the rows that a classifier reads: how little its word vectors or TF-IDF values must move until its ranking breaks.

Goodfellow, Shlens & Szegedy 2015, section 4: x' = x + r * sign(d loss / d x). Madry et al. 2018, section 2.1: many such steps, each
followed by a projection on the ball |x' - x| <= r in every coordinate. Both move rows, not words: what they find need not be any text,
and shows how much, at the least, a change of that size can do.

Only rows that stand for words move, each in the coordinates it has, and a TF-IDF value never falls below 0. The attacked labels are the
classifier's own k best, unless asked otherwise: true labels that the attack may see leak into the attacked rows (Kurakin, Goodfellow &
Bengio 2017). What is found is scored afresh before it is returned.
"""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from core.document import Document
from core.errors import CapabilityError, InputError
from core.fields import Field, check, to_json
from core.ranking import top_k
from core.types import BoolArray, Classifier, Embedded, FloatArray, IntArray, Perturbable, Scores, Steerable, Unit

Rows = NDArray[np.float32]

SURE = 1e-6
"""A probability is read as at least this far from 0 and from 1: its log-odds would be infinite."""


@dataclass(frozen=True)
class EmbeddingAttack(ABC):
    """What FGSM and PGD share. The schedule of the steps is each one's own."""

    epsilon: Annotated[float, Field("size of the change: 0.1 moves each row by a tenth of the rows' mean length", low=0, high=100)] = 0.1
    relative: Annotated[bool, Field("false: epsilon is the largest change of a coordinate itself, not a share of the rows' size")] = True
    loss: Annotated[str, Field("what rises; auto: bce for log-odds, ranking for margins", choices=("auto", "bce", "ranking"))] = "auto"
    label_source: Annotated[str, Field("labels to push out: the k best, or the document's true ones", choices=("predicted", "true"))] = "predicted"
    k: Annotated[int, Field("the k of the top k: predicted labels aimed at, and false labels that ranking lifts", low=1, high=1_000)] = 5
    parts: Annotated[
        str, Field("rows that move: all that the model reads, or word vectors alone where it reads both", choices=("all", "network"))
    ] = "all"

    NAME: ClassVar[str] = ""

    def __post_init__(self) -> None:
        check(self)

    def loss_for(self, unit: Unit) -> str:
        """The loss that "auto" means: "bce" where scores have log-odds, "ranking" for margins, whose 0 is none."""
        if self.loss != "auto":
            return self.loss
        return one_loss([unit])

    def refusal(self, classifier: Classifier) -> str | None:
        """Why this attack cannot be made on this classifier, as a sentence."""
        if not isinstance(classifier, Steerable):
            return f"{self.NAME.upper()} needs a model with gradients of all scores, and '{classifier.name}' offers none."
        if self.loss_for(classifier.unit) == "bce" and classifier.unit == "margin":
            return f"The scores of '{classifier.name}' are margins, no log-odds, so cross-entropy says nothing of them: choose the loss 'ranking'."
        return None

    @abstractmethod
    def schedule(self) -> tuple[int, float, bool]:
        """Steps; the length of one as a share of the radius; whether to start at a random point of the ball."""


@dataclass(frozen=True)
class Fgsm(EmbeddingAttack):
    """One step to a corner of the ball, along the sign of the gradient (Goodfellow et al. 2015)."""

    NAME: ClassVar[str] = "fgsm"

    def schedule(self) -> tuple[int, float, bool]:
        return 1, 1.0, False


@dataclass(frozen=True)
class Pgd(EmbeddingAttack):
    """Several smaller steps, each projected on the ball; the best of them counts (Madry et al. 2018)."""

    steps: Annotated[int, Field("steps of the sign of the gradient, each 2.5 * radius / steps long", low=1, high=10_000)] = 10
    random_start: Annotated[bool, Field("start at a random point of the ball instead of at the document")] = False

    NAME: ClassVar[str] = "pgd"

    def schedule(self) -> tuple[int, float, bool]:
        return self.steps, 2.5 / self.steps, self.random_start


EMBEDDING_ATTACKS: dict[str, type[EmbeddingAttack]] = {kind.NAME: kind for kind in (Fgsm, Pgd)}


def one_loss(units: Iterable[Unit]) -> str:
    """The loss of one table, whatever models stand in it: "bce" where all scores have log-odds, else "ranking" for every one of them."""
    return "ranking" if "margin" in set(units) else "bce"


@dataclass(frozen=True)
class Objective:
    """The loss that an attack raises, of scores [n, L] and the labels aimed at (`positive` [L]).

    "bce": sum over the labels of softplus(z) - y z, with z the log-odds of the score; its slope in z is sigmoid(z) - y.
    "ranking": the k best scores of other labels minus the scores aimed at, summed; its slope is 1 and -1 there.
    """

    loss: str
    unit: Unit
    positive: BoolArray
    k: int

    def value(self, scores: Scores) -> FloatArray:
        """[n, L] -> [n]."""
        exact = scores.astype(np.float64)
        if self.loss == "ranking":
            others = np.take_along_axis(exact, self._others(scores), axis=1)
            return np.asarray(others.sum(axis=1) - exact[:, self.positive].sum(axis=1))
        z = exact
        if self.unit == "probability":
            p = np.clip(exact, SURE, 1 - SURE)
            z = np.log(p) - np.log1p(-p)
        return np.asarray((np.logaddexp(0, z) - self.positive * z).sum(axis=1))

    def slope(self, scores: Scores) -> Scores:
        """d loss / d score [n, L]."""
        if self.loss == "ranking":
            found = np.repeat(-self.positive[None].astype(np.float32), len(scores), axis=0)
            np.put_along_axis(found, self._others(scores), 1, axis=1)
            return found
        exact = scores.astype(np.float64)
        if self.unit == "probability":
            p = np.clip(exact, SURE, 1 - SURE)
            return ((p - self.positive) / (p * (1 - p))).astype(np.float32)
        # As -sigmoid(-z) where a label is aimed at: 1 - sigmoid(z) is 0 for a label that the classifier is sure of.
        sign = np.where(self.positive, -1.0, 1.0)
        return np.asarray(sign * np.exp(-np.logaddexp(0, -sign * exact)), dtype=np.float32)

    def _others(self, scores: Scores) -> IntArray:
        """The best labels not aimed at [n, min(k, how many there are)]."""
        return top_k(np.where(self.positive, -np.inf, scores).astype(np.float32), min(self.k, int((~self.positive).sum())))


@dataclass(frozen=True)
class Ball:
    """How far each coordinate of rows [T, d] may go: `radius` [T, d], 0 where nothing moves; the bounds `low` and `high` [T, d], of
    which no feature's is below 0; and `radii` by kind of row."""

    centre: Rows
    radius: Rows
    low: Rows
    high: Rows
    radii: Mapping[str, float]

    @classmethod
    def of(cls, attack: EmbeddingAttack, vectors: Rows, rows: Perturbable) -> Ball:
        """Relative: a word vector moves by epsilon times the mean length of the words' vectors (epsilon * mean / sqrt(d) in each
        coordinate); the T features by epsilon times the length of their vector (epsilon * length / sqrt(T))."""
        radius, radii = np.zeros(vectors.shape, dtype=np.float32), {}
        if rows.words.any():
            mean = float(np.linalg.norm(vectors[rows.words].astype(np.float64), axis=1).mean())
            radii["words"] = attack.epsilon * (mean / vectors.shape[1] ** 0.5 if attack.relative else 1)
            radius[rows.words] = radii["words"]
        if rows.features.any() and (attack.parts == "all" or not rows.words.any()):
            values = vectors[rows.features, 0].astype(np.float64)
            radii["features"] = attack.epsilon * (float(np.linalg.norm(values)) / len(values) ** 0.5 if attack.relative else 1)
            radius[rows.features, 0] = radii["features"]
        low = vectors - radius
        low[rows.features, 0] = np.maximum(low[rows.features, 0], 0)
        return cls(vectors, radius, low, vectors + radius, radii)

    def project(self, vectors: Rows) -> Rows:
        """The nearest point of the ball [T, d]. What may not move stays bit for bit."""
        return np.where(self.radius > 0, np.minimum(np.maximum(vectors, self.low), self.high), self.centre)


@dataclass(frozen=True)
class Perturbed:
    """One document's attacked rows and what they do.

    embedded: the rows before; vectors [T, d]: after; labels: those aimed at; loss: the one used; radii: eps_eff, the largest change of a
    coordinate by kind of row ("words", "features"), empty where nothing could move or no label could be aimed at; share: ||delta|| / ||e||
    over the rows that may move; scores [L] and losses before and after, both of a forward pass of their own; gradients: how many were taken.
    """

    attack: EmbeddingAttack
    digest: str
    seed: int
    embedded: Embedded
    vectors: Rows
    labels: IntArray
    loss: str
    radii: Mapping[str, float]
    share: float
    scores_before: Scores
    scores_after: Scores
    loss_before: float
    loss_after: float
    gradients: int

    @property
    def rose(self) -> bool:
        """Whether the loss is larger than before."""
        return self.loss_after > self.loss_before

    def to_json(self) -> dict[str, Any]:
        """The record without its arrays."""
        own = {"attack": self.attack.NAME, "settings": to_json(self.attack), "digest": self.digest, "seed": self.seed, "loss": self.loss}
        found = {"labels": self.labels.tolist(), "eps_eff": dict(self.radii), "share": self.share, "gradients": self.gradients}
        return {**own, **found, "loss_before": self.loss_before, "loss_after": self.loss_after}


def perturb(attack: EmbeddingAttack, classifier: Classifier, document: Document, truth: Sequence[int] | None = None, seed: int = 0) -> Perturbed:
    """Attack one document's rows. `truth`: the ids of its true labels, needed by label source "true"; `seed`: of the random start.

    Raises CapabilityError as `refusal`, InputError for label source "true" without `truth`.
    """
    why = attack.refusal(classifier)
    if why or not isinstance(classifier, Steerable):
        raise CapabilityError(why or "")
    embedded = classifier.embed(document)
    before = classifier.score_embedded(embedded, embedded.vectors[None])
    labels = _aimed_at(attack, before, truth)
    objective = Objective(attack.loss_for(classifier.unit), classifier.unit, np.isin(np.arange(before.shape[1]), labels), attack.k)
    ball = Ball.of(attack, embedded.vectors, classifier.perturbable(embedded))
    found, gradients = embedded.vectors, 0
    if ball.radii and len(labels):
        rng = np.random.default_rng([seed, zlib.crc32(document.text.encode("utf-8", "surrogatepass"))])
        found, gradients = _climb(attack, classifier, embedded, objective, ball, rng), attack.schedule()[0]
    after = classifier.score_embedded(embedded, found[None])
    moving = ball.radius > 0
    length = float(np.linalg.norm(embedded.vectors[moving]))
    share = float(np.linalg.norm((found - embedded.vectors)[moving])) / length if length else 0.0
    loss_before, loss_after = (float(objective.value(scores)[0]) for scores in (before, after))
    return Perturbed(
        attack, classifier.digest, seed, embedded, found, labels, objective.loss, ball.radii if gradients else {}, share,
        before[0], after[0], loss_before, loss_after, gradients,
    )  # fmt: skip


def _aimed_at(attack: EmbeddingAttack, scores: Scores, truth: Sequence[int] | None) -> IntArray:
    if attack.label_source == "predicted":
        return np.asarray(top_k(scores, attack.k)[0])
    if truth is None:
        raise InputError("an attack that aims at the true labels needs them: give the document's labels, or aim at the predicted ones")
    return np.unique(np.asarray(truth, dtype=np.int64))


def _climb(attack: EmbeddingAttack, classifier: Steerable, embedded: Embedded, objective: Objective, ball: Ball, rng: np.random.Generator) -> Rows:
    """The iterate with the largest loss. Each gradient comes with the scores of the point it is taken at, so that only the last
    iterate's loss costs a forward pass more."""
    steps, length, random = attack.schedule()
    point = ball.centre
    if random:
        point = ball.project(ball.centre + ball.radius * rng.uniform(-1, 1, ball.centre.shape).astype(np.float32))
    iterates: list[tuple[float, Rows]] = []
    for step in range(steps):
        scores, slopes = classifier.weighted_gradient(embedded, point[None], objective.slope)
        if step:
            iterates.append((float(objective.value(scores)[0]), point))
        point = ball.project(point + np.float32(length) * ball.radius * np.sign(slopes[0]))
    if not iterates:
        return point
    iterates.append((float(objective.value(classifier.score_embedded(embedded, point[None]))[0]), point))
    return max(iterates, key=lambda each: each[0])[1]
