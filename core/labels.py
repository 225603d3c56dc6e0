"""The labels of a classifier: names, training counts, and what follows from the counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError

BIN_EDGES = (1, 5, 20, 100, 1_000)
"""Lower edges of the frequency bins that figures are broken down by; below the first lie labels never trained on."""

MOST_PARTS = 1_000
"""Names in a list of more are not looked for across their semicolons, which would take a time quadratic in them."""

HEAD_FROM, TORSO_FROM = 100, 20
"""A label with 100 or more training documents is head, with 20 to 99 torso, with fewer tail."""


@dataclass(frozen=True)
class LabelSpace:
    """L label names, the number of training documents of each, and N, the number of training documents."""

    names: tuple[str, ...]
    counts: NDArray[np.int64]
    documents: int

    def __post_init__(self) -> None:
        if len(self.names) != len(self.counts):
            raise InputError(f"{len(self.names)} label names but {len(self.counts)} counts")
        if len(set(self.names)) != len(self.names):
            raise InputError("label names repeat; each label needs a name of its own")
        if len(self.counts) and (int(self.counts.min()) < 0 or int(self.counts.max()) > max(self.documents, 0)):
            raise InputError(f"label counts must lie in 0..{self.documents}, the number of training documents")

    @classmethod
    def of(cls, names: Sequence[str], counts: Sequence[int] | NDArray[np.int64], documents: int) -> LabelSpace:
        return cls(tuple(names), np.asarray(counts, dtype=np.int64), int(documents))

    def __len__(self) -> int:
        return len(self.names)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, LabelSpace)
            and self.names == other.names
            and self.documents == other.documents
            and bool(np.array_equal(self.counts, other.counts))
        )

    def __hash__(self) -> int:
        return hash((self.names, self.documents))

    @cached_property
    def ids(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.names)}

    def find(self, label: str | int) -> int:
        """A label's id, from its name (text) or its id (a number): text is never an id, because names may be numbers. Raises InputError with
        the nearest names for an unknown one."""
        if isinstance(label, int | np.integer):
            if 0 <= label < len(self):
                return int(label)
            raise InputError(f"there is no label with id {label}: ids go from 0 to {len(self) - 1}")
        if label in self.ids:
            return self.ids[label]
        shown = repr(label if len(label) <= 200 else label[:199] + "…")
        if label.isascii() and label.isdecimal() and len(label) <= 18 and int(label) < len(self):
            raise InputError(
                f"there is no label {shown}; if the label with this id is meant ({self.names[int(label)]!r}), give it as an id: --label-id {label}"
            )
        near = ", ".join(repr(self.names[i]) for i in self.search(label, 3))
        raise InputError(f"there is no label {shown}" + (f"; near it: {near}" if near else ""))

    def chosen(self, wanted: Sequence[str | int]) -> list[int]:
        """Ids of labels by names (text; see `named`) and ids (numbers), each once, in the order wanted."""
        return list(dict.fromkeys(label for one in wanted for label in ([self.find(one)] if isinstance(one, int) else self.named(one))))

    def named(self, text: str) -> list[int]:
        """Ids of the labels that a text names: the label of exactly this name, or else several names separated by semicolons, white space
        around each of them aside. A name may hold semicolons itself: from each place on the longest name is taken. InputError for a part
        that is no name."""
        if text in self.ids:
            return [self.ids[text]]
        parts, found, at = text.split(";"), list[int](), 0
        while at < len(parts):
            ends = (end for end in range(len(parts), at, -1) if ";".join(parts[at:end]).strip() in self.ids)
            end = next(ends, at + 1) if len(parts) <= MOST_PARTS else at + 1
            if name := ";".join(parts[at:end]).strip():
                found.append(self.find(name))
            at = end
        return found

    @cached_property
    def _folded(self) -> list[str]:
        return [name.casefold() for name in self.names]

    def search(self, query: str, limit: int = 50) -> list[int]:
        """Ids of labels whose name holds every word of `query`: names that start with it first, then the more frequent."""
        parts = query.casefold().split()
        whole = query.casefold().strip()
        hits = [i for i, name in enumerate(self._folded) if all(part in name for part in parts)]
        hits.sort(key=lambda i: (not self._folded[i].startswith(whole), -int(self.counts[i]), i))
        return hits[:limit]

    def inverse_propensities(self, a: float = 0.55, b: float = 1.5) -> NDArray[np.float64]:
        """1/p_j = 1 + C (n_j + B)^-A with C = (ln N - 1)(B + 1)^A  [L]  (Jain et al. 2016, eq. 2; n_j is at least 1)."""
        return inverse_propensities(self.counts, self.documents, a, b)

    def bins(self) -> NDArray[np.int64]:
        """The frequency bin of each label [L]: 0 for counts below BIN_EDGES[0], else the number of edges at or below it."""
        return np.searchsorted(np.asarray(BIN_EDGES), self.counts, side="right").astype(np.int64)

    def mark(self, label: int) -> str:
        """'head', 'torso' or 'tail'."""
        count = int(self.counts[label])
        return "head" if count >= HEAD_FROM else "torso" if count >= TORSO_FROM else "tail"


def inverse_propensities(counts: NDArray[np.int64], documents: int, a: float = 0.55, b: float = 1.5) -> NDArray[np.float64]:
    """See LabelSpace.inverse_propensities; here for counts of labels outside any label space."""
    c = (np.log(max(documents, 3)) - 1) * (b + 1) ** a
    found: NDArray[np.float64] = 1 + c * (np.maximum(counts, 1) + b) ** -a
    return found


def bin_name(index: int) -> str:
    """'unseen', '[5, 20)' or '1000 and more'."""
    if index == 0:
        return "unseen" if BIN_EDGES[0] == 1 else f"below {BIN_EDGES[0]}"
    if index == len(BIN_EDGES):
        return f"{BIN_EDGES[-1]} and more"
    return f"[{BIN_EDGES[index - 1]}, {BIN_EDGES[index]})"
