"""Streamed documents become a Dataset: ids in compact arrays, label and feature numbering settled at the end."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from scipy import sparse

from core.data.dataset import Dataset, Split
from core.errors import DataError
from core.types import IntArray

MAX_LABELS = 5_000_000
"""The largest public set (Amazon-3M) has 2.8 million. A broken id must not make us name a million million labels."""

MAX_FEATURES = 2**31 - 1
MAX_FLOAT = float(np.finfo(np.float32).max)
Place = tuple[Path, int]


class Rows:
    """Rows of ids, each perhaps with a value: 8 and 4 bytes an entry. Remembers the range of the ids and where the highest stood,
    which tells ids from 0 from ids from 1 and names the broken line."""

    def __init__(self) -> None:
        self.ids = array("q")
        self.values = array("f")
        self.ends = array("q", [0])
        self.low: int | None = None
        self.high = -1
        self.high_at: Place | None = None

    def __len__(self) -> int:
        return len(self.ends) - 1

    def add(self, ids: Sequence[int], place: Place, values: Sequence[float] | None = None) -> None:
        """One row. DataError for a negative or absurd id and for a value that no float32 holds."""
        if ids:
            low, high = min(ids), max(ids)
            if low < 0 or high > MAX_FEATURES:
                raise DataError(f"id {low if low < 0 else high} is out of range: ids go from 0 to {MAX_FEATURES:,}", *place)
            self.low = low if self.low is None else min(self.low, low)
            if high > self.high:
                self.high, self.high_at = high, place
            self.ids.extend(ids)
        if values is not None:
            if not all(-MAX_FLOAT <= value <= MAX_FLOAT for value in values):
                raise DataError("a value is not finite", *place)
            self.values.extend(values)
        self.ends.append(len(self.ids))

    def matrix(self, width: int, base: int = 0) -> sparse.csr_array:
        """[rows, width] in CSR with sorted ids; entries that repeat in a row are summed."""
        data = np.array(self.values, dtype=np.float32) if len(self.values) else np.ones(len(self.ids), dtype=np.float32)
        ids = np.array(self.ids, dtype=np.int64) - base
        found = sparse.csr_array((data, ids, np.array(self.ends, dtype=np.int64)), shape=(len(self), width))
        found.sum_duplicates()
        return found


def numbering(parts: Iterable[Rows], width: int | None, what: str, limit: int) -> tuple[int, int, tuple[str, ...]]:
    """(first id, number of ids, notes) of the ids in all splits, `width` being what a header or a list of names promises.

    Ids start at 1 if 0 never occurs and either the width itself occurs or no width is known.
    """
    used = [part for part in parts if part.low is not None]
    low = min((part.low for part in used if part.low is not None), default=0)
    highest = max(used, key=lambda part: part.high, default=None)
    high, place = (highest.high, highest.high_at) if highest is not None else (-1, None)
    where = place or (None, None)
    base = int(low >= 1 and used != [] and (width is None or high == width))
    count = high - base + 1 if width is None else width
    if high - base >= count:
        raise DataError(f"{what} id {high} is out of range: there are {count:,} {what}s" + (", numbered from 0" if low == 0 else ""), *where)
    if count > limit:
        raise DataError(f"{count:,} {what}s are more than the {limit:,} that are read: is the id or the header broken?", *where)
    return base, count, (f"{what} ids start at 1 in the files",) if base else ()


class Names:
    """Label names as they come, numbered by first appearance until `by_spelling` or `by_number` orders them."""

    def __init__(self) -> None:
        self.place: dict[str, int] = {}
        self._seen_at: list[Place] = []

    def ids(self, names: Iterable[str], place: Place) -> list[int]:
        found = [self.place.setdefault(name, len(self.place)) for name in map(readable, names)]
        if len(self.place) > len(self._seen_at):
            self._seen_at += [place] * (len(self.place) - len(self._seen_at))
        return found

    def by_spelling(self, naming: Mapping[str, str] | None = None) -> tuple[tuple[str, ...], IntArray]:
        """Names in order (numbers by value, else by spelling) and the place of each id among them; `naming` renames first."""
        raw = list(self.place)
        shown = unique([(naming or {}).get(name, name) for name in raw], raw)
        numeric = all(name.isascii() and name.isdecimal() and len(name) <= 18 for name in shown)
        order = sorted(range(len(shown)), key=lambda i: (int(shown[i]) if numeric else 0, shown[i]))
        places = np.empty(len(order), dtype=np.int64)
        places[order] = np.arange(len(order))
        return tuple(shown[i] for i in order), places

    def by_number(self, known: Sequence[str]) -> tuple[tuple[str, ...], IntArray, tuple[str, ...]]:
        """The known names, the place of each id among them, and notes, the names read so far being numbers of known names."""
        numbers = Rows()
        for name, place in zip(self.place, self._seen_at, strict=True):
            numbers.add([int(name)], place)
        base, _, notes = numbering([numbers], len(known), "label", MAX_LABELS)
        return tuple(unique(known)), np.array(numbers.ids, dtype=np.int64) - base, notes


def readable(text: str) -> str:
    """Text that UTF-8 can hold: lone surrogates, which JSON can spell, become U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def unique(names: Sequence[str], ids: Sequence[str] | None = None) -> list[str]:
    """Names that all differ, white space evened out: a name that is shared or empty gets its id behind it, "Paris [17]"."""
    names = [" ".join(name.split()) for name in names]
    times = Counter(names)
    taken = {name for name, count in times.items() if count == 1 and name}
    found = []
    for i, name in enumerate(names):
        if times[name] > 1 or not name:
            name = f"{name} [{ids[i] if ids else i}]".strip()
            while name in taken:
                name += "'"
            taken.add(name)
        found.append(name)
    return found


@dataclass
class _Part:
    """One split as far as it is read."""

    ids: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    labels: Rows = field(default_factory=Rows)
    features: Rows = field(default_factory=Rows)


class Gather:
    """Collects documents in any order of splits. A document is added with its labels' ids and its text, its features or both."""

    def __init__(self) -> None:
        self.parts: dict[str, _Part] = {}

    def part(self, split: str) -> _Part:
        return self.parts.setdefault(split, _Part())

    def add(
        self, split: str, place: Place, labels: Sequence[int], text: str | None = None, id: str | None = None,
        features: tuple[Sequence[int], Sequence[float]] | None = None,
    ) -> None:  # fmt: skip
        """One document; without `id` it is named by its number in the split, from 1."""
        part = self.part(split)
        part.labels.add(labels, place)
        if text is not None:
            part.texts.append(readable(text))
        if features is not None:
            part.features.add(features[0], place, features[1])
        part.ids.append(readable(id) if id is not None else str(len(part.ids) + 1))

    def by_id(self, name: str, width: int | None, known: Sequence[str] | None = None, features: int | None = None) -> Dataset:
        """The data set, label ids being columns: `width` labels if a header says so, `known` names if a file gives them."""
        if known is not None and width is not None and len(known) != width:
            raise DataError(f"{name}: {len(known):,} label names for {width:,} labels")
        width = len(known) if known is not None else width
        base, count, notes = numbering((part.labels for part in self.parts.values()), width, "label", MAX_LABELS)
        names = tuple(unique(known)) if known is not None else tuple(str(i + base) for i in range(count))
        return self._made(name, names, {split: part.labels.matrix(count, base) for split, part in self.parts.items()}, notes, features)

    def by_name(self, name: str, names: Names, naming: Mapping[str, str] | None = None, known: Sequence[str] | None = None) -> Dataset:
        """The data set, label ids being those that `names` gave; with `known`, those stand for numbers of known names."""
        notes: tuple[str, ...] = ()
        if known is None:
            ordered, places = names.by_spelling(naming)
        else:
            ordered, places, notes = names.by_number(known)
        for part in self.parts.values():
            part.labels.ids = array("q", places[np.array(part.labels.ids, dtype=np.int64)].tobytes())
        return self._made(name, ordered, {split: part.labels.matrix(len(ordered)) for split, part in self.parts.items()}, notes, None)

    def _made(
        self, name: str, labels: tuple[str, ...], truth: Mapping[str, sparse.csr_array], notes: tuple[str, ...], features: int | None
    ) -> Dataset:
        base = width = 0
        if any(len(part.features) for part in self.parts.values()):
            base, width, more = numbering((part.features for part in self.parts.values()), features, "feature", MAX_FEATURES)
            notes += more
        splits = {}
        repeats = empty = 0
        for split, part in self.parts.items():
            repeats += int((truth[split].data - 1).sum())
            empty += int((np.diff(truth[split].indptr) == 0).sum())
            truth[split].data[:] = 1
            vectors = part.features.matrix(width, base) if len(part.features) else None
            splits[split] = Split(tuple(part.ids), truth[split], tuple(part.texts) if part.texts or vectors is None else None, vectors)
        if repeats:
            notes += (f"{repeats:,} repeated labels within a document were merged",)
        if empty:
            notes += (f"{empty:,} documents have no label",)
        return Dataset(name, labels, splits, notes=notes)


def noted(dataset: Dataset, *notes: str) -> Dataset:
    """The data set with more notes."""
    return replace(dataset, notes=(*dataset.notes, *notes))
