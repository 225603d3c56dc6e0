"""The checkpoints that a visitor can choose from, by what their config.json says: no weights, no torch, nothing kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core import checkpoint
from core.errors import CheckpointError

VECTORS = "features.txt"
"""The file that only checkpoints over feature vectors have (core.models.columns)."""


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


def _precision(provenance: Any) -> float | None:
    """P@1 from the evaluation in a checkpoint's provenance, which is free JSON: anything else counts as not measured."""
    found = provenance
    for key in ("evaluation", "metrics", "P@1", "value"):
        found = found.get(key) if isinstance(found, dict) else None
    fits = isinstance(found, int | float) and not isinstance(found, bool) and 0 <= found <= 1
    return float(found) if fits else None


def card(name: str) -> Card:
    """Raises CheckpointError for a folder whose config.json cannot be read."""
    config = checkpoint.read_config(name)
    parent = config.get("parent")
    named = str(parent.get("name", "")) if isinstance(parent, dict) else ""
    precision = _precision(config.get("provenance"))
    return Card(name, config["model"], config["digest"], config["documents"], precision, named, VECTORS in config["files"])


def all_cards() -> tuple[list[Card], list[str]]:
    """The checkpoints that can be read, those of checkpoints/ before those that runs made, those trained afresh before those that stand on
    another, the most precise first; and a sentence for each that cannot."""
    found, problems = [], []
    for name in checkpoint.names():
        try:
            found.append(card(name))
        except CheckpointError as error:
            problems.append(str(error))

    def order(one: Card) -> tuple[bool, bool, float, str]:
        return not checkpoint.find(one.name).is_relative_to(checkpoint.FOLDER), bool(one.parent), -(one.precision or 0.0), one.name

    return sorted(found, key=order), problems
