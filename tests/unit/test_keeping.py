"""The store of what is kept, with sizes worked out by hand."""

from __future__ import annotations

import gc
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from core.errors import SettingsError
from core.memory import store as keeping
from core.memory.sizes import Uncounted, measured
from core.memory.store import ENTRY, Store

MB = 2**20


class Thing:
    """What can be referred to weakly, unlike an array in a tuple."""

    def __init__(self, megabytes: float, fill: int = 1) -> None:
        self.array = np.full(int(megabytes * MB), fill, dtype=np.int8)


def store(megabytes: float) -> Store:
    return Store(int(megabytes * MB), released=lambda: None)


def held(one: Store, *names: str) -> list[bool]:
    """Whether they are kept, without using them."""
    return [(name,) in one._kept for name in names]


# -- sizes


@pytest.mark.parametrize(
    ("value", "buffers"),
    [
        (np.zeros((100, 1_000), dtype=np.float32), 400_000),
        (np.zeros((100, 1_000), dtype=np.float32)[:, ::2], 400_000),  # a view holds the whole
        ([np.zeros(10_000)] * 3, 80_000),
        (
            sparse.csr_array((np.ones(5_000, np.float32), np.arange(5_000, dtype=np.int32), np.array([0, 5_000], dtype=np.int32)), shape=(1, 5_000)),
            40_000,
        ),
        ({"a": {"b": (np.zeros(8_192, np.int8),)}}, 8_192),
    ],
)
def test_arrays_are_counted_by_their_memory_and_once(value: Any, buffers: int) -> None:
    found = measured(value)
    assert sum(found.buffers.values()) == buffers
    assert found.total - buffers == found.plain < 4_000


def test_tensors_and_modules_are_counted_once_even_where_shared() -> None:
    import torch

    weight = torch.zeros(1_000, 100)
    assert measured([weight, weight[:10], weight.numpy(), weight.t()]).buffers == {weight.data_ptr(): 400_000}
    one = torch.nn.Linear(1_000, 1_000, bias=False)
    tied = torch.nn.Sequential(one, torch.nn.Linear(1_000, 1_000, bias=False))
    tied[1].weight = one.weight
    assert sum(measured(tied).buffers.values()) == 4_000_000


def test_python_s_own_objects_are_counted_with_what_they_hold() -> None:
    text = "a" * 1_000_000
    assert 1_000_000 < measured(text).total < 1_000_100
    assert measured([text, text, (text,)]).total < 1_000_500
    assert 3_000_000 < measured({name: name * 1_000_000 for name in "abc"}).total < 3_001_000

    class Held(Uncounted):
        def __init__(self) -> None:
            self.array = np.zeros(MB)

    assert measured([Held(), Thing, np, len, test_python_s_own_objects_are_counted_with_what_they_hold]).total < 500
    assert measured(Held()).total > 8 * MB  # by itself it counts


# -- the bound


def test_the_least_recently_used_goes_first() -> None:
    one = store(10)
    for name in "abc":
        one.put((name,), Thing(3))
    assert 9 * MB < one.bytes < 9.1 * MB
    assert one.get(("a",)) is not None
    one.put(("d",), Thing(3))
    assert held(one, *"abcd") == [True, False, True, True]
    one.put(("e",), Thing(9))
    assert held(one, *"abcde") == [False, False, False, False, True]
    assert one.bytes <= 10 * MB
    assert one.kinds() == {"e": (1, one.bytes - ENTRY)}


def test_a_key_put_again_counts_once_and_what_is_dropped_counts_no_more() -> None:
    one = store(10)
    for _ in range(5):
        one.put(("a", 1), Thing(3))
    one.put(("b", 1), Thing(1))
    assert 4 * MB < one.bytes < 4.1 * MB
    one.drop(lambda key: key[0] == "a")
    assert MB < one.bytes < 1.1 * MB
    one.drop()
    assert one.bytes == 0


def test_what_two_share_counts_once() -> None:
    one, array = store(10), np.zeros(4 * MB, np.int8)
    one.put(("a",), [array])
    one.put(("b",), [array[:10]])
    one.put(("c",), Thing(4))
    assert held(one, *"abc") == [True, True, True]
    assert 8 * MB < one.bytes < 8.1 * MB
    one.drop(lambda key: key[0] == "a")
    assert 8 * MB < one.bytes < 8.1 * MB
    one.drop(lambda key: key[0] == "b")
    assert 4 * MB < one.bytes < 4.1 * MB


@pytest.mark.slow
def test_what_is_larger_than_the_bound_is_not_kept_and_pushes_nothing_out(caplog: pytest.LogCaptureFixture) -> None:
    one, large = store(10), Thing(11)
    one.put(("a",), Thing(2))
    one.put(("large",), large)
    assert held(one, "a", "large") == [True, False]
    assert "more than the 10 MB that may be kept" in caplog.text and "TREMOR_MEMORY" in caplog.text
    assert one.get(("large",)) is large  # while somebody uses it, there is no second copy
    del large
    gc.collect()
    assert one.get(("large",)) is None
    assert held(one, "a") == [True]


def test_what_is_dropped_while_it_is_used_is_found_again_and_counts_until_it_is_gone() -> None:
    one, used = store(10), Thing(6)
    one.put(("used",), used)
    one.put(("b",), Thing(6))
    assert held(one, "used", "b") == [False, False]  # what is in use leaves no room for the other
    assert 6 * MB < one.bytes < 6.1 * MB
    assert one.get(("used",)) is used
    assert held(one, "used") == [True]
    one.put(("c",), Thing(3))
    del used
    one.put(("d",), Thing(3))
    assert held(one, "used", "c", "d") == [False, True, True]
    assert 6 * MB < one.bytes < 6.1 * MB


def test_the_last_small_results_stay_whatever_the_bound() -> None:
    """A page keeps a result and takes it in the next line."""
    one, used = store(0.5), Thing(4)
    one.count(("attack", 1), used)
    for number in range(40):
        one.put(("small", number), np.zeros(50_000, np.int8))
        assert one.get(("small", number)) is not None
    assert [number for number in range(40) if ("small", number) in one._kept] == list(range(24, 40))


def test_what_a_session_holds_counts_as_it_grows_until_it_is_gone() -> None:
    one, attack = store(10), Thing(2)
    one.put(("model",), Thing(5))
    one.count(("attack", 1), attack)
    assert 7 * MB < one.bytes < 7.1 * MB
    attack.more = Thing(4)  # type: ignore[attr-defined]
    one.count(("attack", 1), attack)
    assert held(one, "model") == [False]
    assert 6 * MB < one.bytes < 6.1 * MB
    del attack
    assert one.bytes == 0


@pytest.mark.slow
def test_memory_is_given_back_when_much_was_dropped() -> None:
    calls: list[int] = []
    one = Store(20 * MB, released=lambda: calls.append(1))
    for number in range(4):
        one.put(("small", number), Thing(5))
    assert not calls
    one.put(("large",), Thing(10))
    assert calls == [1]
    keeping.give_back()


# -- threads


def test_two_who_ask_at_once_load_it_once() -> None:
    one, made, found = store(10), [], []
    together = threading.Barrier(8)

    def make() -> Thing:
        made.append(1)
        time.sleep(0.05)
        return Thing(1)

    def ask() -> None:
        together.wait()
        found.append(one.made(("model",), make))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1 and len({id(each) for each in found}) == 1
    assert not one._making


def test_what_raises_is_not_kept_and_the_next_tries_again() -> None:
    one = store(10)
    with pytest.raises(ZeroDivisionError):
        one.made(("a",), lambda: 1 // 0)
    assert one.made(("a",), lambda: 7) == 7
    assert one.made(("a",), lambda: 8) == 7
    # One that is made of another of its kind, and of itself by mistake, waits for nobody.
    assert one.made(("b",), lambda: one.made(("b",), lambda: 1) + one.made(("c",), lambda: 2)) == 3


def test_many_threads_keep_the_books() -> None:
    """After any mixture of calls the count is what lies in the store."""
    one = store(5)

    def work(seed: int) -> None:
        draw = np.random.default_rng(seed)
        for _ in range(200):
            key = ("key", int(draw.integers(12)))
            if draw.random() < 0.5:
                one.put(key, Thing(float(draw.random())))
            elif draw.random() < 0.9:
                one.get(key)
            else:
                one.drop(lambda other, key=key: other == key)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert one.bytes == sum(entry.size.total + ENTRY for entry in one._kept.values())
    one.drop()
    assert one.bytes == 0 and not one._buffers and not one._lent


# -- the setting


@pytest.mark.parametrize(
    ("said", "found"),
    [("2GB", 2 * 10**9), ("500 MB", 500 * 10**6), ("1.5GiB", 3 * 2**29), ("64kib", 2**16), ("4096", 4_096), (" 1 tb ", 10**12), ("10B", 10)],
)
def test_the_setting_is_a_size(monkeypatch: pytest.MonkeyPatch, said: str, found: int) -> None:
    monkeypatch.setenv("TREMOR_MEMORY", said)
    assert keeping.limit() == found


@pytest.mark.parametrize("said", ["much", "2 gigs", "-1GB", "0", "0MB", "1e400", "nan", "25%", "GB"])
def test_a_setting_that_is_no_size_is_refused(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setenv("TREMOR_MEMORY", said)
    with pytest.raises(SettingsError, match="which is no size; write a number above 0 and a unit"):
        keeping.limit()


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({}, None),
        ({"sys/fs/cgroup/memory.max": "max\n"}, None),
        ({"sys/fs/cgroup/memory.max": "1000000\n"}, 1_000_000),
        ({"sys/fs/cgroup/memory/memory.limit_in_bytes": "3000000\n"}, 3_000_000),
        ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/memory.max": "2000000", "sys/fs/cgroup/a/b/memory.max": "max"}, 2_000_000),
        ({"proc/self/cgroup": "4:memory:/a\n", "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "5000000"}, 5_000_000),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": str(2**70)}, None),
    ],
)
def test_the_default_is_a_share_of_what_this_process_may_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], found: int | None
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    here = keeping.machine_memory(tmp_path)
    assert here == found if found is not None else here > 2**28
    monkeypatch.delenv("TREMOR_MEMORY", raising=False)
    assert keeping.limit() == int(0.25 * keeping.machine_memory())
