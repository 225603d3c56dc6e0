"""Protocols that everything hangs on, and array aliases with their shapes.

A model is a `Classifier`; what more it can do it shows by implementing a small capability protocol, which explainers
test with `isinstance`. n documents, L labels, m chosen labels, T rows of an embedded document, d their width,
w words of one document.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from core.document import Document
from core.labels import LabelSpace

if TYPE_CHECKING:  # core.vector needs the aliases below
    from core.vector import FeatureSpace, FeatureVector

Scores = NDArray[np.float32]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

Unit = Literal["probability", "logit", "margin"]
"""What a score is: in [0, 1]; its log-odds; or a signed distance that is no probability. Nobody re-normalises it."""

Progress = Callable[[int, int, str], None]
"""`progress(done, total, what)`; raises `core.errors.Cancelled` to stop the work at this point."""

MaskMode = Literal["delete", "mask"]
"""How a word is taken away: cut out of the text, or replaced by the unknown or mask token that the model was trained with."""


def silent(done: int, total: int, what: str) -> None:
    """The progress that shows nothing."""


@runtime_checkable
class Classifier(Protocol):
    """A trained multi-label classifier over raw text, always in evaluation mode.

    `name` and `digest` identify the weights; every result carries the digest.
    """

    name: str
    digest: str
    labels: LabelSpace
    unit: Unit

    def score(self, texts: Sequence[str], labels: IntArray | None = None) -> Scores:
        """Dense scores [n, L], or [n, len(labels)] for chosen label ids. Defined for EVERY label, also outside a beam."""
        ...

    def retrieve(self, texts: Sequence[str], k: int) -> tuple[IntArray, Scores]:
        """The k best labels by the model's own retrieval path (a beam, say): ids [n, k] and scores [n, k], best first,
        ties by label id. A position that the beam leaves empty holds id -1 and score -inf."""
        ...

    def words_read(self, document: Document) -> int:
        """How many of the document's first words the model's window holds; later words cannot change a score."""
        ...


@runtime_checkable
class PartlyEncoded(Protocol):
    """A classifier whose network stops at a window while another part of it reads every word."""

    def words_encoded(self, document: Document) -> int:
        """How many first words the network reads."""
        ...


@runtime_checkable
class Maskable(Classifier, Protocol):
    """Scores one document with many of its words taken away, in the model's own token space."""

    def score_masked(self, document: Document, keep: BoolArray, labels: IntArray | None = None, mode: MaskMode = "delete") -> Scores:
        """keep [n, w] -> scores [n, L or m]. With mode "delete", row i equals `score([document.keep(keep[i]).text])`."""
        ...


@dataclass(frozen=True)
class Embedded:
    """One document as the rows that a differentiable model reads.

    vectors [T, d] and baseline [T, d] (the same rows with nothing said: padding vectors, absent features);
    owner [T, w]: which share of a row's attribution each word receives (a row sums to 1, or to 0 where no word owns
    it); tokens [T]: the rows' names, to be shown; baseline_name says in words what the baseline is.
    """

    vectors: NDArray[np.float32]
    baseline: NDArray[np.float32]
    owner: NDArray[np.float32]
    tokens: tuple[str, ...]
    baseline_name: str


@runtime_checkable
class Differentiable(Classifier, Protocol):
    """A classifier whose score has a gradient with respect to the rows it reads."""

    def embed(self, document: Document) -> Embedded: ...

    def score_embedded(self, embedded: Embedded, vectors: NDArray[np.float32], labels: IntArray | None = None) -> Scores:
        """vectors [n, T, d] -> scores [n, L or m]; everything but the vectors (lengths, attention mask) is `embedded`'s."""
        ...

    def gradient(self, embedded: Embedded, vectors: NDArray[np.float32], labels: IntArray) -> tuple[Scores, NDArray[np.float32]]:
        """vectors [n, T, d], labels [n], one for each row -> scores [n] and d score / d vectors [n, T, d].
        Computed with autograd.grad: no parameter's .grad is touched."""
        ...


Weigh = Callable[[Scores], Scores]
"""Scores [n, L] -> weights [n, L]: d loss / d score, say. A pure function; a model made of two parts asks it once for each."""


@dataclass(frozen=True)
class Perturbable:
    """Which rows of an embedded document stand for its words, as word vectors (`words` [T]) or as features that hold one value,
    never below 0, in their first coordinate (`features` [T]). Padding, special tokens and punctuation are neither."""

    words: BoolArray
    features: BoolArray

    @classmethod
    def of(cls, embedded: Embedded, vectors: int) -> Self:
        """The first `vectors` rows are word vectors, the others features; those that no word owns stand for none."""
        owned: BoolArray = np.asarray(embedded.owner.any(axis=1), dtype=np.bool_)
        first = np.arange(len(owned)) < vectors
        return cls(owned & first, owned & ~first)


@dataclass(frozen=True)
class RowKinds:
    """What a classifier's rows are, as a person says it: those that stand for words, as vectors, and those that hold one value; "" for none."""

    words: str = ""
    features: str = ""


@runtime_checkable
class Steerable(Differentiable, Protocol):
    """A differentiable classifier whose rows can be moved against any function of all its scores: what FGSM and PGD need."""

    @property
    def row_kinds(self) -> RowKinds: ...

    def perturbable(self, embedded: Embedded) -> Perturbable: ...

    def weighted_gradient(self, embedded: Embedded, vectors: NDArray[np.float32], weigh: Weigh) -> tuple[Scores, NDArray[np.float32]]:
        """vectors [n, T, d] -> scores [n, L] and, with w = weigh(scores) held fixed, d sum_l w_l score_l / d vectors [n, T, d].
        One forward and one backward pass over all n at once, so n bounds the memory; no parameter's .grad is touched."""
        ...


@runtime_checkable
class WordTable(Classifier, Protocol):
    """A classifier with one vector for each word of a vocabulary: any vector has a nearest word."""

    def nearest_words(self, vectors: NDArray[np.float32]) -> tuple[str | None, ...]:
        """Vectors [n, d] -> the word whose vector lies nearest to each (Euclidean; ties by the vocabulary's order); None where that is
        the vector of unknown words."""
        ...


@dataclass(frozen=True)
class Attended:
    """Attention of one document: weights [layers, heads, T, T] (rows sum to 1), tokens [T], owner word of each token
    ([T], -1 for special tokens and punctuation), and `pooling` [T]: how much each token enters the document vector."""

    weights: NDArray[np.float32]
    tokens: tuple[str, ...]
    owner: IntArray
    pooling: NDArray[np.float32]


@runtime_checkable
class Attentive(Classifier, Protocol):
    """A classifier with self-attention that can be looked at."""

    def attention(self, document: Document) -> Attended: ...

    def attention_gradient(self, document: Document, label: int) -> NDArray[np.float32]:
        """d score(label) / d attention weight, [layers, heads, T, T]."""
        ...


@dataclass(frozen=True)
class LabelAttended:
    """Attention that belongs to m labels: weights [m, T] (rows sum to 1 over the words that are read; to 0 where there are none),
    tokens [T], and the owner word of each token [T], -1 for one that no word owns."""

    weights: NDArray[np.float32]
    tokens: tuple[str, ...]
    owner: IntArray


@runtime_checkable
class LabelAttentive(Classifier, Protocol):
    """A classifier in which every label has an attention of its own over the words, through which all that it knows of them goes."""

    def label_attention(self, document: Document, labels: IntArray) -> LabelAttended: ...


@runtime_checkable
class Substitutable(Classifier, Protocol):
    """Scores one document with one of its words replaced in many ways, sharing the work on what stays."""

    def score_substituted(self, document: Document, position: int, words: Sequence[str]) -> Scores:
        """[n, L] for n words put in place of word `position`; row i equals `score([document.replace({position: words[i]}).text])`."""
        ...


@dataclass(frozen=True)
class Contribution:
    """What one part of a model adds to a label's score in two texts. `part` says what kind of part it is ("word", "bucket", "filter
    windows", ...), `name` which one, `detail` what else is to be known of it."""

    part: str
    name: str
    before: float
    after: float
    detail: str = ""


@dataclass(frozen=True)
class Intermediate:
    """A number of a model's own workings in two texts (a rank, a logit, a width) that is no share of a score."""

    name: str
    before: float
    after: float


@dataclass(frozen=True)
class Contributions:
    """Why a label's score differs between two texts, in the model's own parts. The shares add up to the score in either text
    (to rounding), the largest change first; `summary` is one sentence."""

    label: str
    score_before: float
    score_after: float
    summary: str
    shares: tuple[Contribution, ...]
    figures: tuple[Intermediate, ...] = ()


@runtime_checkable
class Decomposable(Classifier, Protocol):
    """A classifier that can say which of its parts moved a label's score."""

    def contributions(self, before: Document, after: Document, label: int) -> Contributions:
        """InputError for a label that there is not."""
        ...


@runtime_checkable
class FeatureClassifier(Classifier, Protocol):
    """A classifier over the feature vectors of a data set (core.vector). Where the features are words its `score` reads a text as
    its bag of words; else `score` raises CapabilityError. Rows of `embed_features` are the vector's values, and `score_embedded` and
    `gradient` of core.types.Differentiable take them."""

    @property
    def space(self) -> FeatureSpace: ...

    def score_features(self, vectors: sparse.csr_array, labels: IntArray | None = None) -> Scores:
        """Raw vectors [n, F] as the data set has them -> [n, L], or [n, len(labels)]."""
        ...

    def retrieve_features(self, vectors: sparse.csr_array, k: int) -> tuple[IntArray, Scores]:
        """As `retrieve`: ids [n, k] and scores [n, k]."""
        ...

    def embed_features(self, vector: FeatureVector) -> Embedded:
        """One row a value that is not 0, in the order of the columns; row and feature are the same (owner [t, t])."""
        ...


@runtime_checkable
class Confinable(FeatureClassifier, Protocol):
    """A classifier of vectors that, told which few features are not 0, looks up once what it knows of them: what an attack needs that
    asks a thousand times about the same features."""

    def confined(self, columns: IntArray) -> Callable[[NDArray[np.float32]], Scores]:
        """columns [m], rising -> a function of the values [n, m] of these features, where all others are 0, that gives [n, L]. It equals
        `score_features` of these vectors to float32 rounding."""
        ...


class Savable(Classifier, Protocol):
    """What a model gives to `core.checkpoint.save` and is made of again by its class's `load`."""

    def settings(self) -> Mapping[str, Any]: ...
    def tensors(self) -> Mapping[str, NDArray[Any]]: ...
    def files(self) -> Mapping[str, str]: ...
