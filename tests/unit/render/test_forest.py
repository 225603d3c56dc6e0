"""The forest plot of a claim: what is drawn are the figures, colour and shape say the outcome, and names are escaped."""

from __future__ import annotations

import math

import pytest

from core.evidence.board import read_board
from core.evidence.outcomes import AGAINST, FOR, OPEN, OUTCOMES, Border, CellOutcome, counts
from core.render.forest import STYLES, described, figures, forest, span

NAN = math.nan
CELLS = (
    CellOutcome("MACH on debtags", 87.0, 81.6, 91.0, 200, "%", "87.0 % [81.6, 91.0]", FOR, ("a/b",)),
    CellOutcome("<b>XML-CNN</b> on debtags, base against robust", 85.0, 79.4, 89.3, 1200, "%", "85.0 % [79.4, 89.3]", OPEN),
    CellOutcome("Table 3, <i>paper</i>", 70.0, NAN, NAN, None, "%", "70 %", AGAINST),
)
BORDER = Border(80.0, True, "above 80 %")


def test_a_row_a_cell_with_its_interval():
    drawn = {trace.name: trace for trace in forest(CELLS, BORDER).data}
    assert set(drawn) == set(OUTCOMES.values())
    speaks = drawn[OUTCOMES[FOR]]
    assert (list(speaks.x), list(speaks.y)) == ([87.0], [0])
    assert speaks.error_x.array[0] == pytest.approx(4.0) and speaks.error_x.arrayminus[0] == pytest.approx(5.4)
    against = drawn[OUTCOMES[AGAINST]]
    assert list(against.x) == [70.0] and list(against.error_x.array) == [None] and against.customdata[0][2] == ""


def test_colour_and_shape_differ():
    assert set(STYLES) == set(OUTCOMES)
    for part in range(2):
        assert len({style[part] for style in STYLES.values()}) == len(STYLES)


@pytest.mark.parametrize(("above", "side"), [(True, 1), (False, 0)])
def test_the_claimed_side_is_shaded(above, side):
    drawn = forest(CELLS, Border(80.0, above, "said"))
    shade, line = drawn.layout.shapes
    ends = span(CELLS, BORDER)
    assert (shade.x0, shade.x1)[1 - side] == 80.0 and (shade.x0, shade.x1)[side] == ends[side]
    assert (line.x0, line.x1) == (80.0, 80.0)
    assert tuple(drawn.layout.xaxis.range) == ends and ends[0] < 70.0 and ends[1] > 91.0


def test_a_single_point_on_the_border_has_a_range():
    one = CellOutcome("a", 5.0, NAN, NAN, None, "", "5", AGAINST)
    low, high = span((one,), Border(5.0, True, "above 5"))
    assert low < 5.0 < high


def test_names_are_escaped():
    drawn = forest(CELLS, BORDER)
    texts = [*drawn.layout.yaxis.ticktext, *(text for trace in drawn.data for row in trace.customdata for text in row)]
    assert not [text for text in texts if "<b>" in text or "<i>" in text]
    assert drawn.layout.yaxis.ticktext[1] == "&lt;b&gt;XML-CNN&lt;/b&gt; on debtags,<br>base against robust"
    assert "<b>" not in figures(CELLS, BORDER) and "&lt;b&gt;XML-CNN" in figures(CELLS, BORDER)


def test_the_same_numbers_in_words():
    shown = figures(CELLS, BORDER)
    assert shown.count("<tr>") == 4 and "<caption>Claimed: above 80 %</caption>" in shown
    assert all(cell.said in shown and cell.said in described(CELLS, BORDER) for cell in CELLS) and "1,200" in shown


@pytest.mark.slow
def test_every_shipped_verdict_can_be_drawn():
    for one in read_board().verdicts:
        if one.outcomes:
            drawn = forest(one.outcomes, one.border)
            assert sum(len(trace.x) for trace in drawn.data) == len(one.outcomes) == sum(counts(one.outcomes).values())
            assert sorted(row for trace in drawn.data for row in trace.y) == list(range(len(one.outcomes)))
