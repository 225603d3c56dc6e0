"""The Explain page: it predicts, explains on request only, edits, compares, restores links, and answers bad input in sentences."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.explainers import EXPLAINERS

TEXT = "A small editor to cut and paste files, with a game for the player and a dns server."
LABEL = "use::editing"


def opened(page: AppTest, text: str = TEXT, **chosen: Any) -> AppTest:
    page.session_state["text"] = text
    for name, value in chosen.items():
        page.session_state[name] = value
    return page.run()


def html(page: AppTest) -> str:
    return "".join(element.proto.body for element in page.get("html"))


def command(page: AppTest) -> str:
    """The command line in the drawer, the last code on the page."""
    return next(code.value for code in page.code if code.value.startswith("python"))


def headers(page: AppTest) -> list[str]:
    return [element.value.replace("\\", "") for element in page.header]


def test_without_a_document_it_asks_for_one(explain: AppTest) -> None:
    explain.run()
    assert not explain.exception and not explain.error
    assert explain.text_area[0].label == "Document"


def test_a_sample_is_read_at_once(explain: AppTest) -> None:
    explain.run()
    next(button for button in explain.button if button.label.startswith("Sound editor")).click().run()
    assert not explain.exception and not explain.error
    assert headers(explain)[:2] == ["Labels", "Words"]
    assert len(explain.get("bidi_component")) == 2


def test_a_pasted_document_is_read(explain: AppTest) -> None:
    explain.run()
    explain.text_area[0].input(TEXT)
    next(button for button in explain.button if button.label == "Show its labels").click().run()
    assert not explain.exception and headers(explain)[:2] == ["Labels", "Words"]


def test_nothing_is_explained_because_a_link_was_opened(explain: AppTest) -> None:
    explain.query_params["label"] = LABEL
    opened(explain)
    assert not explain.exception
    assert headers(explain) == ["Labels", LABEL]
    offer = next(button for button in explain.button if button.label == "Explain with Integrated gradients")
    assert "How far can this be trusted" not in html(explain)
    offer.click().run()
    assert not explain.exception and "How far can this be trusted" in html(explain)


def test_fidelity_that_was_stopped_is_offered_again(explain: AppTest) -> None:
    from pages.parts import loading

    page = opened(explain, label=LABEL, asked=True)
    loading.forget("fidelity")
    del page.session_state["asked"]
    page.run()
    assert not page.exception and "Comprehensiveness" not in html(page)
    next(button for button in page.button if button.label.startswith("Measure how far")).click().run()
    assert not page.exception and "Comprehensiveness" in html(page)


def test_a_chosen_label_is_explained_with_its_fidelity(explain: AppTest) -> None:
    opened(explain, label=LABEL, asked=True)
    assert not explain.exception and not explain.error
    assert "Comprehensiveness" in html(explain) and "Completeness error" in html(explain)
    assert "python -m core explain --checkpoint tiny-linear" in command(explain)


@pytest.mark.parametrize("name", ["lime", "shap", "occlusion"])
def test_every_explainer_answers(explain: AppTest, name: str) -> None:
    opened(explain, label=LABEL, asked=True, explainer=name)
    assert not explain.exception and not explain.error
    assert f"--explainer {name}" in command(explain)


def test_explainers_stand_side_by_side(explain: AppTest) -> None:
    page = opened(explain, label=LABEL, asked=True)
    page.session_state["with"] = ["lime", "occlusion"]
    page.run()
    assert not page.exception and "Agreement with Integrated gradients" in html(page)
    assert len(page.get("bidi_component")) == 5
    assert page.query_params["with"] == ["lime", "occlusion"]


def test_attention_says_why_it_does_not_fit(explain: AppTest) -> None:
    opened(explain, label=LABEL, asked=True)
    assert any("Attention" in caption.value and "has no attention" in caption.value for caption in explain.caption)


def test_a_link_restores_label_explainer_effort_and_settings(explain: AppTest) -> None:
    for name, value in {"label": LABEL, "explainer": "lime", "preset": "normal", "set": "samples:50"}.items():
        explain.query_params[name] = value
    opened(explain, asked=True)
    assert not explain.exception and not explain.error
    assert "--samples 50" in command(explain) and "--explainer lime" in command(explain)
    assert "text" not in explain.query_params


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"label": "no::such"}, "has no label 'no::such'"),
        ({"label": LABEL, "explainer": "lime", "set": "samples:-3"}, "must lie between"),
        ({"label": LABEL, "explainer": "lime", "set": "smaples:30"}, "has no setting smaples"),
    ],
)
def test_a_bad_link_is_a_sentence(explain: AppTest, parameters: dict[str, str], sentence: str) -> None:
    for name, value in parameters.items():
        explain.query_params[name] = value
    opened(explain)
    assert not explain.exception
    assert any(sentence in error.value.replace("\\", "") for error in explain.error)


@pytest.mark.parametrize("parameters", [{"explainer": "magic"}, {"preset": "extreme"}, {"layer": "x" * 40}, {"nonsense": "1"}])
def test_a_strange_link_is_survived(explain: AppTest, parameters: dict[str, str]) -> None:
    for name, value in parameters.items():
        explain.query_params[name] = value
    opened(explain, label=LABEL)
    assert not explain.exception and not explain.error


def test_a_setting_changed_by_hand_is_used_and_linked(explain: AppTest) -> None:
    page = opened(explain, label=LABEL, asked=True, explainer="lime")
    next(field for field in page.number_input if field.label == "Samples").set_value(60).run()
    assert not page.exception and "--samples 60" in command(page)
    assert page.query_params["set"] == "samples:60"


def test_an_edit_moves_the_ranks_and_can_be_undone(explain: AppTest) -> None:
    page = opened(explain, label=LABEL, asked=True, edits={2: "game", 4: None})
    assert not page.exception and not page.error
    assert "What the edit changed" in html(page) and "▼ down" in html(page)
    next(button for button in page.button if button.label == "Undo 2 edits").click().run()
    assert not page.exception and "What the edit changed" not in html(page)


def test_an_edit_that_is_not_one_word_is_a_sentence(explain: AppTest) -> None:
    page = opened(explain, edits={2: "two words"})
    assert not page.exception
    assert "is not one word" in page.error[0].value.replace("\\", "")


def test_a_selected_word_can_be_replaced(explain: AppTest) -> None:
    from core.document import Document

    digest = Document.from_text(TEXT).digest
    page = opened(explain, label=LABEL, asked=True)
    page.session_state[f"words.{digest}"] = {"selected": [2]}
    page.run()
    assert not page.exception
    field = next(field for field in page.text_input if field.label == "Put another word in its place")
    field.input("viewer")
    next(button for button in page.button if button.label == "Replace").click().run()
    assert not page.exception and page.session_state["edits"] == {2: "viewer"}
    assert "What the edit changed" in html(page)


@pytest.mark.parametrize("text", ["... !!! ???", "\u00a0\u3000\t-", "\x00\x07", "—" * 500])
def test_a_document_without_words_is_a_sentence(explain: AppTest, text: str) -> None:
    opened(explain, text)
    assert not explain.exception
    assert "has no words" in explain.error[0].value


def test_a_document_that_is_too_long_is_a_sentence(explain: AppTest) -> None:
    opened(explain, "a" * 5_000_001)
    assert not explain.exception and "at most 5,000,000" in explain.error[0].value.replace("\\", "")


@pytest.mark.parametrize(
    "text",
    [
        "word",
        "🎉 👩‍👩‍👧‍👦 party",
        "<script>alert(1)</script> <img src=x onerror=alert(2)>",
        "![](http://example.org/x.png) $x^2$ :material/home: [a](b)",
    ],
)
def test_odd_documents_are_explained(explain: AppTest, text: str) -> None:
    opened(explain, text, label=LABEL, asked=True)
    assert not explain.exception and not explain.error
    assert "example.org" not in "".join(element.value for element in explain.markdown)


def test_a_very_long_document_is_drawn_in_part(explain: AppTest) -> None:
    opened(explain, "editor game " * 4_000, label=LABEL)
    assert not explain.exception
    assert any("5,000 further words are not drawn" in caption.value for caption in explain.caption)


def test_pins_that_the_model_does_not_know_are_passed_over(explain: AppTest) -> None:
    opened(explain, pin=["no::such", "protocol::dns"], label=LABEL, asked=True)
    assert not explain.exception and not explain.error


@pytest.mark.slow
@pytest.mark.parametrize("name", list(EXPLAINERS))
def test_words_past_the_window_are_said_and_have_no_value(windowed: AppTest, name: str) -> None:
    opened(windowed, label="editor", asked=True, explainer=name)
    assert not windowed.exception and not windowed.error
    assert windowed.warning[0].value == "The model reads the first 8 of 18 words. The others are grey: they cannot change a score."
    assert f"--explainer {name}" in command(windowed)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["maximum", "mean"])
def test_a_long_document_can_be_read_in_windows(windowed: AppTest, way: str) -> None:
    """Only where it is chosen; then no word is grey, and the page says that it is another classifier."""
    opened(windowed, label="editor", asked=True, explainer="lime", windows=way)
    assert not windowed.exception and not windowed.error and not windowed.warning
    captions = " ".join(one.value for one in windowed.caption)
    assert f"all 18 words in 3 windows (words 1–8, 7–14, 13–18); a label's score is the {way} over them" in captions
    assert "This is another classifier than the one that was measured" in captions
    assert f"--windows {way} --explainer lime" in command(windowed)
    windowed.selectbox(key="windows").set_value("first words").run()
    assert windowed.warning and "--windows" not in command(windowed)


def test_a_short_document_offers_no_windows(explain: AppTest) -> None:
    opened(explain, windows="mean")
    assert not explain.exception and "windows" not in [box.key for box in explain.selectbox]


@pytest.mark.slow
def test_all_explainers_fit_a_transformer(windowed: AppTest) -> None:
    opened(windowed, label="editor", asked=True, **{"with": ["lime", "shap", "occlusion", "attention"]})
    assert not windowed.exception and not windowed.error
    assert "Agreement with Integrated gradients" in html(windowed)
    assert len(windowed.get("bidi_component")) == 7
