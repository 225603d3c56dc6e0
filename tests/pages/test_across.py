"""Words that matter over many documents: on the Data page, on the button only, escaped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.document import Document
from core.explainers import preset
from core.explainers.global_importance import global_importance
from core.render.importance import importance
from pages.parts.explain.across import sample
from tests.pages.conftest import ROOT
from tests.pages.tiny import tiny_dataset
from tests.toy import Linear


@pytest.fixture
def data(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The Data page with the tiny set in debtags' place, its last section open."""
    monkeypatch.setattr("core.data.load_dataset", lambda name, options=None: tiny_dataset())
    monkeypatch.setattr("pages.parts.data.source.cached_file", lambda: ROOT / "app.py")
    page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    page.session_state["dataset"], page.session_state["section"], page.session_state["label"] = "debtags", "words", "game::arcade"
    return page.switch_page("pages/data.py")


@pytest.mark.slow
def test_words_that_matter_are_found_on_the_button(data: AppTest) -> None:
    data.run()
    assert not data.exception and not data.error
    assert not any("table class='figures importance'" in one.proto.body for one in data.get("html"))
    next(button for button in data.button if button.label.startswith("Explain ")).click().run()
    assert not data.exception and not data.error
    table = next(one.proto.body for one in data.get("html") if "figures importance" in one.proto.body)
    first = table.split("<th scope='row'>")[1].split("<")[0]
    assert first in ("game", "player", "level", "jump")


def test_the_table_is_sorted_signed_and_escaped() -> None:
    documents = [Document.from_text("chess game the"), Document.from_text("game editor the")]
    table = importance(global_importance(preset("occlusion"), Linear(), documents, [0]))
    assert table.index(">game<") < table.index(">the<")
    assert "+3" in table and "in 2 documents" in table and "chess" not in table  # chess stands in one document only


def test_a_sample_is_drawn_with_a_fixed_seed() -> None:
    split = tiny_dataset().splits["train"]
    one, two = sample(split, 1, 5), sample(split, 1, 5)
    assert one == two and len(one) == 5
    assert all(np.isin(["game", "player", "level", "jump"], [word.casefold() for word in document.words]).any() for document in one)
