"""Forty texts of our own writing, tagged by hand: what a stranger meets first, and two small data sets that need neither files nor a network.

News and EU acts carry EuroVoc concepts as EURLEX57K names them, descriptions of software packages Debian's tags. Each label set is a data set of
its own (`samples`, `samples-debtags`), as a data set has one list of labels. The splits are set by hand, in the files.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

from core.data.dataset import Dataset, Split, truth_matrix
from core.errors import DataError
from core.files import read_json

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "samples"
SPLITS = ("train", "dev", "test")
KINDS = ("news", "EU act", "package")
SETS = {"samples": "eurovoc", "samples-debtags": "debtags"}
"""Data set -> the label set of its texts."""
NOTES = (
    "none of the checkpoints that are shipped was trained on these texts, so a study of one of them may attack any split; a model trained on them "
    "is to be attacked on test alone",
    "so few texts show that everything works, not how well: figures over them say next to nothing",
)


class Sample(msgspec.Struct, frozen=True):
    """One text; `labels`: label set ("eurovoc" or "debtags") -> its labels by name; `name`: that of its file."""

    title: str
    kind: Literal["news", "EU act", "package"]
    split: Literal["train", "dev", "test"]
    labels: dict[str, list[str]]
    text: str
    name: str = ""


@cache
def samples() -> tuple[Sample, ...]:
    """All of them, in the order of their files."""
    files = sorted(FOLDER.glob("*.json"))
    return tuple(msgspec.structs.replace(read_json(file, Sample, error=DataError), name=file.stem) for file in files)


def by_fit(known: Collection[str]) -> tuple[str, ...]:
    """The kinds of samples, those first whose labels are known: a model of EuroVoc concepts is asked about news and acts, not about packages."""

    names = {label_set: {name for sample in samples() for name in sample.labels.get(label_set, ())} for label_set in SETS.values()}
    met = {label_set: len(found & set(known)) for label_set, found in names.items()}
    return tuple(sorted(KINDS, key=lambda kind: -met["debtags" if kind == "package" else "eurovoc"]))  # what is alike stays in its order


def eurovoc() -> Dataset:
    """News and EU acts with EuroVoc concepts."""
    return _dataset("samples")


def debtags() -> Dataset:
    """Descriptions of software packages with Debian's tags."""
    return _dataset("samples-debtags")


def _dataset(name: str) -> Dataset:
    chosen = [sample for sample in samples() if SETS[name] in sample.labels]
    names = sorted({label for sample in chosen for label in sample.labels[SETS[name]]})
    place = {label: number for number, label in enumerate(names)}
    splits = {}
    for split in SPLITS:
        rows = [sample for sample in chosen if sample.split == split]
        truth = truth_matrix([[place[label] for label in sample.labels[SETS[name]]] for sample in rows], len(names))
        splits[split] = Split(tuple(sample.name for sample in rows), truth, tuple(sample.text for sample in rows))
    return Dataset(name, tuple(names), splits, "Tremor's samples, written and tagged for this project and under its licence", notes=NOTES)
