"""Figures of two checkpoints: what stands where, and that names are escaped."""

from __future__ import annotations

import pytest

from core.render.compare import Pursued, pursuit, success_by_bin
from core.study.tables import Series

HOSTILE = "<b>x</b>"


def test_ranks_over_steps_are_drawn_once_a_side() -> None:
    """Ranks to 2k = 10 stand as they are; rank 40 is two doublings further, 10 + 2 * 2.5."""
    figure = pursuit([Pursued(HOSTILE, [1, 10, 40], ["start", "a → b", "c → d"]), Pursued("other", [2], ["start"])], 5)
    first, second = figure.data
    assert list(first.y) == [1, 10, 15] and list(second.y) == [2] and list(first.x) == [0, 1, 2]
    assert first.name == "&lt;b&gt;x&lt;/b&gt;"
    assert (first.line.dash, second.line.dash) == ("solid", "dash")
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]
    assert "40" in figure.layout.yaxis.ticktext


def test_marks_of_a_bin_stand_beside_each_other() -> None:
    one = Series("one", (0.0, 1.0), (0.5, 1.0), (0.25, 0.75), (0.625, 1.0), ("a: 2 of 4", "all: 4 of 4"))
    figure = success_by_bin(["a", "all"], [one, Series(HOSTILE, (0.0,), (0.25,), (0.0,), (0.5,), (HOSTILE,))], "change rate ≤ 10 %")
    first, second = figure.data
    assert list(first.y) == [50.0, 100.0] and list(first.error_y.array) == pytest.approx([12.5, 0]) and list(first.error_y.arrayminus) == [25, 25]
    assert first.x[0] < 0 < second.x[0] and second.name == "&lt;b&gt;x&lt;/b&gt;" == second.customdata[0]
    assert list(figure.layout.xaxis.ticktext) == ["a", "all"]
