"""Blame as a table: every name is text, never HTML."""

from __future__ import annotations

from core.render import blame
from core.types import Blame, Figure, Share

FOUND = Blame(
    "<b>label", 2.0, 0.5, "The <i>score</i> fell.", (Share("word", "<script>", 1.5, 0.0, "a & b"), Share("bias", "label", 0.5, 0.5)),
    (Figure("place < beam", 3, 24), Figure("logit", -1.25, 0.5)),
)  # fmt: skip


def test_names_stay_text() -> None:
    html = blame.html(FOUND)
    for hidden in ("<script>", "<b>", "<i>", "a & b", "place < beam"):
        assert hidden not in html
    for shown in ("&lt;script&gt;", "&lt;b&gt;label", "a &amp; b", "\u22121.5", ">24<", "\u22121.25"):
        assert shown in html
    assert html.count("<tr>") == 1 + 2 + 1 + 1 + 2


def test_rows_and_figures_hold_the_numbers() -> None:
    assert blame.rows(FOUND)[0] == {"part": "word", "which": "<script>", "before": 1.5, "after": 0.0, "change": -1.5, "detail": "a & b"}
    assert blame.figures(FOUND)[0] == {"figure": "place < beam", "before": 3, "after": 24}


def test_without_figures_there_is_one_table() -> None:
    assert blame.html(Blame("label", 0.0, 0.0, "Nothing.", ())).count("<table") == 1
