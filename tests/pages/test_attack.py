"""The Attack page: setting, stepping, choosing, undo, rewind, run to the end, replay; bad input is answered in sentences."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core import language
from core.attacks import Recipe, WordResult, run
from core.attacks.goals import Demote, Goal
from core.attacks.words.session import Budget, WordAttack
from core.document import Document
from core.models import load
from core.types import Classifier
from pages.parts.attack.stepper import AttackRun
from pages.parts.stepping import want
from tests.toy_attack import Canned, Forbidden, attack

ROOT = Path(__file__).resolve().parents[2]
TEXT = "A small editor to edit, cut and paste files of the user, with a dns server."  # paste → level, then cut → jump
LABEL = "use::editing"
SWAPS = {"editor": ["server", "viewer"], "cut": ["jump", "take"], "paste": ["level", "put"]}


def canned(chosen: Recipe, goal: Goal, name: str = "custom") -> WordAttack:
    """What the page prepares, with candidates and similarities known by hand."""
    stop = Forbidden(source=("A", "to", "and", "with", "a", "for", "the"))
    return attack(goal, SWAPS, name=name, constraints=(stop,), budget=Budget(chosen.change_rate, chosen.queries, chosen.seconds))


@pytest.fixture
def page(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setattr("pages.parts.attack.attacking.prepare", canned)
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).switch_page("pages/attack.py")


def opened(page: AppTest, text: str = TEXT, **chosen: Any) -> AppTest:
    page.session_state["text"] = text
    for name, value in {"label": LABEL, "k": 1, "switch": ["change_rate:0.5"], **chosen}.items():
        page.session_state[name] = value
    return page.run()


def started(page: AppTest, text: str = TEXT, **chosen: Any) -> AppTest:
    opened(page, text, **chosen)
    press(page, "attack.start")
    assert attack_of(page).steps
    return page


def press(page: AppTest, key: str) -> AppTest:
    page.button(key=key).click().run()
    assert not page.exception
    return page


def attack_of(page: AppTest) -> AttackRun:
    found = page.session_state["attack"]
    assert isinstance(found, AttackRun)
    return found


def sentences(page: AppTest) -> str:
    return " ".join(element.value for element in [*page.error, *page.warning, *page.info, *page.success]).replace("\\", "")


def html(page: AppTest) -> str:
    return "".join(element.proto.body for element in page.get("html"))


def by_command_line(classifier: Classifier, text: str = TEXT) -> WordResult:
    goal = Demote((classifier.labels.ids[LABEL],), 1)
    return run(canned(Recipe(change_rate=0.5), goal), classifier, Document.from_text(text))


def type_own(page: AppTest, position: int, word: str) -> AppTest:
    page.text_input(key=f"attack.own.{attack_of(page).at}.{position}").input(word)
    next(button for button in page.button if button.label == "Put it in").click().run()
    assert not page.exception
    return page


# -- the setting


@pytest.mark.slow
def test_without_a_document_it_asks_for_one(page: AppTest) -> None:
    page.run()
    assert not page.exception and not page.error
    assert page.text_area[0].label == "Document"


def test_without_a_label_it_says_what_to_do(page: AppTest) -> None:
    opened(page, label=None)
    assert not page.exception and not page.error
    assert any("Choose a label first" in element.value for element in page.markdown)


def test_a_goal_that_does_not_fit_is_a_sentence(page: AppTest) -> None:
    opened(page, label="protocol::dns")
    assert not page.exception
    assert "already outside the first 1" in sentences(page)
    assert not any(button.key == "attack.start" for button in page.button)


def test_a_negative_target_that_is_in_is_a_sentence(page: AppTest) -> None:
    opened(page, goal="negative-targeted")
    assert "is among the first 1 already" in sentences(page)


def test_right_labels_that_are_not_known_are_a_sentence(page: AppTest) -> None:
    opened(page, goal="non-targeted", gamma="correct")
    assert "true labels are not known" in sentences(page)
    page.text_input(key="truth").input("no::such").run()
    assert "there is no label 'no::such'" in sentences(page)
    page.text_input(key="truth").input(LABEL).run()
    assert not page.exception and not page.error


def test_a_refusal_is_a_sentence(page: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Canned, "refusal", lambda self: "The language model 'x' is not here: run this.")
    opened(page)
    assert "is not here: run this" in sentences(page)


def test_the_cost_is_said_before(page: AppTest) -> None:
    opened(page)
    assert any("queries" in element.value and "words may change" in element.value for element in page.markdown)


def test_a_link_restores_the_setting(page: AppTest) -> None:
    for name, value in {"checkpoint": "tiny-linear", "sample": "02-dns-cache", "label": "protocol::dns", "goal": "positive-targeted", "k": "2",
                        "recipe": "bae", "stealth": "True", "switch": "change_rate:0.3"}.items():  # fmt: skip
        page.query_params[name] = value
    page.run()
    assert not page.exception and not page.error
    assert page.number_input(key="k").value == 2 and page.selectbox(key="recipe").value == "bae" and page.toggle(key="stealth").value
    press(page, "attack.start")
    assert attack_of(page).setting.recipe.change_rate == 0.3
    assert "02-dns-cache" in page.query_params["sample"] and "text" not in page.query_params


def test_a_link_neither_carries_nor_sets_words_and_hub_names(page: AppTest) -> None:
    page.query_params["switch"] = ["protected:secret", "language_model:someone/model", "change_rate:0.4"]
    started(page, switch=["protected:secret", "language_model:someone/model", "change_rate:0.4"])
    recipe = attack_of(page).setting.recipe
    assert (recipe.protected, recipe.language_model, recipe.change_rate) == ("", language.DEFAULT, 0.4)


@pytest.mark.parametrize("parameters", [{"goal": "conquer"}, {"k": "0"}, {"k": "99999999"}, {"recipe": "magic"}, {"gamma": "x"}, {"sample": "no"}])
def test_a_strange_link_is_survived(page: AppTest, parameters: dict[str, str]) -> None:
    for name, value in parameters.items():
        page.query_params[name] = value
    page.session_state["text"] = TEXT
    page.run()
    assert not page.exception


# -- stepping


@pytest.mark.slow
def test_stepping_is_the_search_of_the_command_line(page: AppTest, tiny: Path) -> None:
    expected = by_command_line(load(str(tiny / "tiny-linear")))
    started(page)
    while not attack_of(page).step.ended:
        press(page, "attack.accept")
    found = attack_of(page).result
    assert [(s.position, s.chosen, s.status) for s in found.steps] == [(s.position, s.chosen, s.status) for s in expected.steps]
    assert (found.final.queries, found.adversarial) == (expected.final.queries, expected.adversarial)
    assert found.success and "The goal is reached" in sentences(page)


@pytest.mark.slow
def test_run_to_the_end_is_the_same(page: AppTest, tiny: Path) -> None:
    expected = by_command_line(load(str(tiny / "tiny-linear")))
    press(started(page), "attack.end")
    assert attack_of(page).result.adversarial == expected.adversarial
    assert "<del>cut</del>" in html(page) and "Change rate, of all words" in html(page)


@pytest.mark.slow
def test_where_nothing_can_be_put_back_it_is_said(page: AppTest) -> None:
    press(started(page), "attack.end")
    found = attack_of(page)
    assert found.step.status == "reached" and len(found.step.edits.swaps) > 1
    steps = len(found.steps)
    press(page, "attack.prune")
    assert len(attack_of(page).steps) == steps and "Nothing was put back" in sentences(page)


@pytest.mark.slow
def test_undo_redo_rewind_and_a_branch(page: AppTest) -> None:
    started(page)
    press(press(page, "attack.accept"), "attack.accept")
    run = attack_of(page)
    texts = [step.document.text for step in run.steps]
    press(page, "attack.undo")
    assert run.at == 1 and run.step.document.text == texts[1] and len(run.steps) == 3
    want(run, "redo")
    page.run()
    assert run.at == 2 and run.step.document.text == texts[2]
    want(run, "rewind", 0)
    page.run()
    assert run.at == 0 and run.step.document.text == TEXT
    press(page, "attack.skip")
    assert run.at == 1 and len(run.steps) == 2 and run.step.document.text == TEXT


@pytest.mark.slow
def test_another_candidate_and_another_word(page: AppTest) -> None:
    started(page)
    run = attack_of(page)
    paste = run.session.original.words.index("paste")
    run.picked = paste
    page.run()
    assert any("Candidates for paste" in element.value for element in page.markdown)
    press(page, "attack.accept")
    assert run.step.position == paste and run.step.chosen in SWAPS["paste"]
    assert run.step.edits.order == run.steps[0].edits.order
    want(run, "choose", run.coming, "take")
    page.run()
    assert run.step.chosen == "take"


@pytest.mark.slow
def test_a_word_of_ones_own(page: AppTest) -> None:
    started(page)
    run = attack_of(page)
    position = run.coming
    type_own(page, position, "<script>alert(1)</script>")
    assert "is not one word" in sentences(page) and run.at == 0
    type_own(page, position, "script")
    assert run.step.document.words[position] == "script" and not page.error


@pytest.mark.slow
def test_a_word_that_the_search_leaves_alone_can_be_changed_by_hand(page: AppTest) -> None:
    started(page)
    run = attack_of(page)
    run.picked = 0
    page.run()
    assert any("leaves this word alone: forbidden" in element.value.replace("\\", "") for element in page.caption)
    type_own(page, 0, "The")
    assert run.step.document.words[0] == "The"


@pytest.mark.slow
def test_after_the_budget_one_can_go_on_by_hand(page: AppTest) -> None:
    started(page, switch=["change_rate:0.01"])
    press(page, "attack.end")
    run = attack_of(page)
    assert run.step.status == "budget" and "go on by hand" in sentences(page)
    run.picked = 5
    page.run()
    type_own(page, 5, "take")
    assert run.step.document.words[5] == "take" and [step.status for step in run.steps] == ["start", "changed", "reached"]


@pytest.mark.slow
def test_a_change_of_the_setting_leaves_the_attack_and_comes_back(page: AppTest) -> None:
    started(page)
    press(page, "attack.accept")
    page.session_state["k"] = 2
    page.run()
    assert any(button.key == "attack.start" for button in page.button)
    page.session_state["k"] = 1
    page.run()
    assert attack_of(page).at == 1 and any(button.key == "attack.accept" for button in page.button)


@pytest.mark.slow
def test_non_targeted(page: AppTest) -> None:
    started(page, goal="non-targeted", gamma="predicted", label=None)
    press(page, "attack.end")
    assert attack_of(page).step.status == "reached"


@pytest.mark.slow
@pytest.mark.parametrize("text", ["editor", "editor cut paste " * 700, "editor <script>alert(1)</script> ![](http://example.org/x.png) $x$ cut"])
def test_short_long_and_hostile_documents(page: AppTest, text: str) -> None:
    started(page, text, switch=["change_rate:0.002"])
    press(page, "attack.accept")
    assert not page.error and "<script>" not in html(page)
    assert "example.org" not in "".join(element.value for element in page.markdown)


# -- the end


def finished(page: AppTest) -> AppTest:
    return press(started(page), "attack.end")


@pytest.mark.slow
def test_explained_before_and_after(page: AppTest) -> None:
    finished(page)
    press(page, "attack.explain")
    assert any("Kendall" in element.value for element in page.markdown)


@pytest.mark.slow
def test_why_the_score_moved(page: AppTest) -> None:
    finished(page)
    page.segmented_control(key="attack.why").set_value("all").run()
    assert not page.exception and not page.error
    assert "What moved the score of use::editing" in html(page) or any("does not say" in c.value for c in page.caption)


@pytest.mark.slow
def test_the_certificate(page: AppTest) -> None:
    finished(page)
    queries = attack_of(page).session.oracle.queries
    press(page, "attack.certify")
    found = attack_of(page).certificate
    assert found is not None and found.holds and found.substitutions == 6  # editor, cut and paste, two candidates each
    assert "No single substitution among" in sentences(page) and attack_of(page).session.oracle.queries == queries


@pytest.mark.slow
def test_sent_to_another_checkpoint(page: AppTest, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(tiny / "tiny-linear", tmp_path / "tiny-linear")
    shutil.copytree(tiny / "tiny-linear", tmp_path / "tiny-twin")
    monkeypatch.setattr("core.checkpoint.FOLDER", tmp_path)
    finished(page)
    page.session_state["attack.send"] = ["tiny-twin"]
    page.run()
    assert not page.exception and "carries over" in html(page)


def record(page: AppTest) -> dict[str, Any]:
    return attack_of(finished(page)).result.to_json()


def replayed(page: AppTest, content: bytes) -> AppTest:
    page.session_state["record"] = content
    page.run()
    assert not page.exception
    return page


@pytest.mark.slow
def test_a_saved_attack_is_replayed(page: AppTest) -> None:
    replayed(page, json.dumps(record(page)).encode())
    assert "text, ranks and outcome are as saved" in sentences(page)
    slider = page.select_slider(key="attack.walk")
    assert slider.value == len(slider.options) - 1 and len(page.get("plotly_chart")) == 1 and "<del>" in html(page)
    slider.set_value(0).run()
    assert not page.exception and "<del>" not in html(page) and "class='diff'" in html(page)
    next(button for button in page.button if button.label == "Close the replay").click().run()
    assert not page.exception and any(button.key == "attack.undo" for button in page.button)


@pytest.mark.slow
def test_a_forged_record_is_found_out(page: AppTest) -> None:
    found = record(page)
    replayed(page, json.dumps({**found, "rank_after": [4], "adversarial": "something else"}).encode())
    assert "Not as saved: the adversarial text, the last ranks" in sentences(page)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "cannot be read as JSON"),
        (b"\xff\xfe", "cannot be read as JSON"),
        (b"[" * 100_000, "Expected `object`, got `array`"),
        (b'{"schema": ' + b"[" * 100_000, "it is nested too deep"),
        (b"[1]", "Expected `object`, got `array`"),
        (b'{"schema": 99}', "this version reads 1"),
        (b'{"schema": 1}', "Object missing required field `checkpoint`"),
        (b'{"schema": 1, "queries": ' + b"1" * 5_000 + b"}", "more than 300 digits"),
    ],
)
def test_a_broken_upload_is_a_sentence(page: AppTest, content: bytes, sentence: str) -> None:
    replayed(page, content)
    assert sentence in sentences(page)


def test_a_long_document_is_attacked_in_its_window_unless_windows_are_chosen(windowed: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The words that the model reads, and both denominators: 4 of 18 words, half of the 8 read."""
    monkeypatch.setattr("pages.parts.attack.attacking.prepare", canned)
    page = opened(windowed.switch_page("pages/attack.py"), TEXT + " and more", label="editor")
    assert not page.exception and "The model reads the first 8 of 18 words." in page.warning[0].value
    page.selectbox(key="windows").set_value("maximum").run()
    assert not page.exception and not page.warning
    assert "all 18 words in 3 windows" in " ".join(one.value for one in page.caption)
