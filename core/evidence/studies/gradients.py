"""Integrated Gradients on MACH (seed 002): are its attributions complete, and do they name words that matter?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.evidence.records import Header, Item, Record
from core.evidence.studies.base import Cell, header_for, resumed, rounded
from core.evidence.studies.stability import chosen
from core.types import Progress

DOCUMENTS = 60


@dataclass(frozen=True)
class Gradients:
    NAME: str = "mach-explanations"
    ABOUT: str = "Integrated Gradients on MACH: completeness, and erasure against random words (seed 002)"
    PAPERS: tuple[str, ...] = ("002",)
    KIND: str = "attributions"
    THREAT: str = "no attack"
    cells: tuple[Cell, ...] = (
        Cell("debtags-mach", "MACH", "debtags", "base", "debtags-mach"),
        Cell("debtags-mach-robust", "MACH", "debtags", "robust", "debtags-mach-robust"),
    )

    def measure(self, cell: Cell, work: Path, progress: Progress, like: Header | None = None) -> Record:
        from core.data import load_dataset
        from core.explainers import preset
        from core.fields import to_json
        from core.models import load

        classifier, dataset = load(cell.weights()), load_dataset(cell.data)
        explainer = preset("integrated-gradients")
        rows = chosen(dataset, DOCUMENTS)
        settings = {**to_json(explainer), "documents": len(rows), "label": "the best"}
        header = header_for(self, cell, settings, data_digest=dataset.digest, classifier=classifier)
        return resumed(header, work, lambda done: attributed(explainer, classifier, dataset, rows, done, progress))


def attributed(explainer: Any, classifier: Any, dataset: Any, rows: list[int], done: set[str], progress: Progress) -> Iterator[Item]:
    """One item a document: the measures of `core.explainers.fidelity` for its best label."""
    from core.document import Document
    from core.explainers import explain
    from core.explainers.fidelity import measure_fidelity
    from core.ranking import top_k

    for number, row in enumerate(rows, 1):
        progress(number, len(rows), "explaining")
        if str(row) in done:
            continue
        text = dataset.split("test").texts[row]
        label = int(top_k(classifier.score([text]), 1)[0, 0])
        found = measure_fidelity(explain(explainer, classifier, Document.from_text(text), [label]), classifier, k=0).fidelity
        yield {
            "id": str(row), "row": row, "label": classifier.labels.names[label], "aopc": rounded(found["aopc"][0]),
            "random": rounded(found["aopc_random"][0]), "completeness": rounded(found["completeness"][0], 9),
        }  # fmt: skip


GRADIENTS = Gradients()
