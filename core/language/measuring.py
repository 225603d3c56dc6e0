"""What a masked language model makes of held-out texts, by domain: how often it guesses a masked word, and how likely it finds whole texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.document import Document
from core.language.corpus import Corpus
from core.language.masked_lm import MaskedLanguageModel, MaskedPlaces
from core.types import BoolArray, FloatArray, IntArray, Progress, silent

SHARE, TOKENS, SINGLE = 0.15, 30_000, 500
"""Share of tokens that are masked together; tokens of each domain that are read so; words of each that are masked one at a time."""
TEXTS, PLACES = 200, 64
"""Texts of each domain whose pseudo-perplexity is measured; words of a text that are masked for it, at most."""
QUANTILES = (50, 90, 95, 99)
RESAMPLES = 2_000
CONTENT_LETTERS = 4
READ, SHOWN, NEAREST, WEIGHT = 30, 8, 60, 10.0
"""Suggestions on the card: words, suggestions for each, and for those by neighbours the nearest words that are ordered by
log probability + WEIGHT * cosine."""


@dataclass(frozen=True)
class Hits:
    """What the model made of masked tokens: the rank (0 = best) and the log-probability of what stood there [places], and
    whether that is a content word: a whole word of four letters or more that is no stop word, what attacks replace."""

    rank: IntArray
    log: NDArray[np.float64]
    content: BoolArray

    @classmethod
    def of(cls, parts: Sequence[Hits]) -> Hits:
        """Those of several domains together."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("rank", "log", "content")))

    def to_json(self) -> dict[str, dict[str, float]]:
        return {name: self._row(chosen) for name, chosen in (("all tokens", np.ones_like(self.content)), ("content words", self.content))}

    def _row(self, chosen: BoolArray) -> dict[str, float]:
        n = max(1, int(chosen.sum()))
        rank, log = self.rank[chosen], self.log[chosen]
        return {
            "places": int(chosen.sum()),
            "top1": float((rank == 0).sum() / n),
            "top10": float((rank < 10).sum() / n),
            "loss": -float(log.sum() / n),
        }


def is_content(entry: str) -> bool:
    """Alphabetic, four letters or more, no stop word."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return entry.isalpha() and len(entry) >= CONTENT_LETTERS and entry not in ENGLISH_STOP_WORDS


def hits(model: MaskedLanguageModel, places: Sequence[MaskedPlaces], truth: Sequence[IntArray], progress: Progress = silent) -> Hits:
    """How the model does at masked places whose true ids are known."""
    ranks, logs = [], []
    for start in range(0, len(places), 64):
        progress(start, len(places), "measuring")
        found = model.log_probabilities(places[start : start + 64])
        own = found[np.arange(len(found)), np.concatenate(truth[start : start + 64])]
        ranks.append((found > own[:, None]).sum(axis=1))
        logs.append(own)
    ids = np.concatenate([np.zeros(0, dtype=np.int64), *truth])
    content = np.asarray([is_content(model.vocabulary[i]) for i in ids], dtype=np.bool_)
    return Hits(np.concatenate([np.zeros(0, dtype=np.int64), *ranks]), np.concatenate([np.zeros(0), *logs]), content)


def masked_together(model: MaskedLanguageModel, texts: Sequence[str], generator: np.random.Generator) -> tuple[list[MaskedPlaces], list[IntArray]]:
    """15 % of the tokens of randomly drawn texts (the first window of each), all [MASK]ed: places and what stood there."""
    places: list[MaskedPlaces] = []
    truth: list[IntArray] = []
    read = 0
    for number in generator.permutation(len(texts)):
        ids = model.tokens(Document.from_text(texts[number])).ids[: model.window - 2]
        chosen = np.flatnonzero(generator.random(len(ids)) < SHARE)
        if len(chosen):
            masked = ids.copy()
            masked[chosen] = model.mask
            places.append(MaskedPlaces(masked, chosen))
            truth.append(ids[chosen])
        read += len(ids)
        if read >= TOKENS:
            break
    return places, truth


def words_to_read(texts: Sequence[str], count: int, generator: np.random.Generator) -> list[tuple[Document, int]]:
    """Words of four letters or more, one of each of `count` randomly drawn texts."""
    found: list[tuple[Document, int]] = []
    for number in generator.permutation(len(texts)):
        document = Document.from_text(texts[number])
        long = [i for i, word in enumerate(document.words) if word.isalpha() and len(word) >= CONTENT_LETTERS]
        if long:
            found.append((document, int(generator.choice(long))))
        if len(found) == count:
            break
    return found


@dataclass(frozen=True)
class Measured:
    """Of a domain, or of all: tokens masked together, words masked one at a time."""

    together: Hits
    single: Hits

    def to_json(self) -> dict[str, dict[str, float]]:
        return {**self.together.to_json(), "one word at a time": self.single.to_json()["content words"]}


def measure(model: MaskedLanguageModel, texts: Sequence[str], generator: np.random.Generator, progress: Progress) -> Measured:
    """Where 15 % of the tokens are masked together, and where one word is masked in its whole text, as attacks do (words that are one entry of
    the vocabulary)."""
    together = hits(model, *masked_together(model, texts, generator), progress)
    single = [(d, i, entry) for d, i in words_to_read(texts, SINGLE, generator) if (entry := model.entry(d.words[i])) is not None]
    return Measured(together, hits(model, [model.place(d, i) for d, i, _ in single], [np.asarray([entry]) for *_, entry in single], progress))


def perplexity(model: MaskedLanguageModel, texts: Sequence[str], count: int, seed: int, progress: Progress = silent) -> dict[str, Any]:
    """Pseudo-perplexity of `count` randomly drawn texts, each of their words masked once, at most PLACES a text: of all these words together,
    with a 95 % interval by a bootstrap over texts, and quantiles over the texts."""
    generator = np.random.default_rng([seed, 2])
    drawn = [d for i in generator.permutation(len(texts))[:count] if len(d := Document.from_text(texts[i]))]
    found = []
    for number, document in enumerate(drawn):
        progress(number, len(drawn), "measuring perplexity")
        found.append(float(model.pseudo_perplexity([document], PLACES)[0]))
    words = np.asarray([min(len(document), PLACES) for document in drawn], dtype=np.int64)
    return perplexities(np.asarray(found), words, generator)


def perplexities(of_texts: FloatArray, words: IntArray, generator: np.random.Generator) -> dict[str, Any]:
    """The figures of texts' pseudo-perplexities [n], each over so many words [n]."""
    if not len(of_texts):
        return {"texts": 0, "words": 0}
    lost = np.log(of_texts) * words
    drawn = generator.integers(0, len(words), (RESAMPLES, len(words)))
    low, high = np.quantile(np.exp(lost[drawn].sum(axis=1) / words[drawn].sum(axis=1)), [0.025, 0.975])
    return {
        "texts": len(words),
        "words": int(words.sum()),
        "value": float(np.exp(lost.sum() / words.sum())),
        "low": float(low),
        "high": float(high),
        "quantiles": {str(q): float(np.quantile(of_texts, q / 100)) for q in QUANTILES},
        "places": PLACES,
    }


def evaluate(model: MaskedLanguageModel, corpus: Corpus, progress: Progress = silent, seed: int = 0, texts: int = TEXTS) -> dict[str, Any]:
    """On the test texts of each domain, and, for how often a masked word is guessed, of all domains together."""
    domains: dict[str, Any] = {}
    parts: list[Measured] = []
    for name, domain in corpus.domains.items():
        held_out = domain.texts["test"]
        parts.append(measure(model, held_out, np.random.default_rng(seed), progress))
        fit = perplexity(model, held_out, texts, seed, progress)
        domains[name] = {"texts": len(held_out), "accuracy": parts[-1].to_json(), "pseudo_perplexity": fit}
    whole = Measured(Hits.of([part.together for part in parts]), Hits.of([part.single for part in parts]))
    return {"seed": seed, "texts": sum(one["texts"] for one in domains.values()), "accuracy": whole.to_json(), "domains": domains}


def suggestions(model: MaskedLanguageModel, corpus: Corpus, seed: int = 0) -> list[dict[str, Any]]:
    """What the model and the neighbours suggest for READ words drawn at random, as many of each domain, to be read by eye."""
    count = max(1, READ // len(corpus.domains))
    drawn = [(name, domain.texts["test"]) for name, domain in corpus.domains.items()]
    return [{"domain": name, **row} for name, texts in drawn for row in _suggested(model, texts, count, seed)]


def _suggested(model: MaskedLanguageModel, texts: Sequence[str], count: int, seed: int) -> list[dict[str, Any]]:
    found = []
    for document, index in words_to_read(texts, count, np.random.default_rng([seed, 1])):
        word = document.words[index]
        near = model.neighbours(word, NEAREST)
        fits = model.word_log_probabilities(document, index, [other for other, _ in near])
        order = sorted(range(len(near)), key=lambda i: -(fits[i] + WEIGHT * near[i][1]))
        around = " ".join(document.words[max(0, index - 5) : index + 6])
        masked = [other for other, _ in model.fill([(document, index)], SHOWN)[0]]
        found.append({"word": word, "around": around, "masked": masked, "neighbours": [near[i][0] for i in order[:SHOWN]]})
    return found
