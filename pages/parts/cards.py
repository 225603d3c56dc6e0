"""The checkpoints that a visitor can choose from, by what their config.json says: no weights, no torch, nothing kept."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from core import checkpoint
from core.checkpoint.deltas import MAX_PARENTS
from core.checkpoint.ensemble import SAID, is_ensemble
from core.errors import CheckpointError

FEATURES = "features.txt"
"""The file that only checkpoints over feature vectors have (core.models.parts.columns)."""

LABELS = "labels.tsv"
DEFAULTS = ("eurlex-x-transformer", "eurlex-linear", "debtags-x-transformer", "debtags-linear")
"""A visit starts with the first of these that is in checkpoints/. A figure decides nothing: a toy with four labels has the best of all."""
SETTING = "TREMOR_DEFAULT_CHECKPOINT"
"""The environment variable that names another one."""
RULE = (
    f"A visit starts with the checkpoint that {SETTING} names, else with the first of {', '.join(DEFAULTS)} that comes with the project, else "
    "with the first of this list, in which those that runs made stand last. Your choice is kept for the visit."
)


@dataclass(frozen=True)
class Card:
    """What a checkpoint says of itself, read without its weights. `precision` is P@1 on its test split in [0, 1], or None; `parent`: the
    checkpoint that it stands on, or nothing."""

    name: str
    model: str
    digest: str
    documents: int
    precision: float | None
    parent: str = ""
    vectors: bool = False
    """Whether it reads feature vectors of a data set."""
    shipped: bool = True
    """Whether it lies in checkpoints/, not in a run's folder."""
    ensemble: bool = False
    """Whether its scores are its network's and the linear reference's together."""
    dataset: str = ""
    """The name of the data set that it was trained on; nothing where its card does not say."""
    labels: str = ""
    """The checksum of its labels.tsv, its parent's where it inherits it: two of one checksum know the same labels. Nothing where it is not told."""

    @property
    def title(self) -> str:
        """Its name as lists show it: an ensemble says so."""
        return f"{self.name} ({SAID})" if self.ensemble else self.name


def _said(provenance: Any, *keys: str) -> Any:
    """What stands under these keys of free JSON, one below the other, or None."""
    for key in keys:
        provenance = provenance.get(key) if isinstance(provenance, dict) else None
    return provenance


def _precision(provenance: Any) -> float | None:
    """P@1 from the evaluation in a checkpoint's provenance, which is free JSON: anything else counts as not measured."""
    found = _said(provenance, "evaluation", "metrics", "P@1", "value")
    fits = isinstance(found, int | float) and not isinstance(found, bool) and 0 <= found <= 1
    return float(found) if fits else None


def card(name: str) -> Card:
    """Raises CheckpointError for a folder whose config.json cannot be read."""
    config = checkpoint.read_config(name)
    parent = config.get("parent")
    named = str(parent.get("name", "")) if isinstance(parent, dict) else ""
    precision = _precision(config.get("provenance"))
    labels = str(config["files"].get(LABELS, ""))
    dataset = _said(config.get("provenance"), "data", "name")
    return Card(
        name, config["model"], config["digest"], config["documents"], precision, named, FEATURES in config["files"],
        ensemble=is_ensemble(config["settings"]), dataset=dataset if isinstance(dataset, str) else "", labels=labels,
    )  # fmt: skip


def all_cards() -> tuple[list[Card], list[str]]:
    """The checkpoints that can be read, those of checkpoints/ before those that runs made, those trained afresh before those that stand on
    another, those of texts before those of vectors, in the order of their names; and a sentence for each that cannot."""
    found, problems = [], []
    for name in checkpoint.names():
        try:
            found.append(card(name))
        except CheckpointError as error:
            problems.append(str(error))

    by_name = {one.name: one for one in found}
    whole = [replace(one, shipped=checkpoint.find(one.name).is_relative_to(checkpoint.FOLDER), labels=_inherited(one, by_name)) for one in found]
    return sorted(whole, key=lambda one: (not one.shipped, bool(one.parent), one.vectors, one.name)), problems


def _inherited(one: Card, by_name: Mapping[str, Card]) -> str:
    """The checksum of the labels, from the nearest checkpoint below that has the file itself."""
    for _ in range(MAX_PARENTS):
        if one.labels or one.parent not in by_name:
            break
        one = by_name[one.parent]
    return one.labels


def asked_for() -> str:
    """The checkpoint that the operator named to start with; nothing where none was named."""
    return os.environ.get(SETTING, "").strip()


def titled(cards: Sequence[Card]) -> Callable[[str], str]:
    """How a list of these checkpoints shows each name."""
    return {card.name: card.title for card in cards}.__getitem__


def default(cards: Sequence[Card]) -> Card:
    """The one that a visit starts with, by RULE."""
    by_name = {one.name: one for one in cards}
    named = [asked_for(), *(name for name in DEFAULTS if name in by_name and by_name[name].shipped)]
    return next((by_name[name] for name in named if name in by_name), cards[0])
