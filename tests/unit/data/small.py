"""Writing small data files of each shape, for the readers' tests."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import strategies as st

from core.data.dataset import Dataset, Split

WORD = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"], exclude_characters=",|;[]\"'"), min_size=1, max_size=6)
"""One word of anything that a label may be made of in formats that part labels by spaces."""

LINE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r\t\x00"), max_size=30)
"""A text that fits in one line."""


def put(path: Path, text: str) -> Path:
    """Write a file exactly as given, folders made as needed, packed if its name ends in .gz."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = text.encode("utf-8")
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    return path


def reused(factory: pytest.TempPathFactory, name: str) -> Path:
    """One folder for all examples of a Hypothesis test, whose files are written over: a new one each costs more than the test."""
    folder = factory.getbasetemp() / name
    folder.mkdir(exist_ok=True)
    return folder


def labels(dataset: Dataset, split: str = "train") -> list[list[str]]:
    """The names of each document's labels, sorted."""
    truth = dataset.split(split).truth
    rows = (truth.indices[truth.indptr[i] : truth.indptr[i + 1]] for i in range(truth.shape[0]))
    return [sorted(dataset.label_names[j] for j in row) for row in rows]


def vectors(split: Split) -> list[dict[int, float]]:
    """Each document's features as feature -> value."""
    found = split.features
    assert found is not None
    rows = (slice(found.indptr[i], found.indptr[i + 1]) for i in range(found.shape[0]))
    return [dict(zip(found.indices[row].tolist(), found.data[row].tolist(), strict=True)) for row in rows]
