"""The domain `eu-law`: EURLEX57K's acts, cut as the models read them.

Whole acts would swamp the other domains, and most of an act repeats what other acts say. So each act gives its title and the first 150 words
after it, what the data set `eurlex57k` reads, and every fourth act 150 words from a later place too, so that articles and annexes are not
foreign to the model. The splits are the data set's own: texts of its dev and test acts are never trained on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from core.data import load_dataset
from core.document import Document
from core.language.texts import SPLITS, Texts

DATASET = "eurlex57k-whole"
WORDS = 150
LATER = 4
"""One act in so many gives a later window."""
SHORTEST = 50
"""Words that a later window has at least."""
HELD_OUT = (
    "the dev and the test split of EURLEX57K as published; acts repeat each other's wording, within a split and across, so that figures here are "
    "lower than those of a text of another kind would be"
)


def make(folder: Path | str | None = None) -> Texts:
    """From the data set's files. Raises DataError, saying where to get them, where they are missing. `folder` names Debian's index files,
    which are no part of this domain."""
    dataset = load_dataset(DATASET)
    rows = (
        (split, *row)
        for split in SPLITS
        for name, text in zip(dataset.split(split).ids, dataset.split(split).texts or (), strict=True)
        for row in windows(name, text)
    )
    return Texts.of(rows, dataset.source)


def windows(name: str, text: str) -> Iterator[tuple[str, str]]:
    """Names and texts that an act gives: title and first words; of some acts a later window, begun at a place that its name decides."""
    title, _, rest = text.partition("\n")
    drawn = int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[:8], "big")
    whole = drawn % LATER == 0
    document = Document.from_text(rest if whole else rest[: 40 * WORDS])
    yield name, "\n".join(part for part in (title, part_of(document, 0)) if part)
    if whole and len(document) >= WORDS + SHORTEST:
        start = WORDS + (drawn // LATER) % (len(document) - WORDS - SHORTEST + 1)
        yield f"{name} from word {start}", part_of(document, start)


def part_of(document: Document, start: int) -> str:
    """The text of WORDS words from `start` on, as it stands, with what stands between them."""
    spans = document.spans[start : start + WORDS]
    return document.text[spans[0][0] : spans[-1][1]] if spans else ""
