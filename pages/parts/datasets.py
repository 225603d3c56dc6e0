"""Which registered data sets of texts a page offers, in which order."""

from __future__ import annotations

from collections.abc import Collection

from core.data import DATASETS, is_present
from core.data.samples import SETS, samples

TEXTS = ("debtags", "eurlex57k", "eurlex57k-whole", "reuters21578", *SETS)
"""Registered data sets whose documents are text."""


def offered(built: bool, known: Collection[str] = (), own: str = "") -> list[str]:
    """Data sets of texts that are here, those first that can be used at once: where debtags is not `built` and others' files are absent, our own
    samples. `own`: what the chosen checkpoint was trained on, which comes before all others, and with it those of our samples that share a label with
    the checkpoint, whose labels are `known`; samples that share none come last."""
    here = [name for name in TEXTS if name in DATASETS and is_present(name)]

    def order(name: str) -> tuple[bool, bool, bool]:
        strange = _strange(name, known)
        return name == "debtags" and not built, strange, bool(own) and name != own and not (name in SETS and known and not strange)

    return sorted(here, key=order)  # what is alike stays in its order


def _strange(name: str, known: Collection[str]) -> bool:
    """Whether a checkpoint knows no label of a set of samples."""
    return bool(known) and name in SETS and not any(label in known for sample in samples() for label in sample.labels.get(SETS[name], ()))
