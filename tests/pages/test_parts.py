"""The parts of pages: forms, caches, the queue, the ranked labels and the sentences."""

from __future__ import annotations

import math
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from hypothesis import given
from hypothesis import strategies as hs
from streamlit.testing.v1 import AppTest

from core import checkpoint, fields
from core.data import samples
from core.document import Document
from core.errors import SettingsError
from core.explainers import EXPLAINERS, LEVELS, explainer_class, preset
from core.labels import LabelSpace
from core.types import Unit
from pages.parts import cards, documents, labels, loading, words
from pages.parts.controls import title
from pages.parts.explain.explaining import duration
from pages.parts.forms import changed, from_text
from pages.parts.methods import METHODS
from pages.parts.show import plain


def page_with_form(name: str) -> None:
    import streamlit as st

    from core import fields
    from core.explainers import preset
    from pages.parts.forms import form

    st.session_state["made"] = fields.to_json(form(preset(name, "normal"), "form"))


@pytest.mark.parametrize("name", list(EXPLAINERS))
def test_every_explainer_survives_its_form(name: str) -> None:
    page = AppTest.from_function(page_with_form, args=(name,), default_timeout=60).run()
    assert not page.exception and not page.error
    assert page.session_state["made"] == fields.to_json(preset(name, "normal"))


@pytest.mark.parametrize("name", list(EXPLAINERS))
@pytest.mark.parametrize("level", LEVELS)
def test_settings_survive_a_link(name: str, level: str) -> None:
    component, base = preset(name, level), explainer_class(name)()
    link = {key: str(value) for key, value in changed(component, base).items()}
    assert from_text(base, link) == component


@pytest.mark.parametrize("texts", [{"samples": "many"}, {"samples": "0"}, {"samples": "nan"}, {"kernel_width": "inf"}, {"mode": "eat"}, {"x": "1"}])
def test_a_link_with_bad_settings_is_refused(texts: dict[str, str]) -> None:
    with pytest.raises(SettingsError):
        from_text(preset("lime"), texts)


@pytest.mark.parametrize("name", list(EXPLAINERS))
def test_every_explainer_has_its_name_and_its_drawer(name: str) -> None:
    assert title(name)[0].isupper()
    assert all((METHODS[name].idea, METHODS[name].formula, METHODS[name].source, METHODS[name].beware))


def test_a_result_that_raises_is_not_kept() -> None:
    st.cache_resource.clear()
    with pytest.raises(ZeroDivisionError):
        loading.remembered(("t", 1), lambda: 1 // 0)
    assert loading.remembered(("t", 1), lambda: 7) == 7
    assert loading.remembered(("t", 1), lambda: 8) == 7


def test_heavy_work_takes_turns_and_whoever_waits_is_told() -> None:
    st.cache_resource.clear()
    order: list[str] = []
    held, told = threading.Event(), threading.Event()

    def first() -> None:
        with loading.heavy_work(lambda text: None):
            held.set()
            told.wait(60)
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    assert held.wait(10)
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        told.set()

    with loading.heavy_work(say):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]
    assert "Waiting for another computation" in said[0]


def test_the_slot_is_freed_when_the_work_fails() -> None:
    st.cache_resource.clear()
    with pytest.raises(KeyError), loading.heavy_work(lambda text: None):
        raise KeyError
    with loading.heavy_work(lambda text: pytest.fail("the slot was not freed")):
        pass


def test_rows_of_labels() -> None:
    space = LabelSpace.of(["a", "b", "c"], [200, 50, 3], 250)
    found = labels.rows([2, 0], np.array([0.5, 0.9, 0.2], dtype=np.float32), space, "probability", ["a"])
    assert [(row["rank"], row["name"], row["score"], row["count"], row["mark"], row["pinned"]) for row in found] == [
        ("3", "c", "0.200", "3", "tail", False),
        ("2", "a", "0.500", "200", "head", True),
    ]
    assert found[0]["bar"] == pytest.approx([0, 0.2])


BARS = {
    "a probability of 0": ("probability", 0.0, (0, 0)),
    "a probability": ("probability", 0.2, (0, 0.2)),
    "certain": ("probability", 1.0, (0, 1)),
    "log-odds 0": ("logit", 0.0, (0.5, 0.5)),
    "log-odds of three to one": ("logit", math.log(3), (0.5, 0.75)),
    "log-odds of one to three": ("logit", -math.log(3), (0.25, 0.5)),
    "log-odds far below": ("logit", -1e6, (0, 0.5)),
    "a margin of one": ("margin", 1.0, (0.5, 0.75)),
    "just below zero": ("margin", -0.19, (0.5 - 0.095 / 1.19, 0.5)),
    "half below": ("margin", -0.51, (0.5 - 0.255 / 1.51, 0.5)),
    "a margin far above": ("margin", 1e9, (0.5, 1)),
}


@pytest.mark.parametrize(("unit", "score", "ends"), BARS.values(), ids=BARS)
def test_a_bar_has_the_unit_s_scale_and_begins_at_its_mark(unit: Unit, score: float, ends: tuple[float, float]) -> None:
    assert labels.bar(score, unit) == pytest.approx(ends)


@pytest.mark.parametrize("unit", ["logit", "margin", "probability"])
def test_a_bar_is_the_same_whatever_is_shown_beside_it(unit: Unit) -> None:
    """Rank 1 of a text that no label fits is as short as its score is low."""
    space = LabelSpace.of(["a", "b"], [2, 1], 3)
    alone = labels.rows([0], np.array([0.1, 0.05], dtype=np.float32), space, unit)[0]["bar"]
    beside = labels.rows([0], np.array([0.1, 0.95], dtype=np.float32), space, unit)[0]["bar"]
    assert alone == beside


@pytest.mark.parametrize(("score", "unit", "text"), [(0.93142, "probability", "0.931"), (2.406, "logit", "+2.41"), (-0.5, "margin", "\u22120.50")])
def test_numbers(score: float, unit: str, text: str) -> None:
    assert labels.number(score, unit) == text  # type: ignore[arg-type] # parametrised strings


@pytest.mark.slow
def test_a_search_over_670_091_labels_answers_while_one_types() -> None:
    """The size of Amazon-670K. Names are made of two words; the answer is ranked and cut to what is shown."""
    size = 670_091
    space = LabelSpace.of([f"label{i} group{i % 97}" for i in range(size)], np.arange(size) % 1_000, size)
    scores = np.random.default_rng(0).random(size, dtype=np.float32)
    space.search("label", labels.FOUND)  # builds the folded names once
    start = time.thread_time()  # the machine may be shared
    found = labels.rows(space.search("group31 label67", labels.FOUND), scores, space, "probability")
    assert len(found) == labels.FOUND
    assert time.thread_time() - start < 2  # 0.4 s


@pytest.mark.parametrize(("largest", "places"), [(0.0, 8), (1.5, 2), (0.25, 3), (12.0, 2), (0.004, 5)])
def test_decimals(largest: float, places: int) -> None:
    assert words.decimals(largest) == places


@pytest.mark.parametrize("report", [None, 5, {"i": "1", "text": "x"}, {"i": 9, "text": "x"}, {"i": -1}, {"text": "x"}, []])
def test_a_malformed_report_of_an_edit_is_ignored(report: object) -> None:
    assert words._edit(report, 3) is None


def test_a_report_of_an_edit() -> None:
    assert words._edit({"i": 1, "text": " new "}, 3) == (1, "new")
    assert words._edit({"i": 1, "text": ""}, 3) == (1, None)


@pytest.mark.parametrize("report", [None, True, -1, 3, "1", 1.0])
def test_a_malformed_choice_of_a_label_is_ignored(report: object) -> None:
    assert labels._id(report, LabelSpace.of(["a", "b", "c"], [1, 1, 1], 3)) is None


@pytest.mark.slow
@given(hs.text(max_size=40))
def test_plain_text_has_no_markdown_left(text: str) -> None:
    shown = plain(text)
    bare = shown
    for mark in "\\`*_{}[]()#+-.!|~<>$:&=^\"'@/":
        bare = bare.replace("\\" + mark, "")
    assert not set(bare) & set("\\`*_{}[]()#!|~<>$:&^")


@pytest.mark.parametrize(("seconds", "text"), [(0.2, "less than a second"), (7.4, "7 s"), (200, "3 min")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_samples_are_short_and_long_and_of_several_domains() -> None:
    found = samples.samples()
    sizes = [len(Document.from_text(sample.text)) for sample in found]
    assert len(found) >= 6 and min(sizes) < 30 and max(sizes) > 300
    assert len({sample.title for sample in found}) == len(found)
    assert {sample.kind for sample in found} == set(documents.KINDS)


def test_only_its_file_names_the_session_state_and_the_caches() -> None:
    """design.md: pages/parts/session.py alone knows the session's keys, loading.py alone the caches."""
    root = Path(loading.__file__).resolve().parents[2]
    for path in [root / "app.py", *(root / "pages").rglob("*.py")]:
        text = path.read_text(encoding="utf-8")
        if path.name != "session.py":
            assert "st.session_state" not in text.replace("`st.session_state`", "") and "st.query_params" not in text, path
        if path.name != "loading.py":
            assert "st.cache_" not in text, path


def test_a_run_s_checkpoint_is_never_what_a_newcomer_meets_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """However precise: it may be of another data set, and was made by somebody's trial."""
    precisions = {"trial": 0.99, "good": 0.8, "better": 0.9}
    monkeypatch.setattr(checkpoint, "names", lambda: list(precisions))
    monkeypatch.setattr(cards, "card", lambda name: cards.Card(name, "linear", "d", 1, precisions[name]))
    places = {"trial": checkpoint.RUNS / "trial" / "checkpoint"}
    monkeypatch.setattr(checkpoint, "find", lambda name: places.get(name, checkpoint.FOLDER / name))
    assert [card.name for card in cards.all_cards()[0]] == ["better", "good", "trial"]


def test_a_checkpoint_that_stands_on_another_comes_after_those_trained_afresh(checkpoints, monkeypatch):
    """However precise: what a newcomer meets first is the model itself, not a defended copy of it."""
    known = {"base": ("", 0.8), "robust": ("base", 0.9), "weak": ("", 0.5)}
    for name in known:
        (checkpoints / name).mkdir()
        (checkpoints / name / "config.json").write_text("{}")
    monkeypatch.setattr(cards, "card", lambda name: cards.Card(name, "linear", "d", 1, known[name][1], known[name][0]))
    assert [card.name for card in cards.all_cards()[0]] == ["base", "weak", "robust"]


def test_a_place_is_emptied_when_it_is_for_something_else() -> None:
    """The new container lies beside the old one's place, which is emptied before anything is computed; for the same it lies where it lay."""

    def script() -> None:
        import streamlit as st

        from pages.parts.show import place_for

        with place_for("here", st.session_state["label"]):
            st.text(f"of {st.session_state['label']}")

    test = AppTest.from_function(script)
    sides = []
    for label in ("a", "a", "b", "b", "a"):
        test.session_state["label"] = label
        test.run()
        assert not test.exception and [element.value for element in test.text] == [f"of {label}"]
        sides.append([child.type for child in test.main.children.values()].index("empty"))
    assert sides == [1, 1, 0, 0, 1]
