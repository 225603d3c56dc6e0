"""The home page, and the frame that every page stands in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.parts.frame import PAGES
from tests.pages.conftest import ROOT

FIRST_PAINT = """
import sys
from streamlit.testing.v1 import AppTest
page = AppTest.from_file("app.py", default_timeout=60).run()
heavy = [name for name in ("torch", "transformers", "sklearn", "pandas", "matplotlib") if name in sys.modules]
assert not page.exception, page.exception
assert page.text_area[0].label == "Document"
print("loaded:", *heavy)
"""


@pytest.mark.slow
def test_the_first_paint_imports_no_torch(tiny_folder: Path) -> None:
    """In a fresh process, as on a fresh machine; the model is loaded in the background afterwards."""
    environment = {**os.environ, "TREMOR_CHECKPOINTS": str(tiny_folder)}
    run = subprocess.run([sys.executable, "-c", FIRST_PAINT], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "loaded:"


def test_it_says_what_it_does_and_shows_the_checkpoint(home: AppTest) -> None:
    home.run()
    assert not home.exception and not home.error
    assert home.sidebar.selectbox[0].options == ["tiny-linear"]
    assert any("90.0 %" in element.proto.body for element in home.sidebar.get("html"))
    assert len([button for button in home.button if str(button.key).startswith("sample.")]) == 14  # of packages, whose tags it knows


def test_both_questions_stand_above_and_every_page_below(home: AppTest) -> None:
    home.run()
    main = [element.proto.body for element in home.main.get("html")]
    assert any("Which words bring a label, and how few take it away?" in body for body in main)
    linked = [element.proto.label for element in home.main.get("page_link")]
    assert set(linked) == {name for _, name, _ in PAGES} - {"Home"}


@pytest.mark.parametrize(("towards", "title"), [(None, "Explain"), ("attack", "Attack")])
def test_a_sample_leads_to_explain_or_to_attack(home: AppTest, towards: str | None, title: str) -> None:
    home.run()
    if towards:
        home.segmented_control(key="towards").set_value(towards).run()
    home.button(key="sample.1").click().run()
    assert not home.exception
    assert home.title[0].value == title and home.session_state["sample"] == "02-dns-cache"


@pytest.mark.parametrize(("label", "title"), [("Show its labels", "Explain"), ("Attack it", "Attack")])
def test_a_pasted_document_leads_to_explain_or_to_attack(home: AppTest, label: str, title: str) -> None:
    home.run()
    home.text_area(key="draft").input("cut and paste audio files")
    next(button for button in home.button if button.label == label).click().run()
    assert not home.exception
    assert home.title[0].value == title and home.session_state["text"] == "cut and paste audio files"


def test_a_damaged_checkpoint_is_a_sentence(home: AppTest, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{", encoding="utf-8")
    monkeypatch.setattr("core.checkpoint.FOLDER", tmp_path)
    home.run()
    assert not home.exception
    assert "broken" in home.error[0].value and "cannot be read" in home.error[0].value
    assert "no checkpoint yet" in home.info[0].value


def test_a_link_to_an_unknown_checkpoint_is_said(home: AppTest) -> None:
    home.query_params["model"] = "../../etc/passwd"
    home.run()
    assert not home.exception
    assert "which is not here" in home.warning[0].value
    assert home.sidebar.selectbox[0].value == "tiny-linear"
