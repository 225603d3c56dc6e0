"""The figure of studies of feature vectors: what stands where, and that names are escaped."""

from __future__ import annotations

import numpy as np

from core.render.feature_studies import within_distance
from core.study.tables import Series


def test_figure() -> None:
    """Two of four within 25 and 50 %; the second reaches 100 %, so both lines end at 105 %."""
    notes = ("0 of 4", "1 of 4", "2 of 4")
    y = (0.0, 0.25, 0.5)
    figure = within_distance(
        [Series("<b>one", (0.0, 0.25, 0.5), y, y, y, notes), Series("two", (0.0, 1.0), (0, 1), (0, 1), (0, 1), notes[:2])], "a & b"
    )
    first, second = figure.data
    assert np.allclose(first.x, [0, 25, 50, 105]) and list(first.y) == [0, 25, 50, 50] and list(first.marker.size) == [0, 7, 7, 0]
    assert first.name == "&lt;b&gt;one" and list(first.customdata)[-1] == "2 of 4"
    assert first.line.dash != second.line.dash and first.marker.symbol != second.marker.symbol and first.line.shape == "hv"
    assert "a &amp; b" in figure.layout.yaxis.title.text
    many = tuple(number / 100 for number in range(100))
    sizes = within_distance([Series("many", many, many, many, many, ("",) * 100)], "").data[0].marker.size
    assert [number for number, size in enumerate(sizes) if size] == list(range(3, 100, 3))  # every third of 100: at most 40
    assert not within_distance([Series("one", (), (), (), (), ())], "").data[0].x
