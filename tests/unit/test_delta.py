"""A checkpoint with a parent gives what was saved, stores only what differs, and needs exactly that parent."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from core import checkpoint, models
from core.checkpoint import load, pack, parent_refusal, read_config, read_labels, save
from core.checkpoint.compression import PLAIN
from core.checkpoint.deltas import Origin, divide_tensors, join_tensors
from core.errors import CheckpointError
from core.labels import LabelSpace
from tests import tiny_models, toy
from tests.hostile_parents import stand_on_parent
from tests.unit.test_checkpoint import save_toy

Tensors = dict[str, NDArray[Any]]


@pytest.fixture
def base(checkpoints: Path) -> checkpoint.Saved:
    save_toy(checkpoints / "base")
    return load("base")


def stored(folder: Path) -> Tensors:
    from safetensors.numpy import load_file

    found: Tensors = load_file(folder / PLAIN)
    return found


def test_what_is_the_parents_is_not_stored_again(base: checkpoint.Saved, checkpoints: Path) -> None:
    tensors = {**base.tensors, "bias": base.tensors["bias"] + np.float32(0.1)}
    digest = save_toy(checkpoints / "child", tensors=tensors, files={**base.files, "more.txt": "x"}, parent=base)
    assert stored(checkpoints / "child").keys() == {"bias"}
    config = read_config("child")
    assert config["parent"] == {"name": "base", "digest": base.digest}
    assert config["inherited"] == {"tensors": ["weights"], "files": ["labels.tsv", "vocabulary.txt"], "delta": []}
    assert config["files"].keys() == {PLAIN, "more.txt"}
    found = load("child")
    assert (found.name, found.parent, found.digest, found.files) == ("child", "base", digest, {**base.files, "more.txt": "x"})
    assert found.tensors.keys() == tensors.keys()
    for name, array in tensors.items():
        np.testing.assert_array_equal(found.tensors[name], array)
        assert found.tensors[name].dtype == array.dtype
    assert found.labels == read_labels("child") == base.labels
    assert (base.parent, "parent" in base.config, "inherited" in base.config) == ("", False, False)


def test_a_difference_is_the_half_precision_of_what_was_added(base: checkpoint.Saved, checkpoints: Path) -> None:
    """0.1 in half precision is 0.0999755859375; 0.5 + that is exact in float32."""
    save_toy(checkpoints / "child", tensors={**base.tensors, "bias": base.tensors["bias"] + np.float32(0.1)}, parent=base, delta=["bias"])
    held = stored(checkpoints / "child")["bias"]
    assert (held.dtype, held.tolist()) == (np.float16, [0.0999755859375] * 4)
    found = load("child").tensors["bias"]
    assert (found.dtype, found.tolist()) == (np.float32, [0.5999755859375, 0.0999755859375, -0.4000244140625, -0.9000244140625])


floats = st.floats(-1_000, 1_000, width=32)
shapes = arrays.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=4)


@st.composite
def families(draw: st.DrawFn) -> tuple[Tensors, Tensors, list[str]]:
    """A parent's tensors, a child's (same, changed or of another shape or type), and those of the child to store as a difference."""
    parent: Tensors = {}
    child: Tensors = {}
    delta = []
    for name in "abcd":
        kind = draw(st.sampled_from([np.float16, np.float32, np.int32]))
        whole = np.issubdtype(kind, np.integer)
        own = draw(arrays.arrays(np.int32 if whole else np.float32, draw(shapes), elements=st.integers(-9, 9) if whole else floats)).astype(kind)
        way = draw(st.sampled_from(["same", "changed", "difference", "new", "dropped", "other type"]))
        if way != "new":
            parent[name] = own
        if way == "changed" or (way == "difference" and whole):
            child[name] = own + kind(1)
        elif way == "difference":
            child[name] = draw(arrays.arrays(np.float32, own.shape, elements=floats))
            delta.append(name)
        elif way == "other type":
            child[name] = own.astype(np.float64)
        elif way != "dropped":
            child[name] = own
    return parent, child, delta


@pytest.mark.slow
@given(families())
def test_any_tensors_come_back(family: tuple[Tensors, Tensors, list[str]]) -> None:
    """All but the differences to the byte; those within half a unit in the last place of the half-precision difference."""
    parent, child, delta = family
    kept, inherited, differences = divide_tensors(child, parent, delta, "base")
    assert set(differences) <= set(delta)
    assert not set(inherited) & kept.keys()
    assert all(name in parent for name in inherited)
    found = join_tensors(kept, parent, Origin("base", "0", tuple(inherited), (), tuple(differences)), "child")
    assert found.keys() == child.keys()
    for name, array in child.items():
        if name in differences:
            assert found[name].dtype == np.float32
            base = parent[name].astype(np.float64)
            # 2^-11 of the difference and 2^-25 where it is subnormal; the two float32 sums round once each.
            bound = np.abs(array - base) * 2.0**-11 + 2.0**-25 + (np.abs(base) + np.abs(array)) * 2.0**-23
            assert (np.abs(found[name].astype(np.float64) - array) <= bound).all()
        else:
            assert (found[name].dtype, found[name].shape, found[name].tobytes()) == (array.dtype, array.shape, array.tobytes())


def test_zero_and_minus_zero_are_not_the_same_bytes() -> None:
    kept, inherited, _ = divide_tensors({"a": np.array([-0.0]), "b": np.array([0.0])}, {"a": np.array([0.0]), "b": np.array([0.0])}, (), "base")
    assert (list(kept), inherited) == (["a"], ["b"])


def test_what_is_unchanged_is_inherited_though_delta_names_it() -> None:
    kept, inherited, differences = divide_tensors({"a": np.ones(2, np.float16)}, {"a": np.ones(2, np.float16)}, ["a"], "base")
    assert (kept, inherited, differences) == ({}, ["a"], [])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"delta": ["nowhere"]}, "delta names 'nowhere', but no such tensor is saved"),
        ({"tensors": {"new": np.zeros(2)}, "delta": ["new"]}, "'new', which parent 'base' lacks; leave it out of delta"),
        ({"tensors": {"bias": np.zeros(5)}, "delta": ["bias"]}, r"'bias' has shape \(5,\), in parent 'base' \(4,\)"),
        ({"tensors": {"bias": np.zeros(4, np.int64)}, "delta": ["bias"]}, "'bias' is int64, in parent 'base' float32; only floating"),
        ({"tensors": {"bias": np.full(4, 1e5)}, "delta": ["bias"]}, "difference of tensor 'bias' to parent 'base' does not fit in half"),
        ({"tensors": {"bias": np.full(4, np.nan)}, "delta": ["bias"]}, "does not fit in half"),
        ({"parent": None, "delta": ["bias"]}, "there is no parent"),
    ],
)
def test_differences_that_cannot_be_formed_are_refused(base: checkpoint.Saved, checkpoints: Path, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(CheckpointError, match=sentence):
        save_toy(checkpoints / "child", **{"parent": base, **changes})
    assert not (checkpoints / "child").exists()


def test_another_label_space_is_stored(base: checkpoint.Saved, checkpoints: Path) -> None:
    labels = LabelSpace.of(["games", "mail"], [5, 6], 90)
    save_toy(checkpoints / "child", labels=labels, tensors=base.tensors, parent=base)
    assert load("child").labels == read_labels("child") == labels
    assert "labels.tsv" in read_config("child")["files"]


def test_inherited_labels_count_against_the_childs_own_documents(base: checkpoint.Saved, checkpoints: Path) -> None:
    labels = LabelSpace.of(toy.LABELS.names, toy.LABELS.counts, 500)
    save_toy(checkpoints / "child", labels=labels, tensors=base.tensors, parent=base)
    assert read_config("child")["inherited"]["files"] == ["labels.tsv", "vocabulary.txt"]
    assert load("child").labels == labels


def test_the_digest_is_of_what_is_inherited_too(base: checkpoint.Saved, checkpoints: Path) -> None:
    tensors = {**base.tensors, "bias": base.tensors["bias"] + np.float32(1)}
    whole = save_toy(checkpoints / "whole", tensors=tensors)
    child = save_toy(checkpoints / "child", tensors=tensors, parent=base)
    difference = save_toy(checkpoints / "difference", tensors=tensors, parent=base, delta=["bias"])
    save_toy(checkpoints / "base-2", settings={"another": 1})
    other = save_toy(checkpoints / "other", tensors=tensors, parent=load("base-2"))
    assert len({base.digest, whole, child, difference, other}) == 5
    assert save_toy(checkpoints / "again", tensors=tensors, parent=base, card="# Card", provenance={"seed": 1}) == child


def test_parents_are_looked_for_beside_the_folder_first(base: checkpoint.Saved, checkpoints: Path, tmp_path: Path) -> None:
    save_toy(tmp_path / "runs" / "child", tensors=base.tensors, parent=base)
    assert load(tmp_path / "runs" / "child").parent == "base"
    save_toy(tmp_path / "runs" / "base", settings={"another": 1})
    with pytest.raises(CheckpointError, match=f"stands on 'base' of digest {base.digest}, but {tmp_path}/runs/base has"):
        load(tmp_path / "runs" / "child")
    shutil.rmtree(tmp_path / "runs" / "base")
    shutil.copytree(checkpoints / "base", tmp_path / "runs" / "base")
    shutil.rmtree(checkpoints / "base")
    assert load(tmp_path / "runs" / "child").parent == "base"


def test_saving_looks_for_the_parent_first(base: checkpoint.Saved, checkpoints: Path, tmp_path: Path) -> None:
    """What could not be loaded afterwards is not written, and what lay there stays."""
    assert parent_refusal(checkpoints / "child", base) is None
    assert "stands on itself" in str(parent_refusal(checkpoints / "base", base))
    with pytest.raises(CheckpointError, match="stands on itself"):
        save_toy(checkpoints / "base", parent=base)
    assert load("base").digest == base.digest
    save_toy(tmp_path / "elsewhere" / "far")
    with pytest.raises(CheckpointError, match="stands on 'far', which lies neither"):
        save_toy(checkpoints / "child", parent=load(tmp_path / "elsewhere" / "far"))
    save_toy(checkpoints / "base", settings={"another": 1})
    with pytest.raises(CheckpointError, match=f"of digest {base.digest}, but"):
        save_toy(checkpoints / "child", parent=base)
    assert not (checkpoints / "child").exists()


def test_three_parents_are_read_and_a_fourth_is_refused(base: checkpoint.Saved, checkpoints: Path) -> None:
    for number in range(3):
        tensors = {**base.tensors, f"own-{number}": np.full(2, number), "bias": base.tensors["bias"] + np.float16(number)}
        save_toy(checkpoints / f"child-{number}", tensors=tensors, parent=base, delta=["bias"])
        base = load(f"child-{number}")
        assert base.tensors.keys() == tensors.keys()
        np.testing.assert_array_equal(base.tensors["bias"], tensors["bias"])
    with pytest.raises(CheckpointError, match="more than 3 others"):
        save_toy(checkpoints / "child-3", tensors=base.tensors, parent=base)


def test_parent_and_child_may_be_packed(base: checkpoint.Saved, checkpoints: Path) -> None:
    stand_on_parent_of = checkpoints / "toy"
    save_toy(stand_on_parent_of)
    shutil.rmtree(checkpoints / "base")
    stand_on_parent(stand_on_parent_of)
    before = load("toy")
    for name in ("toy", "base"):
        pack(name)
        after = load("toy")
        assert after.digest == before.digest
        for tensor, array in before.tensors.items():
            np.testing.assert_array_equal(after.tensors[tensor], array)


def test_another_kind_may_have_a_parent_of_its_kind(base: checkpoint.Saved, checkpoints: Path) -> None:
    parts: dict[str, Any] = {"model": "words", "settings": {}, "labels": None, "kind": "language-model"}
    tensors = {"a": np.arange(3, dtype=np.float32)}
    save(checkpoints / "first", tensors=tensors, **parts)
    parent = load("first", "language-model")
    save(checkpoints / "second", tensors={**tensors, "b": np.zeros(1)}, parent=parent, **parts)
    found = load("second", "language-model")
    assert (found.parent, sorted(found.tensors), found.files) == ("first", ["a", "b"], {})
    with pytest.raises(CheckpointError, match="'base' is a classifier, not a language-model"):
        save(checkpoints / "third", tensors=tensors, parent=base, **parts)


@pytest.mark.parametrize("kind", ["xml-cnn", "mach"])
def test_a_model_saved_with_a_parent_scores_the_same(kind: str, checkpoints: Path, tiny_model: Callable[[str], Any]) -> None:
    """Some tensors changed, as fine-tuning changes them: whole the scores stay to the bit, as differences nearly."""
    trained = tiny_model(kind)
    parts = {"model": kind, "settings": trained.settings(), "labels": trained.labels, "files": trained.files()}
    tensors: Tensors = trained.tensors()
    save(checkpoints / "base", tensors=tensors, **parts)
    parent = load("base")
    halves = [name for name, array in tensors.items() if array.dtype == np.float16]
    rng = np.random.default_rng(0)
    tuned = {name: (tensors[name] + rng.normal(0, 0.05, tensors[name].shape)).astype(np.float32) for name in halves[:2]}
    save(checkpoints / "alone", tensors={**tensors, **tuned}, **parts)
    save(checkpoints / "whole", tensors={**tensors, **tuned}, parent=parent, **parts)
    save(checkpoints / "difference", tensors={**tensors, **tuned}, parent=parent, delta=halves, **parts)
    texts = tiny_models.dataset().split("test").texts
    assert texts is not None
    expected = models.load("alone").score(texts)
    assert np.abs(expected - models.load("base").score(texts)).max() > 1e-3
    np.testing.assert_array_equal(models.load("whole").score(texts), expected)
    np.testing.assert_allclose(models.load("difference").score(texts), expected, atol=1e-3)
    assert set(stored(checkpoints / "difference")) == set(tuned)
    size = {name: (checkpoints / name / PLAIN).stat().st_size for name in ("base", "alone", "whole", "difference")}
    assert size["difference"] < size["whole"] < size["alone"]
