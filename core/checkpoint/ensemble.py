"""Which checkpoints are ensembles with the linear reference, as config.json alone tells, and what an ensemble must be called.

A model's name means that model: XML-CNN and MACH are the papers' networks. One whose scores have the margins of the linear reference added is
a model of its own, and says so wherever it is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SETTING = "with_linear"
RENAMED: Mapping[str, str] = {"linear": SETTING}
"""The setting's name in checkpoints from before December 2026, when adding the margins was the default and `linear` its name: they are read as
what they are, under the digests that they were saved with."""
ENDING = "-with-linear"
SAID = "ensemble with the linear reference"


def is_ensemble(settings: Mapping[str, Any]) -> bool:
    """Whether a checkpoint of these settings adds the margins of the linear reference to its network's scores."""
    return any(settings.get(name) is True for name in (SETTING, *RENAMED))


def name_refusal(name: str, settings: Mapping[str, Any]) -> str | None:
    """Why a checkpoint of these settings may not be called so, as a sentence with the name to take; None where it may."""
    if not is_ensemble(settings) or name.endswith(ENDING):
        return None
    return (
        f"'{name}' would be an {SAID} that goes by the name of the network alone: call it '{name}{ENDING}', or leave out --with-linear true "
        "(trained on from an ensemble: add --with-linear false)"
    )
