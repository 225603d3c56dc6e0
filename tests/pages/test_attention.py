"""The attention page under AppTest: every view, every refusal, links, hostile documents."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core import checkpoint
from pages.parts import session
from tests import toy

APP = Path(__file__).resolve().parents[2] / "app.py"
VIEWS = ("head", "model", "words", "rollout", "label")


def save(folder: Path, name: str, model: str) -> None:
    checkpoint.save(folder / name, model=model, settings={}, labels=toy.LABELS, tensors={"nothing": np.zeros(1, np.float32)})


@pytest.fixture
def app(checkpoints, monkeypatch):
    """The app with three checkpoints: one whose encoder attends, one whose labels do, and a linear one."""
    save(checkpoints, "toy-attending", "x-transformer")
    save(checkpoints, "toy-linear", "linear")
    save(checkpoints, "toy-labelwise", "attention-xml")
    made = {"toy-attending": lambda: toy.Attending(window=16), "toy-linear": toy.Linear, "toy-labelwise": toy.Labelwise}
    monkeypatch.setattr("core.models.load", lambda name: made[name]())
    st.cache_resource.clear()

    def start(text: str = toy.TEXT, **choices) -> AppTest:
        test = AppTest.from_file(str(APP), default_timeout=60)
        test.session_state[session.TEXT] = text
        test.session_state[session.MODEL] = "toy-attending"
        for name, value in choices.items():
            test.session_state[name] = value
        test.switch_page("pages/attention.py").run()
        return test

    yield start
    st.cache_resource.clear()


def shown(test: AppTest) -> str:
    """All the words that the page says."""
    kinds = (test.markdown, test.caption, test.info, test.warning, test.error, test.header, test.title)
    return "\n".join(element.value for kind in kinds for element in kind).replace("\\", "")


def frames(test: AppTest) -> list[str]:
    return [element.proto.srcdoc for element in test.get("iframe")]


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_is_drawn(app, view):
    test = app(view=view)
    assert not test.exception and not test.error
    assert "not why a label was chosen" in shown(test)
    assert bool(frames(test)) == (view in ("head", "model"))
    assert bool(test.get("plotly_chart")) == (view in ("words", "rollout"))


def test_bertviz_shows_the_chosen_layer_and_head_offline(app):
    test = app(view="head", layer=1, head=0)
    (html,) = frames(test)
    assert '"include_layers":[1]' in html and '"heads":[0]' in html
    assert "cdnjs" not in html


def test_the_head_view_has_one_choice_of_layer(app):
    """The page's; BertViz's own is not shown beside it."""
    test = app(view="head")
    (html,) = frames(test)
    assert '"include_layers":[0]' in html and "Layer:" not in html
    layer = test.selectbox(key="layer")
    assert layer.value is None and layer.placeholder == "0"
    layer.select(1).run()
    assert '"include_layers":[1]' in frames(test)[0]


def test_a_layer_that_a_link_names_and_the_model_lacks_is_dropped(app):
    test = app(view="words", layer=11, head=40)
    assert not test.exception and not test.error
    assert test.selectbox(key="layer").value is None and test.selectbox(key="head").value is None


def test_layer_and_head_change_the_map(app):
    test = app(view="words")
    before = test.get("plotly_chart")[0].proto.spec
    test.selectbox(key="layer").select(1).run()
    after = test.get("plotly_chart")[0].proto.spec
    assert before != after
    test.selectbox(key="head").select(1).run()
    assert test.get("plotly_chart")[0].proto.spec != after
    assert test.query_params["layer"] == "1" and test.query_params["head"] == "1" and "text" not in test.query_params


def test_a_label_of_a_link_is_the_one_shown(app):
    test = app(view="label", label="library")
    assert "library" in [element.value for element in test.header]
    assert "Rollout" in "".join(element.proto.body for element in test.get("html"))


def test_a_model_without_attention_says_what_to_do(app):
    test = app(model="toy-linear")
    assert "has no attention" in shown(test)
    test.button(key="choose.toy-attending").click().run()
    assert not test.exception and frames(test)


def test_no_document_asks_for_one(app):
    test = app(text="   ")
    assert "Paste a document" in shown(test)
    next(button for button in test.button if str(button.key).startswith("sample.")).click().run()
    assert not test.exception and frames(test)


@pytest.mark.slow
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("text", ["!?", "word", "</script><script>alert(1)</script> ![x](http://evil.example/x.png) $$x$$", "💥 ☃ 的 é"])
def test_odd_documents_work_or_are_refused_in_words(app, text, view):
    test = app(text=text, view=view)
    assert not test.exception
    if text == "!?":
        assert "no words" in shown(test)
    for html in frames(test):
        assert "</script><script>alert" not in html


def test_words_past_the_window_are_said_to_be_unread(app):
    test = app(text="game " * 20)
    assert "reads the first 16 of 20 words" in shown(test)
    assert not test.exception


def test_labels_with_an_attention_of_their_own(app):
    """The chosen label's words beside Integrated Gradients, and a map of the best labels; no view of an encoder."""
    test = app(model="toy-labelwise", label="library")
    assert not test.exception and not test.error
    said = shown(test)
    assert "label's own attention" in said and "Integrated Gradients" in said and "What the label reads" in said
    assert "library" in [element.value for element in test.header]
    assert len(test.get("plotly_chart")) == 1 and not frames(test)
    before = [component.proto.SerializeToString() for component in test.get("bidi_component")]
    other = app(model="toy-labelwise", label="games")
    assert not other.exception
    assert [component.proto.SerializeToString() for component in other.get("bidi_component")] != before


@pytest.mark.parametrize("text", ["!?", "word", "</script><script>alert(1)</script> ![x](http://evil.example/x.png) $$x$$", "💥 ☃ 的 é"])
def test_odd_documents_with_labels_that_attend(app, text):
    test = app(text=text, model="toy-labelwise")
    assert not test.exception
    assert "no words" in shown(test) if text == "!?" else not test.error
