"""The home page, and the frame that every page stands in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

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
    assert len([button for button in home.button if button.label != "Show its labels"]) == 7


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
