"""A checkpoint that stands on a parent: what it shares with the parent is not stored again.

config.json names the parent and its digest, and under "inherited" the tensors and text files taken over as they are, and the
tensors stored as a half-precision difference ("delta"). All of it counts for the digest. Loading joins them again, so no
model knows whether its checkpoint has a parent.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from core.errors import CheckpointError

MAX_PARENTS = 3
"""How many checkpoints may stand below one: each costs a whole load."""

Tensors = Mapping[str, NDArray[Any]]
T = TypeVar("T")


@dataclass(frozen=True)
class Origin:
    """What a config.json says of the parent: its folder's name and digest, and the names of what is taken from it."""

    name: str
    digest: str
    tensors: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    delta: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The two entries of config.json."""
        inherited = {"tensors": list(self.tensors), "files": list(self.files), "delta": list(self.delta)}
        return {"parent": {"name": self.name, "digest": self.digest}, "inherited": inherited}

    @classmethod
    def of(cls, config: Mapping[str, Any], name: str) -> Origin | None:
        """The parent that the config of checkpoint `name` tells of; None without one. CheckpointError for entries of another form."""
        parent, inherited = config.get("parent"), config.get("inherited")
        if parent is None and inherited is None:
            return None
        told = isinstance(parent, dict) and all(isinstance(parent.get(key), str) for key in ("name", "digest"))
        if not (told and isinstance(inherited, dict) and all(_names(inherited.get(key)) for key in ("tensors", "files", "delta"))):
            raise CheckpointError(
                f"checkpoint '{name}': config.json needs 'parent' with a name and a digest, and 'inherited' with the lists tensors, files and "
                f"delta; fetch a whole copy"
            )
        assert isinstance(parent, dict)
        return cls(parent["name"], parent["digest"], *(tuple(inherited[key]) for key in ("tensors", "files", "delta")))


def _names(found: object) -> bool:
    return isinstance(found, list) and all(isinstance(name, str) for name in found)


def divide_tensors(tensors: Tensors, parent: Tensors, delta: Collection[str], of: str) -> tuple[dict[str, NDArray[Any]], list[str], list[str]]:
    """What is stored of the tensors, the names of those inherited, and the names of those stored as a difference.

    A tensor of the parent's type, shape and bytes is inherited, also where `delta` names it. `of` is the parent's name.
    CheckpointError where a difference cannot be formed.
    """
    if unknown := sorted(set(delta) - tensors.keys()):
        raise CheckpointError(f"delta names '{unknown[0]}', but no such tensor is saved; known are {', '.join(sorted(tensors)[:8])}")
    inherited = sorted(name for name, array in tensors.items() if name in parent and _same(array, parent[name]))
    differences = sorted(set(delta) - set(inherited))
    stored = {name: np.asarray(tensors[name]) for name in tensors.keys() - {*inherited, *differences}}
    for name in differences:
        if name not in parent:
            raise CheckpointError(f"delta names tensor '{name}', which parent '{of}' lacks; leave it out of delta to store it whole")
        stored[name] = _difference(name, np.asarray(tensors[name]), parent[name], of)
    return stored, inherited, differences


def _same(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Bytes, not values: 0 and -0, or two kinds of NaN, are not the same file."""
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()


def _difference(name: str, array: NDArray[Any], base: NDArray[Any], of: str) -> NDArray[np.float16]:
    if array.shape != base.shape:
        raise CheckpointError(f"tensor '{name}' has shape {array.shape}, in parent '{of}' {base.shape}; leave it out of delta to store it whole")
    if array.dtype.kind != "f" or base.dtype.kind != "f":
        raise CheckpointError(f"tensor '{name}' is {array.dtype.name}, in parent '{of}' {base.dtype.name}; only floating tensors go into delta")
    with np.errstate(over="ignore", invalid="ignore"):  # found below, as what is not finite
        found = (array.astype(np.float32) - base.astype(np.float32)).astype(np.float16)
    if not np.isfinite(found).all():
        raise CheckpointError(f"the difference of tensor '{name}' to parent '{of}' does not fit in half precision; leave it out of delta")
    return found


def join_tensors(stored: Tensors, parent: Tensors, origin: Origin, name: str) -> dict[str, NDArray[Any]]:
    """The tensors of checkpoint `name`: its own, the parent's that it inherits, and as float32 the parent's plus the difference."""
    whole = {**stored, **_inherited(stored, parent, origin.tensors, origin, name)}
    for tensor in origin.delta:
        if tensor not in stored or tensor not in parent:
            where = f"checkpoint '{name}'" if tensor not in stored else f"its parent '{origin.name}'"
            raise CheckpointError(f"checkpoint '{name}': {where} lacks the tensor '{tensor}' of a difference; fetch whole copies of both")
        base, difference = parent[tensor], stored[tensor]
        if base.shape != difference.shape or base.dtype.kind != "f" or difference.dtype.kind != "f":
            raise CheckpointError(
                f"checkpoint '{name}': the difference '{tensor}' is {difference.dtype.name} {difference.shape}, in the parent '{origin.name}' "
                f"{base.dtype.name} {base.shape}; fetch whole copies of both"
            )
        with np.errstate(over="ignore", invalid="ignore"):  # `Saved.tensor` refuses what is not finite
            whole[tensor] = base.astype(np.float32) + difference.astype(np.float32)
    return whole


def join_texts(stored: Mapping[str, str], parent: Mapping[str, str], origin: Origin, name: str) -> dict[str, str]:
    """The text files of checkpoint `name`: its own and the parent's that it inherits."""
    return {**stored, **_inherited(stored, parent, origin.files, origin, name)}


def _inherited(stored: Mapping[str, T], parent: Mapping[str, T], wanted: Collection[str], origin: Origin, name: str) -> dict[str, T]:
    for each in wanted:
        if each in stored:
            raise CheckpointError(f"checkpoint '{name}' stores '{each}' and inherits it too, so nobody knows which counts; fetch a whole copy")
        if each not in parent:
            raise CheckpointError(f"checkpoint '{name}' inherits '{each}', which its parent '{origin.name}' lacks; fetch whole copies of both")
    return {each: parent[each] for each in wanted}
