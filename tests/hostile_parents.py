"""Checkpoints that stand on a parent, as an attacker or a bad disk would leave them. Like tests.hostile: each a function that
spoils a good folder named "toy", with what must be said."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from core.checkpoint import load, save
from tests import hostile
from tests.hostile import Spoil


def stand_on_parent(folder: Path) -> Path:
    """Make a checkpoint the child of a copy of itself, "base": its bias is a difference, all else is inherited."""
    base = folder.with_name("base")
    shutil.copytree(folder, base)
    parent = load(base)
    save(
        folder, model=parent.model, settings=parent.settings, labels=parent.labels, files=parent.files,
        tensors={**parent.tensors, "bias": parent.tensors["bias"] + 1}, parent=parent, delta=["bias"],
    )  # fmt: skip
    return base


def _child(spoil: Callable[[Path, Path], None]) -> Spoil:
    """What spoils a child, given it and its parent."""
    return lambda folder: spoil(folder, stand_on_parent(folder))


def _inherits(**changes: list[Any]) -> Spoil:
    """A child whose lists of what it inherits are others, with a digest that fits."""

    def spoil(folder: Path) -> None:
        stand_on_parent(folder)
        inherited = json.loads((folder / "config.json").read_text(encoding="utf-8"))["inherited"]
        hostile.edit_config(folder, inherited=inherited | changes)

    return spoil


def _entry(**changes: Any) -> Spoil:
    return _child(lambda folder, base: hostile.edit_config(folder, **changes))


def _deep(folder: Path) -> None:
    """Four parents, one on another, each digest fitting."""
    below = stand_on_parent(folder)
    above: list[Path] = []
    for number in range(3):
        shutil.copytree(below, below.with_name(f"base-{number}"))
        above.append(below.with_name(f"base-{number}"))
    for child, parent in ((above[1], above[0]), (above[2], above[1]), (below, above[2]), (folder, below)):
        digest = json.loads((parent / "config.json").read_text(encoding="utf-8"))["digest"]
        changes = {} if child == folder else {"inherited": {"tensors": [], "files": [], "delta": []}}
        hostile.edit_config(child, parent={"name": parent.name, "digest": digest}, **changes)


def _other_parent(folder: Path, base: Path) -> None:
    hostile.edit_config(base, settings={"another": 1})


def _cycle(folder: Path, base: Path) -> None:
    inherited = {"tensors": [], "files": [], "delta": []}
    hostile.edit_config(base, parent={"name": "toy", "digest": "0" * 16}, inherited=inherited)
    digest = json.loads((base / "config.json").read_text(encoding="utf-8"))["digest"]
    hostile.edit_config(folder, parent={"name": "base", "digest": digest})


def _unsigned_inheritance(folder: Path, base: Path) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["inherited"]["tensors"].remove("weights")
    path.write_text(json.dumps(config), encoding="utf-8")


def _weights_as_a_file(folder: Path, base: Path) -> None:
    """Weights under no sum at all."""
    inherited = json.loads((folder / "config.json").read_text(encoding="utf-8"))["inherited"]
    hostile.edit_config(folder, files={}, inherited=inherited | {"files": [*inherited["files"], "model.safetensors"]})


HOSTILE_PARENTS: dict[str, tuple[Spoil, str]] = {
    "parent missing": (_child(lambda folder, base: shutil.rmtree(base)), "stands on 'base', which lies neither beside it nor in"),
    "parent of another digest": (_child(_other_parent), "stands on 'base' of digest [0-9a-f]{16}, but .*base has [0-9a-f]{16}; fetch the one"),
    "parent with a bit flipped": (
        _child(lambda folder, base: hostile.flip_bit(base)),
        "'toy' stands on 'base': checkpoint 'base': .* SHA-256 differs",
    ),
    "parent with a pickle": (
        _child(lambda folder, base: (base / "weights.pkl").write_bytes(b"")),
        "'toy' stands on 'base': .*a format that can run code",
    ),
    "parent of no format": (_child(lambda folder, base: (base / "config.json").write_text("[]")), "'toy' stands on 'base': .*is format None"),
    "parent of another kind": (
        _child(lambda folder, base: hostile.edit_config(base, kind="language-model")),
        "'toy' stands on 'base': .*is a language-model, not a classifier",
    ),
    "parent out of the folder": (_entry(parent={"name": "../base", "digest": "0" * 16}), r"stands on '\.\./base', which lies neither"),
    "parent of a null byte": (_entry(parent={"name": "a\x00b", "digest": "0" * 16}), "which lies neither"),
    "parent of itself": (_entry(parent={"name": "toy", "digest": "0" * 16}), "stands on itself by way of 'toy'"),
    "parents in a circle": (_child(_cycle), "stands on itself by way of 'base'"),
    "four parents": (_deep, "stands on more than 3 others"),
    "parent of another type": (_entry(parent="base"), "needs 'parent' with a name and a digest"),
    "parent's digest of another type": (_entry(parent={"name": "base", "digest": 5}), "needs 'parent' with a name and a digest"),
    "parent without inheritance": (_entry(inherited=None), "'inherited' with the lists tensors, files and delta"),
    "inheritance without a parent": (lambda folder: hostile.edit_config(folder, inherited={}), "needs 'parent' with a name"),
    "inheritance of numbers": (_inherits(tensors=[1]), "'inherited' with the lists"),
    "inheritance changed": (_child(_unsigned_inheritance), "config.json was changed after saving"),
    "inherited tensor the parent lacks": (_inherits(tensors=["nowhere"]), "inherits 'nowhere', which its parent 'base' lacks"),
    "inherited file the parent lacks": (_inherits(files=["labels.tsv", "config.json"]), "inherits 'config.json', which its parent 'base' lacks"),
    "weights inherited as a file": (_child(_weights_as_a_file), "does not list model.safetensors"),
    "inherited and stored": (_inherits(tensors=["bias"]), "stores 'bias' and inherits it too"),
    "labels neither inherited nor listed": (_inherits(files=["vocabulary.txt"]), "does not list labels.tsv"),
    "difference that is not stored": (_inherits(delta=["bias", "weights"]), "'toy' lacks the tensor 'weights' of a difference"),
    "difference of another shape": (
        _child(lambda folder, base: hostile.change_tensor(folder, "bias", lambda old: old[:1])),
        r"the difference 'bias' is float16 \(1,\), in the parent 'base' float32 \(4,\)",
    ),
    "difference of whole numbers": (
        _child(lambda folder, base: hostile.change_tensor(folder, "bias", lambda old: old.astype(np.int8))),
        "the difference 'bias' is int8",
    ),
}
