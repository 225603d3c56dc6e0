"""The inner maximum over substituted words, document by document (core.defences.substitution says which and why).

What is maximised is the true labels' part of the cross-entropy: sum over true labels l of -log p_l, p = sigmoid(score) where scores
are no probabilities.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from core.attacks.goals import Disturb
from core.attacks.words.components import Scene
from core.attacks.words.constraints import Antonyms, SameWord, StopWords, WholeWord
from core.attacks.words.wordnet import WordNet
from core.defences.rewriting import Copy, draw
from core.document import Document
from core.labels import LabelSpace
from core.ranking import BLOCK
from core.types import Classifier, FloatArray, IntArray, Maskable, Scores, Steerable, Substitutable, Unit

HIDDEN = "\u2370"
"""A word that no vocabulary holds (an APL sign), so that every model reads its unknown token in its place."""
TEXTS = 1_024
"""Texts that are scored at once."""
NO_SCENE = Scene(Document(("",)), LabelSpace.of((), (), 1), Disturb())
"""For constraints that look at words alone."""

Table = Mapping[str, tuple[str, ...]]
"""Case-folded word -> what may stand in its place, best first."""


def true_loss(scores: Scores, unit: Unit) -> FloatArray:
    """Scores [n, m] of m true labels -> [n]: the sum of -log p."""
    given = scores.astype(np.float64)
    each = -np.log(np.maximum(given, 1e-9)) if unit == "probability" else np.logaddexp(0.0, -given)
    return np.asarray(each.sum(axis=1), dtype=np.float64)


def content(document: Document, read: int) -> list[int]:
    """The words that may be replaced: those the model reads that have a letter and are no stop words."""
    asked = (WholeWord(), StopWords())
    return [i for i in range(min(read, len(document))) if not any(each.position(NO_SCENE, document, i) for each in asked)]


def proposed(word: str, source: str, language_model: str, count: int) -> list[str]:
    """At most `count` words that may stand in a word's place wherever it stands: neighbours in the language model's input embedding,
    WordNet's synonyms, or both in turn. No stop words, no forms of spelling of the word, no antonyms."""
    from core import language

    document = Document(("", word, ""))
    near = [] if source == "wordnet" else [other for other, _ in language.load(language_model).neighbours(word, 2 * count)]
    synonyms = [] if source == "neighbours" else WordNet(2 * count).propose(NO_SCENE, document, 0)
    words = list(dict.fromkeys(each for pair in zip_longest(synonyms, near) for each in pair if each))
    scene = Scene(document, NO_SCENE.space, NO_SCENE.goal)
    reasons = zip(*(each.words(scene, document, 0, words) for each in (SameWord(), WholeWord(), StopWords(), Antonyms())), strict=True)
    return [other for other, refused in zip(words, reasons, strict=True) if not any(refused)][:count]


def by_gradient(classifier: Steerable, document: Document, labels: IntArray) -> tuple[list[int], float]:
    """All words, and the loss. First the word whose rows' loss gradient times the row's own norm is largest: a bound, to first order, of what
    the loss gains when the rows vanish. One forward and one backward pass, where masking each word costs a forward pass a word."""
    embedded = classifier.embed(document)

    def weigh(scores: Scores) -> Scores:
        weights = np.zeros_like(scores)
        weights[:, labels] = -1 / (1 + np.exp(np.clip(scores[:, labels], -60, 60)))
        return weights

    scores, slopes = classifier.weighted_gradient(embedded, embedded.vectors[None], weigh)
    sizes = np.linalg.norm(slopes[0], axis=1) * np.linalg.norm(embedded.vectors, axis=1)
    order = np.argsort(-(embedded.owner.T @ sizes), kind="stable")
    return order.tolist(), float(true_loss(scores[:, labels], classifier.unit)[0])


@dataclass(frozen=True)
class Victim:
    """A document with its true labels [m], and the draws that belong to it."""

    row: int
    document: Document
    labels: IntArray
    rng: np.random.Generator

    @classmethod
    def of(cls, seed: int, epoch: int, row: int, text: str, labels: IntArray) -> Victim:
        return cls(row, Document.from_text(text), labels.astype(np.int64), draw(seed, epoch, row))


@dataclass(frozen=True)
class Adversary:
    """Finds copies that cost a classifier its true labels. `rate`: share of the content words (those it has candidates for, but
    for "masked") that are replaced, at least one. `pause` is called between batches and may raise Cancelled."""

    classifier: Classifier
    mode: str
    rate: float
    samples: int
    table: Table
    by_gradient: bool = False
    pause: Callable[[], None] = lambda: None

    def copies(self, victims: Sequence[Victim]) -> list[Copy]:
        """Of each document that has true labels and a word that can go: what was put in, and the loss before and after."""
        victims = [victim for victim in victims if len(victim.labels)]
        if self.mode == "sampled":
            return self._sampled(victims)
        found = [(victim, self._masked(victim) if self.mode == "masked" else self._greedy(victim)) for victim in victims]
        return [Copy(victim.row, edits, "", (before,), (after,)) for victim, (edits, before, after) in found if edits]

    def _places(self, document: Document) -> list[int]:
        places = content(document, self.classifier.words_read(document))
        return places if self.mode == "masked" else [i for i in places if self._candidates(document, i)]

    def _candidates(self, document: Document, position: int) -> list[str]:
        """In the case of the word that stands there."""
        from core.language import match_case

        word = document.words[position]
        return [match_case(other, word) for other in self.table.get(word.casefold(), ())]

    def _count(self, places: Sequence[int]) -> int:
        return max(1, int(self.rate * len(places)))

    # -- the worst of some random copies

    def _sampled(self, victims: Sequence[Victim]) -> list[Copy]:
        options = [(victim, [self._random(victim) for _ in range(self.samples)]) for victim in victims if self._places(victim.document)]
        texts = [text for victim, edits in options for text in (victim.document.text, *(victim.document.replace(each).text for each in edits))]
        losses = self._losses(texts, [victim.labels for victim, _ in options for _ in range(self.samples + 1)])
        found = []
        for (victim, edits), own in zip(options, losses.reshape(-1, self.samples + 1), strict=True):
            worst = int(np.argmax(own[1:]))
            found.append(Copy(victim.row, edits[worst], "", (float(own[0]),), (float(own[1 + worst]),)))
        return found

    def _random(self, victim: Victim) -> dict[int, str]:
        places = self._places(victim.document)
        chosen = np.sort(victim.rng.choice(np.asarray(places, dtype=np.int64), size=self._count(places), replace=False)).tolist()
        options = [(position, self._candidates(victim.document, position)) for position in chosen]
        return {position: words[int(victim.rng.integers(len(words)))] for position, words in options}

    def _losses(self, texts: Sequence[str], labels: Sequence[IntArray]) -> FloatArray:
        """[n] of texts with true labels of their own, scored in large batches."""
        size = max(1, min(TEXTS, BLOCK // max(1, len(self.classifier.labels))))
        found = np.zeros(len(texts))
        for first in range(0, len(texts), size):
            self.pause()
            scores = self.classifier.score(texts[first : first + size])
            for i, row in enumerate(scores, start=first):
                found[i] = true_loss(row[None, labels[i]], self.classifier.unit)[0]
        return found

    # -- the words that matter most

    def _ranked(self, victim: Victim) -> tuple[list[int], FloatArray, float]:
        """The words that may go, the one first whose absence costs the true labels most; the loss without each, and with all."""
        places = self._places(victim.document)
        if not places:
            return [], np.zeros(0), 0.0
        self.pause()
        document, classifier = victim.document, self.classifier
        if self.by_gradient and isinstance(classifier, Steerable):
            words, before = by_gradient(classifier, document, victim.labels)
            found = [i for i in words if i in set(places)]
            return found, np.zeros(len(found)), before
        if isinstance(classifier, Maskable):
            keep = np.ones((len(places) + 1, len(document)), dtype=np.bool_)
            keep[np.arange(len(places)), places] = False
            scores = classifier.score_masked(document, keep, victim.labels, "mask")
        else:
            scores = classifier.score([*(document.replace({i: HIDDEN}).text for i in places), document.text], victim.labels)
        losses = true_loss(scores, classifier.unit)
        order = np.argsort(-losses[:-1], kind="stable")
        return [places[i] for i in order], losses[:-1][order], float(losses[-1])

    def _masked(self, victim: Victim) -> tuple[dict[int, str], float, float]:
        places, _, before = self._ranked(victim)
        edits = dict.fromkeys(sorted(places[: self._count(places)]), HIDDEN)
        if not edits:
            return edits, before, before
        after = true_loss(self.classifier.score([victim.document.replace(edits).text], victim.labels), self.classifier.unit)
        return edits, before, float(after[0])

    def _greedy(self, victim: Victim) -> tuple[dict[int, str], float, float]:
        places, _, before = self._ranked(victim)
        edits: dict[int, str] = {}
        document, now = victim.document, before
        for position in places[: self._count(places)]:
            words = self._candidates(document, position)
            losses = self._swapped(document, position, words, victim.labels)
            best = int(np.argmax(losses))
            if losses[best] > now:
                document, now = document.replace({position: words[best]}), float(losses[best])
                edits[position] = words[best]
        return dict(sorted(edits.items())), before, now

    def _swapped(self, document: Document, position: int, words: Sequence[str], labels: IntArray) -> FloatArray:
        """The loss with each word in the place of one: [n]."""
        if isinstance(self.classifier, Substitutable):
            scores = self.classifier.score_substituted(document, position, words)[:, labels]
        else:
            scores = self.classifier.score([document.replace({position: word}).text for word in words], labels)
        return true_loss(scores, self.classifier.unit)
