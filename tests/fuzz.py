"""Fuzzed documents through the two calls that people make: predict and explain. No crash, no broken promise.

    python -m tests.fuzz --checkpoint debtags-linear --documents 10000

prints counts as JSON and exits with 1 after the first failure's text and traceback. Documents come from a fixed seed: words
of the model's own language, real scripts, emoji, markup, control characters, lone surrogates, and edits of all of them.
A refusal (InputError) is a fair answer to a document without words or too long to explain word by word; all else is a fault.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from core.document import Document
from core.errors import InputError
from core.explainers import EXPLAINERS, explain, preset, refusal
from core.predict import predict, to_json
from core.types import Classifier, Maskable
from tests import strategies

PIECES = (*strategies.ENGLISH, *strategies.FOREIGN, *strategies.SYMBOLS, *strategies.MARKUP, *strategies.CONTROLS, "\ud800", "\udfff")
PROSE = (
    *strategies.ENGLISH[:3],
    "a",
    "the",
    "library",
    "game",
    "network",
    "server",
    "music",
    "mail",
    "fast",
    "small",
    "program",
    "for",
    "people",
    "of",
    "in",
)
GAPS = (" ", " ", " ", "", "\n", ", ", ". ", "\t")
LONGEST = 20_000
"""Words of the longest document; one in a thousand comes near it."""


def documents(count: int, seed: int = 0) -> Iterator[str]:
    """`count` texts: mostly short, all kinds mixed."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        yield _mutated(rng, _text(rng))


def _text(rng: np.random.Generator) -> str:
    size = int(rng.choice([0, 1, 2, 8, 40, 120, LONGEST], p=[0.02, 0.06, 0.06, 0.4, 0.35, 0.109, 0.001]))
    strange = rng.random() ** 2
    words = (_one(rng, PIECES if rng.random() < strange else PROSE) + _one(rng, GAPS) for _ in range(size))
    return "".join(words)


def _one(rng: np.random.Generator, choices: Sequence[str]) -> str:
    """One of the choices. Not rng.choice: numpy's strings lose null characters at their end."""
    return choices[int(rng.integers(len(choices)))]


def _mutated(rng: np.random.Generator, text: str) -> str:
    """Often left alone; else characters dropped, doubled, swapped for any code point, repeated, or the text turned round."""
    kind = rng.integers(10)
    place = int(rng.integers(len(text) + 1))
    if kind == 0:
        return text[:place] + chr(int(rng.integers(0x110000))) + text[place + 1 :]
    if kind == 1:
        return text[:place] + text[place : place + 1] * int(rng.integers(2, 2_000)) + text[place:]
    if kind == 2:
        return text[::-1]
    if kind == 3:
        return "".join(chr(int(code)) for code in rng.integers(0x110000, size=int(rng.integers(1, 60))))
    return text.swapcase() if kind == 4 else text


def check_prediction(classifier: Classifier, text: str) -> None:
    """The core call of `predict`, its JSON, and what the answer must be."""
    found = predict(classifier, text, 5)
    assert len(found.document) >= found.words_read >= 0
    assert list(found.scores) == sorted(found.scores, reverse=True)
    assert np.isfinite(found.scores).all()
    assert len(set(found.ids)) == len(found.ids) <= 5
    json.dumps(to_json(found, classifier), allow_nan=False)


def check_explanation(classifier: Classifier, text: str, explainer: Any) -> None:
    """The core call of `explain` for the two best labels, its JSON, and what the answer must be."""
    document = Document.from_text(text)
    labels = [label for label in classifier.retrieve([text], 2)[0][0] if label >= 0]
    found = explain(explainer, classifier, document, labels)
    assert found.values.shape == (len(labels), len(document))
    assert np.isfinite(found.values).all()
    assert np.isfinite(found.total).all()
    if found.residual is not None:
        np.testing.assert_allclose(
            found.base + found.values.sum(axis=1) + found.residual, found.total, atol=1e-6 * max(1, np.abs(found.values).max())
        )
    json.dumps(found.to_json(), allow_nan=False)


def check_masking(classifier: Maskable, text: str, rng: np.random.Generator) -> None:
    """Words cut out in the model's own token space, and cut out of the text: the same score."""
    document = Document.from_text(text)
    keep = rng.random((2, len(document))) < 0.7
    cut = classifier.score([document.keep(row).text for row in keep])
    found = classifier.score_masked(document, keep)
    np.testing.assert_allclose(found, cut, atol=1e-4 * max(1.0, float(np.abs(cut).max(initial=0))))


def cheap(name: str) -> Any:
    """An explainer with as few samples as its bounds allow: what is fuzzed is the path, not the figure."""
    made = preset(name, "quick")
    return dataclasses.replace(made, samples=50) if hasattr(made, "samples") else made


def run(classifier: Any, count: int, seed: int = 0, explain_words: int = 200, progress: bool = False) -> dict[str, int]:
    """Counts of what happened. Explainers take turns over the documents; those that the classifier refuses sit out, and
    documents of more than `explain_words` words are explained one time in a hundred (occlusion asks once a word).
    AssertionError, or whatever was raised, with the document in a note."""
    explainers = [cheap(name) for name in EXPLAINERS if refusal(name, classifier) is None]
    counts: Counter[str] = Counter()
    rng = np.random.default_rng(seed)
    for number, text in enumerate(documents(count, seed)):
        words = len(Document.from_text(text))
        calls = [("predicted", lambda text=text: check_prediction(classifier, text))]
        if words <= explain_words or number % 100 == 0:
            explainer = explainers[number % len(explainers)]
            calls.append((f"explained by {explainer.NAME}", lambda text=text, explainer=explainer: check_explanation(classifier, text, explainer)))
        if words <= explain_words and isinstance(classifier, Maskable):
            calls.append(("masked", lambda text=text: check_masking(classifier, text, rng)))
        for name, call in calls:
            try:
                call()
                counts[name] += 1
            except InputError as refused:
                if words and words < 10_000:
                    raise AssertionError(f"refused a document of {words} words: {refused}\n{text!r:.2000}") from refused
                counts[f"refused: {name.split()[0]}"] += 1
            except Exception as error:
                error.add_note(f"document {number} of seed {seed}, {name}: {text!r:.2000}")
                raise
        counts["documents"] += 1
        if progress and number % 500 == 499:
            print(f"{number + 1:,} of {count:,}", file=sys.stderr)
    return dict(counts)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", required=True, help="a name in checkpoints/, or a folder")
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--explain-words", type=int, default=200, help="documents of at most so many words are all explained")
    given = parser.parse_args()
    from core.models import load

    started = time.perf_counter()
    try:
        counts = run(load(given.checkpoint), given.documents, given.seed, given.explain_words, progress=True)
    except Exception:  # noqa: BLE001 - whatever it was, it is what the fuzzer was sent to find
        traceback.print_exc()
        return 1
    print(json.dumps({"checkpoint": given.checkpoint, **dict(sorted(counts.items())), "seconds": round(time.perf_counter() - started, 1)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
