"""The Robustness page under AppTest: nothing there, studies saved, one running, one broken off; sliders; records."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import core.runs.jobs
from core import checkpoint
from core.runs import locks
from core.runs.run import LOCK, write_job
from core.study import campaigns, follow
from pages.parts import session
from tests.pages import studies

APP = Path(__file__).resolve().parents[2] / "app.py"


@pytest.fixture(scope="module")
def made(tmp_path_factory, tiny_folder) -> Path:
    """Three studies: positive, negative, and one in which a label's attacks break."""
    folder = tmp_path_factory.mktemp("runs")
    studies.write(folder / "alpha", tiny_folder / "tiny-linear")
    studies.write(folder / "beta", tiny_folder / "tiny-linear", "negative-targeted")
    studies.write(folder / "gamma", tiny_folder / "tiny-linear", make=studies.broken)
    return folder


@pytest.fixture
def app(tiny, made, tmp_path, monkeypatch) -> Callable[..., AppTest]:
    """The page with a copy of the studies, or some of them."""
    monkeypatch.setattr(campaigns, "SHIPPED", tmp_path / "shipped")

    def start(names=("alpha", "beta", "gamma"), **choices) -> AppTest:
        runs = tmp_path / "runs"
        for name in names:
            shutil.copytree(made / name, runs / name, dirs_exist_ok=True)
        monkeypatch.setattr(checkpoint, "RUNS", runs)
        test = AppTest.from_file(str(APP), default_timeout=60)
        for name, value in choices.items():
            test.session_state[name] = value
        return test.switch_page("pages/robustness.py").run()

    return start


def shown(test: AppTest) -> str:
    kinds = (test.markdown, test.caption, test.info, test.warning, test.error, test.success, test.text)
    return "\n".join(element.value for kind in kinds for element in kind).replace("\\", "")


COLUMNS = {
    "bins": {"bin", "successes", "exhausted"}, "tail-head": {"tail", "head"}, "table-3": {"model", "low %"}, "table-5": {"model", "clusters"},
    "records": {"outcome", "why"},
}  # fmt: skip
"""AppTest gives tables no key: they are told by their columns."""


def rows(test: AppTest, name: str) -> list[dict]:
    found = [frame.value for frame in test.dataframe if COLUMNS[name] <= set(frame.value.columns)]
    return found[-1].to_dict("records")


def test_nothing_there_says_what_to_do(app):
    test = app(names=())
    assert not test.exception and not test.error
    assert "There is no study yet" in shown(test) and "python -m core study" in shown(test)


def test_success_by_bin_is_the_summary(app, made):
    test = app(study=["alpha"])
    assert not test.exception and not test.error
    test.slider(key="study.rate").set_value(100.0).run()
    summary = json.loads((made / "alpha" / "summary.json").read_text())
    found = {row["bin"]: row for row in rows(test, "bins")}
    for one in [*summary["bins"], summary["all"]]:
        assert (found[one["bin"]]["n"], found[one["bin"]]["successes"]) == (one["n"], one["success"])
        assert found[one["bin"]]["success %"] == pytest.approx(100 * one["rate"], abs=0.01)
    (figure,) = test.get("plotly_chart")
    assert "training documents of the label" in figure.proto.spec


@pytest.mark.slow
def test_sliders_filter_saved_results(app):
    """A change rate of nothing leaves no success; attacks are not made again."""
    test = app(study=["alpha"])
    before = sum(row["successes"] for row in rows(test, "bins"))
    test.slider(key="study.rate").set_value(0.0).run()
    after = sum(row["successes"] for row in rows(test, "bins"))
    assert (before > 0, after) == (True, 0)
    test.slider(key="study.rate").set_value(100.0).run()
    test.slider(key="study.similarity").set_value(1.0).run()
    assert sum(row["successes"] for row in rows(test, "bins")) == 0


def test_tables_stand_beside_the_papers(app):
    test = app(study=["alpha", "beta"], section="paper")
    assert not test.exception and not test.error
    three, five = (next(f.value for f in test.dataframe if ("clusters" in f.value.columns) is wide).to_dict("records") for wide in (False, True))
    assert [row["study"] for row in three] == ["alpha", "", "", "", ""]
    assert [row["success %"] for row in three[1:]] == [89.94, 85.12, 96.66, 84.40]
    assert [(row["study"], row["clusters"]) for row in five[:1]] == [("beta", "no")] and len(five) == 9
    assert all("other data" in row["source"] for row in three[1:])


@pytest.mark.parametrize("section", ["costs", "fragile", "transfer"])
def test_other_sections(app, section):
    test = app(study=["alpha", "beta"], section=section)
    assert not test.exception and not test.error
    assert test.get("plotly_chart")


def test_a_study_without_positive_attacks_has_no_fragile_label(app):
    assert "None of these studies has the goal “Push a label out (positive-targeted)”" in shown(app(study=["beta"], section="fragile"))


@pytest.mark.slow
def test_texts_are_read_by_another_checkpoint(app, tmp_path):
    test = app(study=["alpha"], section="transfer")
    test.multiselect(key="study.readers").set_value(["tiny-linear"]).run()
    test.button(key="study.read").click().run()
    assert not test.exception
    found = json.loads((tmp_path / "runs" / "alpha" / "transfer.tiny-linear.json").read_text())
    assert found["share"] == 1.0 and found["eligible"] > 0


@pytest.mark.slow
def test_records_open_and_go_to_the_attack_page(app):
    test = app(study=["alpha"], section="records")
    assert not test.exception and not test.error
    assert len(rows(test, "records")) == 16
    test.button(key="study.replay").click().run()
    assert "All 16 records came out as saved" in shown(test)
    test.session_state["study.records.alpha"] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    test.run()
    assert not test.exception
    record = json.loads((checkpoint.RUNS / "alpha" / "records.jsonl").read_text().splitlines()[0])
    html = "".join(element.value for element in test.get("html") if hasattr(element, "value"))
    assert "<script>alert" not in html
    test.button(key="study.open").click().run()
    assert not test.exception
    assert json.loads(test.session_state[session.RECORD])["pair"] == record["pair"]


def test_errors_are_shown_as_they_are(app):
    test = app(study=["gamma"])
    assert sum(row["errors"] for row in rows(test, "bins")) > 0
    test = app(study=["gamma"], section="records")
    assert not test.exception
    assert any("<script>alert(1)</script> *bug*" in row["why"] for row in rows(test, "records"))


def test_a_shipped_study_is_read_packed(app, tmp_path, made):
    folder = tmp_path / "shipped" / "example"
    folder.mkdir(parents=True)
    for name in ("config.json", "plan.json"):
        shutil.copy(made / "alpha" / name, folder / name)
    (folder / "records.jsonl.gz").write_bytes(gzip.compress((made / "alpha" / "records.jsonl").read_bytes()))
    test = app(names=())
    assert not test.exception and not test.error
    assert test.multiselect(key="study").value == ["example"]
    assert sum(row["n"] for row in rows(test, "bins")) == 32  # 16, and all


def broken_off(folder: Path) -> None:
    """As kill -9 leaves a study that a job was: half its records, the last one cut, a status that says it is running."""
    lines = (folder / "records.jsonl").read_text().splitlines(keepends=True)
    (folder / "records.jsonl").write_text("".join(lines[:9]) + lines[9][:40])
    status = json.loads((folder / "status.json").read_text())
    (folder / "status.json").write_text(json.dumps({**status, "state": "running", "step": 9, "total": 16, "eta": 90, "what": "attacking"}))
    write_job(folder, ["study", "--out", str(folder)], "cpu")


@pytest.mark.slow
def test_one_that_broke_off_can_go_on(app, tmp_path, monkeypatch):
    app(study=["alpha"])  # copies
    broken_off(tmp_path / "runs" / "alpha")
    started = []
    monkeypatch.setattr(core.runs.jobs, "launch", lambda folder, words, *more: started.append((folder.name, words)))
    test = app(names=(), study=["alpha"])
    assert not test.exception
    assert "alpha broke off after 9 of 16 pairs" in shown(test)
    test.button(key="job.resume.alpha").click().run()
    assert started == [("alpha", ("study", "--out", str(tmp_path / "runs" / "alpha")))]


@pytest.mark.slow
def test_a_running_one_is_watched_and_stopped(app, tmp_path):
    app(study=["alpha"])
    folder = tmp_path / "runs" / "alpha"
    broken_off(folder)
    lock = locks.hold(folder / LOCK)
    try:
        test = app(names=(), study=["beta"])
        assert not test.exception
        assert "alpha: attacking 9 of 16, about 2 min left" in "".join(bar.proto.text for bar in test.get("progress")).replace("\\", "")
        test.button(key="job.stop.alpha").click().run()
        assert (folder / "stop").exists()
        assert test.button(key="job.stop.alpha").disabled
    finally:
        os.close(lock)


@pytest.mark.slow
def test_what_ends_at_once_says_why(app, monkeypatch):
    """A real process that refuses: its sentence is shown once it has ended."""
    monkeypatch.setattr("pages.parts.study.form.cached_file", lambda: APP)
    monkeypatch.setattr(core.runs.jobs, "PROGRAM", (sys.executable, "-c", "import sys; sys.exit('there is *no* language model')"))
    test = app(study=["alpha"])
    test.button(key="study.start").click().run()
    for _ in range(300):
        if "there is *no* language model" in shown(test):
            break
        time.sleep(0.1)
        test.run()
    assert not test.exception
    assert "there is *no* language model" in shown(test)
    assert test.multiselect(key="study").value == ["alpha"]


@pytest.mark.slow
def test_a_refused_start_is_a_sentence(app, monkeypatch):
    test = app(study=["alpha"])
    assert not test.button(key="study.start").disabled or "not built" in shown(test)
    monkeypatch.setattr("pages.parts.study.form.cached_file", lambda: APP)
    test = app(study=["alpha"])
    test.text_input(key=next(box.key for box in test.text_input if str(box.key).startswith("study.name"))).input("../evil").run()
    test.button(key="study.start").click().run()
    assert not test.exception
    assert "cannot be the name of a run" in shown(test)


def squeezing() -> dict:
    """What `core squeeze` writes, with two squeezers."""
    metrics = {"P@1": {"value": 0.8, "low": 0.75, "high": 0.85}}
    own = {"auc": 0.625, "tpr": 0.25, "fpr": 0.05, "curve": {"fpr": [0, 0.05, 1], "tpr": [0, 0.25, 1]}}
    rows = [{"name": "tiny-linear", "metrics": metrics, "fitting": 9, "restored": 0}]
    rows += [
        {"name": f"tiny-linear, {name}", "metrics": metrics, "fitting": 9, "restored": 4, "detector": own} for name in ("2 bits", "<b>3 bits</b>")
    ]
    adaptive = [{"squeezer": "2 bits", "recipe": "canned", "pairs": 7, "attacked": 6, "success": 5, "saved_success": 3}]
    return {
        "checkpoint": "tiny-linear", "digest": "abc", "attacked_digest": "abc", "documents": 40, "seed": 3, "classifiers": rows, "detector": own,
        "adaptive": adaptive,
    }  # fmt: skip


@pytest.mark.slow
def test_squeezing_is_shown_where_it_was_measured(app, tmp_path):
    """A table, the detector's curves and the adaptive attacker; the command, where nobody measured; a sentence for a foreign file."""
    test = app(study=["alpha", "beta"], section="squeezing")
    commands = [code.value for code in test.code if not code.value.startswith("?")]  # the page's link is one, too
    assert not test.exception and len(commands) == 2
    assert all(command.startswith("python -m core squeeze --checkpoint ") for command in commands)
    follow.write_squeezing(tmp_path / "runs" / "alpha", squeezing())
    test.run()
    assert not test.exception and not test.error and len(test.code) == 2  # one command less, and the link
    tables = [frame.value for frame in test.dataframe]
    assert list(tables[0]["restored"]) == [0, 4, 4] and list(tables[0]["P@1 %"]) == [80.0] * 3
    assert tables[1].to_dict("records") == [
        {"squeezer": "2 bits", "attack": "canned", "pairs": 7, "attacked": 6, "succeed": 5, "succeeded without squeezing": 3}
    ]
    (figure,) = [json.loads(chart.proto.spec) for chart in test.get("plotly_chart")]
    assert [trace["name"] for trace in figure["data"] if trace["mode"] == "lines"] == [
        "all together (AUC 0.625)", "2 bits (AUC 0.625)", "&lt;b&gt;3 bits&lt;/b&gt; (AUC 0.625)"
    ]  # fmt: skip
    side = {name: {"value": value, "low": value - 0.1, "high": value + 0.1} for name, value in (("P@1", 0.5), ("P@5", 0.25))}
    own = {"moved": side, "gap": side, "won": side}
    rows = [{"name": name, "clean": side, "cost": side, "unaware": own, "aware": own} for name in ("tiny-linear", "tiny-linear, 2 bits")]
    moved = {
        "attack": "fgsm", "epsilon": 0.2, "documents": 30, "seed": 0, "ranked_by": "the scores of all labels", "rows": rows,
        "attackers": {"unaware": "does *not* know", "aware": "knows"}, "left_out": ["words of 5+"],
    }  # fmt: skip
    follow.write_squeezing(tmp_path / "runs" / "alpha", {**squeezing(), "moved": [moved]})
    test.run()
    assert not test.exception and "FGSM of 0.2 on rows that this file, of an earlier version, does not name, then squeezed" in shown(test)
    follow.write_squeezing(tmp_path / "runs" / "alpha", {**squeezing(), "moved": [{**moved, "said": "FGSM on the word vectors"}]})
    test.run()
    assert not test.exception and "FGSM on the word vectors, then squeezed" in shown(test)
    frame = next(one.value for one in test.dataframe if "won back" in one.value.columns)
    assert list(frame["squeezer"]) == ["tiny-linear", "tiny-linear, 2 bits"] * 2 and list(frame["attacker"]) == ["unaware"] * 2 + ["aware"] * 2
    assert list(frame["won back"]) == ["+50.0 [+40.0, +60.0]"] * 4
    assert "attacker does *not* know." in shown(test) and "The same 30 test documents" in shown(test) and "no words: words of 5" in shown(test)
    (tmp_path / "runs" / "alpha" / "squeezing.other.json").write_text("[]")
    test.run()
    assert not test.exception and "was not written by `core squeeze`" in shown(test)
