"""Packed weights are the same checkpoint: same digest, same numbers, and `gunzip` gives the standard file."""

from __future__ import annotations

import gzip
import lzma
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import checkpoint, models
from core.checkpoint import compression, load, pack, read_config, read_labels
from core.checkpoint.compression import GZIPPED, PLAIN, XZIPPED
from core.errors import CheckpointError
from tests import hostile, tiny_models
from tests.unit.test_checkpoint import save_toy


@pytest.fixture
def saved(checkpoints: Path) -> Path:
    save_toy(checkpoints / "toy")
    return checkpoints / "toy"


@pytest.mark.slow
@pytest.mark.parametrize("kind", models.MODELS)
def test_a_packed_model_has_the_same_digest_and_scores(kind: str, tmp_path: Path, tiny_model: Callable[[str], Any]) -> None:
    trained = tiny_model(kind)
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


@pytest.mark.slow
@pytest.mark.parametrize("name", checkpoint.names())
def test_a_shipped_checkpoint_is_the_one_that_was_measured(name: str) -> None:
    """Its card was written from measurements under this digest; packing it later left the digest as it was."""
    config = read_config(name)
    assert config["provenance"]["evaluation"]["digest"] == config["digest"] == load(name).digest


def test_the_shipped_checkpoints_stay_below_150_megabytes() -> None:
    assert sum(path.stat().st_size for path in checkpoint.FOLDER.rglob("*") if path.is_file()) < 150e6


def test_gunzip_gives_the_file_that_was_saved_back(saved: Path) -> None:
    before, config = (saved / PLAIN).read_bytes(), (saved / "config.json").read_bytes()
    pack(saved)
    assert sorted(path.name for path in saved.iterdir()) == ["README.md", "config.json", "labels.tsv", GZIPPED, "vocabulary.txt"]
    assert (saved / GZIPPED).read_bytes()[:9] == b"\x1f\x8b\x08" + bytes(5) + b"\x02", "no name, no time, level 9"
    subprocess.run(["gunzip", "-k", saved / GZIPPED], check=True)
    assert (saved / PLAIN).read_bytes() == before
    (saved / GZIPPED).unlink()
    load("toy")
    assert (saved / "config.json").read_bytes() == config


def test_packed_tensors_may_be_written_to_like_plain_ones(saved: Path) -> None:
    """torch warns of arrays that it may not write to, and a warning is an error here."""
    assert all(array.flags.writeable for array in load("toy").tensors.values())
    pack(saved)
    assert all(array.flags.writeable for array in load("toy").tensors.values())


def test_packing_again_changes_nothing_and_checks(saved: Path) -> None:
    pack("toy")
    first = (saved / GZIPPED).read_bytes()
    pack("toy")
    assert (saved / GZIPPED).read_bytes() == first
    (saved / GZIPPED).write_bytes(gzip.compress(hostile.header({})))
    with pytest.raises(CheckpointError, match=r"'toy': model.safetensors.gz is not the file that was saved"):
        pack("toy")


@pytest.fixture
def repeating(checkpoints: Path) -> Path:
    """Weights that xz packs much better than gzip, which looks back 32 kB only."""
    block = np.random.default_rng(0).normal(size=30_000).astype(np.float16)
    save_toy(checkpoints / "toy", tensors={"repeating": np.tile(block, 8)})
    return checkpoints / "toy"


def test_xz_is_taken_where_it_saves_a_tenth(repeating: Path) -> None:
    before = (repeating / PLAIN).read_bytes()
    plain = load("toy")
    pack(repeating)
    assert (repeating / XZIPPED).is_file() and not (repeating / GZIPPED).exists() and not (repeating / PLAIN).exists()
    packed = load("toy")
    assert packed.digest == plain.digest and packed.tensors["repeating"].flags.writeable
    np.testing.assert_array_equal(packed.tensors["repeating"], plain.tensors["repeating"])
    assert lzma.decompress((repeating / XZIPPED).read_bytes()) == before
    pack(repeating)
    assert (repeating / XZIPPED).is_file()


def test_packing_again_leaves_one_packed_file(repeating: Path) -> None:
    """A kill before the other packed file went, say, or a checkpoint that an older version packed."""
    whole = (repeating / PLAIN).read_bytes()
    (repeating / GZIPPED).write_bytes(gzip.compress(whole))
    pack(repeating)
    assert (repeating / XZIPPED).is_file() and not (repeating / GZIPPED).exists()
    (repeating / GZIPPED).write_bytes(gzip.compress(whole))
    with pytest.raises(CheckpointError, match=r"holds both model.safetensors.gz and model.safetensors.xz"):
        load("toy")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (lambda: b"", "it ends too early"),
        (lambda: lzma.compress(b"short")[:-8], "it ends too early"),
        (lambda: b"no xz at all", "cannot be unpacked"),
        (lambda: lzma.compress(b"other weights"), "is not the file that was saved"),
        (lambda: lzma.compress(b"x", filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 2**30}]), "cannot be unpacked"),
    ],
)
def test_a_broken_or_hostile_xz_is_refused(repeating: Path, content: Callable[[], bytes], sentence: str) -> None:
    """The last one asks for a gigabyte of memory to read one letter; and takes a second to be made, which no process pays that collects it."""
    pack(repeating)
    (repeating / XZIPPED).write_bytes(content())
    with pytest.raises(CheckpointError, match=sentence):
        load("toy")


@pytest.mark.slow
def test_an_xz_bomb_is_refused(repeating: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "SMALL", 1_000)
    pack(repeating)
    (repeating / XZIPPED).write_bytes(lzma.compress(bytes(5_000_000)))
    with pytest.raises(CheckpointError, match="unpacks to more than"):
        load("toy")


def test_packing_that_was_cut_short_is_finished_by_packing_again(saved: Path) -> None:
    """A kill between the packed file's arrival and the plain one's departure, or while the packed one was written."""
    whole = (saved / PLAIN).read_bytes()
    pack(saved)
    packed = (saved / GZIPPED).read_bytes()
    (saved / PLAIN).write_bytes(whole)
    (saved / (GZIPPED + ".part")).write_bytes(packed[:20])
    with pytest.raises(CheckpointError, match=r"core\.checkpoint\.pack leaves the packed one only"):
        load("toy")
    pack(saved)
    load("toy")
    assert (saved / GZIPPED).read_bytes() == packed
    assert not [path for path in saved.iterdir() if path.name in (PLAIN, GZIPPED + ".part")]


def test_what_is_damaged_is_not_packed(saved: Path) -> None:
    hostile.flip_bit(saved)
    before = (saved / PLAIN).read_bytes()
    with pytest.raises(CheckpointError, match=r"'toy': model.safetensors is not the file that was saved"):
        pack(saved)
    assert (saved / PLAIN).read_bytes() == before
    assert not list(saved.glob("*.gz*"))


def test_weights_that_shrink_like_a_bomb_stay_plain(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `pack` leaves behind, `load` accepts."""
    monkeypatch.setattr(compression, "SMALL", 1_000)
    digest = save_toy(saved, tensors={"zeros": np.zeros(500_000)})
    with pytest.raises(CheckpointError, match="unpacks to more than"):
        pack(saved)
    assert load("toy").digest == digest
    assert not list(saved.glob("*.gz*"))


def test_a_packed_file_within_the_ratio_is_read(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "SMALL", 1_000)
    array = np.random.default_rng(0).normal(size=50_000).astype(np.float16)
    save_toy(saved, tensors={"normal": array})
    pack(saved)
    np.testing.assert_array_equal(load("toy").tensors["normal"], array)


def test_a_packed_file_is_no_text_file(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"'model.safetensors.gz' cannot be a checkpoint's file name"):
        save_toy(tmp_path / "toy", files={GZIPPED: ""})


def test_saving_over_a_packed_checkpoint_leaves_one_file_of_weights(saved: Path) -> None:
    pack(saved)
    save_toy(saved)
    assert (saved / PLAIN).exists() and not (saved / GZIPPED).exists()
    load("toy")
