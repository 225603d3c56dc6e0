"""A study on the pairs of another, started on the page: from New study, and where Compare misses it. What is launched is the very command."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import core.checkpoint
import core.runs.jobs
from core.cli.study import add_flags, request_of
from core.study import campaigns, records
from core.study.kinds.words import WordKind
from core.study.run import same_attack
from pages.parts.study import pairs
from tests.pages import studies
from tests.pages.test_compare import said
from tests.pages.tiny import save_variant

APP = Path(__file__).resolve().parents[2] / "app.py"


@pytest.fixture(scope="module")
def made(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """tiny-linear, tiny-robust made from it, tiny-other without a common label; the study alpha on the first."""
    folder = tmp_path_factory.mktemp("pairs")
    shutil.copytree(tiny_folder / "tiny-linear", folder / "checkpoints" / "tiny-linear")
    save_variant(folder / "checkpoints" / "tiny-linear", folder / "checkpoints" / "tiny-robust", halved=("paste",))
    studies.write(folder / "runs" / "alpha", folder / "checkpoints" / "tiny-linear")
    path = folder / "runs" / "alpha" / "config.json"  # a recipe that the command line knows, on data that are here
    config = json.loads(path.read_text())
    config["study"] |= {"checkpoint": "tiny-linear", "dataset": "assets/studies/samples"}
    path.write_text(json.dumps({**config, "recipe": "qaraei-babbar-2021"}))
    return folder


@pytest.fixture
def open_page(tiny: Path, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], AppTest]:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.setattr(core.checkpoint, "FOLDER", tmp_path / "checkpoints")
    monkeypatch.setattr(core.checkpoint, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(campaigns, "SHIPPED", tmp_path / "shipped")
    return lambda name: AppTest.from_file(str(APP), default_timeout=60).switch_page(f"pages/{name}.py")


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str]]]:
    found: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(core.runs.jobs, "launch", lambda folder, words, device: found.append((folder.name, words)))
    return found


def asked(words: list[str]) -> Any:
    """What the command line makes of these words."""
    import argparse

    parser = argparse.ArgumentParser()
    add_flags(parser.add_subparsers().add_parser("study"), words)
    return request_of(parser.parse_args(words))


def test_compare_starts_the_missing_study(open_page, launched, tmp_path: Path) -> None:
    page = open_page("compare")
    page.session_state["compare"] = "studies"
    page.run()
    assert not page.exception and "There is one study, alpha" in said(page) and "python -m core" not in said(page)
    assert page.selectbox(key="pairs.checkpoint.alpha").options == ["tiny-robust"]
    assert "Push a label out (positive-targeted), k = 1" in said(page)
    page.button(key="pairs.start").click().run()
    assert not page.exception
    [(name, words)] = launched
    assert name == "tiny-robust-on-alpha"
    assert WordKind(asked(words)) == same_attack(tmp_path / "runs" / "alpha", "tiny-robust")


def test_new_study_takes_the_pairs_of_another(open_page, launched, tmp_path: Path) -> None:
    page = open_page("robustness").run()
    assert page.selectbox(key="study.from").options == ["Drawn anew", "Those of alpha"]
    assert page.selectbox(key="study.goal").options[0] == "Push a label out" and "(positive-targeted)" in page.selectbox(key="study.goal").help
    page.selectbox(key="study.from").set_value("alpha").run()
    assert not page.exception and not page.error
    assert page.selectbox(key="study.partner").options == ["tiny-robust"]
    assert "As in alpha: assets/studies/samples, test" in said(page) and not any(box.key == "study.goal" for box in page.selectbox)
    page.button(key="study.start").click().run()
    [(_, words)] = launched
    assert WordKind(asked(words)) == same_attack(tmp_path / "runs" / "alpha", "tiny-robust")


@pytest.mark.slow
def test_pairs_of_a_study_under_way_are_refused_with_the_reason(open_page, tmp_path: Path) -> None:
    path = tmp_path / "runs" / "alpha" / records.FILE
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:9]))
    page = open_page("compare")
    page.session_state["compare"] = "studies"
    page.run()
    assert not page.exception and "alpha has not attacked 7 of its 16 pairs yet. Let it end first." in said(page)
    page = open_page("robustness").run()
    page.selectbox(key="study.from").set_value("alpha").run()
    assert not page.exception and "alpha has not attacked 7 of its 16 pairs yet" in said(page)
    assert not any(button.key == "study.start" for button in page.button)


def test_a_started_study_stands_beside_the_one_that_gave_its_pairs(open_page, made: Path, tmp_path: Path) -> None:
    """Also before its first record."""
    for name in ("gamma", "omega"):
        shutil.copytree(made / "runs" / "alpha", tmp_path / "runs" / name)
    path = tmp_path / "runs" / "omega" / "config.json"
    config = json.loads(path.read_text())
    config["study"] |= {"checkpoint": "tiny-robust", "pairs_from": str(tmp_path / "runs" / "alpha")}
    path.write_text(json.dumps(config))
    (tmp_path / "runs" / "omega" / records.FILE).unlink()
    page = open_page("compare")
    for name, value in {"compare": "studies", "first": "gamma", "second": "alpha", "started": "omega"}.items():
        page.session_state[name] = value
    page.run()
    assert not page.exception
    assert (page.session_state["first"], page.session_state["second"]) == ("alpha", "omega")
    assert "omega has 0 of its 16 pairs so far." in said(page)


def test_a_study_whose_data_are_elsewhere_gives_no_pairs(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "runs" / "alpha", tmp_path / "alpha")
    path = tmp_path / "alpha" / "config.json"
    path.write_text(path.read_text().replace("assets/studies/samples", "/nowhere/samples"))
    assert pairs.givers({"alpha": tmp_path / "alpha", "other": made / "runs" / "alpha", "none": tmp_path}) == ["other"]
