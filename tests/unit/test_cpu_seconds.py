"""What costs more than two CPU seconds is named, above the bound it fails, and a machine that is busy changes neither."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from tests import cpu_seconds


def run(body: Callable[[], object], bound: float, *marks: str) -> list[tuple[str, float]]:
    """A test with this body under the hook; what it then says of itself."""
    item: Any = SimpleNamespace(
        user_properties=[], config=SimpleNamespace(getoption=lambda name: bound), get_closest_marker=lambda name: name in marks or None
    )
    hook: Any = cpu_seconds.measured(item)
    next(hook)
    body()
    with pytest.raises(StopIteration):
        hook.send(None)
    return list(item.user_properties)


def busy() -> None:
    until = time.process_time() + 0.05
    while time.process_time() < until:
        sum(range(1000))


def test_work_counts_and_waiting_does_not() -> None:
    ((_, worked),) = run(busy, 0)
    ((_, waited),) = run(lambda: time.sleep(0.05), 0)
    assert worked >= 0.05 > waited


def test_above_the_bound_it_fails_unless_it_is_marked() -> None:
    with pytest.raises(pytest.fail.Exception, match="mark it slow"):
        run(busy, 0.01)
    assert len(run(busy, 100)) == 1
    for mark in ("slow", "e2e", "benchmark"):
        assert run(busy, 0.01, mark) == []


def test_who_pays_for_a_heavy_package_is_let_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu_seconds, "HEAVY", ("a_heavy_package",))

    def first() -> None:
        busy()
        monkeypatch.setitem(cpu_seconds.sys.modules, "a_heavy_package", SimpleNamespace())  # type: ignore[attr-defined] # the module's own sys

    assert len(run(first, 0.01)) == 1


def test_the_costliest_comes_first() -> None:
    reports: Any = [SimpleNamespace(nodeid=f"test_{cost}", user_properties=[(cpu_seconds.NAME, cost)]) for cost in (1.9, 2.5, 30.0)]
    assert cpu_seconds.summary(reports) == ["  30.0 test_30.0", "   2.5 test_2.5"]
