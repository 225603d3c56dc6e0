"""The page that CONTRIBUTING adds, under AppTest."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from docs.imports import ROOT
from pages.parts import frame
from tests.contributing import blocks, line


def test_a_page(tiny: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An app of the same frame, in a folder of its own, with the page beside home."""
    (block,) = blocks("A page")[:-1]
    name, code = block.split("\n", 1)
    place = tmp_path / name.removeprefix("# ")
    place.parent.mkdir()
    place.write_text(code, encoding="utf-8")
    shutil.copy(ROOT / "app.py", tmp_path)
    (tmp_path / "assets").symlink_to(ROOT / "assets")
    monkeypatch.setattr(frame, "ROOT", tmp_path)
    monkeypatch.setattr(frame, "PAGES", (*frame.PAGES, ast.literal_eval(line("A page"))))
    app = AppTest.from_file(str(tmp_path / "app.py"), default_timeout=60).switch_page("pages/counting.py").run()
    assert not app.exception
    assert [metric.value for metric in app.metric] == ["3"]
    app.text_area[0].set_value("One word more here").run()
    assert [metric.value for metric in app.metric] == ["4"]
