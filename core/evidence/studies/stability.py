"""Do explanations stay what they were when a model is trained against the attack? (seed 000, which explained one model twice)

LIME and SHAP of the base's best label on the same documents, held against three others: the robust model, the control that was trained on
without an attack, and the base itself. All three are explained with another seed than the first explanation: two explanations with one seed
share their random texts, which would make them alike whatever the weights. So the base's own is the floor: what sampling alone changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from core.evidence.records import Header, Item, Record
from core.evidence.studies.base import Cell, header_for, resumed, rounded
from core.evidence.studies.fgsm import XML_CNN
from core.types import Progress

DOCUMENTS = 30
SHORTEST, LONGEST = 30, 150
"""Words of the documents explained: enough that ten top words are a choice, few enough to explain in seconds."""
METHODS = ("lime", "shap")
FLOOR_SEED = 1


_REUTERS = next(cell.training for cell in XML_CNN.cells if cell.name == "reuters21578-xml-cnn-base")


@dataclass(frozen=True)
class Stability:
    NAME: str = "explanation-stability"
    ABOUT: str = "LIME and SHAP before and after adversarial training, on two truly different weights, with the noise floor (seed 000)"
    PAPERS: tuple[str, ...] = ("000",)
    KIND: str = "explanations"
    THREAT: str = "no attack"
    cells: tuple[Cell, ...] = (
        Cell("debtags-xml-cnn", "XML-CNN", "debtags", checkpoint="debtags-xml-cnn", settings={"robust": "debtags-xml-cnn-robust"}),
        Cell(
            "reuters21578-xml-cnn", "XML-CNN", "reuters21578", training=_REUTERS,
            settings={"robust": "reuters21578-xml-cnn-robust", "control": "reuters21578-xml-cnn-control"},
        ),
    )  # fmt: skip

    def measure(self, cell: Cell, work: Path, progress: Progress, like: Header | None = None) -> Record:
        from core.data import load_dataset
        from core.explainers import LEVELS
        from core.models import load

        dataset = load_dataset(cell.data)
        base = load(cell.weights())
        others = {variant: load(self.other(str(name))) for variant, name in cell.settings.items()}
        settings = {
            "documents": DOCUMENTS, "words": [SHORTEST, LONGEST], "preset": LEVELS[1], "top": 10, "floor seed": FLOOR_SEED,
            **{variant: {"name": one.name, "digest": one.digest} for variant, one in others.items()},
        }  # fmt: skip
        header = header_for(self, cell, settings, data_digest=dataset.digest, classifier=base)
        rows = chosen(dataset, DOCUMENTS)
        return resumed(header, work, lambda done: explained(base, others, dataset, rows, done, progress))

    def other(self, name: str) -> str:
        """A checkpoint's name, or the folder of one that the FGSM study trains."""
        trained = next((cell for cell in XML_CNN.cells if cell.name == name and cell.training is not None), None)
        return name if trained is None else trained.weights()


def chosen(dataset: Any, count: int) -> list[int]:
    """Rows of the test split of middle length, drawn with seed 0; fewer are the first of more."""
    from core.document import Document

    part = dataset.split("test")
    fitting = [row for row, text in enumerate(part.texts) if SHORTEST <= len(Document.from_text(text)) <= LONGEST]
    drawn = np.random.default_rng(0).permutation(len(fitting))[:count]
    return sorted(fitting[int(i)] for i in drawn)


def explained(base: Any, others: dict[str, Any], dataset: Any, rows: list[int], done: set[str], progress: Progress) -> Iterator[Item]:
    """One item a document, method and other side. The label is the base's best, which the others know by the same name."""
    from core.document import Document
    from core.evaluation.agreement import agreement
    from core.explainers import explain, preset
    from core.ranking import top_k

    for number, row in enumerate(rows, 1):
        progress(number, len(rows), "explaining")
        if f"{row}:{METHODS[-1]}:another seed" in done:
            continue
        text = dataset.split("test").texts[row]
        document, label = Document.from_text(text), int(top_k(base.score([text]), 1)[0, 0])
        name = base.labels.names[label]
        for method in METHODS:
            explainer: Any = preset(method)
            first = explain(explainer, base, document, [label])
            second_seed = replace(explainer, seed=FLOOR_SEED)
            models = {**others, "another seed": base}
            sides = [(variant, explain(second_seed, one, document, [one.labels.find(name)])) for variant, one in models.items()]
            for variant, second in sides:
                if f"{row}:{method}:{variant}" not in done:
                    found = agreement(first, second, name)
                    yield {
                        "id": f"{row}:{method}:{variant}", "row": row, "label": name, "method": method, "other": variant, "shared": found.shared,
                        "top": found.top, "tau": None if found.tau is None else rounded(found.tau), "words": len(document),
                    }  # fmt: skip


STABILITY = Stability()
