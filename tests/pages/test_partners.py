"""Which checkpoint a visit starts with, and which one Compare puts beside it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import core.checkpoint
from core import checkpoint
from core.labels import LabelSpace
from core.models import linear, load
from pages.parts import cards
from pages.parts.cards import Card
from pages.parts.compare import kin
from tests.pages.test_attack import TEXT
from tests.pages.test_compare import said
from tests.pages.test_session import few_labels
from tests.pages.tiny import save_variant

ROOT = Path(__file__).resolve().parents[2]


def card(name: str, precision: float = 0.5, shipped: bool = True, **more: object) -> Card:
    return Card(name, "linear", "d", 1, precision, shipped=shipped, **more)  # type: ignore[arg-type] # by name


@pytest.fixture(autouse=True)
def unnamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(cards.SETTING, raising=False)


def test_a_visit_starts_with_a_stated_checkpoint_whatever_the_figures() -> None:
    toy, run = card("toy", 1.0), card("eurlex-linear", 1.0, shipped=False)
    assert cards.default([toy, card("debtags-linear", 0.8), run]).name == "debtags-linear"
    assert cards.default([toy, card("debtags-linear"), card("eurlex-x-transformer", 0.1)]).name == "eurlex-x-transformer"
    assert cards.default([card("mine"), run]).name == "mine"  # of the name, but made by a run


def test_the_operator_may_name_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cards.SETTING, "toy")
    assert cards.default([card("debtags-linear"), card("toy")]).name == "toy"
    assert cards.default([card("debtags-linear")]).name == "debtags-linear"


@pytest.fixture
def several(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """base and child, made from it; part, which knows two of the four; strange, which knows none. toy lies under
    runs/ and claims the best of all figures."""
    place = tmp_path / "checkpoints"
    shutil.copytree(tiny / "tiny-linear", place / "base")
    save_variant(place / "base", place / "child", halved=("paste",))
    few_labels(place / "base", place / "part", 2)
    _renamed(place / "base", place / "strange")
    shutil.copytree(place / "base", tmp_path / "runs" / "aaa" / "checkpoint")
    monkeypatch.setattr(core.checkpoint, "FOLDER", place)
    monkeypatch.setattr(core.checkpoint, "RUNS", tmp_path / "runs")
    return place


def _renamed(source: Path, target: Path) -> None:
    model = load(str(source))
    assert isinstance(model, linear.LinearModel)
    labels = LabelSpace.of([f"x::{name}" for name in model.labels.names], model.labels.counts, model.labels.documents)
    other = linear.LinearModel(model.config, labels, model.tfidf, model.weights, model.bias)
    checkpoint.save(target, model="linear", settings=other.settings(), labels=labels, tensors=other.tensors(), files=other.files())


def test_kin_first_then_shared_labels_then_those_with_none(several: Path) -> None:
    known = cards.all_cards()[0]
    by_name = {one.name: one for one in known}
    assert [one.name for one in known] == ["base", "child", "part", "strange", "aaa"]
    found = kin.relatives(by_name["base"], known)
    assert [(one.card.name, one.tie, one.shared) for one in found] == [("child", "child", 4), ("aaa", "", 4), ("part", "", 2), ("strange", "", 0)]
    assert kin.relatives(by_name["child"], known)[0].card.name == "base"
    assert [one.said for one in kin.relatives(by_name["strange"], known)] == [
        f"{name} (no label in common)" for name in ("base", "child", "part", "aaa")
    ]


def test_compare_starts_with_kin_and_says_what_is_not_shared(several: Path) -> None:
    page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).switch_page("pages/compare.py")
    page.session_state["text"] = TEXT
    page.run()
    assert not page.exception
    assert (page.selectbox(key="model").value, page.selectbox(key="other").value) == ("base", "child")
    assert page.selectbox(key="other").options == ["child", "aaa", "part", "strange (no label in common)"]
    page.selectbox(key="other").set_value("strange").run()
    assert not page.exception and "strange shares no label with base" in said(page)
    page.selectbox(key="model").set_value("child").run()  # a partner for the one before, with nothing in common
    assert not page.exception and page.selectbox(key="other").value == "base"


@pytest.mark.slow
def test_a_partner_that_nobody_chose_makes_room_and_one_that_was_chosen_stays(several: Path) -> None:
    save_variant(several / "part", several / "part-robust")
    page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).switch_page("pages/compare.py")
    page.session_state["text"] = TEXT
    page.run()
    for model, other in (("part", "part-robust"), ("base", "child"), ("part", "part-robust")):
        page.selectbox(key="model").set_value(model).run()
        assert not page.exception and page.selectbox(key="other").value == other
    page.selectbox(key="other").set_value("aaa").run()
    page.selectbox(key="model").set_value("base").run()
    assert not page.exception and page.selectbox(key="other").value == "aaa"


@pytest.mark.slow
def test_the_picker_states_its_rule_and_keeps_the_choice(several: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    assert page.selectbox(key="model").value == "base"  # aaa has the same figure, and stands under runs/
    assert cards.SETTING in page.selectbox(key="model").help and "kept for the visit" in page.selectbox(key="model").help
    page.selectbox(key="model").set_value("part").run()
    for script in ("pages/evidence.py", "pages/train.py", "pages/explain.py"):
        assert page.switch_page(script).run().selectbox(key="model").value == "part"
    monkeypatch.setenv(cards.SETTING, "gone")
    page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    assert page.selectbox(key="model").value == "base" and "names checkpoint 'gone', which is not here" in page.warning[0].value.replace("\\", "")
