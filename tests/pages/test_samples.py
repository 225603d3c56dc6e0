"""The samples on the pages: grouped by kind, those first that the checkpoint knows; studies and trainings on them where nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.data import samples
from core.labels import LabelSpace
from core.runs import jobs, locks
from pages.parts import datasets, loading

APP = Path(__file__).resolve().parents[2] / "app.py"
FIRST = {kind: [sample.title for sample in samples.samples() if sample.kind == kind] for kind in samples.KINDS}


@pytest.fixture
def fresh(tiny, tmp_path, monkeypatch) -> Callable[[str], AppTest]:
    """A page on a machine without data sets and without a cache."""
    monkeypatch.setenv("TREMOR_DATA", str(tmp_path / "none"))
    monkeypatch.setenv("TREMOR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(locks, "gpus", lambda: ())
    return lambda page: AppTest.from_file(str(APP), default_timeout=60).switch_page(page).run()


def titles(test: AppTest) -> list[str]:
    return [button.label.replace("\\", "") for button in test.button if str(button.key).startswith("sample.")]


def test_packages_come_first_for_a_model_of_debtags(fresh):
    test = fresh("pages/explain.py")
    kind = test.segmented_control(key="samples.package")
    assert not test.exception and kind.options == ["Software packages", "News", "EU acts"] and titles(test) == FIRST["package"]
    kind.set_value("EU act").run()
    assert titles(test) == FIRST["EU act"]
    next(button for button in test.button if button.label == "Driving times of lorries").click().run()
    assert not test.exception and test.session_state["sample"] == "22-driving-times"


def test_news_and_acts_come_first_for_a_model_of_eurovoc(fresh, monkeypatch):
    monkeypatch.setattr(loading, "labels", lambda card: LabelSpace.of(["public health", "State aid"], [9, 8], 20))
    test = fresh("app.py")
    assert not test.exception and test.segmented_control(key="samples.news").options == ["News", "EU acts", "Software packages"]
    assert titles(test) == FIRST["news"]


def test_what_is_ready_and_fits_is_offered_first(tmp_path, monkeypatch):
    monkeypatch.setenv("TREMOR_DATA", str(tmp_path))
    monkeypatch.setenv("TREMOR_CACHE", str(tmp_path))
    tags, concepts = ["use::editing"], ["public health"]
    assert datasets.offered(False) == ["samples", "samples-debtags", "debtags"]
    assert datasets.offered(False, tags) == ["samples-debtags", "samples", "debtags"]
    assert datasets.offered(True, tags) == ["debtags", "samples-debtags", "samples"]
    assert datasets.offered(True, concepts) == ["debtags", "samples", "samples-debtags"]
    assert datasets.offered(True, concepts, "eurlex57k") == ["samples", "debtags", "samples-debtags"]  # what it was trained on is not here
    (tmp_path / "eurlex57k").mkdir()
    assert datasets.offered(True, concepts, "eurlex57k") == ["eurlex57k", "samples", "debtags", "eurlex57k-whole", "samples-debtags"]
    assert datasets.offered(True, tags, "debtags")[:2] == ["debtags", "samples-debtags"]
    assert datasets.offered(False, concepts)[:2] == ["eurlex57k", "eurlex57k-whole"]


def test_a_new_study_runs_on_the_samples(fresh, monkeypatch):
    """Offered first where debtags is not built, and started as a job that names them. That it runs: tests/unit/data/test_samples.py."""
    started = []
    monkeypatch.setattr(jobs, "launch", lambda folder, words, device: started.append(words))
    test = fresh("pages/robustness.py")
    assert test.selectbox(key="study.dataset.").value == "samples-debtags" and test.number_input(key="study.words.0").value == 0
    test.number_input(key="study.pairs").set_value(20).run()
    assert not test.button(key="study.start").disabled
    test.button(key="study.start").click().run()
    assert not test.exception and any("samples-debtags" in str(word) for word in started[0])


def test_a_new_training_offers_the_samples_first(fresh):
    test = fresh("pages/train.py")
    assert not test.exception and test.selectbox(key="train.dataset.").value == "samples"
    assert not test.button(key="train.start").disabled
    test.selectbox(key="train.dataset.").set_value("debtags").run()
    assert test.button(key="train.start").disabled


def test_the_data_page_shows_the_samples_and_names_the_command(fresh):
    test = fresh("pages/data.py")
    said = "\n".join(caption.value for caption in test.caption)
    assert "eurlex57k: `python -m core data build eurlex57k --folder DIR`" in said
    test.selectbox(key="dataset").set_value("samples").run()
    assert not test.exception and not test.error
    assert "none of the checkpoints that are shipped was trained on these texts" in "\n".join(
        element.value for element in (*test.caption, *test.markdown)
    )
