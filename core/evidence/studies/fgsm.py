"""FGSM on what a network reads, before and after adversarial training (seed 000 on XML-CNN, seed 002 on MACH).

The same documents for base, control and robust; the control makes the same passes of training without a perturbation, so that what
training longer brings is not credited to the attack (methods.md 7.1). On Reuters-21578 and EURLEX57K the networks are trained here, at the
size of change that the authors' code takes: 0.01 of the mean length in each of 300 coordinates, a row moved by 0.01 * sqrt(300) = 0.173.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.evidence.departures import ATTACK
from core.evidence.records import Header, Item, Record
from core.evidence.studies.base import EURLEX_DATA, Cell, TrainingCommand, header_for, marks, resumed, rounded
from core.types import Progress

DOCUMENTS = 500
DEPTH = 5
AUTHORS_EPSILON = 0.1732
"""Seed 000's code at its nominal 0.1; see above."""


@dataclass(frozen=True)
class FgsmStudy:
    NAME: str
    ABOUT: str
    PAPERS: tuple[str, ...]
    THREAT: str
    LOSS: str
    """Of every cell, whatever its model: one table has one loss."""
    cells: tuple[Cell, ...]
    KIND: str = "documents"

    def measure(self, cell: Cell, work: Path, progress: Progress, like: Header | None = None) -> Record:
        from core.attacks.embeddings.fgsm import Fgsm
        from core.attacks.embeddings.saying import kinds_of, said
        from core.data import load_dataset
        from core.evaluation.adversarial import drawn_rows
        from core.fields import to_json
        from core.models import load

        parts = str(cell.settings.get("parts", "all"))
        attack = Fgsm(epsilon=float(cell.settings["epsilon"]), label_source="true", loss=self.LOSS, parts=parts)
        classifier, dataset = load(cell.weights()), load_dataset(cell.data)
        part = dataset.split("test")
        rows = drawn_rows(len(part), DOCUMENTS, 0)  # those of `python -m core evaluate --attack fgsm --limit 500`
        moved = said(attack, classifier.unit, kinds_of(classifier))
        settings = {**to_json(attack), ATTACK: moved, "documents": DOCUMENTS, "drawn from": len(part)}
        header = header_for(self, cell, settings, data_digest=dataset.digest, classifier=classifier)
        return resumed(header, work, lambda done: documents(attack, classifier, dataset, rows, done, progress))


def documents(attack: Any, classifier: Any, dataset: Any, rows: Any, done: set[str], progress: Progress) -> Iterator[Item]:
    """One item a document that has a true label: hits of the five best labels, clean and attacked, the losses, and how far rows moved."""
    from core.attacks.embeddings.fgsm import perturb
    from core.data.dataset import truth_for
    from core.document import Document

    part = dataset.split("test")
    truth, known = truth_for(part, dataset.label_names, classifier.labels)[0], len(classifier.labels)
    for number, row in enumerate(rows.tolist(), 1):
        progress(number, len(rows), f"attacking {classifier.name}")
        own = truth.indices[truth.indptr[row] : truth.indptr[row + 1]].tolist()
        if not own or str(row) in done:
            continue
        found = perturb(attack, classifier, Document.from_text(part.texts[row]), [label for label in own if label < known])
        yield {
            "id": str(row), "row": row, "true": len(own), "clean": hits(found.scores_before, own), "attacked": hits(found.scores_after, own),
            "loss": [rounded(found.loss_before), rounded(found.loss_after)], "share": rounded(found.share),
        }  # fmt: skip


def hits(scores: Any, own: list[int]) -> str:
    """'10110': whether each of the best labels, by the dense score, is true."""
    from core.ranking import top_k

    return marks(top_k(scores[None], DEPTH)[0], own)


def _trained(name: str, data: str, base: tuple[str, ...], child: tuple[str, ...]) -> dict[str, TrainingCommand]:
    """Base, control and robust XML-CNN of a data set."""
    name = f"{name}-xml-cnn"
    first = TrainingCommand(name, ("--model", "xml-cnn", "--dataset", data, *base))
    fgsm = ("--defence", "fgsm", "--epsilon", str(AUTHORS_EPSILON), "--label-source", "true", "--attacked-weight", "0.3")
    start = ("--from", "{" + name + "}", "--dataset", data, *child, *fgsm)
    return {
        "base": first,
        "control": TrainingCommand(f"{name}-control", (*start, "--control", "true"), (first,)),
        "robust": TrainingCommand(f"{name}-robust", start, (first,)),
    }


def _cells_trained_here() -> tuple[Cell, ...]:
    every = {
        "reuters21578": _trained("reuters21578", "reuters21578", ("--epochs", "6", "--label-minimum", "1"), ("--epochs", "2")),
        "eurlex57k": _trained("eurlex57k", EURLEX_DATA, ("--epochs", "5", "--window", "128"), ("--epochs", "2")),
    }
    return tuple(
        Cell(
            f"{name}-xml-cnn-{variant}",
            "XML-CNN",
            EURLEX_DATA if name == "eurlex57k" else name,
            variant,
            training=training,
            settings={"epsilon": AUTHORS_EPSILON},
        )
        for name, trainings in every.items()
        for variant, training in trainings.items()
    )


XML_CNN = FgsmStudy(
    "fgsm-xml-cnn", "FGSM on the word vectors of XML-CNN, base, control and robust (seed 000's results table)", ("000",),
    "FGSM on word vectors, white box", "bce",
    (
        Cell("debtags-xml-cnn-base", "XML-CNN", "debtags", "base", "debtags-xml-cnn", settings={"epsilon": 0.1}),
        Cell("debtags-xml-cnn-robust", "XML-CNN", "debtags", "robust", "debtags-xml-cnn-robust", settings={"epsilon": 0.1}),
        *_cells_trained_here(),
    ),
)  # fmt: skip
MACH = FgsmStudy(
    "fgsm-mach", "FGSM on the TF-IDF values of MACH, base and robust (seed 002's claims)", ("002",), "FGSM on hashed features, white box", "ranking",
    tuple(
        Cell(f"debtags-mach-{variant}", "MACH", "debtags", variant, name, settings={"epsilon": 0.2})
        for variant, name in (("base", "debtags-mach"), ("robust", "debtags-mach-robust"))
    ),
)  # fmt: skip
