"""How a verdict follows from intervals, and what a claim's rule may be."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import replace

import pytest

from core.errors import DataError
from core.evidence import claims, papers
from core.evidence.board import read_board
from core.evidence.claims import HOLDS, NOT, PARTLY, UNDECIDED, UNJUDGED, UNMEASURED, Rule, verdict
from core.evidence.outcomes import AGAINST, FOR, OPEN, Border
from core.evidence.records import Record
from tests import evidence


@pytest.mark.parametrize(
    ("low", "high", "above", "below"),
    [(0.81, 0.9, FOR, AGAINST), (0.7, 0.79, AGAINST, FOR), (0.7, 0.9, OPEN, OPEN), (0.8, 0.9, OPEN, OPEN), (0.7, 0.8, OPEN, OPEN)],
)
def test_an_interval_against_a_border(low, high, above, below):
    assert Rule(above=0.8).outcome(low, high) == above
    assert Rule(below=0.8).outcome(low, high) == below


@pytest.mark.parametrize(
    ("outcomes", "every", "some"),
    [
        ([FOR, FOR], HOLDS, HOLDS),
        ([FOR, OPEN], PARTLY, HOLDS),
        ([FOR, AGAINST], PARTLY, HOLDS),
        ([AGAINST, OPEN], NOT, UNDECIDED),
        ([AGAINST], NOT, NOT),
        ([OPEN, OPEN], UNDECIDED, UNDECIDED),
    ],
)
def test_a_verdict_from_the_cells(outcomes, every, some):
    assert verdict(outcomes) == every
    assert verdict(outcomes, every=False) == some


def verdict_from(folder, number=0):
    return read_board(folder).verdicts[number]


def test_a_claim_on_records(tmp_path):
    """7 of 12 attacks succeed: Wilson's interval ends at 0.81, below 95 %."""
    found = verdict_from(evidence.write(tmp_path))
    assert found.verdict == NOT and found.cells == ("qaraei-positive/debtags-mach",)
    assert "MACH on debtags 58.3 % [32.0, 80.7], n = 12 (against)" in found.sentence


def test_the_verdict_follows_the_records(tmp_path):
    record = evidence.attacks()
    items = tuple(evidence.attack(i, i % 2 == 0, True) for i in range(100))
    assert verdict_from(evidence.write(tmp_path / "a", Record(record.header, items))).verdict == HOLDS
    assert verdict_from(evidence.write(tmp_path / "b", Record(record.header, items[:20]))).verdict == UNDECIDED
    empty = evidence.write(tmp_path / "c")
    (empty / "records" / "qaraei-positive" / "debtags-mach.jsonl").unlink()
    assert verdict_from(empty).verdict == UNMEASURED
    assert "python -m core evidence run qaraei-positive" in verdict_from(empty).sentence


def test_a_claim_on_printed_numbers(tmp_path):
    """61.23 and 77.7 against 70."""
    found = verdict_from(evidence.write(tmp_path), 1)
    assert found.verdict == PARTLY
    assert "61.2 (against)" in found.sentence and "77.7 (for)" in found.sentence


def test_the_figures_behind_a_verdict(tmp_path):
    """In the unit that is shown, with the border in the same."""
    measured, printed = read_board(evidence.write(tmp_path)).verdicts
    (cell,) = measured.outcomes
    assert (round(cell.value, 4), cell.n, cell.unit, cell.outcome, cell.cells) == (58.3333, 12, "%", AGAINST, measured.cells)
    assert cell.interval and round(cell.low, 1) == 32.0 and measured.border == Border(95.0, True, "above 95 %")
    assert [(one.value, one.interval, one.n, one.unit) for one in printed.outcomes] == [(61.23, False, None, "%"), (77.7, False, None, "%")]
    assert printed.counts == {FOR: 1, AGAINST: 1, OPEN: 0} and printed.border == Border(70, True, "above 70 %")


def test_verdicts_as_rows(tmp_path):
    folder = evidence.write(tmp_path)
    measured, printed = read_board(folder).verdicts
    (row,) = measured.rows()
    assert (row["verdict"], row["claimed"], row["figure"], round(row["low"], 2), row["n"]) == (NOT, "above 95 %", "58.3 % [32.0, 80.7]", 31.95, 12)
    assert [(one["speaks"], one["value"], one["low"]) for one in printed.rows()] == [(AGAINST, 61.23, None), (FOR, 77.7, None)]
    (folder / "records" / "qaraei-positive" / "debtags-mach.jsonl").unlink()
    (row,) = verdict_from(folder).rows()
    assert row["verdict"] == UNMEASURED and row["why"].startswith("not measured yet: ")


@pytest.mark.slow
def test_a_sentence_has_every_figure():
    """What is drawn is what the exported sentence says."""
    for one in read_board().verdicts:
        assert all(f"{cell.name}" in one.sentence and cell.said in one.sentence for cell in one.outcomes), one.claim.id
        assert bool(one.outcomes) == (one.verdict not in (UNMEASURED, UNJUDGED)), one.claim.id


@pytest.mark.slow
def test_printed_differences():
    """Seed 001: MediaMill's clean P falls from 0.7420 to 0.6673, by 10.07 % of its value and 7.47 points."""
    found = {one.claim.id: one for one in read_board().verdicts}
    assert found["001/accuracy"].verdict == PARTLY and "10.1 % (against)" in found["001/accuracy"].sentence
    assert "7.47 points (against)" in found["001/early-stop"].sentence
    assert found["001/ranked-lists"].verdict == NOT
    assert "14.6 points (for)" in found["004/cluster-gain"].sentence and found["004/cluster-gain"].verdict == HOLDS


def spoilt(**rule) -> dict:
    found = copy.deepcopy(evidence.CLAIMS)
    found["claims"][0]["rule"] = rule
    return found


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (spoilt(study="qaraei-positive", measure="success"), "no border, or two"),
        (spoilt(measure="success", above=1, below=2), "no border, or two"),
        (spoilt(above=1), "on records or on printed numbers"),
        (spoilt(measure="nothing", above=1), "no measure 'nothing'"),
        (spoilt(measure="success", against={"variant": "x"}, above=1), "no difference 'success'"),
        (spoilt(measure="success", where={"colour": "red"}, above=1), "not on colour"),
        (spoilt(printed=["004/table-3/MACH-change rate"], above=1), "prints no number"),
        (spoilt(printed=["004/table-3/MACH-success"], minus=["a", "b"], above=1), "do not come in pairs"),
        (spoilt(unknown=1), "cannot be read"),
    ],
)
def test_what_does_not_fit_is_refused(content, said, tmp_path):
    evidence.write(tmp_path)
    (tmp_path / "claims.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(DataError, match=re.escape(said)):
        claims.read(papers.read(tmp_path), tmp_path)


def test_every_shipped_rule_is_said_in_words():
    for claim in claims.read(papers.read()):
        assert claim.rule.none or claim.rule.states, claim.id
        assert replace(claim.rule, states="") != Rule()
