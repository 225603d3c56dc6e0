"""The Evidence page under AppTest: tables, verdicts, filters, records; and that no number of it is typed in."""

from __future__ import annotations

import ast
import csv
import io
import re
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.evidence import details, records
from core.evidence.board import Line, read_board
from core.evidence.claims import verdict_on
from core.evidence.records import Record
from pages.parts import session
from tests import evidence

ROOT = Path(__file__).resolve().parents[2]
CELL = "qaraei-positive/debtags-mach"
TABLES, BEYOND, RECORDS = ({session.EVIDENCE: view} for view in ("tables", "beyond", "records"))


@pytest.fixture
def app(tiny, tmp_path, monkeypatch):
    """The page with a small folder of evidence and some choices."""
    folder = evidence.write(tmp_path / "evidence")
    monkeypatch.setattr(records, "FOLDER", folder)

    def start(*made: Record, **choices) -> AppTest:
        if made:
            evidence.write(folder, *made)
        test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        for name, value in choices.items():
            test.session_state[name] = value
        return test.switch_page("pages/evidence.py").run()

    return start


def said(test: AppTest) -> str:
    kinds = (test.markdown, test.caption, test.info, test.error, test.header, test.subheader)
    return "\n".join(element.value for kind in kinds for element in kind).replace("\\", "")


def claims(test: AppTest) -> list[str]:
    """The lines of the verdicts."""
    return [line.replace("\\", "") for radio in test.radio if str(radio.key).startswith("evidence.claims.") for line in radio.options]


def table(test: AppTest) -> list[dict]:
    return next(frame.value for frame in test.dataframe if "paper prints" in frame.value.columns).to_dict("records")


def test_a_row_stands_beside_our_figure(app):
    test = app(**TABLES)
    assert not test.exception and not test.error
    first, second, third = table(test)
    assert (first["paper prints"], first["n"], first["same protocol"]) == ("61.23", 12, "partly")
    assert first["here"] == "58.3 % [32.0, 80.7]" and first["here on"] == "debtags normal" and first["caveats"] == "rounded"
    assert (first["measured as"], second["measured as"]) == ("success", "")
    assert first["threat"] == evidence.THREAT and first["why"].startswith("Protocol replicated on other data (debtags for Wiki10-31K).")
    assert (second["here"], second["same protocol"], second["here on"]) == ("not measured yet", "", "debtags normal")
    assert second["to measure"].endswith("python -m core evidence run qaraei-positive --cell debtags-attention-xml") and first["to measure"] == ""
    assert (third["paper prints"], third["here"]) == ("none reported", "Nothing to compare.")
    assert "Seeds 003 and 004: A paper" in said(test) and "It is rounded <b>down</b>. (page 3)" in said(test)


def test_what_comes_from_files_is_shown_as_it_is(app):
    """Neither HTML nor Markdown of a data file is in force."""
    test = app(**TABLES)
    raw = "\n".join(element.value for kind in (test.subheader, test.caption) for element in kind)
    assert "<script>" not in raw and "\\<script\\>alert\\(1\\)" in raw and "\\*it\\*" in raw


def test_a_line_a_verdict(app):
    test = app()
    first, second = claims(test)
    assert first == ":red-badge[:material/cancel: does not hold] Attacks succeed in more than 95 % of the cases. :small[1 against]"
    assert second == ":orange-badge[:material/contrast: partly] Success is above 70 %. :small[1 for · 1 against]"
    assert "Rule" not in said(test) and not test.get("plotly_chart")


def test_a_chosen_claim_shows_its_figures(app):
    test = app()
    test.radio(key="evidence.claims.004").set_value("004/high").run()
    assert not test.exception and test.session_state[session.CLAIM] == "004/high"
    text = said(test)
    assert "**The paper**, 4.2: “high”" in text and "**Rule**: success above 95 %." in text and f"Records: {CELL}" in text
    (figure,) = test.get("plotly_chart")
    assert "Claimed: above 95 %. MACH on debtags 58.3 % [32.0, 80.7] speaks against it" in figure.proto.alt
    (shown,) = [element.proto.body for element in test.get("html") if "<caption>Claimed" in element.proto.body]
    assert "<th scope='row'>MACH on debtags</th><td class=n>58.3 % [32.0, 80.7]</td><td class=n>12</td>" in shown
    test.button(key="evidence.close.004/high").click().run()
    assert not test.get("plotly_chart") and session.CLAIM not in test.session_state and test.radio(key="evidence.claims.004").value is None


def test_printed_numbers_are_points_with_their_caveats(app):
    test = app(**{session.CLAIM: "004/printed"})
    assert test.radio(key="evidence.claims.004").value == "004/printed"
    text = said(test)
    assert "come without intervals" in text and "**rounded** It is rounded <b>down</b>. (page 3)" in text
    (shown,) = [element.proto.body for element in test.get("html") if "<caption>Claimed" in element.proto.body]
    assert "<td class=n>61.2</td><td class=n>–</td><td class=n>against</td>" in shown


def test_a_claim_of_another_paper_is_dropped(app):
    test = app(**{session.CLAIM: "999/none"})
    assert not test.exception and session.CLAIM not in test.session_state and test.radio(key="evidence.claims.004").value is None


def test_a_changed_record_changes_the_page(app):
    assert table(app(**TABLES))[0]["here"] == "58.3 % [32.0, 80.7]"
    record = evidence.attacks()
    every = Record(record.header, tuple({**item, "success": True} for item in record.items))
    assert table(app(every, **TABLES))[0]["here"] == "100.0 % [75.8, 100.0]"
    assert claims(app(every))[0].endswith("undecided] Attacks succeed in more than 95 % of the cases. :small[1 open]")


def test_a_changed_paper_changes_the_page(app, tmp_path):
    app()
    path = tmp_path / "evidence" / "papers.json"
    path.write_text(path.read_text().replace('"61.23", "value": 61.23', '"12.34", "value": 12.34'), encoding="utf-8")
    assert table(app(**TABLES))[0]["paper prints"] == "12.34"
    test = app(**{session.CLAIM: "004/printed"})
    (figure,) = test.get("plotly_chart")
    assert "MACH on Wiki10-31K 12.3 speaks against it" in figure.proto.alt


def test_the_record_behind_a_figure(app):
    test = app(cell=CELL)
    assert not test.exception and not test.error
    text = said(test)
    assert "Weights: **a1b2c3d4**" in text and "Seed: **0**" in text and "Items: **12 attacks**" in text and "Measured: **2026-01-02**" in text
    frames = [frame.value for frame in test.dataframe]
    figures = next(frame for frame in frames if "what it is" in frame.columns).set_index("figure")
    assert figures.loc["success", "value"] == "58.3 % [32.0, 80.7]"
    (bins,) = [frame.to_dict("records") for frame in frames if "successes" in frame.columns]
    assert [(one["n"], one["successes"]) for one in bins] == [(6, 5), (6, 2)]
    (samples,) = [frame.to_dict("records") for frame in frames if "becomes" in frame.columns]
    assert [(one["word"], one["becomes"], one["rank after"]) for one in samples] == [("Irish", "German", 6)]
    commands = test.code[-1].value.splitlines()
    assert commands == [f"python -m core evidence {verb} qaraei-positive --cell debtags-mach" for verb in ("run", "reproduce")]


@pytest.mark.slow
def test_what_no_paper_prints_has_a_place_of_its_own(app):
    assert "Beyond the papers" not in said(app())
    assert "Nothing that no paper prints was measured here" in said(app(**BEYOND))
    item = {"id": "7", "row": 7, "true": 1, "words": 800, "read": 128, "windows": 9, "first": "00000", "maximum": "10000", "mean": "00000"}
    head = evidence.header("readings", "long-documents", "eurlex57k-xml-cnn", model="XML-CNN", data="eurlex57k", threat="no attack")
    test = app(evidence.attacks(), Record(head, (item,)), **BEYOND)
    assert not test.exception and not test.error
    assert "Beyond the papers" in said(test) and "**long-documents**: acts of 700 words and more" in said(test)
    (shown,) = [frame.value for frame in test.dataframe if "record" in frame.value.columns]
    rows = shown.set_index("figure")
    assert set(shown["record"]) == {"long-documents/eurlex57k-xml-cnn"}
    assert rows.loc["words", "value"].startswith("800 words") and rows.loc["maximum over windows: P@1", "value"].startswith("100.0 %")
    assert "Beyond the papers" not in said(app(evidence.attacks(), **{session.PAPERS: ["004"]}))
    assert "Beyond the papers" not in said(app(evidence.attacks(), **{session.MODELS: ["MACH"]}))
    of_another = said(app(evidence.attacks(), **{session.MODELS: ["MACH"]}, **BEYOND))
    assert "long-documents" not in of_another and "none of it with the chosen models" in of_another


def test_files_of_a_record_are_the_record(app):
    record = evidence.attacks()
    assert details.jsonl(record) == records.to_text(record)
    rows = list(csv.DictReader(io.StringIO(details.items_csv(record))))
    assert len(rows) == 12 and rows[0]["to"] == "German" and rows[1]["to"] == ""


def test_filters(app):
    assert len(table(app(**{session.MEASURED: True}))) == 1
    assert [row["model"] for row in table(app(**{session.MODELS: ["AttentionXML"]}))] == ["AttentionXML"]
    test = app(**{session.MODELS: ["AttentionXML"], session.MEASURED: True})
    assert "No line of the papers' tables fits these filters" in said(test)
    test = app(**{session.PAPERS: ["999"], session.CELL: "no/record"}, **TABLES)
    assert not test.exception and len(table(test)) == 3


@pytest.mark.parametrize(
    ("choices", "view"),
    [
        ({}, "verdicts"),
        ({session.PAPERS: ["004"]}, "verdicts"),
        ({session.CLAIM: "004/high", session.MODELS: ["MACH"]}, "verdicts"),
        ({session.MEASURED: True}, "tables"),
        ({session.TABLE: "004/table-3"}, "tables"),
        ({session.CELL: CELL, session.MEASURED: True}, "records"),
    ],
)
def test_a_link_that_names_no_view_opens_the_one_that_shows_what_it_names(app, choices, view):
    """Links from before there were views."""
    test = app(**choices)
    assert not test.exception and test.session_state[session.EVIDENCE] == view


def test_only_the_view_that_is_looked_at_is_computed(app, monkeypatch):
    """The overview computes no line's figure; a table computes its own, and no verdict."""
    asked: list[str] = []
    computed = Line.found.func
    monkeypatch.setattr(Line.found, "func", lambda line: asked.append(line.table) or computed(line))
    monkeypatch.setattr("core.evidence.board.verdict_on", lambda *_: asked.append("verdict") or verdict_on(*_))
    app()
    assert set(asked) == {"verdict"}
    asked.clear()
    app(**TABLES)
    assert set(asked) == {"004/table-3"}


def test_nothing_measured_says_what_to_do(app, tmp_path):
    (tmp_path / "evidence" / "records" / "qaraei-positive" / "debtags-mach.jsonl").unlink()
    test = app(**RECORDS)
    assert not test.exception
    assert "Nothing was measured yet" in said(test) and "python -m core evidence list" in said(test)
    assert claims(app())[0].endswith("not measured] Attacks succeed in more than 95 % of the cases. :small[–]")
    open_cells = next(frame.value for frame in test.dataframe if "command" in frame.value.columns)
    assert "python -m core evidence run qaraei-positive --cell debtags-mach" in set(open_cells["command"])


def test_a_broken_record_is_a_sentence(app, tmp_path):
    (tmp_path / "evidence" / "records" / "qaraei-positive" / "debtags-mach.jsonl").write_text("broken", encoding="utf-8")
    test = app()
    assert not test.exception
    assert any("no JSON object" in element.value.replace("\\", "") for element in test.error)


def test_an_open_row_says_how_it_is_measured(app):
    test = app(**TABLES)
    (key,) = [frame.key for frame in test.dataframe if "paper prints" in frame.value.columns]
    test.session_state[key] = {"selection": {"rows": [1], "columns": [], "cells": []}}
    test.run()
    assert not test.exception and "There is no record behind this row: it is not measured yet." in said(test)
    assert "python -m core evidence run qaraei-positive --cell debtags-attention-xml" in [element.value for element in test.code]


@pytest.mark.slow
@pytest.mark.parametrize("claim", ["004/tail", "002/memory", "001/resilience", "000/squeezing"])
def test_a_shipped_claim_opens(tiny, claim):
    test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    test.session_state[session.PAPERS] = [claim[:3]]
    test.session_state[session.CLAIM] = claim
    test = test.switch_page("pages/evidence.py").run()
    assert not test.exception and not test.error
    assert len(test.get("plotly_chart")) == (claim != "000/squeezing")


@pytest.mark.slow
def test_the_shipped_evidence_opens(tiny):
    st.cache_resource.clear()
    test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    test.session_state[session.PAPERS] = ["004"]
    test.session_state[session.EVIDENCE] = "tables"
    test = test.switch_page("pages/evidence.py").run()
    tables = [one.id for one in read_board().papers.tables if one.paper == "004"]
    assert len(test.selectbox(key=session.TABLE).options) == len(tables) == 8
    for name in tables:
        test.selectbox(key=session.TABLE).set_value(name).run()
        assert not test.exception and not test.error
        assert sum("paper prints" in frame.value.columns for frame in test.dataframe) == 1


@pytest.mark.slow
def test_seed_001_s_attack_tables_are_measured(tiny):
    """Each attack's rows stand beside a record of that attack on another model, and MediaMill's beside a sentence; a record's figures
    are there, too."""
    st.cache_resource.clear()
    test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    test.session_state[session.PAPERS] = ["001"]
    test.session_state[session.EVIDENCE] = "tables"
    test = test.switch_page("pages/evidence.py").run()
    rows = []
    for name in [one.id for one in read_board().papers.tables if one.paper == "001"]:
        test.selectbox(key=session.TABLE).set_value(name).run()
        assert not test.exception and not test.error
        rows += table(test)
    zoo = [row for row in rows if row["threat"] == "ZOO on feature vectors, black box, scores"]
    assert {row["where"] for row in zoo} == {"Table 20", "Table 23"} and not [row for row in zoo if " [" not in row["here"]]
    assert all(row["same protocol"] == "partly" and "The model is another" in row["why"] for row in zoo)
    assert all("cannot be had" in row["here"] for row in rows if row["data"] == "MediaMill" and row["where"] == "Table 7")
    test.session_state[session.CELL] = "vector-attacks/bibtex-linear-base"
    test.segmented_control(key=session.EVIDENCE).set_value("records").run()
    frames = [frame.value for frame in test.dataframe]
    names = {str(name) for frame in frames if "what it is" in frame.columns for name in frame["figure"]}
    assert {"ZOO: bits flipped", "HopSkipJump: P@5, near", "Boundary: distance", "whole split P@1"} <= names


# -- no number is typed in

FILES = [Path("pages/evidence.py"), *sorted(path.relative_to(ROOT) for path in (ROOT / "pages" / "parts" / "evidence").glob("[!_]*.py"))]
A_PERCENT = re.compile(r"\d+(?:[.,]\d+)?\s*(?:%|points)|\d\.\d")
ALLOWED = ("95 % interval",)
"""Said of intervals in general."""


def typed_numbers(source: str) -> list[str]:
    """Number literals, and figures inside of texts."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant):
            value = node.value
            if isinstance(value, int | float) and not isinstance(value, bool):
                found.append(f"line {node.lineno}: {value}")
            elif isinstance(value, str):
                for allowed in ALLOWED:
                    value = value.replace(allowed, "")
                found += [f"line {node.lineno}: {hit}" for hit in A_PERCENT.findall(value)]
    return found


@pytest.mark.parametrize("path", FILES, ids=str)
def test_no_number_is_typed_in(path):
    assert typed_numbers((ROOT / path).read_text(encoding="utf-8")) == []


def test_the_scan_bites():
    assert len(FILES) == 5
    assert len(typed_numbers('x = 85.0\ny = "85.0 % of all"\nz = "gap of 3 points"\nt = True')) == 3
