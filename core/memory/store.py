"""What is kept in memory for the next who asks: one store, bounded by bytes, from which the least recently used goes first.

Models, data sets, studies and results lie in it side by side, each with its size as measured. What was dropped but is still used elsewhere (by
a script that runs, say) is remembered weakly: it counts towards the bound until it is gone, and who asks again gets it instead of a second copy.
"""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import re
import sys
import threading
import weakref
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

from core.errors import SettingsError
from core.memory.sizes import Size, Uncounted, measured

T = TypeVar("T")

SETTING = "TREMOR_MEMORY"
SHARE = 0.25
"""Of the machine's memory, where nothing was set: torch, the trainings and everybody else's programs need the rest."""
YOUNG, SMALL = 16, 2**20
"""So many of the last used entries of at most so many bytes stay whatever the bound: a page that puts a result takes it in the next line."""
WORTH = 8 * 2**20
"""Bytes dropped, from which on the allocator is asked to give its free memory back: that takes tens of milliseconds."""
ENTRY = 400
"""Bytes of the store's own for an entry."""
_UNITS = {"": 1, "B": 1, **{f"{letter}{i}B": base**n for i, base in (("", 1000), ("I", 1024)) for n, letter in enumerate("KMGT", 1)}}


class _Entry(NamedTuple):
    value: Any
    size: Size


class _Lent(NamedTuple):
    """What was dropped, and may be alive elsewhere."""

    value: weakref.ref[Any]
    size: Size


class Store(Uncounted):
    """Values by key, at most `limit` bytes of them. Safe for threads. The key's first part says what kind of thing it is."""

    def __init__(self, limit: int, released: Callable[[], None] | None = None) -> None:
        self.limit = limit
        self._released = released if released is not None else give_back
        self._kept: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._lent: dict[Hashable, _Lent] = {}
        self._plain = 0
        self._buffers: Counter[int] = Counter()
        self._shared = 0
        self._lock = threading.RLock()
        self._making: dict[Hashable, list[Any]] = {}

    @property
    def bytes(self) -> int:
        """What is kept, and what was dropped but is still used."""
        with self._lock:
            self._forget_gone()
            return self._plain + self._shared

    def kinds(self) -> dict[str, tuple[int, int]]:
        """Kind -> number and bytes of what is kept; what entries share counts for each."""
        found: dict[str, tuple[int, int]] = {}
        with self._lock:
            for key, entry in self._kept.items():
                kind = str(key[0] if isinstance(key, tuple) and key else key)
                number, total = found.get(kind, (0, 0))
                found[kind] = (number + 1, total + entry.size.total)
        return found

    def get(self, key: Hashable) -> Any:
        """The value, or None."""
        with self._lock:
            if (entry := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                return entry.value
            lent = self._lent.get(key)
            value = None if lent is None else lent.value()
            if lent is None or value is None or lent.size.total > self.limit:
                return value
            del self._lent[key]
            self._kept[key] = _Entry(value, lent.size)
            dropped = self._make_room()
        if dropped >= WORTH:
            self._released()
        return value

    def put(self, key: Hashable, value: Any) -> None:
        """Keep a value, as the last used one. One larger than the bound is not kept, but found while somebody uses it."""
        size = measured(value)
        with self._lock:
            self._take_out(key)
            self._add(size)
            if size.total > self.limit and size.total > SMALL:
                logging.getLogger("tremor").warning(
                    "%s takes %.0f MB, more than the %.0f MB that may be kept: it is made anew each time. %s sets the bound.",
                    key, size.total / 1e6, self.limit / 1e6, SETTING,
                )  # fmt: skip
                self._lend(key, _Entry(value, size))
                dropped = 0
            else:
                self._kept[key] = _Entry(value, size)
                dropped = self._make_room()
        if dropped >= WORTH:
            self._released()

    def made(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value, made by the first who asks; others wait for it. `make` must not wait for what another thread may hold. What raises is
        not kept."""
        found = self.get(key)
        if found is None:
            with self._alone(key):
                found = self.get(key)
                if found is None:
                    found = make()
                    self.put(key, found)
        return cast("T", found)

    def count(self, key: Hashable, value: Any) -> None:
        """Count what somebody else holds, as it is now, until it is gone: a visitor's attack, say. Makes room for it."""
        with self._lock:
            self._take_out(key)
            size = measured(value)
            self._add(size)
            self._lend(key, _Entry(value, size))
            dropped = self._make_room()
        if dropped >= WORTH:
            self._released()

    def drop(self, fits: Callable[[Any], bool] = lambda key: True) -> None:
        """Drop what has a fitting key."""
        with self._lock:
            for key in [key for key in (*self._kept, *self._lent) if fits(key)]:
                self._take_out(key)

    # -- all below is called under the lock

    @contextmanager
    def _alone(self, key: Hashable) -> Iterator[None]:
        with self._lock:
            turn = self._making.setdefault(key, [threading.RLock(), 0])
            turn[1] += 1
        try:
            with turn[0]:
                yield
        finally:
            with self._lock:
                turn[1] -= 1
                if not turn[1]:
                    self._making.pop(key, None)

    def _make_room(self) -> int:
        """Drop the least recently used until the bound is kept; returns the bytes that became free."""
        self._forget_gone()
        before = self._plain + self._shared
        if before <= self.limit:
            return 0
        young = [key for key, entry in self._kept.items() if entry.size.total <= SMALL][-YOUNG:]
        for key in [key for key in self._kept if key not in set(young)]:
            if self._plain + self._shared <= self.limit:
                break
            entry = self._kept.pop(key)
            self._lend(key, entry)
            del entry
            self._forget_gone()
        return before - self._plain - self._shared

    def _lend(self, key: Hashable, entry: _Entry) -> None:
        """Remember it weakly, as long as it is counted; what cannot be is taken for gone."""
        try:
            self._lent[key] = _Lent(weakref.ref(entry.value), entry.size)
        except TypeError:
            self._remove(entry.size)

    def _forget_gone(self) -> None:
        for key in [key for key, lent in self._lent.items() if lent.value() is None]:
            self._remove(self._lent.pop(key).size)

    def _take_out(self, key: Hashable) -> None:
        for found in (self._kept.pop(key, None), self._lent.pop(key, None)):
            if found is not None:
                self._remove(found.size)

    def _add(self, size: Size) -> None:
        self._plain += size.plain + ENTRY
        for buffer, length in size.buffers.items():
            self._buffers[buffer] += 1
            if self._buffers[buffer] == 1:
                self._shared += length

    def _remove(self, size: Size) -> None:
        self._plain -= size.plain + ENTRY
        for buffer, length in size.buffers.items():
            self._buffers[buffer] -= 1
            if not self._buffers[buffer]:
                del self._buffers[buffer]
                self._shared -= length


@cache
def shared() -> Store:
    """This process's one store. SettingsError for a setting that is no size."""
    settle_allocator()
    return Store(limit())


def limit() -> int:
    """Bytes that may be kept: TREMOR_MEMORY ("2GB", "500 MiB"), else a quarter of the memory that this process may use."""
    said = os.environ.get(SETTING, "").strip()
    if not said:
        return int(SHARE * machine_memory())
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", said)
    unit = _UNITS.get(found[2].upper()) if found else None
    if found is None or unit is None or not float(found[1]):
        raise SettingsError(f"{SETTING} is '{said}', which is no size; write a number above 0 and a unit, such as 2GB or 500MiB")
    return int(float(found[1]) * unit)


def machine_memory(root: Path = Path("/")) -> int:
    """The smaller of the machine's memory and the limits of this process's control groups (version 2, and 1)."""
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    top = root / "sys/fs/cgroup"
    places = [top / "memory.max", top / "memory/memory.limit_in_bytes"]
    with suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            own = Path(line.split(":", 2)[2].lstrip("/"))
            places += [top / above / "memory.max" for above in (own, *own.parents)]
            places += [top / "memory" / above / "memory.limit_in_bytes" for above in (own, *own.parents)]
    for place in places:
        with suppress(OSError, ValueError):  # "max" is no limit
            found.append(int(place.read_text()))
    return min(found)


def settle_allocator() -> None:
    """Tell glibc to take large blocks from the system and to give them back: its threshold rises with use, up to 32 MB, and each of a server's
    threads gets a heap of its own, so that the free memory of a model is scattered over them. Elsewhere nothing is done."""
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(-3, 2**18)  # M_MMAP_THRESHOLD
        mallopt(-8, 2)  # M_ARENA_MAX


def give_back() -> None:
    """Free what only cycles hold, and give the allocator's free memory back to the system."""
    gc.collect()
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)
