"""The figures of defences: what stands where, and that names are escaped."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import InputError
from core.render.defences import Curve, roc, weight_curve


def test_weight_curve() -> None:
    counts = np.asarray([5, 0, 100, 5, 1])
    figure = weight_curve(counts, {"PW": np.asarray([3.0, 9.0, 1.0, 3.0, 9.0]), "<b>cb": np.asarray([2.0, 4.0, 0.5, 2.0, 4.0])})
    first, second = figure.data
    assert list(first.x) == [1, 5, 100] and list(first.y) == [9, 3, 1] and list(first.customdata) == [2, 2, 1]
    assert list(second.y) == [4, 2, 0.5] and second.name == "&lt;b&gt;cb" and first.line.dash != second.line.dash
    assert figure.layout.xaxis.type == figure.layout.yaxis.type == "log"
    with pytest.raises(InputError, match="5 labels but 2 weights called 'PW'"):
        weight_curve(counts, {"PW": np.ones(2)})


def test_roc() -> None:
    figure = roc([Curve("4 bits & more", [0, 0.25, 1], [0, 0.75, 1], 0.75, (0.25, 0.75))])
    line, mark = figure.data
    assert list(line.x) == [0, 25, 100] and list(line.y) == [0, 75, 100] and line.name == "4 bits &amp; more (AUC 0.750)"
    assert (mark.x[0], mark.y[0]) == (25, 75) and not mark.showlegend
