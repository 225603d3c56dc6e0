"""What a visitor has chosen, over pages and beside other pages' widgets: nothing is lost on the way, and no default meets a widget that stands."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from streamlit.testing.v1 import AppTest

import core.checkpoint
from core import checkpoint
from core.labels import LabelSpace
from core.models import linear, load
from pages.parts import session
from tests.pages.test_attack import TEXT

ROOT = Path(__file__).resolve().parents[2]


def kept_widgets() -> list[tuple[str, str]]:
    """(file, key) of every widget that is drawn with `persist_state`; the key as it is written."""
    found = []
    for path in [ROOT / "app.py", *(ROOT / "pages").rglob("*.py")]:
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and any(word.arg == "persist_state" for word in call.keywords):
                key = next((ast.unparse(word.value) for word in call.keywords if word.arg == "key"), "")
                found.append((path.name, key))
    return found


@pytest.mark.slow
def test_every_choice_that_goes_along_is_declared_and_every_declared_one_is_drawn() -> None:
    """A widget that is kept over pages but not declared would lose its value on the way."""
    names = {f"session.{name}": value for name, value in vars(session).items() if name.isupper() and isinstance(value, str)}
    wrong = [(file, key) for file, key in kept_widgets() if names.get(key) not in session.KEPT]
    assert not wrong
    assert {names[key] for _, key in kept_widgets()} == set(session.KEPT)


def late_default() -> None:
    import streamlit as st

    from pages.parts import session

    session.begin("One")
    session.default(session.GOAL, "first", ["first", "second"])
    st.segmented_control("Goal", ["first", "second"], key=session.GOAL, required=True, persist_state="session")
    st.write(session.default(session.GOAL, "third", ["third", "fourth"]), session.fitting(session.GOAL, "third", ["third"]))


def test_a_default_that_comes_too_late_leaves_the_widget_alone() -> None:
    """And whoever asks gets what is valid for him."""
    page = AppTest.from_function(late_default).run()
    assert not page.exception
    assert page.session_state["goal"] == "first" and page.markdown[0].value == "third third"


def two_pages() -> None:
    import streamlit as st

    from pages.parts import session

    session.begin(st.session_state["where"])
    session.default(session.K, 7)
    key = session.K if st.session_state["where"] == "One" else session.GOAL
    st.number_input("k", 1, 9, key=key, persist_state="session")
    st.write(session.get(session.K))


def test_a_choice_rests_while_no_page_draws_it() -> None:
    page = AppTest.from_function(two_pages)
    for where in ("One", "Two", "Two", "One"):
        page.session_state["where"] = where
        page.run()
        assert not page.exception and page.markdown[0].value == "`7`"
    assert page.number_input(key="k").value == 7


def few_labels(source: Path, target: Path, count: int) -> None:
    """The first labels of a tiny checkpoint as one of its own."""
    model = load(str(source))
    assert isinstance(model, linear.LinearModel)
    labels = LabelSpace.of(model.labels.names[:count], model.labels.counts[:count], model.labels.documents)
    weights = sparse.csr_array(model.weights[:, list(range(count))])
    other = linear.LinearModel(model.config, labels, model.tfidf, weights, np.asarray(model.bias[:count]))
    checkpoint.save(target, model="linear", settings=other.settings(), labels=labels, tensors=other.tensors(), files=other.files())


def test_compare_asks_both_sides_for_a_k_that_both_have(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A k that the second side lacks was mended after its widget was drawn: an error in place of the page."""
    shutil.copytree(tiny / "tiny-linear", tmp_path / "many")
    few_labels(tiny / "tiny-linear", tmp_path / "two", 2)
    monkeypatch.setattr(core.checkpoint, "FOLDER", tmp_path)
    page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).switch_page("pages/compare.py")
    label = load(str(tmp_path / "two")).labels.names[0]
    for name, value in {"text": TEXT, "model": "many", "other": "two", "label": label, "k": 4, "goal": "set-change", "recipe": "nothing"}.items():
        page.session_state[name] = value
    page.run()
    assert not page.exception
    assert (page.session_state["k"], page.session_state["goal"]) == (2, "positive-targeted")
    assert "two knows 2 of the 4 labels of many." in " ".join(element.value for element in page.markdown).replace("\\", "")
