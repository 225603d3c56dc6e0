"""Packed weights are the same checkpoint: same digest, same numbers, and `gunzip` gives the standard file."""

from __future__ import annotations

import gzip
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import checkpoint, models, packing
from core.checkpoint import load, pack, read_config, read_labels
from core.errors import CheckpointError
from core.packing import PACKED, PLAIN
from tests import hostile, tiny_models
from tests.unit.test_checkpoint import save_toy


@pytest.fixture
def saved(checkpoints: Path) -> Path:
    save_toy(checkpoints / "toy")
    return checkpoints / "toy"


@pytest.mark.parametrize("kind", models.MODELS)
def test_a_packed_model_has_the_same_digest_and_scores(kind: str, tmp_path: Path) -> None:
    trained: Any = tiny_models.train(kind, tmp_path)
    folder = tmp_path / "saved"
    digest = checkpoint.save(
        folder, model=kind, settings=trained.settings(), labels=trained.labels, tensors=trained.tensors(), files=trained.files()
    )  # fmt: skip
    texts = tiny_models.dataset().split("test").texts
    assert texts is not None
    plain: Any = models.load(folder)
    before = plain.score(texts)
    pack(folder)
    packed: Any = models.load(folder)
    assert packed.digest == plain.digest == digest == read_config(folder)["digest"]
    np.testing.assert_array_equal(packed.score(texts), before)
    assert read_labels(folder) == trained.labels


@pytest.mark.parametrize("name", checkpoint.names())
def test_a_shipped_checkpoint_is_the_one_that_was_measured(name: str) -> None:
    """Its card was written from measurements under this digest; packing it later left the digest as it was."""
    config = read_config(name)
    assert config["provenance"]["evaluation"]["digest"] == config["digest"] == load(name).digest


def test_the_shipped_checkpoints_stay_below_100_megabytes() -> None:
    assert sum(path.stat().st_size for path in checkpoint.FOLDER.rglob("*") if path.is_file()) < 100e6


def test_gunzip_gives_the_file_that_was_saved_back(saved: Path) -> None:
    before, config = (saved / PLAIN).read_bytes(), (saved / "config.json").read_bytes()
    pack(saved)
    assert sorted(path.name for path in saved.iterdir()) == ["README.md", "config.json", "labels.tsv", PACKED, "vocabulary.txt"]
    assert (saved / PACKED).read_bytes()[:9] == b"\x1f\x8b\x08" + bytes(5) + b"\x02", "no name, no time, level 9"
    subprocess.run(["gunzip", "-k", saved / PACKED], check=True)
    assert (saved / PLAIN).read_bytes() == before
    (saved / PACKED).unlink()
    load("toy")
    assert (saved / "config.json").read_bytes() == config


def test_packed_tensors_may_be_written_to_like_plain_ones(saved: Path) -> None:
    """torch warns of arrays that it may not write to, and a warning is an error here."""
    assert all(array.flags.writeable for array in load("toy").tensors.values())
    pack(saved)
    assert all(array.flags.writeable for array in load("toy").tensors.values())


def test_packing_again_changes_nothing_and_checks(saved: Path) -> None:
    pack("toy")
    first = (saved / PACKED).read_bytes()
    pack("toy")
    assert (saved / PACKED).read_bytes() == first
    (saved / PACKED).write_bytes(gzip.compress(hostile.header({})))
    with pytest.raises(CheckpointError, match=r"'toy': model.safetensors.gz is not the file that was saved"):
        pack("toy")


def test_packing_that_was_cut_short_is_finished_by_packing_again(saved: Path) -> None:
    """A kill between the packed file's arrival and the plain one's departure, or while the packed one was written."""
    whole = (saved / PLAIN).read_bytes()
    pack(saved)
    packed = (saved / PACKED).read_bytes()
    (saved / PLAIN).write_bytes(whole)
    (saved / (PACKED + ".part")).write_bytes(packed[:20])
    with pytest.raises(CheckpointError, match=r"core\.checkpoint\.pack leaves the packed one only"):
        load("toy")
    pack(saved)
    load("toy")
    assert (saved / PACKED).read_bytes() == packed
    assert not [path for path in saved.iterdir() if path.name in (PLAIN, PACKED + ".part")]


def test_what_is_damaged_is_not_packed(saved: Path) -> None:
    hostile.flip_bit(saved)
    before = (saved / PLAIN).read_bytes()
    with pytest.raises(CheckpointError, match=r"'toy': model.safetensors is not the file that was saved"):
        pack(saved)
    assert (saved / PLAIN).read_bytes() == before
    assert not list(saved.glob("*.gz*"))


def test_weights_that_shrink_like_a_bomb_stay_plain(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `pack` leaves behind, `load` accepts."""
    monkeypatch.setattr(packing, "SMALL", 1_000)
    digest = save_toy(saved, tensors={"zeros": np.zeros(500_000)})
    with pytest.raises(CheckpointError, match="unpacks to more than"):
        pack(saved)
    assert load("toy").digest == digest
    assert not list(saved.glob("*.gz*"))


def test_a_packed_file_within_the_ratio_is_read(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "SMALL", 1_000)
    array = np.random.default_rng(0).normal(size=50_000).astype(np.float16)
    save_toy(saved, tensors={"normal": array})
    pack(saved)
    np.testing.assert_array_equal(load("toy").tensors["normal"], array)


def test_a_packed_file_is_no_text_file(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"'model.safetensors.gz' cannot be a checkpoint's file name"):
        save_toy(tmp_path / "toy", files={PACKED: ""})


def test_saving_over_a_packed_checkpoint_leaves_one_file_of_weights(saved: Path) -> None:
    pack(saved)
    save_toy(saved)
    assert (saved / PLAIN).exists() and not (saved / PACKED).exists()
    load("toy")
