"""Models over vectors that the vector studies train for themselves: on a hybrid set of synonym copies, and its control.

All start from nothing with the settings, labels and documents of a clean base. Whether a copy is kept is the base's to say (methods.md
7.2); on bags that leaves few, since a synonym that is no feature is a word less, so that the set with all copies stands beside: what
the check takes away. They lie beside the checkpoints of other studies (core.evidence.studies.base.TrainingCommand).
"""

from __future__ import annotations

import platform
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from core import checkpoint
from core.evidence.studies.base import WORK, Cell, command

CONTROL, ROBUST, UNCHECKED = "control", "robust", "unchecked"
"""Kept copies unaltered; kept copies; all copies."""


def trained(study: str, cell: Cell, base: str) -> Path:
    """The folder of the checkpoint of a cell of a variant of these; it is trained on from where it was interrupted, and published
    with its evaluation, unless it is there."""
    from core.data import load_dataset
    from core.data.bags import complete
    from core.defences.hybrid import bag_copies, counts, hybrid
    from core.defences.synonyms import Synonyms
    from core.evaluation.publishing import publish
    from core.fields import from_json, to_json
    from core.models import config_class, load, train
    from core.runs.run import Run

    place = checkpoint.RUNS / WORK
    folder = place / "checkpoints" / cell.name
    if (folder / "config.json").is_file():
        return folder
    clean: Any = load(base)
    saved, whole, settings = checkpoint.load(base), load_dataset(cell.data), Synonyms()
    dataset = complete(whole)
    asked = {"base": saved.digest, "data_digest": whole.digest, "defence": {"name": "synonyms", "settings": to_json(settings)}}
    with Run(place / "training" / f"{cell.data}-{cell.model}-copies", seed=0, device="cpu") as run:
        run.configure(asked)
        copies = bag_copies(dataset, clean, settings, run)
    if cell.variant == UNCHECKED:
        copies, settings = [replace(copy, dropped="") for copy in copies], replace(settings, consistency=0.0)
    with Run(place / "training" / cell.name, seed=0, device="cpu") as run:
        run.configure({**asked, "variant": cell.variant})
        began = time.monotonic()
        config: Any = from_json(config_class(saved.model), saved.settings)
        both = hybrid(dataset, copies, clean.space, control=cell.variant == CONTROL)
        model = train(saved.model, config, both, clean.labels, run)
        own = {
            "command": command(study, cell.name), "seed": run.seed, "labels": len(clean.labels),
            "documents": {name: len(split) for name, split in both.splits.items()},
            "data": {"name": whole.name, "digest": whole.digest, "source": whole.source}, "base": {"name": saved.name, "digest": saved.digest},
            **({} if cell.variant == CONTROL else {"defence": {"name": "synonyms", "settings": to_json(settings)}}),
            "copies": {**to_json(settings), **counts(dataset, copies, clean.space), "unaltered": cell.variant == CONTROL},
            "trained": {"seconds": time.monotonic() - began, "machine": f"{platform.machine()}, {run.device}"},
        }  # fmt: skip
        publish(folder, saved.model, model, own, whole, run.progress)
    return folder
