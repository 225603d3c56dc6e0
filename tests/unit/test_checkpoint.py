"""Checkpoints come back as they were saved, and everything spoiled is refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from core.checkpoint import find, load, names, read_config, read_labels, save, write_atomically
from core.checkpoint.saved import labels_text, parse_labels
from core.errors import CheckpointError
from core.labels import LabelSpace
from tests import hostile, strategies
from tests.hostile_parents import HOSTILE_PARENTS
from tests.toy import Linear


def save_toy(folder: Path, **changes: Any) -> str:
    toy = Linear()
    parts: dict[str, Any] = {"settings": toy.settings(), "tensors": toy.tensors(), "files": toy.files(), "labels": toy.labels}
    return save(folder, model="toy", **{**parts, **changes})


@pytest.fixture
def saved(checkpoints: Path) -> Path:
    save_toy(checkpoints / "toy")
    return checkpoints / "toy"


SPOILED = {**hostile.HOSTILE, **HOSTILE_PARENTS}


@pytest.mark.slow
@pytest.mark.parametrize("name", SPOILED)
def test_spoiled_checkpoints_are_refused_by_name(saved: Path, name: str) -> None:
    spoil, sentence = SPOILED[name]
    spoil(saved)
    with pytest.raises(CheckpointError, match=sentence) as caught:
        load("toy")
    assert "checkpoint 'toy'" in str(caught.value)
    assert len(str(caught.value)) < 500


def test_what_was_saved_comes_back(checkpoints: Path) -> None:
    tensors = {
        "half": np.linspace(0, 1, 6, dtype=np.float16).reshape(2, 3),
        "turned": np.arange(6, dtype=np.float32).reshape(2, 3).T,
        "ids": np.array([-1, 2**62], dtype=np.int64),
        "bytes": np.arange(3, dtype=np.uint8),
        "flags": np.array([True, False]),
        "scalar": np.array(2.5),
        "nothing": np.zeros((0, 4), dtype=np.float32),
        "big-endian": np.arange(3, dtype=">f4"),
    }
    files = {"words.txt": "a\r\nb\n\u2028\ufeffü🎉\x85", "empty.txt": ""}
    digest = save_toy(checkpoints / "toy", tensors=tensors, files=files, settings={"width": 3, "name": "ü"}, provenance={"seed": 1}, card="# Toy\n")
    found = load("toy")
    assert (found.name, found.model, found.digest) == ("toy", "toy", digest)
    assert (found.settings, found.files, found.labels) == ({"width": 3, "name": "ü"}, files, Linear().labels)
    assert found.config["provenance"] == {"seed": 1}
    assert (checkpoints / "toy" / "README.md").read_text() == "# Toy\n"
    assert found.tensors.keys() == tensors.keys()
    for name, array in tensors.items():
        assert found.tensors[name].shape == array.shape, name
        np.testing.assert_array_equal(found.tensors[name], array, err_msg=name)


@pytest.mark.slow
@given(strategies.label_spaces())
def test_any_label_names_come_back(space: LabelSpace) -> None:
    assert parse_labels(labels_text(space), space.documents, "toy") == space


@pytest.mark.slow
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_file_comes_back(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.getbasetemp() / "texts"
    save_toy(folder, files={"words.txt": text})
    assert load(folder).files["words.txt"] == text


def test_the_digest_is_of_the_weights_and_not_of_the_card(checkpoints: Path) -> None:
    first = save_toy(checkpoints / "toy")
    assert save_toy(checkpoints / "other", card="# A card", provenance={"seed": 5}) == first
    others = [
        save_toy(checkpoints / "other", **change)
        for change in ({"settings": {"a": 1}}, {"files": {}}, {"tensors": {"bias": np.zeros(4)}}, {"labels": LabelSpace.of(["a"], [1], 400)})
    ]
    assert len({first, *others}) == 5


def test_saving_again_replaces_the_whole_folder(saved: Path) -> None:
    save_toy(saved, files={"other.txt": ""})
    assert set(load("toy").files) == {"other.txt"}
    assert sorted(path.name for path in saved.parent.iterdir()) == ["toy"]


def test_saving_over_something_else_is_refused(tmp_path: Path) -> None:
    """`--out ~` must not replace a home."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").write_text("years of work", encoding="utf-8")
    with pytest.raises(CheckpointError, match="is no checkpoint"):
        save_toy(tmp_path / "home")
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(CheckpointError, match="is no checkpoint"):
        save_toy(tmp_path / "file")
    assert (tmp_path / "home" / "thesis.tex").read_text() == "years of work"
    (tmp_path / "empty").mkdir()
    save_toy(tmp_path / "empty")


def test_a_save_that_fails_leaves_the_old_checkpoint(saved: Path) -> None:
    before = load("toy").digest
    with pytest.raises(TypeError):
        save_toy(saved, settings={"a": object()})
    assert load("toy").digest == before
    assert names() == ["toy"]


@pytest.mark.parametrize("name", ["../x", "a/b", "config.json", "README.md", "model.safetensors", ".hidden", "", "x" * 101, "a\nb", "words.pkl"])
def test_file_names_are_plain(tmp_path: Path, name: str) -> None:
    with pytest.raises(CheckpointError, match="cannot be a checkpoint's file name"):
        save_toy(tmp_path / "toy", files={name: ""})
    assert not (tmp_path / "toy").exists()


@pytest.mark.parametrize("name", ["nowhere", "../toy", "", "x" * 5_000, "a\x00b", "/"])
def test_unknown_checkpoints_are_refused_with_the_known_ones(saved: Path, name: str) -> None:
    with pytest.raises(CheckpointError, match=r"there is no checkpoint .*; known are toy"):
        find(name)


def test_checkpoints_are_found_by_name_and_path(saved: Path) -> None:
    assert find("toy") == find(saved) == find(str(saved)) == saved
    assert names() == names(saved.parent) == ["toy"]
    assert names(saved / "nowhere") == []


def test_the_config_is_read_without_the_weights(saved: Path) -> None:
    (saved / "model.safetensors").unlink()
    assert read_config("toy")["model"] == "toy"


def test_tensors_are_asked_for_by_shape(saved: Path) -> None:
    found = load("toy")
    assert found.tensor("weights", (9, 4)).shape == found.tensor("weights", (None, 4)).shape == (9, 4)
    for shape in ((4, 9), (None,), (9, 4, 1)):
        with pytest.raises(CheckpointError, match=r"'toy': tensor 'weights' has shape \(9, 4\), expected"):
            found.tensor("weights", shape)
    with pytest.raises(CheckpointError, match="'toy' has no tensor 'head'"):
        found.tensor("head", (1,))
    with pytest.raises(CheckpointError, match=r"'toy' has no file 'merges.txt'"):
        found.file("merges.txt")
    assert found.file("vocabulary.txt").split()[:2] == ["game", "chess"]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_refused(saved: Path, bad: float) -> None:
    hostile.change_tensor(saved, "bias", lambda old: np.where(old == 0, bad, old).astype(np.float32))
    with pytest.raises(CheckpointError, match="'toy': tensor 'bias' holds values that are not finite"):
        load("toy").tensor("bias", (4,))


@pytest.mark.parametrize("kind", [np.bool_, np.complex64])
def test_weights_of_another_type_are_refused(saved: Path, kind: type) -> None:
    hostile.change_tensor(saved, "bias", lambda old: old.astype(kind))
    with pytest.raises(CheckpointError, match=f"'toy': tensor 'bias' is {np.dtype(kind).name}, expected numbers"):
        load("toy").tensor("bias", (4,))


def test_ids_are_whole_numbers_within_their_bounds(checkpoints: Path) -> None:
    save_toy(checkpoints / "toy", tensors={"ids": np.array([0, 3, 1], dtype=np.int32), "low": np.array([-1]), "share": np.array([0.5])})
    found = load("toy")
    ids = found.ids("ids", (3,), below=4)
    assert ids.dtype == np.int64
    assert ids.tolist() == [0, 3, 1]
    for name, below in (("ids", 3), ("low", 4)):
        with pytest.raises(CheckpointError, match=f"tensor '{name}' holds a number outside 0..{below - 1}"):
            found.ids(name, (None,), below=below)
    with pytest.raises(CheckpointError, match="tensor 'share' is float64, expected whole numbers"):
        found.ids("share", (1,), below=4)


def test_sparse_weights_come_back_or_are_refused(checkpoints: Path) -> None:
    matrix = sparse.csr_array(np.array([[0, 2.5, 0], [0, 0, 0], [1, 0, -1]], dtype=np.float32))
    tensors = {
        "data": matrix.data,
        "columns": matrix.indices,
        "counts": np.diff(matrix.indptr),
        "short": np.array([1, 0, 1]),
        "many": np.array([1, 2**62, 2]),
    }
    save_toy(checkpoints / "toy", tensors=tensors)
    found = load("toy")
    np.testing.assert_array_equal(found.sparse("data", "columns", "counts", (3, 3)).toarray(), matrix.toarray())
    for parts, shape, problem in [
        (("data", "columns", "short"), (3, 3), "'short' counts 2 values, but 'data' holds 3"),
        (("data", "columns", "many"), (3, 3), "'many' holds a number outside"),
        (("data", "columns", "counts"), (3, 2), "'columns' holds a number outside"),
        (("data", "columns", "counts"), (4, 3), "'counts' has shape"),
    ]:
        with pytest.raises(CheckpointError, match=problem):
            found.sparse(*parts, shape)


def test_files_are_written_whole(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a.json", "ü")
    write_atomically(tmp_path / "a.json", b"b")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.json", b"b")]


def test_no_code_runs_while_loading(saved: Path) -> None:
    """A checkpoint with a bomb in every place that a pickle could lie in: nothing is set off, whatever is raised."""
    bomb = b"cbuiltins\neval\n(S'(_ for _ in ()).throw(SystemError(\"boom\"))'\ntR."
    for place in ("model.safetensors", "labels.tsv", "vocabulary.txt"):
        (saved / place).write_bytes(bomb)
    hostile.sign(saved)
    with pytest.raises(CheckpointError):
        load("toy")


def test_the_config_says_what_is_in_the_folder(saved: Path) -> None:
    config = json.loads((saved / "config.json").read_text())
    assert set(config["files"]) == {"labels.tsv", "model.safetensors", "vocabulary.txt"}
    assert config["documents"] == 400


def test_the_labels_are_read_without_the_weights_and_checked_like_the_whole(saved: Path) -> None:
    assert read_labels("toy") == Linear().labels
    for name in ("label line broken", "one bit flipped", "pickle beside"):
        save_toy(saved)
        spoil, sentence = hostile.HOSTILE[name]
        spoil(saved)
        with pytest.raises(CheckpointError, match=sentence):
            read_labels("toy")
        for stray in saved.glob("*.pkl"):
            stray.unlink()
