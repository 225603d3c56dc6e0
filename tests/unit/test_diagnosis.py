"""What is given as a checkpoint and is none: the true cause and what to do, for every kind of folder that people have."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from core import checkpoint
from core.checkpoint import read_config
from core.cli.train import _folders
from core.errors import CheckpointError, InputError

BERT = {"architectures": ["BertForSequenceClassification"], "transformers_version": "5.0"}
FOLDERS: dict[str, tuple[dict[str, object], str, str]] = {
    "a finished training": (
        {"config.json": {"model": "linear"}, "status.json": {}, "checkpoint/config.json": {}},
        "",
        "folder of a run; .*/checkpoint'",
    ),
    "a training that goes on": ({"config.json": {"model": "linear"}, "progress.jsonl": {}}, "", "made no checkpoint yet; let it finish"),
    "a run that has only begun": ({"job.json": {}}, "", "made no checkpoint yet"),
    "a study": ({"config.json": {"study": {}}, "plan.json": {}, "records.jsonl": {}}, "", "folder of a study, which attacks a checkpoint"),
    "a Hugging Face model": ({"config.json": BERT, "model.safetensors": {}}, "", "transformers library .BertForSequenceClassification.*core train"),
    "one that says its type only": ({"config.json": {"model_type": "xlnet"}}, "", "transformers library .xlnet"),
    "an adapter": ({"config.json": {"peft_type": "LORA"}}, "", "transformers library"),
    "another program's": ({"config.json": {"name": "x"}}, "", "not written by this project"),
    "a later version's": ({"config.json": {"format": 9}}, "", "later version: update this one"),
    "an older version's": ({"config.json": {"format": 0}}, "", "Train it again with this version"),
    "a folder of checkpoints": ({"one/config.json": {}, "two/config.json": {}}, "", "give one of them: one, two"),
    "weights alone": ({"model.safetensors": {}}, "", "holds weights but no config.json"),
    "an empty folder": ({"notes/x.txt": {}}, "", "a folder without a config.json"),
    "a file of a checkpoint": ({"config.json": {"format": 1}, "model.safetensors": {}}, "model.safetensors", "is a file; a checkpoint is a folder"),
    "nothing": ({}, "nowhere", "there is no checkpoint"),
}


@pytest.mark.parametrize(("files", "given", "said"), FOLDERS.values(), ids=FOLDERS)
def test_the_cause_is_the_true_one(tmp_path: Path, files: dict[str, object], given: str, said: str) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(CheckpointError, match=said):
        read_config(tmp_path / given)


RUNS = checkpoint.RUNS
WHERE: dict[str, tuple[tuple[str | None, str | None, str | None], tuple[Path, str | None]]] = {
    "out saves where it says": ((None, None, "checkpoints/x"), (RUNS / "x", "checkpoints/x")),
    "out with a run": (("runs/y", None, "checkpoints/x"), (Path("runs/y"), "checkpoints/x")),
    "a run alone": (("runs/y", None, None), (Path("runs/y"), None)),
    "run and save": (("runs/y", "checkpoints/x", None), (Path("runs/y"), "checkpoints/x")),
    "as older cards say": ((None, "checkpoints/x", "runs/y"), (Path("runs/y"), "checkpoints/x")),
    "out below runs": ((None, None, str(RUNS / "y")), (RUNS / "y", None)),
}


@pytest.mark.parametrize(("given", "found"), WHERE.values(), ids=WHERE)
def test_where_a_training_writes(given: tuple[str | None, str | None, str | None], found: tuple[Path, str | None]) -> None:
    assert _folders(argparse.Namespace(run=given[0], save=given[1], out=given[2])) == found


@pytest.mark.parametrize("given", [(None, None, None), ("runs/y", "checkpoints/x", "runs/z"), (None, "checkpoints/x", None)])
def test_a_training_that_says_not_where(given: tuple[str | None, str | None, str | None]) -> None:
    with pytest.raises(InputError, match=r"say where to|both name the run's folder"):
        _folders(argparse.Namespace(run=given[0], save=given[1], out=given[2]))
