"""How well models tag EURLEX57K's official test split: the base that attacks and explanations of long acts stand on.

No paper of ours prints figures on it: it stands in for EUR-Lex-4K, whose texts cannot be had. Cells `eurlex-...` are the checkpoints that
come with the project, on title and first 150 words; cells `eurlex57k-...` are models of whole acts, trained here as the cell says. All are
trained on the official training split, with whatever labels occur there (XML-CNN of whole acts, which the FGSM study shares, with those of
five acts and more); test labels that a model does not know stay as misses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import InputError
from core.evidence.records import Header, Item, Record
from core.evidence.studies.base import EURLEX_DATA, Cell, TrainingCommand, header_for, marks, resumed, rounded
from core.evidence.studies.fgsm import XML_CNN
from core.types import Progress

BATCH = 256
DEPTH = 5
NAME, DATA = "eurlex57k", EURLEX_DATA


@dataclass(frozen=True)
class Accuracy:
    NAME: str
    ABOUT: str
    cells: tuple[Cell, ...]
    PAPERS: tuple[str, ...] = ()
    KIND: str = "predictions"
    THREAT: str = "no attack"

    def measure(self, cell: Cell, work: Path, progress: Progress, like: Header | None = None) -> Record:
        from core.data import load_dataset
        from core.models import load

        weights = cell.weights()
        classifier, dataset = load(weights), load_dataset(cell.data)
        settings = {"documents": len(dataset.split("test")), "labels": len(classifier.labels), **trained(weights)}
        header = header_for(self, cell, settings, data_digest=dataset.digest, classifier=classifier)
        return resumed(header, work, lambda done: predictions(classifier, dataset, done, progress))


def trained(weights: str) -> dict[str, Any]:
    """What the checkpoint says of its training: wall-clock seconds and the machine."""
    from core.checkpoint import read_config

    try:
        said = read_config(weights)["provenance"]["trained"]
        return {"training seconds": rounded(said["seconds"], 1), "trained on": said["machine"]}
    except (KeyError, TypeError) as error:
        raise InputError(f"checkpoint '{weights}' does not say how it was trained; train it with this version") from error


def predictions(classifier: Any, dataset: Any, done: set[str], progress: Progress) -> Iterator[Item]:
    """One item a document that has a true label: which of its five best labels are true, and how many true ones it has."""
    from core.data.dataset import truth_for

    part = dataset.split("test")
    truth = truth_for(part, dataset.label_names, classifier.labels)[0]
    for start in range(0, len(part), BATCH):
        rows = [row for row in range(start, min(start + BATCH, len(part))) if str(row) not in done and truth.indptr[row] < truth.indptr[row + 1]]
        best = classifier.retrieve([part.texts[row] for row in rows], DEPTH)[0] if rows else ()
        for row, labels in zip(rows, best, strict=True):
            own = set(truth.indices[truth.indptr[row] : truth.indptr[row + 1]].tolist())
            yield {"id": str(row), "row": row, "true": len(own), "hits": marks(labels, own)}
        progress(min(start + BATCH, len(part)), len(part), f"tagging with {classifier.name}")


def _cell(name: str, model: str, *words: str) -> Cell:
    run = f"{NAME}-{name}"
    return Cell(run, model, DATA, training=TrainingCommand(run, ("--model", name, "--dataset", DATA, "--label-minimum", "1", *words)))


def _shipped(name: str, model: str) -> Cell:
    return Cell(f"eurlex-{name}", model, "eurlex57k", checkpoint=f"eurlex-{name}")


EURLEX = Accuracy(
    "accuracy", "P@k, R@k and nDCG@5 of six models on EURLEX57K's official test split",
    (
        _shipped("linear", "linear"),
        _shipped("xml-cnn", "XML-CNN"),
        _shipped("x-transformer", "X-Transformer"),
        _shipped("aplc-xlnet", "APLC-XLNet"),
        _cell("linear", "linear", "--negatives", "5000"),
        next(Cell("eurlex57k-xml-cnn", one.model, one.data, training=one.training) for one in XML_CNN.cells if one.name == "eurlex57k-xml-cnn-base"),
        _cell("mach", "MACH"),
        _cell("x-transformer", "X-Transformer", "--epochs", "1", "--precision", "bf16"),
        _cell("attention-xml", "AttentionXML", "--precision", "bf16", "--epochs", "2", "--tree-above", "2000", "--candidates", "80"),
        _cell("aplc-xlnet", "APLC-XLNet", "--precision", "bf16", "--clusters", "3"),
    ),
)  # fmt: skip
