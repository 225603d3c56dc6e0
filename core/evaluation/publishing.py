"""A trained model becomes a checkpoint with its card: saved, loaded back, measured as it was loaded."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from core import checkpoint
from core.types import Progress

LARGE = 100_000
"""Entries from which a tensor is worth storing as a difference to the parent's."""


def publish(
    folder: Path, kind: str, model: Any, provenance: dict[str, Any], dataset: Any, progress: Progress,
    parent: checkpoint.Saved | None = None, step: float = 0.0,
) -> dict[str, Any]:  # fmt: skip
    """Save a trained model, load it back, measure what was loaded (half-precision weights and all), and write the card.
    Returns the evaluation. The test split is measured where there is one, else dev."""
    from core.checkpoint.card import card
    from core.evaluation.clean import evaluate, to_json
    from core.models import load

    tensors, delta = moves(model.tensors(), parent, step)
    content = {"model": kind, "settings": model.settings(), "labels": model.labels, "tensors": tensors, "files": model.files()}

    def keep(**more: Any) -> None:
        checkpoint.save(folder, **content, parent=parent, delta=delta, **more)
        checkpoint.pack(folder)

    keep()
    start = time.monotonic()
    loaded = load(folder)
    provenance = {**provenance, "load_seconds": time.monotonic() - start, "size_bytes": sum(path.stat().st_size for path in folder.iterdir())}
    found = to_json(evaluate(loaded, dataset, "test" if "test" in dataset.splits else "dev", progress), loaded, dataset)
    provenance["evaluation"] = found
    said = card(checkpoint.called(folder), provenance, getattr(model, "ABOUT", kind), getattr(model, "REMARK", ""), model.settings())
    keep(provenance=provenance, card=said)
    return found


def moves(tensors: Any, parent: checkpoint.Saved | None, step: float) -> tuple[dict[str, Any], list[str]]:
    """Large floating tensors as the parent's plus multiples of `step`, and the names of those tensors, which a checkpoint then holds
    as a difference: few distinct numbers, mostly zeros, that pack well. What is published is measured after this.

    debtags-mach after adversarial training (weights 1.2, moves 0.57 in root mean square): 17.3 MB whole, 5.5 MB at 0.25.
    """
    found = dict(tensors)
    delta: list[str] = []
    if parent is None or step <= 0:
        return found, delta
    for name, array in tensors.items():
        base = parent.tensors.get(name)
        if base is not None and base.shape == array.shape and array.dtype.kind == "f" and array.size >= LARGE:
            start = base.astype(np.float32)
            found[name] = start + (np.round((array.astype(np.float32) - start) / step) * step).astype(np.float16).astype(np.float32)
            delta.append(name)
    return found, delta
