"""A model's own training with rebalanced positives (losses.py): meant against attacks on labels with few training documents, which a
plain loss leaves near the edge of the top k (seed 004, Figure 2)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
import torch

from core.defences.losses import KINDS, Constants, constants_for, positive_weights
from core.errors import InputError
from core.fields import Field, check
from core.labels import LabelSpace
from core.models.aplc_xlnet.training import AplcTask
from core.models.attention_xml.training import AttentionXmlTask
from core.models.mach.training import MachTask
from core.models.xml_cnn.training import XmlCnnTask
from core.runs.run import Run
from core.runs.run_files import read_config
from core.training.defended import Copies
from core.training.task import TrainingTask
from core.types import FloatArray


@dataclass(frozen=True)
class Rebalanced:
    """Positives weighted by their label's inverse propensity, over whatever weights the model's own settings say."""

    TITLE = "Rebalanced loss (PW, PW-cb)"
    ABOUT = (
        "Positives of rare labels weigh more. Only the network learns so: a linear part is trained as ever, and trained on from a "
        "checkpoint it stays its parent's."
    )
    FITS = ("xml-cnn", "mach", "attention-xml", "aplc-xlnet")

    kind: Annotated[str, Field("pw: W = 2/p - 1; pw-cb: W times the class balance C as well", choices=KINDS)] = "pw-cb"
    normalised: Annotated[bool, Field("weights divided by their mean over the labels, as in the authors' code; false: as printed (eq. 4.6)")] = True
    propensity_a: Annotated[float, Field("A of the propensities; 0: by the data set (0.55 for most)", low=0.0, high=10.0)] = 0.0
    propensity_b: Annotated[float, Field("B of the propensities; 0: by the data set (1.5 for most)", low=0.0, high=1_000.0)] = 0.0
    beta: Annotated[float, Field("pw-cb: beta of the class balance", low=0.0, high=0.999_999)] = 0.9

    def __post_init__(self) -> None:
        check(self)

    def weights(self, labels: LabelSpace, dataset: str = "") -> FloatArray:
        """What a positive of each label weighs [L], for a data set of this name."""
        usual = constants_for(dataset)
        constants = Constants(self.propensity_a or usual.a, self.propensity_b or usual.b)
        kind = next(each for each in KINDS if each == self.kind)
        return positive_weights(labels.counts, labels.documents, kind, self.normalised, constants, self.beta)

    def curves(self, labels: LabelSpace, dataset: str = "") -> dict[str, FloatArray]:
        """The weights [L] of every kind of this loss and both scalings, with these constants, to be drawn beside each other; the one that
        is set comes first."""
        kinds = sorted(((kind, scaled) for kind in KINDS for scaled in (True, False)), key=lambda one: one != (self.kind, self.normalised))
        return {
            f"{kind.upper().replace('CB', 'cb')}, {'normalised' if scaled else 'as printed'}": replace(self, kind=kind, normalised=scaled).weights(
                labels, dataset
            )
            for kind, scaled in kinds
        }

    def task(self, task: Any, run: Run) -> TrainingTask:
        """The same task, sharing its network. InputError for a task whose positives have no weights."""
        if not isinstance(task, XmlCnnTask | MachTask | AttentionXmlTask | AplcTask):
            raise InputError(f"the positives of a {type(task).__name__} have no weights; rebalanced fits {', '.join(self.FITS)}")
        weights = self.weights(task.labels, _dataset(run)).astype(np.float32)
        if isinstance(task, MachTask):
            return replace(task, weights=weights)
        return replace(task, positive_weight=torch.from_numpy(weights))

    def copies(self, task: Any, run: Run) -> Copies | None:
        """None: the loss is another, the documents are not."""
        return None


def _dataset(run: Run) -> str:
    """The data set that a run was configured with; "" where nobody said."""
    return str(read_config(run.folder).get("dataset", ""))
