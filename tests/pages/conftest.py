"""Pages under AppTest, with a tiny linear checkpoint that is trained once and saved in a temporary folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

import core.checkpoint
import core.models
from tests.pages.tiny import save_tiny, save_windowed

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def own_main() -> Iterator[None]:
    """Streamlit puts the page that it runs in the place of `__main__` and leaves it there; a process spawned later would begin by running it."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture(autouse=True, scope="session")
def one_look_at_what_is_installed() -> Iterator[None]:
    """Every AppTest reads what each installed package says of itself, in search of components: a third of a second, and always the same."""
    patch = pytest.MonkeyPatch()
    patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
    yield
    patch.undo()


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the checkpoint 'tiny-linear'."""
    folder = tmp_path_factory.mktemp("checkpoints")
    save_tiny(folder / "tiny-linear")
    return folder


@pytest.fixture
def tiny(tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The same in the place of checkpoints/, an empty runs/, nothing loaded in the background and no result left over."""
    monkeypatch.setattr(core.checkpoint, "FOLDER", tiny_folder)
    monkeypatch.setattr(core.checkpoint, "RUNS", tmp_path / "runs")
    monkeypatch.setattr("pages.parts.loading.prewarm", lambda card: None)
    st.cache_resource.clear()
    yield tiny_folder
    st.cache_resource.clear()


@pytest.fixture
def home(tiny: Path) -> AppTest:
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)


@pytest.fixture
def explain(tiny: Path) -> AppTest:
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).switch_page("pages/explain.py")


@pytest.fixture
def windowed(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """Explain under a toy transformer that reads eight words."""
    save_windowed(tmp_path / "toy-attending")
    monkeypatch.setattr(core.checkpoint, "FOLDER", tmp_path)
    monkeypatch.setitem(core.models.MODELS, "x-transformer", "tests.pages.tiny:Windowed")
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).switch_page("pages/explain.py")
