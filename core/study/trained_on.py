"""Whether a study's documents are ones that its checkpoint was trained on: a study never attacks those without saying so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from core import checkpoint
from core.data.dataset import Dataset
from core.data.readers.splitting import keys
from core.errors import DataError, InputError, SettingsError


def training_notes(name: str, dataset: Dataset, split: str, rows: Iterable[int]) -> tuple[str, ...]:
    """Sentences for a plan that draws the documents `rows` of a split. Empty where the checkpoint was trained on other data, or says nothing
    of it: only equal data (by digest) can be compared."""
    try:
        said: Any = checkpoint.read_config(name).get("provenance")
    except (DataError, InputError, SettingsError):
        return ()
    data = said.get("data") if isinstance(said, dict) else None
    if not isinstance(data, dict) or data.get("digest") != dataset.digest or "train" not in dataset.splits:
        return ()
    chosen = sorted(set(rows))
    if split == "train":
        return (f"the checkpoint was trained on these documents (split train of {dataset.name}): success on others may differ",)
    counts = said.get("documents")
    trained = counts.get("train") if isinstance(counts, dict) else None
    whole = len(dataset.splits["train"])
    if isinstance(trained, int) and trained > whole:
        return (
            f"the checkpoint was trained on {trained:,} documents of {dataset.name}, of which {trained - whole:,} are held out here: documents of "
            f"'{split}' may be among them",
        )
    known = set(keys(dataset.splits["train"]))
    found = keys(dataset.split(split))
    twice = sum(row < len(found) and found[row] in known for row in chosen)
    return (f"{twice:,} of the {len(chosen):,} documents also stand among the training documents",) if twice else ()
