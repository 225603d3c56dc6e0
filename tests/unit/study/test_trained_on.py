"""A study says where its documents are ones that the checkpoint was trained on."""

from __future__ import annotations

from typing import Any

import pytest

from core.data.dataset import Dataset, Split, truth_matrix
from core.study.trained_on import training_notes


def dataset() -> Dataset:
    texts = {"train": ("one text", "two texts"), "test": ("One  text", "new")}
    splits = {name: Split(("1", "2"), truth_matrix([[0], [0]], 1), found) for name, found in texts.items()}
    return Dataset("set", ("a",), splits)


@pytest.mark.parametrize(
    ("trained", "split", "rows", "says"),
    [
        (2, "train", [0], "was trained on these documents"),
        (2, "test", [0, 0, 1], "1 of the 2 documents also stand among the training documents"),
        (2, "test", [1], None),
        (4, "test", [1], "trained on 4 documents of set, of which 2 are held out here"),
    ],
)
def test_training_documents_are_named(monkeypatch: pytest.MonkeyPatch, trained: int, split: str, rows: list[int], says: str | None) -> None:
    data = dataset()
    config: dict[str, Any] = {"provenance": {"data": {"digest": data.digest}, "documents": {"train": trained}}}
    monkeypatch.setattr("core.checkpoint.read_config", lambda name: config)
    found = training_notes("x", data, split, rows)
    assert found == () if says is None else says in found[0]


def test_other_data_cannot_be_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.checkpoint.read_config", lambda name: {"provenance": {"data": {"digest": "other"}, "documents": {"train": 4}}})
    assert training_notes("x", dataset(), "train", [0]) == ()
