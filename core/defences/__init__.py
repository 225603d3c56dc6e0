"""The table of defences: what a training can be given so that the model withstands attacks. Adding one: its module, one line here,
one reference test. Importing this costs no torch.

A defence is a frozen dataclass of settings that keeps to `core.training.defended.Defence`, with a TITLE, a sentence ABOUT and the
kinds of models that it FITS.
"""

from __future__ import annotations

from importlib import import_module

from core.errors import InputError

DEFENCES: dict[str, str] = {
    "fgsm": "core.defences.adversarial:FgsmTraining",
    "synonyms": "core.defences.synonyms:Synonyms",
    "substitution": "core.defences.substitution:Substitution",
    "rebalanced": "core.defences.rebalanced:Rebalanced",
}
"""Name -> module and class."""


def defence_class(name: str) -> type:
    """The settings of a defence, a frozen dataclass."""
    if name not in DEFENCES:
        raise InputError(f"there is no defence '{name}'; known are {', '.join(DEFENCES)}")
    module, kind = DEFENCES[name].split(":")
    found: type = getattr(import_module(module), kind)
    return found


def refusal(name: str, model: str) -> str | None:
    """Why a kind of model cannot be trained with a defence, as a sentence; None where it can."""
    fits = getattr(defence_class(name), "FITS", ())
    return None if model in fits else f"{name} does not fit '{model}'; it fits {', '.join(fits)}"
