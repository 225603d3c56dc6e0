"""`python -m core evidence`: list, show, run, reproduce, import, and refusals in sentences."""

from __future__ import annotations

import json

import pytest

from core.cli import main
from core.evidence import records
from core.evidence.records import Record
from tests import evidence
from tests.pages.tiny import tiny_dataset


@pytest.fixture(autouse=True)
def small(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "FOLDER", evidence.write(tmp_path / "evidence"))
    monkeypatch.setattr("core.checkpoint.RUNS", tmp_path / "runs")
    monkeypatch.setattr("core.data.load_dataset", lambda name: tiny_dataset())


def said(capsys, *words: str) -> dict:
    assert main(["evidence", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys, *words: str) -> str:
    assert main(["evidence", *words]) == 2
    return capsys.readouterr().err


def test_the_list_says_what_is_measured(capsys):
    cells = {(one["study"], one["cell"]): one for one in said(capsys, "list")["cells"]}
    assert cells["qaraei-positive", "debtags-mach"]["measured"]
    assert cells["qaraei-positive", "debtags-aplc-xlnet"] == {
        "study": "qaraei-positive", "cell": "debtags-aplc-xlnet", "measured": False, "needs": cells["qaraei-positive", "debtags-aplc-xlnet"]["needs"],
    }  # fmt: skip
    assert main(["evidence", "list"]) == 0
    assert "measured on 2026-01-02, 12 items" in capsys.readouterr().out


def test_show_prints_rows_and_verdicts(capsys):
    found = said(capsys, "show")
    assert [row["paper value"] for row in found["rows"]] == [61.23, 77.7, None]
    assert found["rows"][0]["our value"] == pytest.approx(58.3333, abs=1e-3) and found["rows"][0]["n"] == 12
    assert [one["verdict"] for one in found["verdicts"]] == ["does not hold", "partly"]
    assert said(capsys, "show", "--paper", "003")["rows"] == found["rows"]  # seed 003 is paper 004
    assert said(capsys, "show", "--paper", "000")["rows"] == []
    assert said(capsys, "show", "--paper", "000")["verdicts"] == [] != said(capsys, "show", "--paper", "004")["verdicts"]
    assert len(said(capsys, "show", "--model", "AttentionXML")["rows"]) == 1


def test_show_prints_what_no_paper_does(capsys):
    assert said(capsys, "show")["beyond the papers"] == []
    item = {"id": "7", "row": 7, "true": 1, "words": 800, "read": 128, "windows": 9, "first": "00000", "maximum": "10000", "mean": "00000"}
    head = evidence.header("readings", "long-documents", "eurlex57k-xml-cnn", model="XML-CNN", data="eurlex57k")
    records.write(Record(head, (item,)), records.place(head.study, head.cell))
    rows = said(capsys, "show")["beyond the papers"]
    assert {row["record"] for row in rows} == {"long-documents/eurlex57k-xml-cnn"} and "first window: P@1" in {row["figure"] for row in rows}
    assert said(capsys, "show", "--paper", "004")["beyond the papers"] == said(capsys, "show", "--model", "MACH")["beyond the papers"] == []


def test_run_then_reproduce(capsys):
    assert said(capsys, "run", "label-statistics", "--cell", "debtags")["cells"][0]["measured"]
    assert not said(capsys, "run", "label-statistics", "--cell", "debtags")["cells"][0]["measured"]
    found = said(capsys, "reproduce", "label-statistics", "--cell", "debtags")
    assert found["same"] and found["measures"]
    assert main(["evidence", "reproduce", "label-statistics", "--cell", "debtags"]) == 0
    assert "same      labels: 4 -> 4" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("run",), "name the study"),
        (("run", "nothing"), "there is no study 'nothing'"),
        (("run", "mach-cost", "--cell", "x"), "has no cell 'x'"),
        (("reproduce", "mach-cost"), "name the cell"),
        (("reproduce", "mach-cost", "--cell", "mach-and-dense"), "was never measured"),
        (("import", "qaraei-positive", "--cell", "debtags-linear"), "name the folder of the finished study"),
        (("import", "qaraei-positive", "--cell", "debtags-mach", "--from", "nowhere"), "is there already"),
        (("import", "qaraei-positive", "--cell", "debtags-linear", "--from", "nowhere"), "is no study's folder"),
        (("import", "mach-cost", "--cell", "mach-and-dense", "--from", "nowhere"), "no study of attacks on words"),
    ],
)
def test_refusals(capsys, words, sentence):
    assert sentence in refused(capsys, *words)
