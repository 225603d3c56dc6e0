"""Feature vectors on the Robustness page: nothing there, two studies, one at work, broken folders, a replay, a record on the Attack page."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import core.checkpoint
from core.cli import main
from core.models import linear
from core.runs import locks
from core.runs.run import LOCK, Run
from core.study import campaigns, records
from pages.parts import session
from tests.toy_features import bags, write_mulan

ROOT = Path(__file__).resolve().parents[2]
DATA = bags(("chess", "mail", "music", "fonts"), 5, 80)
ALPHA = "alpha *<b>&"
"""A study whose name would be Markdown and HTML."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint over bags, the bags where 'bibtex' is looked for, and two studies of the same eight documents."""
    folder = tmp_path_factory.mktemp("vectors")
    with Run(folder / "made-run", seed=0, device="cpu", quiet=True) as run:
        model = linear.train(linear.Config(minimum_documents=1), DATA, DATA.label_space(), run)
    parts: dict[str, Any] = {"settings": model.settings(), "labels": model.labels, "tensors": model.tensors(), "files": model.files()}
    core.checkpoint.save(folder / "checkpoints" / "bibtex-bags", model="linear", **parts)
    write_mulan(folder / "data" / "bibtex", DATA)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TREMOR_DATA", str(folder / "data"))
        patch.setattr(core.checkpoint, "FOLDER", folder / "checkpoints")
        for name, recipe in ((ALPHA, "hop-skip-jump"), ("beta", "boundary")):
            words = ["--checkpoint", "bibtex-bags", "--dataset", "bibtex", "--documents", "8", "--k", "1", "--queries", "80", "--json"]
            assert main(["study", "--recipe", recipe, *words, "--out", str(folder / "runs" / name)]) == 0
    return folder


@pytest.fixture(autouse=True)
def runs(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A runs folder of the test's own, empty at first; no study is shipped."""
    monkeypatch.setattr(core.checkpoint, "FOLDER", place / "checkpoints")
    monkeypatch.setattr(core.checkpoint, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(campaigns, "SHIPPED", tmp_path / "shipped")
    monkeypatch.setattr("pages.parts.loading.prewarm", lambda card: None)
    monkeypatch.setenv("TREMOR_DATA", str(place / "data"))
    st.cache_resource.clear()
    yield tmp_path / "runs"
    st.cache_resource.clear()


def page(place: Path, runs: Path, names: tuple[str, ...] = (ALPHA, "beta"), **chosen: Any) -> AppTest:
    for name in names:
        shutil.copytree(place / "runs" / name, runs / name, dirs_exist_ok=True)
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    for key, value in {"section": "vectors", "vectors": list(names), **chosen}.items():
        at.session_state[key] = value
    return at.switch_page("pages/robustness.py").run()


def said(at: AppTest) -> str:
    kinds = ("markdown", "caption", "error", "success", "info", "warning")
    return "\n".join(str(each.value) for kind in kinds for each in at.get(kind)).replace("\\", "")


def lines_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / records.FILE).read_text().splitlines()]


def test_nothing_there_says_what_to_do(place: Path, runs: Path) -> None:
    at = page(place, runs, ())
    assert not at.exception and not at.error and not at.multiselect
    assert "no study of feature vectors yet" in said(at) and any("--recipe hop-skip-jump" in one.value for one in at.code)


def test_it_is_reached_where_no_words_were_attacked(place: Path, runs: Path) -> None:
    at = page(place, runs, ("beta",), section="success")
    assert "There is no study yet" in said(at)
    at.get("button_group")[-1].set_value("vectors").run()
    assert not at.exception and at.multiselect(key="vectors").value == ["beta"]


@pytest.mark.slow
def test_two_studies_side_by_side(place: Path, runs: Path) -> None:
    at = page(place, runs)
    assert not at.exception and not at.error
    beside = at.dataframe[0].value
    assert list(beside.columns)[1:] == [ALPHA, "beta"]
    rows = {row["figure / study"]: row for row in beside.to_dict("records")}
    for name in (ALPHA, "beta"):
        summary = json.loads((runs / name / "summary.json").read_text())
        level, n = summary["levels"]["feasible"], summary["attempted"]
        assert rows["success, feasible"][name] == (
            f"{level['success']} of {n}, {100 * level['success'] / n:.1f} % [{100 * level['low']:.1f}, {100 * level['high']:.1f}]"
        )
        assert rows["P@3 % before → after"][name] == f"{summary['before']['P@3']:.1f} → {summary['after']['P@3']:.1f}"
        assert rows["digest of its weights"][name] == summary["digest"]
    (figure,) = [json.loads(chart.proto.spec) for chart in at.get("plotly_chart")]
    assert [trace["name"] for trace in figure["data"]] == ["alpha *&lt;b&gt;&amp;", "beta"]
    assert figure["data"][0]["line"]["dash"] != figure["data"][1]["line"]["dash"]
    assert "did not attack the very same documents" not in said(at)
    labels = [one.proto.label for one in at.get("download_button")]
    assert labels == ["CSV", "JSON", "Records, CSV", "Records, parquet", "Records, JSON lines", "Summary, JSON"]
    assert len(at.dataframe[1].value) == 8


def test_one_alone_and_another_level(place: Path, runs: Path) -> None:
    at = page(place, runs, ("beta",), level="text")
    assert not at.exception and not at.error
    (figure,) = [json.loads(chart.proto.spec) for chart in at.get("plotly_chart")]
    assert "(text)" in figure["layout"]["yaxis"]["title"]["text"]


@pytest.mark.slow
def test_all_is_replayed(place: Path, runs: Path) -> None:
    at = page(place, runs, ("beta",))
    at.button(key="vectors.replay").click().run()
    assert not at.exception and not at.error
    assert "8 of 8 records came out as saved" in at.success[0].value.replace("\\", "")
    found = lines_of(runs / "beta")
    won = next(record for record in found if record["success"])
    won["levels"][0]["vector"] = won["vector"]
    won["pair"] = "*7*"
    (runs / "beta" / records.FILE).write_text("".join(json.dumps(record) + "\n" for record in found))
    at.run()
    assert not at.success  # other records: what was found of the old ones is not theirs
    at.button(key="vectors.replay").click().run()
    assert not at.exception
    warning = at.warning[-1].value
    assert r"\*7\*" in warning and "continuous: saved as reached, now not reached" in warning.replace("\\", "")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("new", "sentence"),
    [
        ({"digest": "0" * 16}, "attacked weights of digest 0000000000000000"),
        ({"data_digest": "0" * 16}, "was made on data of digest 0000000000000000"),
    ],
)
def test_a_replay_on_something_else_is_refused(place: Path, runs: Path, new: dict[str, str], sentence: str) -> None:
    at = page(place, runs, ("beta",))
    config = json.loads((runs / "beta" / "config.json").read_text())
    (runs / "beta" / "config.json").write_text(json.dumps({**config, **new}))
    at.run()
    at.button(key="vectors.replay").click().run()
    assert not at.exception and sentence in said(at) and not at.success


def test_an_old_study_is_shown_and_not_replayed(place: Path, runs: Path) -> None:
    page(place, runs, ("beta",))
    found = lines_of(runs / "beta")
    for record in found:
        record.pop("vector", None)
    (runs / "beta" / records.FILE).write_text("".join(json.dumps(record) + "\n" for record in found))
    at = page(place, runs, (), vectors=["beta"])
    assert not at.exception and "as older versions wrote it" in said(at) and "beta has no line" in said(at)
    assert not [button for button in at.button if button.key == "vectors.replay"]


def test_a_record_opens_and_goes_to_the_attack_page(place: Path, runs: Path) -> None:
    at = page(place, runs, ("beta",))
    found = lines_of(runs / "beta")
    row = next(number for number, record in enumerate(found) if record["success"])
    at.session_state["vectors.records.beta"] = {"selection": {"rows": [row], "columns": [], "cells": []}}
    at.run()
    assert not at.exception and f"Document {found[row]['row'] + 1} of bibtex, test" in said(at)
    assert "What was changed" in " ".join(str(each.proto.body) for each in at.get("html"))
    at.button(key="vectors.open").click().run()
    assert not at.exception
    assert at.session_state[session.DOCUMENT] == found[row]["row"] + 1 and at.session_state[session.LABEL] == found[row]["label"]
    assert at.session_state[session.SEARCH] == "boundary" and at.session_state[session.K] == 1
    assert "At most" in said(at) and at.button(key="vector.start")


@pytest.mark.slow
def test_one_at_work_shows_what_it_has(place: Path, runs: Path) -> None:
    page(place, runs, ("beta",))
    folder = runs / "beta"
    lines = (folder / records.FILE).read_text().splitlines(keepends=True)
    (folder / records.FILE).write_text("".join(lines[:3]) + lines[3][:40])
    status = json.loads((folder / "status.json").read_text())
    (folder / "status.json").write_text(json.dumps({**status, "state": "running", "step": 3, "total": 8, "eta": 90, "what": "attacking"}))
    (folder / "job.json").write_text(json.dumps({"words": ["study", "--out", str(folder)], "device": "cpu"}))
    lock = locks.hold(folder / LOCK)
    assert lock is not None
    try:
        at = page(place, runs, (), vectors=["beta"])
        assert not at.exception and "beta is at work: this is what it found after 3 of 8 documents." in said(at)
        assert len(at.dataframe[1].value) == 3
        at.button(key="job.stop.beta").click().run()
        assert (folder / "stop").exists()
    finally:
        os.close(lock)
    at = page(place, runs, (), vectors=["beta"])
    assert not at.exception and "beta broke off after 3 of 8 documents" in said(at)


def test_broken_and_foreign_folders_are_sentences(place: Path, runs: Path) -> None:
    page(place, runs)
    (runs / "beta" / records.FILE).write_text("[]\n[]\n")
    (runs / "*stray*").mkdir()
    (runs / "*stray*" / records.FILE).write_text("{}\n")
    at = page(place, runs, (), vectors=[ALPHA, "beta", "../*nothing*"])
    assert not at.exception
    errors = "\n".join(each.value for each in at.error)
    assert r"\*stray\* holds" in errors and r"\*nothing\*" in errors and "no record of a study" in errors.replace("\\", "")
    assert list(at.dataframe[0].value.columns)[1:] == [ALPHA]
