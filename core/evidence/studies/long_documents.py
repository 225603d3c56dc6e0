"""Documents longer than the network reads: what its first window leaves out, what reading in windows brings, and an attack on the window.

No paper prints such figures: those of seeds 003 and 004 are of truncated texts, whose lengths they do not say. EURLEX57K acts of at least
700 words, read by the XML-CNN of the FGSM study, which reads 128: by the first window alone, as it was trained; and by the maximum or the mean
of a label's scores over all windows (core.windows), for which nothing was trained. The attack changes words of the first window only and
is counted against both denominators, the words read and the words of the whole act (methods.md 5.3).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.evidence.records import Header, Item, Record
from core.evidence.studies.base import EURLEX_DATA, Cell, header_for, resumed
from core.evidence.studies.campaigns import Campaigns
from core.evidence.studies.fgsm import XML_CNN, hits
from core.types import IntArray, Progress

SHORTEST = 700
"""Words: more than five windows."""
DOCUMENTS = 200
PAIRS = 60

_EURLEX = next(cell.training for cell in XML_CNN.cells if cell.name == "eurlex57k-xml-cnn-base")


@dataclass(frozen=True)
class Readings:
    NAME: str = "long-documents"
    ABOUT: str = f"acts of {SHORTEST} words and more: the first window alone against the maximum and the mean over windows"
    PAPERS: tuple[str, ...] = ()
    KIND: str = "readings"
    THREAT: str = "no attack"
    cells: tuple[Cell, ...] = (Cell("eurlex57k-xml-cnn", "XML-CNN", EURLEX_DATA, training=_EURLEX),)

    def measure(self, cell: Cell, work: Path, progress: Progress, like: Header | None = None) -> Record:
        from core.data import load_dataset
        from core.models import load
        from core.windows import Windows

        classifier, dataset = load(cell.weights()), load_dataset(cell.data)
        rows, eligible = long_rows(dataset, SHORTEST, DOCUMENTS, 0)
        settings = {"shortest": SHORTEST, "documents": len(rows), "drawn from": eligible, "overlap": Windows().overlap}
        header = header_for(self, cell, settings, data_digest=dataset.digest, classifier=classifier)
        return resumed(header, work, lambda done: readings(classifier, dataset, rows, done, progress))


def long_rows(dataset: Any, shortest: int, count: int, seed: int) -> tuple[IntArray, int]:
    """`count` test documents of at least `shortest` words that have a true label, drawn by the seed, in order; and of how many."""
    from core.document import Document
    from core.evaluation.adversarial import drawn_rows

    part = dataset.split("test")
    labelled = np.flatnonzero(np.diff(part.truth.indptr))
    long = np.asarray([row for row in labelled.tolist() if len(Document.from_text(part.texts[row])) >= shortest], dtype=np.int64)
    return long[drawn_rows(len(long), count, seed)], len(long)


def readings(classifier: Any, dataset: Any, rows: IntArray, done: set[str], progress: Progress) -> Iterator[Item]:
    """One item a document: its words, those of the first window, the windows, and hits of the five best labels by each way of reading."""
    from core.data.dataset import truth_for
    from core.document import Document
    from core.windows import POOLINGS, Windows

    part = dataset.split("test")
    truth = truth_for(part, dataset.label_names, classifier.labels)[0]
    pooled = {pooling: Windows(pooling=pooling).over(classifier) for pooling in POOLINGS}
    for number, row in enumerate(rows.tolist(), 1):
        progress(number, len(rows), f"reading with {classifier.name}")
        if str(row) in done:
            continue
        text, own = part.texts[row], truth.indices[truth.indptr[row] : truth.indptr[row + 1]].tolist()
        document = Document.from_text(text)
        yield {
            "id": str(row), "row": row, "true": len(own), "words": len(document), "read": classifier.words_read(document),
            "windows": len(pooled["maximum"].spans(document)), "first": hits(classifier.score([text])[0], own),
            **{pooling: hits(reader.score([text])[0], own) for pooling, reader in pooled.items()},
        }  # fmt: skip


READINGS = Readings()
ATTACKS = Campaigns(
    "long-attacks", f"true labels of acts of {SHORTEST} words and more pushed out of the top 5 by words of the first window", "positive-targeted",
    PAIRS, (Cell("eurlex57k-xml-cnn", "XML-CNN", EURLEX_DATA, "normal", training=_EURLEX, settings={"min_words": SHORTEST}),), PAPERS=(),
)  # fmt: skip
