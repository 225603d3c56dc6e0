"""Whatever the document says, its heat map is text: every word is there, escaped, and nothing else."""

from __future__ import annotations

import dataclasses
import html
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.document import Document
from core.explainers.attribution import Attribution
from core.render import heatmap, report, tables
from core.types import FloatArray
from tests.strategies import documents


def attribution(document: Document, values: FloatArray, label: str = "games", read: int | None = None) -> Attribution:
    return Attribution(
        document=document, labels=np.array([0]), label_names=(label,), unit="logit", values=values[None], base=np.array([0.5]),
        total=np.array([0.5 + values.sum()]), residual=np.zeros(1), method="occlusion", settings={"mode": "delete"}, seed=None, queries=7,
        checkpoint="toy", digest="d" * 16, words_read=len(document) if read is None else read,
        fidelity={"aopc": np.array([0.25]), "flip_share": np.array([np.nan])}, notes=("A note with <b>markup</b>.",),
    )  # fmt: skip


OURS = {
    "html", "head", "meta", "title", "style", "body", "footer", "h1", "h2", "p", "mark", "span", "ul", "li", "pre",
    "table", "caption", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
"""The elements that a report is made of: no script, link, image or form."""


class Reader(HTMLParser):
    """Collects what a browser would show and which elements it would make."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text, self.tags, self.attributes = "", set[str](), set[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader


def visible(text: str) -> str:
    """Python's parser, like a browser, replaces a few characters that may not stand in HTML (NUL, lone CR, C1 controls)."""
    return html.unescape(html.escape(text))


@pytest.mark.slow
@given(documents(), st.data())
def test_the_heat_map_shows_exactly_the_document(document: Document, data: st.DataObject) -> None:
    numbers = st.floats(-1e6, 1e6, allow_nan=False)
    values = np.array(data.draw(st.lists(numbers, min_size=len(document), max_size=len(document))))
    found = read(heatmap.heatmap(attribution(document, values, data.draw(st.text(max_size=20))), 0))
    assert found.text == visible(document.text)
    assert found.tags <= {"p", "mark", "span"}
    assert found.attributes <= {"class", "style", "title"}


@pytest.mark.slow
@given(documents(min_words=1), st.text(max_size=30))
def test_a_report_makes_only_its_own_elements(document: Document, label: str) -> None:
    one = attribution(document, np.linspace(-1, 1, len(document)), label)
    page = report.report([one], [report.Ranked(1, label, "+1.00", 12, "tail")], "2026-11-21")
    found = read(page)
    assert found.tags <= OURS
    assert not {name for name in found.attributes if name.startswith("on") or name in ("src", "href", "action")}
    assert one.document.digest in found.text and "python -m core explain" in found.text


def test_sign_is_told_by_class_and_title_and_strength_by_share() -> None:
    page = heatmap.heatmap(attribution(Document.from_text("good bad dull"), np.array([2.0, -1.0, 0.01])), 0)
    assert re.search(r'<mark class="for" style="--strength: 1.000" title="good: \+2, towards games">good</mark>', page)
    assert re.search(r'<mark class="against" style="--strength: 0.500" title="bad: \u22121, against games">bad</mark>', page)
    assert '<span title="dull: +0.01, towards games">dull</span>' in page


def test_words_past_the_window_are_said_to_be_unread() -> None:
    page = heatmap.heatmap(attribution(Document.from_text("one two"), np.array([1.0, 0.0]), read=1), 0)
    assert '<span class="unread" title="not read by the model">two</span>' in page


@pytest.mark.parametrize(("values", "expected"), [([0.0, 0.0], [0, 0]), ([2.0, -4.0], [0.5, -1]), ([], [])])
def test_strengths(values: list[float], expected: list[float]) -> None:
    assert heatmap.strengths(np.array(values)).tolist() == expected


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (0.21349, "+0.213"), (-1234.0, "\u22121.23e+03"), (-0.5, "\u22120.5")])
def test_signed(value: float, text: str) -> None:
    assert heatmap.signed(value) == text


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("aopc", -0.5, "\u22120.500"),
        ("aopc", np.nan, "–"),
        ("flip_word", 1.0, "yes"),
        ("flip_share", 0.04, "4 %"),
        ("completeness", 1e-6, "< 0.01 %"),
    ],
)
def test_figures(name: str, value: float, text: str) -> None:
    assert tables.figure(name, value) == text


def test_tables_escape_labels() -> None:
    move = tables.Move("<script>x</script>", 1, 4, "<b>", "&")
    page = tables.moves([move])
    assert "<script>" not in page and "<b>" not in page and "▼ down 3" in page


def test_fidelity_names_value_and_meaning() -> None:
    page = tables.fidelity(attribution(Document.from_text("a b"), np.array([1.0, 2.0])))
    assert "AOPC" in page and "0.250" in page and "Higher is better: mean loss of score" in page and "–" in page


def test_the_command_reads_back_as_typed() -> None:
    import shlex

    words = shlex.split(report.command(attribution(Document.from_text("a"), np.array([1.0]), "it's a label")))
    assert "--label=it's a label" in words
    assert words[words.index("--mode") + 1] == "delete"
    assert shlex.split(report.command(attribution(Document.from_text("a"), np.array([1.0]), "a;b")))[-4] == "--label=a;b"


def test_attention_is_shares_in_one_hue_without_a_side() -> None:
    """1, 3 and 0 of 4: a quarter, three quarters, nothing; neither for nor against."""
    attended = dataclasses.replace(attribution(Document.from_text("few many none"), np.array([1.0, 3.0, 0.0])), method="attention")
    page = heatmap.heatmap(attended, 0)
    assert page.count('class="read"') == 2 and 'class="for"' not in page and 'class="against"' not in page
    assert "few: 25.0 % of the attention" in page and "many: 75.0 % of the attention" in page and "none: 0.0 % of the attention" in page
    whole = report.report([attended], [], "today")
    assert "<td class='n'>75.0 %</td>" in whole and "Share of attention" in whole and "towards the label" not in whole
    assert heatmap.said(attended, 0, 1) == "75.0 % of the attention"
    assert heatmap.said(attribution(Document.from_text("a b"), np.array([1.0, -2.0])), 0, 1) == "\u22122 against games"


def test_nothing_attended_has_no_share() -> None:
    nothing = dataclasses.replace(attribution(Document.from_text("a b"), np.zeros(2)), method="attention")
    assert "a: 0.0 % of the attention" in heatmap.heatmap(nothing, 0)


def test_csv_has_a_line_a_word_and_no_formula() -> None:
    import csv
    import io

    rows = list(csv.DictReader(io.StringIO(report.to_csv([attribution(Document.from_text("Go, C++!"), np.array([1.5, -2.0]), "=1+1")]))))
    assert [(row["word"], row["start"], row["end"], row["value"]) for row in rows] == [("Go", "0", "2", "1.5"), ("C++", "4", "7", "-2.0")]
    assert rows[0]["label"] == "'=1+1"


def test_json_holds_the_document_and_null_for_what_does_not_apply() -> None:
    import json

    found = json.loads(report.to_json([attribution(Document.from_text("a b"), np.array([1.0, 2.0]))], "today"))
    assert found["document"] == "a b"
    assert found["explanations"][0]["labels"][0]["fidelity"]["flip_share"] is None
