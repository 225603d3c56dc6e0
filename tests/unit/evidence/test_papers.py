"""What the papers print: every number against the paper's own text, and what the reader refuses."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path

import pytest

from core.errors import DataError
from core.evidence import claims, papers
from tests import evidence

TEXTS = Path(__file__).resolve().parents[4] / "shared" / "papers"
WHOLE = papers.read()


def text_of(paper: str) -> str:
    path = TEXTS / WHOLE.papers[paper].text
    if not path.is_file():
        pytest.skip(f"the papers' texts are not here: {path}")
    return re.sub(r"\s+", " ", path.read_text(encoding="utf-8").replace("*", ""))


@pytest.mark.parametrize("paper", WHOLE.papers)
def test_every_printed_value_stands_in_the_paper(paper):
    text = text_of(paper)
    rows = [row for table in WHOLE.tables if table.paper == paper for row in table.rows if row.origin == "paper" and row.printed]
    assert rows and [row.id for row in rows if row.printed not in text] == []


@pytest.mark.parametrize("paper", WHOLE.papers)
def test_every_quote_stands_in_the_paper(paper):
    text = text_of(paper)
    own = [claim for claim in claims.read(WHOLE) if claim.paper == paper]
    assert own and [claim.id for claim in own if claim.quote not in text] == []


def test_the_number_is_the_printed_one():
    """'1,836', '+16%', '<0.7% KL div', '2.1/doc', '5 epochs', '670K', '7th'."""
    for row in WHOLE.rows.values():
        if row.printed is not None:
            digits = re.search(r"[\d,]+(?:\.\d+)?", row.printed)
            assert digits is not None, row.id
            value = float(digits[0].replace(",", "")) * (1_000 if row.printed.endswith("K") else 1)
            assert row.value == value, row.id


def test_the_two_seeds_of_one_paper_are_counted_once():
    assert [paper.seeds for paper in WHOLE.papers.values()] == [("000",), ("001",), ("002",), ("003", "004")]
    assert not [table for table in WHOLE.tables if table.paper == "003"]


def test_seed_002_reports_no_result():
    results = [row for table in WHOLE.tables if table.id in ("002/results", "002/cost") for row in table.rows]
    assert len(results) > 10 and all(row.printed is None and "none-reported" in row.flags for row in results)


def test_every_table_of_the_seeds_is_there():
    said = " ".join(row.where for row in WHOLE.rows.values())
    assert [n for n in range(1, 24) if f"Table {n}" not in said] == []
    assert [n for n in range(1, 7) if not any(row.where.startswith(f"Table {n}") and row.id.startswith("004/") for row in WHOLE.rows.values())] == []
    assert all(any(row.id.startswith(f"004/figure-{n}/") for row in WHOLE.rows.values()) for n in (1, 2))


def test_every_flag_has_a_sentence_a_source_and_a_row():
    used = {flag for row in WHOLE.rows.values() for flag in row.flags}
    assert used == set(WHOLE.flags)
    assert all(flag.sentence.endswith((".", ")")) and flag.source for flag in WHOLE.flags.values())


def spoilt(**change) -> dict:
    found = copy.deepcopy(evidence.PAPERS)
    found["tables"][0]["rows"][0] |= change
    return found


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (spoilt(flags=["unknown"]), "not explained: unknown"),
        (spoilt(value=None), "prints '61.23' and has the value None"),
        (spoilt(data="Elsewhere"), "Elsewhere, of which nothing is said"),
        (spoilt(id="004/table-3/AttentionXML-success"), "two rows have one id"),
        ({**evidence.PAPERS, "papers": []}, "which is not listed"),
        ({"papers": 3}, "cannot be read"),
    ],
)
def test_what_does_not_fit_is_refused(content, said, tmp_path):
    evidence.write(tmp_path)
    (tmp_path / "papers.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(DataError, match=re.escape(said)):
        papers.read(tmp_path)
