"""Checkpoints that runs have made: listed, found, named and inherited from by the run's name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core import checkpoint
from core.errors import CheckpointError
from core.labels import LabelSpace

LABELS = LabelSpace.of(["a", "b"], [3, 2], 4)


def save(folder: Path, value: float = 1.0, parent: checkpoint.Saved | None = None) -> str:
    tensors = {"large": np.full(100, 2.0, dtype=np.float32), "own": np.full(1, value, dtype=np.float32)}
    return checkpoint.save(folder, model="linear", settings={}, labels=LABELS, tensors=tensors, parent=parent)


@pytest.fixture
def runs(checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(checkpoint, "RUNS", tmp_path / "runs")
    return tmp_path / "runs"


def test_by_the_name_of_the_run(runs: Path, checkpoints: Path) -> None:
    assert checkpoint.names() == []
    save(checkpoints / "base")
    digest = save(runs / "robust" / "checkpoint", 2.0)
    assert checkpoint.names() == ["base", "robust"] and checkpoint.names(checkpoints) == ["base"]
    assert checkpoint.find("robust") == runs / "robust" / "checkpoint"
    for name in ("robust", runs / "robust" / "checkpoint"):
        saved = checkpoint.load(name)
        assert (saved.name, saved.digest) == ("robust", digest)
    (runs / "robust" / "checkpoint" / "labels.tsv").unlink()
    with pytest.raises(CheckpointError, match="checkpoint 'robust'"):
        checkpoint.load("robust")


def test_checkpoints_come_first_and_nothing_else_counts(runs: Path, checkpoints: Path) -> None:
    first = save(checkpoints / "same")
    save(runs / "same" / "checkpoint", 2.0)
    save(runs / "deep" / "er" / "checkpoint", 3.0)
    save(runs / "odd name" / "checkpoint", 4.0)
    (runs / "study").mkdir()
    (runs / "study" / "config.json").write_text("{}")
    assert checkpoint.names() == ["same"] and checkpoint.load("same").digest == first
    for name in ("study", "deep", "er", "odd name", "../same", ".."):
        with pytest.raises(CheckpointError, match="there is no checkpoint"):
            checkpoint.find(name)
    assert checkpoint.called(Path("elsewhere/checkpoint")) == "checkpoint"


def test_a_run_goes_on_from_a_run(runs: Path, checkpoints: Path) -> None:
    """base in checkpoints/, a run on from it, and a run on from that one: each finds its parent by name."""
    save(checkpoints / "base")
    save(runs / "one" / "checkpoint", 2.0, checkpoint.load("base"))
    save(runs / "two" / "checkpoint", 3.0, checkpoint.load("one"))
    saved = checkpoint.load("two")
    assert (saved.parent, saved.config["parent"]["name"]) == ("one", "one")
    assert saved.tensors["large"].tolist() == [2.0] * 100 and saved.tensors["own"].tolist() == [3.0]
    checkpoint.find("one").rename(runs / "gone")
    with pytest.raises(CheckpointError, match="checkpoint 'two' stands on 'one', which lies neither beside it nor in"):
        checkpoint.load("two")
