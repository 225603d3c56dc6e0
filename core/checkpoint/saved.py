"""What a checkpoint holds once it is read: tensors, texts, settings and labels, from which a model is built."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from core.errors import CheckpointError, InputError
from core.labels import LabelSpace
from core.types import IntArray


@dataclass(frozen=True)
class Saved:
    """A checkpoint as read from its folder, before any model is built."""

    name: str
    model: str
    digest: str
    settings: dict[str, Any]
    labels: LabelSpace
    tensors: dict[str, NDArray[Any]]
    files: dict[str, str]
    config: dict[str, Any]
    parent: str = ""
    """The name of the checkpoint it stands on, "" without one."""

    def tensor(self, name: str, shape: tuple[int | None, ...]) -> NDArray[Any]:
        """A tensor of the expected shape (None = any length). CheckpointError names what is missing or misshapen."""
        if name not in self.tensors:
            raise CheckpointError(f"checkpoint '{self.name}' has no tensor '{name}'; train it again or fetch a whole copy")
        found = self.tensors[name]
        fits = found.ndim == len(shape) and all(want in (None, have) for want, have in zip(shape, found.shape, strict=True))
        if not fits:
            raise CheckpointError(f"checkpoint '{self.name}': tensor '{name}' has shape {found.shape}, expected {shape}")
        if found.dtype.kind not in "fiu":
            raise CheckpointError(f"checkpoint '{self.name}': tensor '{name}' is {found.dtype.name}, expected numbers")
        if found.dtype.kind == "f" and not np.isfinite(found).all():
            raise CheckpointError(f"checkpoint '{self.name}': tensor '{name}' holds values that are not finite")
        return found

    def ids(self, name: str, shape: tuple[int | None, ...], below: int) -> IntArray:
        """A tensor of whole numbers in 0..below-1. What is used as an index must come through here: compiled code that is
        given an index past the end reads or writes foreign memory."""
        found = self.tensor(name, shape)
        if found.dtype.kind not in "iu":
            raise CheckpointError(f"checkpoint '{self.name}': tensor '{name}' is {found.dtype.name}, expected whole numbers")
        if found.size and (int(found.min()) < 0 or int(found.max()) >= below):
            raise CheckpointError(f"checkpoint '{self.name}': tensor '{name}' holds a number outside 0..{below - 1}")
        return found.astype(np.int64)

    def sparse(self, data: str, columns: str, counts: str, shape: tuple[int, int]) -> sparse.csr_array:
        """A sparse matrix from three tensors: the values row by row, their columns, and how many each row has."""
        rows, width = shape
        values = self.tensor(data, (None,)).astype(np.float32)
        places = self.ids(columns, (len(values),), below=width)
        each = self.ids(counts, (rows,), below=width + 1)
        if each.sum() != len(values):
            raise CheckpointError(f"checkpoint '{self.name}': tensor '{counts}' counts {each.sum():,} values, but '{data}' holds {len(values):,}")
        return sparse.csr_array((values, places, np.concatenate([[0], np.cumsum(each)])), shape=shape)

    def file(self, name: str) -> str:
        if name not in self.files:
            raise CheckpointError(f"checkpoint '{self.name}' has no file '{name}'; train it again or fetch a whole copy")
        return self.files[name]


def labels_text(labels: LabelSpace) -> str:
    """One label a line: training count, tab, name (JSON string, so that any name survives)."""
    return "".join(f"{count}\t{json.dumps(name, ensure_ascii=False)}\n" for name, count in zip(labels.names, labels.counts, strict=True))


def parse_labels(text: str, documents: int, name: str) -> LabelSpace:
    """The labels of checkpoint `name`, from what `labels_text` wrote. CheckpointError names the line that is wrong."""
    names, counts = [], []
    for number, line in enumerate(text.split("\n"), 1):
        if line:
            try:
                count, quoted = line.split("\t", 1)
                label = json.loads(quoted)
                if not isinstance(label, str):
                    raise ValueError("a label's name is a JSON string")
                names.append(label)
                counts.append(int(count))
            except (ValueError, RecursionError) as error:
                raise CheckpointError(f"checkpoint '{name}': labels.tsv, line {number} is not 'count<TAB>\"name\"'") from error
    try:
        return LabelSpace.of(names, counts, documents)
    except InputError as error:
        raise CheckpointError(f"checkpoint '{name}': {error}") from error
    except OverflowError as error:
        raise CheckpointError(f"checkpoint '{name}': labels.tsv: label counts must lie in 0..{documents}") from error
