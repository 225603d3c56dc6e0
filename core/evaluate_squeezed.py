"""What squeezing undoes of FGSM: every document's rows are moved against the plain classifier, then read by it and by each squeezed one.

Five rankings of the same documents: plain and squeezed, clean and moved. The attacker does not know of the squeezer, which is the easiest
attacker to defend against: rounding has no gradient to follow, but one who knows of it moves rows by a whole level instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from core.attacks.vectors import VectorAttack, perturb
from core.data.dataset import Dataset, truth_for
from core.defences.squeezed_rows import SqueezedRows, refusal
from core.defences.squeezing import Squeezed
from core.document import Document
from core.errors import CapabilityError, InputError
from core.evaluate_attacked import figures, fill, places
from core.fields import to_json
from core.labels import inverse_propensities
from core.metrics import Judged, difference, estimate, judge
from core.types import Classifier, Progress, silent

UNAWARE = "The attacker does not know of the squeezer: rows were moved against the model without it, and only then rounded."


def evaluate_squeezed(
    classifier: Classifier, squeezed: Sequence[Squeezed], dataset: Dataset, attack: VectorAttack, split: str = "test", seed: int = 0,
    progress: Progress = silent,
) -> dict[str, Any]:  # fmt: skip
    """The object that `core squeeze` keeps as "fgsm". Documents without a true label are left out and counted.

    Raises CapabilityError where the attack or the rows do not fit the classifier, InputError for a data set without text or true labels.
    """
    if why := attack.refusal(classifier) or refusal(classifier):
        raise CapabilityError(why)
    part = dataset.split(split)
    truth = truth_for(part, dataset.label_names, classifier.labels)[0]
    rows = np.flatnonzero(np.diff(truth.indptr))
    if part.texts is None or not len(rows):
        raise InputError(f"split '{split}' of '{dataset.name}' has no text with a true label")
    found = [(one, SqueezedRows.of(one, classifier)) for one in squeezed]
    readers = [reader for _, reader in found if reader is not None]
    known = len(classifier.labels)
    predicted = np.stack([places(len(rows)) for _ in range(2 * (1 + len(readers)))])  # clean and moved: of the plain classifier, then of each
    for done, row in enumerate(rows.tolist()):
        own = truth.indices[truth.indptr[row] : truth.indptr[row + 1]]
        moved = perturb(attack, classifier, Document.from_text(part.texts[row]), [int(label) for label in own if label < known], seed)
        both = np.stack([moved.embedded.vectors, moved.vectors])
        sides = [moved.scores_before, moved.scores_after, *(scores for reader in readers for scores in reader.score(moved.embedded, both))]
        for at, scores in enumerate(sides):
            fill(predicted[at], done, scores)
        progress(done + 1, len(rows), "attacking rows, then squeezing them")
    counts = np.concatenate([classifier.labels.counts, np.zeros(truth.shape[1] - known, dtype=np.int64)])
    propensity = inverse_propensities(counts, classifier.labels.documents)
    judged = [judge(one, truth[rows], propensity) for one in predicted]
    names = [classifier.name, *(reader.name for reader in readers)]
    return {
        "attack": attack.NAME, "epsilon": attack.epsilon, "settings": to_json(attack), "loss": attack.loss_for(classifier.unit), "split": split,
        "documents": len(rows), "excluded": len(part) - len(rows), "seed": seed, "ranked_by": "the scores of all labels, without a beam",
        "attacker": UNAWARE, "left_out": [one.squeezer.name for one, reader in found if reader is None],
        "rows": [_row(name, judged[2 * i], judged[2 * i + 1], judged[1]) for i, name in enumerate(names)],
    }  # fmt: skip


def _row(name: str, clean: Judged, moved: Judged, plain_moved: Judged) -> dict[str, Any]:
    """`gap`: clean minus moved, both read alike; `won`: moved, read so, minus moved, read plainly. Both of the same documents in pairs."""
    return {
        "name": name, "clean": figures(estimate(clean)), "moved": figures(estimate(moved)), "gap": figures(difference(clean, moved)),
        "won": figures(difference(moved, plain_moved)),
    }  # fmt: skip
