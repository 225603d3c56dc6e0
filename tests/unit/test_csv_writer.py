"""Nothing that a table holds is run by a spreadsheet, and everything comes back as it was but for the apostrophes that prevent it."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.files import csv_writer

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t'=1"),
        ("\rx", "'\rx"),
        ("\nx", "'\nx"),
        ("  =1", "'  =1"),
        ('"=1"', '\'"=1"'),
        ("'=1", "''=1"),
        ("\ufeff=1", "'\ufeff=1"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("\uff20x", "'\uff20x"),
        ("a;=1", "a;'=1"),
        ("a\n- b", "a\n'- b"),
        ("-1.5", "-1.5"),
        ("+3", "+3"),
        ("-1e-05", "-1e-05"),
        ("-1.5 %", "'-1.5 %"),
        ("-", "'-"),
        ("-inf", "'-inf"),
        (-1.5, -1.5),
        (True, True),
        (None, ""),
        ("Go, C++!", "Go, C++!"),
        ("a\0b\ud800", "a\ufffdb\ufffd"),
    ],
)
def test_a_cell(value: object, written: object) -> None:
    assert csv_writer.cell(value) == written


RUNS = re.compile(r"""[\s"'\u200b\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20]""")
NUMBER = re.compile(r"[+-][\d.]+(e[+-]?\d+)?", re.IGNORECASE)
HOSTILE = st.text(alphabet="=+-@\t\r\n;,'\" a1.\uff1d\u200b\0", max_size=12) | st.text(max_size=8)


@pytest.mark.slow
@given(st.lists(st.lists(HOSTILE, min_size=3, max_size=3), max_size=4))
@example([['x";=1', "a;\n=1", '";=1;"']])
def test_no_cell_begins_like_a_formula_and_all_come_back(rows: list[list[str]]) -> None:
    """Read with commas every cell is back, but for the marks; none begins like a formula, and so it is behind a semicolon, a tab or a line
    break within a cell, where other programs begin a cell."""
    written = csv_writer.write(("a", "b", "c"), rows)
    found = list(csv.reader(io.StringIO(written, newline="")))[1:]
    written.encode("utf-8")
    assert "\0" not in written
    assert len(found) == len(rows)
    for row, given_row in zip(found, rows, strict=True):
        for cell, value in zip(row, given_row, strict=True):
            assert cell.replace("'", "") == re.sub("[\0\ud800-\udfff]", "\ufffd", value).replace("'", "")
            for part in re.split(r"(?<=[;\t\r\n])", cell):
                assert part.startswith("'") or not RUNS.match(part) or NUMBER.fullmatch(cell)


def test_rows_have_the_columns_of_all() -> None:
    assert csv_writer.write_rows([{"a": 1, "b": None}, {"b": "x,y", "c": -2}]) == 'a,b,c\n1,,\n,"x,y",-2\n'
    assert csv_writer.write_rows([{"=a": 1}]) == "'=a\n1\n"
    assert csv_writer.write_rows([]) == "\n"


def test_nothing_else_writes_csv() -> None:
    other = re.compile(r"\bcsv\.writer\(|\bDictWriter\(|\.to_csv\((?!attributions|one\.records|found\.records)")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for folder in ("core", "pages")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if other.search(line) and path.name != "csv_writer.py"
    ]
    assert found == []


# -- every table that can be taken away


HOSTILE_NAMES = ("=1+1", "+1+cmd|' /C calc'!A0", "@SUM(1)", "\t=1", "a;=1")


def runnable(text: str) -> list[str]:
    """The cells of a CSV that a spreadsheet would run."""
    return [
        cell
        for row in csv.reader(io.StringIO(text, newline=""))
        for cell in row
        if not cell.startswith("'") and RUNS.match(cell) and not NUMBER.fullmatch(cell)
    ]


def test_records_of_a_study_hold_no_formula() -> None:
    from core.study import exports

    record = {
        "text": "=HYPERLINK(1) text", "label": "=1+1", "bin": "1-5", "pair": "-x", "document": "@d", "reason": "reached", "note": "+n",
        "adversarial": "-2+3 words", "score_before": [-0.5], "score_after": [0.5], "top_before": list(HOSTILE_NAMES), "top_after": ["=2"],
        "true_labels": list(HOSTILE_NAMES), "queries": 3, "success": True, "rank_before": [1], "rank_after": [7], "change_rate": 0.1,
        "similarity": 0.9, "similarity_kind": "=k", "steps": [{"position": 0, "from": "=a", "to": "=b"}], "label_count": 3, "start_rank": 1,
        "margin": -1,
    }  # fmt: skip
    written = exports.to_csv([record])
    row = next(csv.DictReader(io.StringIO(written, newline="")))
    assert runnable(written) == []
    assert (row["original_text"], row["target_label"], row["original_score"], row["margin"]) == ("'=HYPERLINK(1) text", "'=1+1", "-0.5", "-1")
    assert pd.read_parquet(io.BytesIO(exports.to_parquet([record])))["target_label"].tolist() == ["=1+1"]  # parquet holds what was


def test_explanations_hold_no_formula() -> None:
    import numpy as np

    from core.document import Document
    from core.render import report
    from tests.unit.render.test_heatmap import attribution

    for name in HOSTILE_NAMES:
        assert runnable(report.to_csv([attribution(Document.from_text("Go, C++!"), np.array([1.5, -2.0]), name)])) == []


def test_any_other_table_holds_no_formula() -> None:
    from core.study.exports import rows_to_csv

    rows = [{name: name, "n": -2} for name in HOSTILE_NAMES]
    assert runnable(rows_to_csv(rows)) == [] and "-2" in rows_to_csv(rows)
