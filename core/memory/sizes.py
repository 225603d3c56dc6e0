"""How much memory a value takes: arrays, sparse matrices, tensors and modules by their buffers, each counted once, and Python's own objects.

What belongs to everybody (modules, classes, functions) is not counted, nor what another part of the program holds for it (`Uncounted`). Not seen is
memory that a compiled library hides behind an object, such as the vocabulary of a tokeniser.
"""

from __future__ import annotations

import gc
import sys
from dataclasses import dataclass
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import numpy as np

TRACKED = 4_096
"""Buffers of at least so many bytes are told apart, so that two values that share one are not counted twice."""


class Uncounted:
    """What is passed over where another value refers to it: a base class for what is kept, and counted, by itself."""


_PASSED_OVER = (type, ModuleType, FunctionType, BuiltinFunctionType, Uncounted)


@dataclass(frozen=True)
class Size:
    """Bytes of its own, and the large buffers that it may share with others: where they lie -> bytes."""

    plain: int
    buffers: dict[int, int]

    @property
    def total(self) -> int:
        return self.plain + sum(self.buffers.values())


def measured(value: Any) -> Size:
    """The size of a value and of all that it refers to."""
    torch = sys.modules.get("torch")
    tensor = torch.Tensor if torch is not None else ()
    plain, buffers = 0, {}
    seen: set[int] = set()
    waiting = [value]
    while waiting:
        one = waiting.pop()
        # type(one), not isinstance: a class may be claimed (see core.memory.handle).
        if id(one) in seen or (one is not value and issubclass(type(one), _PASSED_OVER)):
            continue
        seen.add(id(one))
        place = _buffer(one, tensor)
        if place is None:
            plain += sys.getsizeof(one, 64)
        elif place[1] >= TRACKED:
            buffers[place[0]] = place[1]
        elif place[0] not in seen:
            seen.add(place[0])
            plain += place[1]
        waiting += gc.get_referents(one)
    return Size(plain, buffers)


def _buffer(one: Any, tensor: Any) -> tuple[int, int] | None:
    """Where the memory of an array or tensor lies, and its bytes, of whatever part of it a view shows; None for any other object."""
    if issubclass(type(one), np.ndarray):
        while isinstance(one.base, np.ndarray):
            one = one.base
        return one.__array_interface__["data"][0], max(one.nbytes, 1)
    if tensor and issubclass(type(one), tensor):
        if one.layout != sys.modules["torch"].strided:
            return id(one), one.element_size() * one._nnz() if one.is_sparse else 0
        storage = one.untyped_storage()
        return storage.data_ptr(), storage.nbytes()
    return None
