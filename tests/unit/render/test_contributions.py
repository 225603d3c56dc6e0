"""Contributions as a table: every name is text, never HTML."""

from __future__ import annotations

from core.render import contributions
from core.types import Contribution, Contributions, Intermediate

FOUND = Contributions(
    "<b>label", 2.0, 0.5, "The <i>score</i> fell.", (Contribution("word", "<script>", 1.5, 0.0, "a & b"), Contribution("bias", "label", 0.5, 0.5)),
    (Intermediate("place < beam", 3, 24), Intermediate("logit", -1.25, 0.5)),
)  # fmt: skip


def test_names_stay_text() -> None:
    html = contributions.html(FOUND)
    for hidden in ("<script>", "<b>", "<i>", "a & b", "place < beam"):
        assert hidden not in html
    for shown in ("&lt;script&gt;", "&lt;b&gt;label", "a &amp; b", "\u22121.5", ">24<", "\u22121.25"):
        assert shown in html
    assert html.count("<tr>") == 1 + 2 + 1 + 1 + 2


def test_rows_and_figures_hold_the_numbers() -> None:
    assert contributions.rows(FOUND)[0] == {"part": "word", "which": "<script>", "before": 1.5, "after": 0.0, "change": -1.5, "detail": "a & b"}
    assert contributions.figures(FOUND)[0] == {"figure": "place < beam", "before": 3, "after": 24}


def test_without_figures_there_is_one_table() -> None:
    assert contributions.html(Contributions("label", 0.0, 0.0, "Nothing.", ())).count("<table") == 1
