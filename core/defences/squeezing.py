"""Feature squeezing: a classifier that reads every text coarsely, clean and attacked alike, so that a small change is lost in rounding.

Xu, Evans and Qi: Feature Squeezing: Detecting Adversarial Examples in Deep Neural Networks, NDSS 2018; for text methods.md 7.3. What is
squeezed are the INPUTS (word vectors, TF-IDF values, words), by one function for all texts: squeezed outputs (seed 000, methods.md
1.4) defend nothing. Bit depth: v -> low + round((v - low) / (high - low) * (2^b - 1)) / (2^b - 1) * (high - low), with low and high of
each dimension: of a word vector's coordinates over the table, of a TF-IDF feature (low is 0: absent) over the training documents.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Any, ClassVar, Protocol

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from core import fields
from core.defences.vocabulary import VocabularyReading
from core.document import Document
from core.errors import CapabilityError
from core.fields import Field, check
from core.models.aplc_xlnet import AplcXlnet
from core.models.attention_xml import AttentionXml
from core.models.linear import LinearModel
from core.models.mach import Mach
from core.models.parts.tfidf import TfIdf
from core.models.parts.words import PADDING, Words
from core.models.x_transformer import XTransformer
from core.models.xml_cnn import XmlCnn
from core.types import BoolArray, Classifier, IntArray, Maskable, MaskMode, Progress, Scores, silent

BLOCK = 1_024
"""Training documents whose features are looked at at a time."""


def quantised(values: NDArray[np.float32], low: ArrayLike, high: ArrayLike, bits: int) -> NDArray[np.float32]:
    """Values at the nearest of 2^bits levels from low to high, broadcast; the same steps go on outside, so that many bits lose nothing of
    a text with a larger value than any in training. What has no width stays as it was."""
    low, high = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
    step = np.where(high > low, high - low, 1) / (2**bits - 1)
    return np.where(high > low, low + np.round((values - low) / step) * step, values).astype(np.float32)


@dataclass(frozen=True)
class CoarseTfIdf(TfIdf):
    """TF-IDF with coarse values. top [F]: the largest value of each feature in training; with bits 0: what a feature counts that a text has,
    whatever its value, in rows of norm 1. Exact for texts and maskings, the only ways in which a `Squeezed` reads."""

    top: NDArray[np.float32]
    bits: int

    def _weigh(self, owner: IntArray, ids: IntArray, n: int) -> sparse.csr_array:
        found = super()._weigh(owner, ids, n)
        if self.bits:
            found.data = self.coarse(found.indices, found.data)
            found.eliminate_zeros()
            return found
        found.data = self.top[found.indices]
        lengths = np.sqrt(np.asarray(found.multiply(found).sum(axis=1)).ravel())
        found.data /= np.repeat(np.where(lengths > 0, lengths, 1), np.diff(found.indptr)).astype(np.float32)
        return found

    def coarse(self, columns: IntArray, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Values [..., T] of the features `columns` [T] of one text, which need be no text's. Without bits a value above 0 is there."""
        if self.bits:
            return quantised(values, 0, self.top[columns], self.bits)
        there = np.where(values > 0, self.top[columns], 0)
        lengths = np.sqrt(np.square(there).sum(axis=-1, keepdims=True))
        return np.asarray(there / np.where(lengths > 0, lengths, 1), dtype=np.float32)


@dataclass(frozen=True)
class SqueezerData:
    """What squeezers learn from: a classifier and training documents. Each figure is worked out once, when it is first asked for."""

    classifier: Maskable
    texts: Sequence[str]
    progress: Progress = field(default=silent, compare=False)

    @cached_property
    def top(self) -> NDArray[np.float32]:
        """The largest TF-IDF value of each feature [F]; of a feature that none of the documents has, the largest of all."""
        tfidf = tfidf_of(self.classifier)
        found = np.zeros(len(tfidf), dtype=np.float32)
        for start in range(0, len(self.texts), BLOCK):
            block = tfidf.transform(self.texts[start : start + BLOCK])
            np.maximum.at(found, block.indices, block.data)
            self.progress(min(start + BLOCK, len(self.texts)), len(self.texts), "largest features")
        return np.where(found > 0, found, found.max(initial=0))


def tfidf_of(classifier: Classifier) -> TfIdf:
    """The TF-IDF that a classifier reads. CapabilityError where it reads none."""
    if isinstance(classifier, LinearModel | Mach | XTransformer) and isinstance(classifier.tfidf, TfIdf):
        return classifier.tfidf
    if isinstance(classifier, XmlCnn) and classifier.linear is not None and isinstance(classifier.linear.model.tfidf, TfIdf):
        return classifier.linear.model.tfidf
    raise CapabilityError(f"'{classifier.name}' reads no TF-IDF values; squeeze its words or word vectors")


def reads_tfidf(classifier: Classifier) -> bool:
    """Whether there are TF-IDF values to squeeze; `tfidf_of` refuses what it does not know."""
    if isinstance(classifier, XmlCnn):
        return classifier.linear is not None
    return not isinstance(classifier, AttentionXml | AplcXlnet)


def _with_tfidf(classifier: Classifier, tfidf: TfIdf) -> Any:
    """A copy that reads another TF-IDF and shares all the rest."""
    found: Any = copy.copy(classifier)
    if isinstance(classifier, XmlCnn):
        assert classifier.linear is not None
        svms = copy.copy(classifier.linear.model)
        svms.tfidf, found.linear = tfidf, replace(classifier.linear, model=svms)
    else:
        found.tfidf = tfidf
    return found


def _coarse_vectors(table: torch.Tensor, kept: Sequence[int], bits: int) -> torch.Tensor:
    """A table of word vectors [V, d] with coarse coordinates, but for the rows `kept`, which stand for no word."""
    rows = table.detach().cpu().numpy()
    words = np.setdiff1d(np.arange(len(rows)), kept)
    found = rows.copy()
    found[words] = quantised(rows[words], *extent(table, kept), bits)
    return torch.from_numpy(found).to(table)


def extent(table: torch.Tensor, kept: Sequence[int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The lowest and the highest value of each coordinate [d] of a table of word vectors, but for the rows `kept`."""
    rows = table.detach().cpu().numpy()
    words = rows[np.setdiff1d(np.arange(len(rows)), kept)]
    return words.min(axis=0), words.max(axis=0)


def _with_coarse_vectors(classifier: Classifier, bits: int) -> Any:
    """A copy of a classifier with coarse word vectors, where it has any."""
    if isinstance(classifier, XmlCnn):
        module = copy.deepcopy(classifier.module)
        module.embedding.weight.data = _coarse_vectors(module.embedding.weight, [PADDING], bits)
        return XmlCnn(classifier.config, classifier.labels, classifier.words, module, classifier.linear, classifier.name, classifier.digest)
    if isinstance(classifier, XTransformer):
        encoder, pieces = copy.deepcopy(classifier.encoder), classifier.tokenizer
        table: Any = encoder.bert.embeddings.word_embeddings
        table.weight.data = _coarse_vectors(table.weight, pieces.special, bits)
        settings = classifier.config, classifier.labels, encoder, pieces, classifier.tfidf, classifier.weights
        return XTransformer(*settings, classifier.name, classifier.digest)
    if isinstance(classifier, AttentionXml):
        modules: Any = copy.deepcopy(classifier.modules)
        for own in modules:
            own.embedding.weight.data = _coarse_vectors(own.embedding.weight, [PADDING], bits)
        parts = classifier.config, classifier.labels, classifier.words, classifier.tree, modules
        return AttentionXml(*parts, classifier.name, classifier.digest)
    found: Any = copy.copy(classifier)
    if isinstance(classifier, AplcXlnet):
        found.encoder = copy.deepcopy(classifier.encoder)
        own = found.encoder.table
        own.weight.data = _coarse_vectors(own.weight, classifier.tokenizer.special, bits)
    return found


class Squeezer(Protocol):
    """One way of reading coarsely; its settings are a frozen dataclass's fields."""

    TITLE: ClassVar[str]

    @property
    def name(self) -> str:
        """Short, with what sets it apart: "4 bits"."""
        ...

    def fitted(self, training: SqueezerData) -> Squeezed:
        """The training's classifier, reading so. CapabilityError where it cannot."""
        ...


class Squeezed:
    """A classifier that reads every text through a squeezer. Maskable; offers no gradients, since rounding has none."""

    def __init__(self, inner: Maskable, squeezer: Squeezer, reading: VocabularyReading | None = None) -> None:
        """inner: the classifier with whatever rows it reads squeezed already; reading: how it reads words."""
        self.inner, self._reading = inner, reading
        self.squeezer, self.labels, self.unit = squeezer, inner.labels, inner.unit
        self.name = f"{inner.name}, {squeezer.name}"
        said = f"{inner.digest} {type(squeezer).__name__} {fields.to_json(squeezer)} {'' if reading is None else reading.known.words}"
        self.digest = hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def read(self, texts: Sequence[str]) -> Sequence[str]:
        """The texts as they are read: others only where words are squeezed."""
        return texts if self._reading is None else [self._reading.text(text) for text in texts]

    def score(self, texts: Sequence[str], labels: IntArray | None = None) -> Scores:
        return self.inner.score(self.read(texts), labels)

    def retrieve(self, texts: Sequence[str], k: int) -> tuple[IntArray, Scores]:
        return self.inner.retrieve(self.read(texts), k)

    def words_read(self, document: Document) -> int:
        return self.inner.words_read(document)

    def score_masked(self, document: Document, keep: BoolArray, labels: IntArray | None = None, mode: MaskMode = "delete") -> Scores:
        """Each word is read by itself, so that squeezing and then masking is masking and then squeezing."""
        return self.inner.score_masked(document if self._reading is None else self._reading.document(document), keep, labels, mode)


@dataclass(frozen=True)
class BitDepth:
    """Word vectors and TF-IDF values, whichever the model reads, with fewer bits."""

    TITLE: ClassVar[str] = "Bit depth of the inputs"

    bits: Annotated[int, Field("bits a value; from 8 hardly anything is lost, with 1 a value is at one end or the other", low=1, high=16)] = 4

    def __post_init__(self) -> None:
        check(self)

    @property
    def name(self) -> str:
        return f"{self.bits} bit{'s' if self.bits > 1 else ''}"

    def fitted(self, training: SqueezerData) -> Squeezed:
        classifier = _with_coarse_vectors(training.classifier, self.bits)
        if reads_tfidf(classifier):
            tfidf = tfidf_of(training.classifier)
            classifier = _with_tfidf(classifier, CoarseTfIdf(tfidf.words, tfidf.bigrams, tfidf.idf, training.top, self.bits))
        return Squeezed(classifier, self)


@dataclass(frozen=True)
class Binary:
    """TF-IDF values: a word or pair is there or not, however often; and, unless its idf is kept, however rare."""

    TITLE: ClassVar[str] = "Binary TF-IDF"

    idf: Annotated[bool, Field("a feature that is there still counts its inverse document frequency: only how often it is there is lost")] = False

    def __post_init__(self) -> None:
        check(self)

    @property
    def name(self) -> str:
        return "binary, idf kept" if self.idf else "binary"

    def fitted(self, training: SqueezerData) -> Squeezed:
        tfidf = tfidf_of(training.classifier)
        counts = tfidf.idf if self.idf else np.ones(len(tfidf), dtype=np.float32)
        return Squeezed(_with_tfidf(training.classifier, CoarseTfIdf(tfidf.words, tfidf.bigrams, tfidf.idf, counts, 0)), self)


@dataclass(frozen=True)
class Vocabulary:
    """Words (vocabulary.py): each read as the most frequent of its synonyms, rare ones as unknown."""

    TITLE: ClassVar[str] = "Vocabulary"

    minimum: Annotated[int, Field("words in fewer training documents are read as unknown", low=1, high=10**6)] = 5
    synonyms: Annotated[bool, Field("words that share a meaning in WordNet are read as one")] = True

    def __post_init__(self) -> None:
        check(self)

    @property
    def name(self) -> str:
        return f"words of {self.minimum}+" + (", synonyms as one" if self.synonyms else "")

    def fitted(self, training: SqueezerData) -> Squeezed:
        if self.synonyms:
            from core.language import wordnet

            if why := wordnet.missing():
                raise CapabilityError(why)
        reading = VocabularyReading(Words.build(training.texts, self.minimum), self.synonyms)
        return Squeezed(training.classifier, self, reading)


SQUEEZERS: dict[str, Callable[..., Squeezer]] = {"bits": BitDepth, "binary": Binary, "vocabulary": Vocabulary}
"""Name -> settings, a frozen dataclass."""
