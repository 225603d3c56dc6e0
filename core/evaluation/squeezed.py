"""What squeezing undoes of FGSM and PGD: every document's rows are moved, then read by the plain classifier and by each squeezed one.

Two attackers: one who does not know of the squeezer moves rows against the plain classifier, which is the easiest to defend against; one who
knows moves them against the squeezed one, past whose rounding the gradient is taken (core.defences.squeezed_rows). The same documents on
all sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from core.attacks.embeddings.fgsm import EmbeddingAttack, perturb
from core.attacks.embeddings.saying import kinds_of, said
from core.data.dataset import Dataset
from core.defences.squeezed_rows import SqueezedRows, refusal
from core.defences.squeezing import Squeezed
from core.document import Document
from core.errors import CapabilityError, InputError
from core.evaluation.adversarial import figures, fill, places
from core.evaluation.meeting import meet
from core.fields import to_json
from core.labels import inverse_propensities
from core.metrics import RankedHits, difference, estimate, find_hits
from core.types import Classifier, Progress, silent

ATTACKERS = {
    "unaware": "does not know of the squeezer: rows were moved against the model without it, and only then rounded",
    "aware": "knows of it: rows were moved against the squeezed model, the gradient taken past the rounding",
}


def evaluate_squeezed(
    classifier: Classifier, squeezed: Sequence[Squeezed], dataset: Dataset, attack: EmbeddingAttack, split: str = "test", seed: int = 0,
    progress: Progress = silent,
) -> dict[str, Any]:  # fmt: skip
    """The object that `core squeeze` keeps under the attack's name. Documents without a true label are left out and counted.

    Raises CapabilityError where the attack or the rows do not fit the classifier, InputError for a data set without text or true labels.
    """
    if why := attack.refusal(classifier) or refusal(classifier):
        raise CapabilityError(why)
    part = dataset.split(split)
    met = meet(classifier, dataset, split)
    truth = met.truth
    rows = np.flatnonzero(np.diff(truth.indptr))
    if part.texts is None or not len(rows):
        raise InputError(f"split '{split}' of '{dataset.name}' has no text with a true label")
    found = [(one, SqueezedRows.of(one, classifier)) for one in squeezed]
    readers = [reader for _, reader in found if reader is not None]
    known = len(classifier.labels)
    # Of the plain classifier clean and moved; of each squeezed one clean, moved by who does not know of it, moved by who does.
    predicted = np.stack([places(len(rows)) for _ in range(2 + 3 * len(readers))])
    for done, row in enumerate(rows.tolist()):
        own = [int(label) for label in truth.indices[truth.indptr[row] : truth.indptr[row + 1]] if label < known]
        document = Document.from_text(part.texts[row])
        moved = perturb(attack, classifier, document, own, seed)
        both = np.stack([moved.embedded.vectors, moved.vectors])
        sides = [moved.scores_before, moved.scores_after]
        for reader in readers:
            sides += [*reader.score_embedded(moved.embedded, both), perturb(attack, reader, document, own, seed).scores_after]
        for at, scores in enumerate(sides):
            fill(predicted[at], done, scores)
        progress(done + 1, len(rows), "attacking rows, then squeezing them")
    propensity = inverse_propensities(met.counts, classifier.labels.documents)
    ranked = [find_hits(one, truth[rows], propensity) for one in predicted]
    plain = Sides(ranked[0], ranked[1], ranked[1])
    each = [Sides(*ranked[at : at + 3]) for at in range(2, len(ranked), 3)]
    return {
        "attack": attack.NAME, "epsilon": attack.epsilon, "settings": to_json(attack), "loss": attack.loss_for(classifier.unit), "split": split,
        "said": said(attack, classifier.unit, kinds_of(classifier)),
        "documents": len(rows), "excluded": len(part) - len(rows), "seed": seed, "ranked_by": "the scores of all labels, without a beam",
        "attackers": ATTACKERS, "left_out": [one.squeezer.name for one, reader in found if reader is None],
        "rows": [_row(name, side, plain) for name, side in zip((classifier.name, *(one.name for one in readers)), (plain, *each), strict=True)],
    }  # fmt: skip


class Sides(NamedTuple):
    """The same documents as one classifier ranks them: clean, moved by an attacker who does not know of its squeezer, by one who does."""

    clean: RankedHits
    unaware: RankedHits
    aware: RankedHits


def _row(name: str, own: Sides, plain: Sides) -> dict[str, Any]:
    """`cost`: clean, read plainly, minus clean, read so; of each attacker `gap`: clean minus moved, both read alike, and `won`: moved, read
    so, minus moved, read plainly. All of the same documents in pairs."""

    def side(moved: RankedHits) -> dict[str, Any]:
        return {"moved": figures(estimate(moved)), "gap": figures(difference(own.clean, moved)), "won": figures(difference(moved, plain.unaware))}

    return {
        "name": name, "clean": figures(estimate(own.clean)), "cost": figures(difference(plain.clean, own.clean)),
        "unaware": side(own.unaware), "aware": side(own.aware),
    }  # fmt: skip
