"""Through all pages and back, and every kind of checkpoint on every page, under AppTest."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import core.checkpoint
from core.models import MODELS, linear
from core.runs.run import Run
from pages.parts.frame import PAGES
from tests import tiny_models
from tests.pages.tiny import save_variant
from tests.toy_features import bags, write_mulan

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = [script for script, _, _ in PAGES]


@pytest.fixture(scope="module")
def folder(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of every kind; one made from another; one over feature vectors with the data it reads; one of other labels."""
    place = tmp_path_factory.mktemp("paths")
    for kind in MODELS:
        _save(place / "checkpoints" / f"tiny-{kind}", kind, tiny_models.kept(kind))
    shutil.copytree(tiny_folder / "tiny-linear", place / "checkpoints" / "other-linear")
    save_variant(place / "checkpoints" / "other-linear", place / "checkpoints" / "other-robust", halved=("paste",))
    data = bags(("chess", "mail", "music", "fonts"), 5, 80)
    with Run(place / "run", seed=0, device="cpu", quiet=True) as run:
        _save(place / "checkpoints" / "bibtex-linear", "linear", linear.train(linear.Config(minimum_documents=1), data, data.label_space(), run))
    write_mulan(place / "data" / "bibtex", data)
    return place


def _save(target: Path, kind: str, model: Any) -> None:
    core.checkpoint.save(target, model=kind, settings=model.settings(), labels=model.labels, tensors=model.tensors(), files=model.files())


@pytest.fixture(autouse=True)
def here(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(core.checkpoint, "FOLDER", folder / "checkpoints")
    monkeypatch.setattr(core.checkpoint, "RUNS", tmp_path / "runs")
    monkeypatch.setattr("pages.parts.loading.prewarm", lambda card: None)
    monkeypatch.setenv("TREMOR_DATA", str(folder / "data"))
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


def visit(script: str, model: str, label: str) -> AppTest:
    """A fresh visit that begins on this page, by a link."""
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    if script != "app.py":
        at.switch_page(script)
    for name, value in {"sample": "01-audio-editor", "label": label, "model": model}.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception, script
    return at


@pytest.mark.slow
def test_through_all_pages_and_back() -> None:
    """What was chosen stays chosen, and no page fails over what the others left. Every pair in a visit of its own: tests/e2e/test_paths.py."""
    at = visit("app.py", "other-robust", "use::editing")
    for script in [*SCRIPTS[1:], *SCRIPTS[-2::-1]]:
        at.switch_page(script).run()
        assert not at.exception, script
        assert at.selectbox(key="model").value == at.session_state["model"] == "other-robust", script
        assert at.session_state["label"] == "use::editing", script


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS)
def test_every_checkpoint_on_every_page(script: str) -> None:
    """One after the other in one visit: what was chosen for the one before does not fit."""
    at = visit(script, "tiny-linear", "editor")
    names = at.selectbox(key="model").options
    assert len(names) == len(MODELS) + 3
    for name in [*names, names[0]]:
        at.selectbox(key="model").set_value(name).run()
        assert not at.exception, (script, name)
        assert at.session_state["model"] == name
