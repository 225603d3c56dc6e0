"""Ticks of logarithmic axes: powers of ten, written out; more of them where the axis is short."""

import math

import pytest

from core.render.axes import drawn, log_ticks, logarithmic
from core.render.defences import weight_curve
from core.render.robustness import fragile_labels, staircase, success_by_frequency
from core.study.statistics import wilson
from core.study.tables import Fragile, Series


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([50, 3_000], [100, 1_000]),
        ([1, 7_550], [1, 10, 100, 1_000]),
        ([1, 8_000], [1, 10, 100, 1_000, 10_000]),  # within the margin that plotly leaves
        ([0.02, 4], [0.1, 1]),
        ([30, 90], [50, 100]),
        ([5, 90], [10, 100]),
        ([0, -3, math.inf], [1]),
        ([], [1]),
    ],
)
def test_ticks(values, ticks):
    assert log_ticks(values) == pytest.approx(ticks)


def test_a_single_value_far_from_every_round_one_has_a_tick():
    assert log_ticks([3.0]) == pytest.approx([3.0])


def test_they_are_written_out():
    axis = logarithmic([0.01, 50_000])
    assert axis["ticktext"] == ["0.01", "0.1", "1", "10", "100", "1,000", "10,000"]


def one(name: str, *points: tuple[float, float]) -> Series:
    x, y = zip(*points, strict=True)
    return Series(name, x, y, y, y, tuple("" for _ in x))


def test_no_figure_leaves_its_ticks_to_plotly():
    import numpy as np

    series = [one("a", (30, 0.5), (4_000, 0.9))]
    figures = [
        success_by_frequency(series, "all"),
        staircase(series, "queries", True),
        fragile_labels([Fragile("model", "x", 40, 2, 2, wilson(2, 2), 1.0)]),
        weight_curve(np.array([3, 900]), {"w": np.array([0.2, 5.0])}),
    ]
    axes = [axis for figure in figures for axis in (figure.layout.xaxis, figure.layout.yaxis) if axis.type == "log"]
    assert len(axes) == 5 and all(axis.tickmode == "array" and len(axis.tickvals) > 0 for axis in axes)


def test_every_staircase_goes_on_to_the_furthest_cost():
    figure = staircase([one("short", (1, 0.2), (10, 0.5)), one("long", (2, 0.1), (100, 0.3))], "queries", True)
    assert [(trace.x[-1], trace.y[-1]) for trace in figure.data] == [(100, 50), (100, 30)]
    assert max(drawn(figure, "x")) == 100
