"""The table of studies: what measures the cells that stand beside the papers' rows.

Importing this loads no model; a study imports what it runs when it runs.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import cast

from core.errors import InputError
from core.evidence.studies.base import Cell, EvidenceStudy

STUDIES: dict[str, str] = {
    "label-statistics": "core.evidence.studies.labels:STATISTICS",
    "label-clusters": "core.evidence.studies.labels:CLUSTERS",
    "qaraei-positive": "core.evidence.studies.campaigns:POSITIVE",
    "qaraei-negative": "core.evidence.studies.campaigns:NEGATIVE",
    "fgsm-xml-cnn": "core.evidence.studies.fgsm:XML_CNN",
    "fgsm-mach": "core.evidence.studies.fgsm:MACH",
    "accuracy": "core.evidence.studies.accuracy:EURLEX",
    "long-documents": "core.evidence.studies.long_documents:READINGS",
    "long-attacks": "core.evidence.studies.long_documents:ATTACKS",
    "explanation-stability": "core.evidence.studies.stability:STABILITY",
    "mach-explanations": "core.evidence.studies.gradients:GRADIENTS",
    "mach-cost": "core.evidence.studies.cost:COST",
    "synonym-copies": "core.evidence.studies.copies:COPIES",
    "vector-attacks": "core.evidence.studies.features:ATTACKED",
}
"""Every study: its name on the command line -> the study. The cheapest first."""

__all__ = ["STUDIES", "Cell", "EvidenceStudy", "study"]


@cache
def study(name: str) -> EvidenceStudy:
    """InputError lists the names."""
    if name not in STUDIES:
        raise InputError(f"there is no study '{name}'; there are {', '.join(STUDIES)}")
    module, attribute = STUDIES[name].split(":")
    return cast("EvidenceStudy", getattr(import_module(module), attribute))
