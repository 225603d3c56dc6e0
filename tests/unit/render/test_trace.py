"""The bump chart, the diff and the report of an attack: right labels, right places, nothing unescaped."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.attacks.goals import Demote, Disturb
from core.attacks.steps import View
from core.attacks.words.result import run
from core.document import Document
from core.render.attack_report import chart, final_swaps, report
from core.render.trace import LINES, Followed, bump, diff, followed, place, table
from tests import toy
from tests.toy_attack import attack

GAMES, EDITOR, LIBRARY, NETWORK = range(4)
HOSTILE = "<script>alert(1)</script>"


def view(*top: int) -> View:
    return View((), (), (), top, tuple(-float(i) for i in range(len(top))))


def test_who_is_followed() -> None:
    found = followed([view(0, 1, 2, 3), view(0, 4, 1, 2), view(5, 0, 4, 1)], 2, targets=[1], truth=[0, 7])
    assert [(one.label, one.role) for one in found] == [(1, "attacked"), (0, "true"), (7, "true"), (5, "entered"), (4, "entered")]


def test_a_large_k_is_cut() -> None:
    found = followed([view(*range(100))], 100, targets=[50], truth=[])
    assert len(found) == LINES and found[0] == Followed(50, "attacked")


def test_places() -> None:
    """Up to 2k a rank stands where it is; from there every doubling takes k / 2 places."""
    assert [place(rank, 5) for rank in (1, 5, 10, 20, 40, 80)] == [1, 5, 10, 12.5, 15, 17.5]


@given(st.integers(1, 1_000), st.integers(1, 10**6))
def test_places_rise_with_the_rank(k: int, rank: int) -> None:
    assert place(rank + 1, k) > place(rank, k)


def test_the_bump_chart_holds_the_ranks() -> None:
    ranks = np.array([[2, 1], [9, 1], [40, 2]])
    figure = bump([Followed(7, "attacked"), Followed(3, "top")], [HOSTILE, "other"], ranks, 5, ["start", "a → b", HOSTILE], at=1)
    by_name = {trace.name: trace for trace in figure.data}
    attacked = by_name["&lt;script&gt;alert(1)&lt;/script&gt;"]
    assert list(attacked.y) == [2, 9, 15] and [row[0] for row in attacked.customdata] == ["2", "9", "40"]
    assert figure.data[-1] is attacked  # on top
    assert "<script" not in figure.to_json()
    low, high = figure.layout.yaxis.range
    assert low > 15 and high < 1  # the best rank stands at the top
    assert any(shape.y0 == 5.5 for shape in figure.layout.shapes if shape.type == "line")
    assert sum(shape.type == "rect" for shape in figure.layout.shapes) == 2  # the top k, and the undone steps


def test_names_at_the_end_stand_apart() -> None:
    shown = [Followed(i, "top") for i in range(6)]
    figure = bump(shown, [f"label{i}" for i in range(6)], np.array([[1, 2, 3, 500, 501, 502]]), 3, ["start"], 0)
    heights = sorted(note.y for note in figure.layout.annotations)
    assert min(np.diff(heights)) > 0.5


def test_diff_keeps_the_text_and_escapes_it() -> None:
    document = Document.from_text(f"A {HOSTILE} editor.")
    found = diff(document, {0: "The", len(document) - 1: "viewer"})
    assert "<script" not in found and "&lt;script&gt;" in found
    assert "<del>editor</del>\u200a<ins>viewer</ins>." in found


@given(st.text(max_size=60), st.text(max_size=10))
def test_nothing_in_a_table_is_markup(text: str, other: str) -> None:
    tags = re.sub(r"</?(table|caption|thead|tbody|tr|th|td)( (class|scope)='?\w+'?)*>", "", table((text, other), [(other, text)], text))
    assert "<" not in tags and ">" not in tags


@pytest.mark.parametrize("goal", [Demote((EDITOR,), 1), Disturb(2, "predicted")])
def test_the_report_is_one_page_that_runs_nothing(goal: Demote | Disturb) -> None:
    text = f"a chess game with a text editor {HOSTILE}"
    done = run(attack(goal, {"editor": ["the"], "text": ["the"]}), toy.Linear(), Document.from_text(text))
    record = json.loads(json.dumps(done.to_json()))
    page = report(record, "2026-01-01")
    assert "<script" not in page and "http" not in page.replace("http-equiv", "")
    assert "<del>editor</del>" in page and record["digest"] in page and page == report(record, "2026-01-01")
    assert chart(record).count("<polyline") == len(record["tracked"])


def test_a_word_put_back_is_no_swap() -> None:
    record = {"text": "a b c", "steps": [{"position": 0, "to": "x"}, {"position": 1, "to": "y"}, {"position": 0, "to": "a"}]}
    assert final_swaps(record) == {1: "y"}
