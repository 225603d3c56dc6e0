"""The join of papers and records: the shipped files fit, and the rules of methods.md 10.7 hold."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import replace

import pytest

from core.errors import DataError, InputError
from core.evidence import records
from core.evidence.board import NO, NONE_PRINTED, OURS_ALONE, PARTLY, read_board
from core.evidence.estimates import Measured
from core.evidence.measures import MEASURES
from core.evidence.papers import NO_ATTACK
from core.evidence.records import Record
from core.evidence.selecting import known
from core.evidence.showing import figure, fitting, number
from tests import evidence

BOARD = read_board()


def test_every_row_has_a_line():
    assert {line.row.id for line in BOARD.lines if line.row is not None} == set(BOARD.papers.rows)


@pytest.mark.slow
def test_a_line_without_a_figure_says_why():
    assert [line for line in BOARD.lines if not line.measured and not line.state] == []


@pytest.mark.slow
def test_other_data_is_never_the_same_protocol():
    for line in BOARD.lines:
        if line.measured and line.row is not None and not BOARD.papers.datasets[line.row.data].same:
            assert line.same in (PARTLY, NO) and line.reason.startswith("Protocol replicated on other data ("), line.row.id


def test_threats_are_never_merged():
    """Each figure is of the threat of its row; a clean row stands beside clean figures only."""
    for line in BOARD.lines:
        for name in line.cells if line.measured else ():
            record = BOARD.record(name)
            assert record is not None
            own = known(line.measure, len(line.cells) > 1).threat or record.header.threat
            assert line.threat in (own, NO_ATTACK), (line.table, name)


def test_the_attack_of_a_figure_is_its_row_s(tmp_path, monkeypatch):
    """Of a record that holds several attacks, too: a row of another attack is refused."""
    evidence.write(tmp_path)
    monkeypatch.setitem(MEASURES, "success", replace(MEASURES["success"], threat="another attack"))
    with pytest.raises(DataError, match=r"row 004/table-3/MACH-success is of 'word substitution.*debtags-mach of 'another attack'"):
        read_board(tmp_path)


def test_a_measure_of_other_items_is_refused_at_once(tmp_path, monkeypatch):
    """Before anybody looks at the figure."""
    evidence.write(tmp_path)
    monkeypatch.setitem(MEASURES, "success", replace(MEASURES["success"], kind="documents"))
    with pytest.raises(InputError, match=r"'success' is no measure of qaraei-positive/debtags-mach, whose items are attacks"):
        read_board(tmp_path)


def test_seed_001_is_measured_or_says_why_not():
    """No row of its attack tables waits any more; MediaMill's say that there is no such data."""
    lines = [line for line in BOARD.lines if line.table in ("001/delicious", "001/bibtex")]
    assert lines and all(line.cells and line.cells[0].startswith("vector-attacks/") for line in lines)
    assert all("The model is another" in line.reason for line in lines if line.measured)
    assert all("cannot be had" in line.state for line in BOARD.lines if line.table == "001/mediamill")
    assert '"awaits"' not in (records.FOLDER / "links.json").read_text(encoding="utf-8")


def test_units_fit():
    assert all(line.unit == line.row.unit for line in BOARD.lines if line.row is not None)
    assert fitting("%", "fraction") and fitting("points", "difference") and fitting("words", "words")
    assert not fitting("words", "fraction") and not fitting("%", "words")


def test_nothing_printed_is_said_so():
    rows = [line for line in BOARD.lines if line.paper == "002" and line.table == "002/results"]
    assert rows and {line.printed for line in rows} <= {NONE_PRINTED, OURS_ALONE}


def test_the_readme_s_figures_are_the_records():
    """XML-CNN under positive-targeted attack: 85.0 % [79.4, 89.3] of 200, as docs/results.md says."""
    record = BOARD.record("qaraei-positive/debtags-xml-cnn")
    line = next(one for one in BOARD.lines if one.cells == ("qaraei-positive/debtags-xml-cnn",) and one.measure == "success")
    assert record is not None and line.ours == "85.0 % [79.4, 89.3]" and line.found.n == 200
    assert line.printed == OURS_ALONE and line.same == NO


@pytest.mark.slow
def test_records_hold_no_text():
    """A record's strings are short: names, words, ids."""

    def strings(value):
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            yield from (text for one in value.values() for text in strings(one))
        elif isinstance(value, list):
            yield from (text for one in value for text in strings(one))

    for name, record in records.read_all().items():
        assert max(map(len, strings(list(record.items))), default=0) <= 60, name
    assert sum(path.stat().st_size for path in records.FOLDER.rglob("*")) < 6_000_000


def test_a_changed_record_changes_the_line(tmp_path):
    before = read_board(evidence.write(tmp_path)).lines[0]
    assert before.ours.startswith("58.3 % [") and before.same == PARTLY
    record = evidence.attacks()
    evidence.write(tmp_path, Record(record.header, tuple({**item, "success": True} for item in record.items)))
    assert read_board(tmp_path).lines[0].ours.startswith("100.0 % [")


def test_what_is_not_measured_says_what_it_needs(tmp_path):
    line = read_board(evidence.write(tmp_path)).lines[1]
    assert (line.model, line.measured) == ("AttentionXML", False)
    assert line.ours.startswith("not measured yet: ")
    assert line.ours.endswith("python -m core evidence run qaraei-positive --cell debtags-attention-xml")
    assert line.here == "not measured yet" and line.ours == f"{line.here}: {line.to_measure}"
    assert line.missing is not None and line.missing.commands == ("python -m core evidence run qaraei-positive --cell debtags-attention-xml",)


def test_a_line_in_short():
    """A command stands in no figure's place; all else is as it was."""
    for line in BOARD.lines:
        assert "python -m" not in line.here
        assert line.here == line.ours or line.ours == f"{line.here}: {line.to_measure}"


def link(**change) -> dict:
    found = copy.deepcopy(evidence.LINKS)
    found["links"][0] |= change
    return found


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (link(rows=["nowhere"]), "meets no row"),
        (link(rows=["*AttentionXML*"]), "no link meets row 004/table-3/MACH-success"),
        (link(measure="similarity, successes"), "is in %, the measure 'similarity, successes' in similarity"),
        (link(measure="clean P@1"), "which the measure 'clean P@1' is not"),
        (link(none="two kinds"), "must name a study"),
        (link(measure="unknown"), "there is no measure 'unknown'"),
        (link(where={"colour": "red"}), "not on colour"),
        (link(other=1), "cannot be read"),
    ],
)
def test_what_does_not_fit_is_refused(content, said, tmp_path):
    evidence.write(tmp_path)
    (tmp_path / "links.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(DataError, match=re.escape(said)):
        read_board(tmp_path)


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0.8512, "%", "85.1"), (-0.031, "points", "−3.1"), (0.004, "%", "0.40"), (0.25026, "share", "0.2503"), (4213, "words", "4,213"),
        (2.125, "words", "2.12"), (-2e-17, "points", "0.0"),
    ],
)  # fmt: skip
def test_numbers_for_people(value, unit, shown):
    assert number(value, unit) == shown


def test_a_counted_figure_says_so():
    nan = float("nan")
    assert figure(Measured(598, nan, nan, 1), "labels") == "598 labels (counted)"
    assert figure(Measured(nan, nan, nan, 0), "%") == "–"
