"""Explain and Attack on documents that are feature vectors: opening, feature bars, an attack to its end, what is said where it cannot be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import core.checkpoint
import core.runs.jobs
from core.attacks.features import replay
from core.models import linear, load
from core.runs.run import Run
from tests.toy_features import bags, dense, write_mulan

ROOT = Path(__file__).resolve().parents[2]
DATA = bags(("chess", "mail", "music", "fonts"), 5, 80)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint over bags, one over measurements, and the bags' files where 'bibtex' is looked for."""
    place = tmp_path_factory.mktemp("vectors")
    for name, data in (("bibtex-bags", DATA), ("measured", dense())):
        with Run(place / f"{name}-run", seed=0, device="cpu", quiet=True) as run:
            model = linear.train(linear.Config(minimum_documents=1), data, data.label_space(), run)
        core.checkpoint.save(
            place / "checkpoints" / name, model="linear", settings=model.settings(), labels=model.labels, tensors=model.tensors(),
            files=model.files(), provenance={"evaluation": {"metrics": {"P@1": {"value": 0.9 if name == "bibtex-bags" else 0.5}}}},
        )  # fmt: skip
    write_mulan(place / "data" / "bibtex", DATA)
    return place


@pytest.fixture(autouse=True)
def here(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(core.checkpoint, "FOLDER", folder / "checkpoints")
    monkeypatch.setattr(core.checkpoint, "RUNS", tmp_path / "runs")
    monkeypatch.setattr("pages.parts.loading.prewarm", lambda card: None)
    monkeypatch.setenv("TREMOR_DATA", str(folder / "data"))
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


def page(name: str, **chosen: Any) -> AppTest:
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).switch_page(f"pages/{name}.py")
    for key, value in {"dataset": "bibtex", "read": ["bibtex"], "document": 2, **chosen}.items():
        at.session_state[key] = value
    at.run()
    assert not at.exception
    return at


def html(at: AppTest) -> str:
    return " ".join(str(each.proto.body) for each in at.get("html"))


def said(at: AppTest) -> str:
    return " ".join(str(each.value) for kind in ("markdown", "caption", "error", "success", "info") for each in at.get(kind)).replace("\\", "")


def best(at: AppTest) -> str:
    model: Any = load(str(core.checkpoint.FOLDER / "bibtex-bags"))
    features = DATA.split("test").features
    assert features is not None
    return str(model.labels.names[int(model.retrieve_features(features[[1]], 1)[0][0, 0])])


def test_opening_waits_for_a_click_and_shows_feature_bars() -> None:
    at = page("explain", read=[])
    assert "Features of the document" not in html(at)
    at.button(key="vector.open").click().run()
    assert not at.exception
    assert "Features of the document" in html(at)
    assert "True labels" in said(at) and "order of the file's columns" in said(at)
    names = DATA.feature_names
    features = DATA.split("test").features
    assert names is not None and features is not None
    assert all(names[column] in html(at) for column in features[[1]].indices)


def test_what_each_feature_adds_and_how_far_to_trust_it() -> None:
    at = page("explain")
    label = best(at)
    at = page("explain", label=label, asked=True)
    assert f"What each feature adds to {label}" in html(at)
    assert "Completeness error" in html(at)
    for explainer in ("lime", "occlusion"):
        at.session_state["explainer"] = explainer
        at.session_state["asked"] = True
        at.run()
        assert not at.exception
        assert f"What each feature adds to {label}" in html(at)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["hop-skip-jump", "boundary", "zoo"])
def test_an_attack_from_start_to_file(name: str) -> None:
    label = best(page("attack"))
    at = page("attack", label=label, k=1, search=name)
    at.number_input(key=f"vector.set.{name}.queries").set_value(150).run()
    at.button(key="vector.start").click().run()
    assert not at.exception
    assert f"{label} from rank 1 to" in said(at)
    assert "bits flipped" in html(at) and "What was changed" in html(at) and "As a text" in said(at)
    run = at.session_state["vector_attack"]
    record = json.loads(json.dumps(run.result.to_json()))
    assert record["queries"] <= 150
    assert replay(record, run.session.classifier).differences == ()
    at.session_state["k"] = 2  # another setting, another attack: the old one is not shown for it
    at.run()
    assert "What was changed" not in html(at)


@pytest.mark.slow
def test_goals_without_a_label_and_one_that_does_not_fit() -> None:
    at = page("attack", goal="set-change", k=1)
    at.number_input(key="vector.set.hop-skip-jump.queries").set_value(100).run()
    at.button(key="vector.start").click().run()
    assert not at.exception
    assert "goal is reached" in said(at)
    label = best(at)
    at = page("attack", goal="negative-targeted", label=label, k=1)
    at.button(key="vector.start").click().run()
    assert not at.exception
    assert "among the first 1 already" in said(at)


def test_without_a_label_there_is_nothing_to_start() -> None:
    at = page("attack")
    assert "Choose a label first" in said(at)
    assert not [button for button in at.button if button.key == "vector.start"]


def test_sentences_for_what_is_not_there() -> None:
    assert "documents 1 to 20; there is no 99" in said(page("attack", document=99))
    assert "'measured' reads 12" in said(page("explain", model="measured"))
    assert "no label 'nothing'" in said(page("explain", label="nothing"))


def test_a_text_is_read_as_its_bag_or_refused() -> None:
    at = page("explain", text="chess0 chess1 chess2 and mail", **{"as": "text"})
    assert "Best" in said(at) or not at.exception
    assert "cannot read a text" in said(page("explain", model="measured", text="chess0", **{"as": "text"}))


# -- word vectors of a text


@pytest.mark.slow
def test_moved_word_vectors_are_shown_as_vectors_and_read_as_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from core.labels import LabelSpace
    from core.models.parts.words import Words
    from core.models.xml_cnn import Config, XmlCnn
    from core.models.xml_cnn.network import XmlCnnModule

    torch.manual_seed(5)
    config = Config(width=12, filters=5, chunks=3, bottleneck=16, window=20, vectors="random", vector_scale=0.5)
    words = Words(tuple(f"w{i}" for i in range(30)))
    model = XmlCnn(config, LabelSpace.of(["a", "b", "c", "d"], [9, 5, 2, 1], 20), words, XmlCnnModule(config, words.size, 4))
    core.checkpoint.save(
        tmp_path / "only" / "tiny-cnn", model="xml-cnn", settings=model.settings(), labels=model.labels, tensors=model.tensors(), files=model.files()
    )
    monkeypatch.setattr(core.checkpoint, "FOLDER", tmp_path / "only")
    at = page("attack", text="w1 w2 w3 and w4 w5 w6", k=1)
    assert "none has another nearest word" not in said(at)
    at.number_input(key="vectors.set.pgd.epsilon").set_value(0.01).run()
    at.button(key="vectors.run").click().run()
    assert not at.exception
    assert "vectors and no text" in said(at) and "none has another nearest word" in said(at)
    assert "Read as nearest words" in html(at)
    sentence = "PGD of 10 steps on the word vectors, epsilon 1 % of the mean norm of a row, binary cross-entropy of the 5 best labels."
    assert sentence in said(at).replace("\\", "")
    at.number_input(key="vectors.set.pgd.epsilon").set_value(20.0).run()
    at.button(key="vectors.run").click().run()
    assert not at.exception
    assert "have another nearest word now" in said(at)


def test_a_model_without_word_vectors_says_why() -> None:
    assert "has no vector for each word" in said(page("attack", text="chess0 mail1", **{"as": "text"}))


# -- step by step


def stepped(**chosen: Any) -> AppTest:
    """An attack that stands at its first step."""
    at = page("attack", label=best(page("attack")), k=1, search="hop-skip-jump", **chosen)
    at.number_input(key="vector.set.hop-skip-jump.queries").set_value(300).run()
    at.button(key="vector.step").click().run()
    assert not at.exception
    return at


def press(at: AppTest, name: str) -> AppTest:
    at.button(key=f"vector.{name}").click().run()
    assert not at.exception
    return at


def test_step_by_step_undone_and_gone_on() -> None:
    at = stepped()
    run = at.session_state["vector_attack"]
    assert "Step 0 of 0: the document" in said(at) and at.button(key="vector.undo").disabled and at.button(key="vector.finish").disabled
    press(press(press(at, "next"), "next"), "next")
    assert run.at == 3 and "Step 3 of 3" in said(at) and "What was changed" in html(at)
    places = [step.point.tolist() for step in run.steps]
    press(press(at, "undo"), "undo")
    assert run.at == 1 and "Step 1 of 3" in said(at)
    press(at, "redo")
    assert run.at == 2 and [step.point.tolist() for step in run.steps] == places
    press(at, "next")  # the same way again, for the search goes on from where it stood
    assert [step.point.tolist() for step in run.steps] == places
    press(at, "end")
    assert run.step.ended and "The goal is reached, and a second scoring confirmed it" in said(at)
    press(at, "undo")
    assert not run.step.ended and "Next step" in [button.label for button in at.button]


def test_a_feature_by_hand_and_an_early_finish() -> None:
    at = stepped()
    run = at.session_state["vector_attack"]
    index = int(run.session.coordinates.origin.argmax())
    at.selectbox(key="vector.own.feature").set_value(index).run()
    at.number_input(key=f"vector.own.0.{index}").set_value(0.0)
    next(button for button in at.button if button.label == "Set it").click().run()
    assert not at.exception and run.at == 1 and run.step.point[index] == 0 and "chosen by hand" in said(at)
    press(press(at, "next"), "finish")
    assert run.step.ended and run.step.queries < 300 and "How real" in html(at)


def test_a_saved_attack_is_replayed_and_walked_through() -> None:
    at = press(stepped(), "end")
    record = at.session_state["vector_attack"].result.to_json(points=True)
    upload = page("attack", record=json.dumps(record).encode())
    assert "every step's ranks are as saved" in said(upload)
    slider = upload.select_slider[0]
    assert len(slider.options) == 1 + sum(bool(step["changes"]) for step in record["steps"])
    slider.set_value(1).run()
    assert not upload.exception and "What was changed" in html(upload)
    record["rank_after"] = [9]
    warnings = " ".join(each.value for each in page("attack", record=json.dumps(record).encode()).warning)
    assert "Not as saved: the last ranks" in warnings.replace(chr(92), "")
    assert "no saved attack of this version" in said(page("attack", record=json.dumps(record | {"steps": 3}).encode()))


def test_a_study_of_vectors_is_started_with_an_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    launched: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(core.runs.jobs, "launch", lambda folder, words, device: launched.append((folder.name, words)))
    at = page("robustness", model="bibtex-bags")
    at.button(key="study.estimate").click().run()
    assert not at.exception and "none of those looked at fits the goal" in said(at)  # five labels cannot leave the top 5
    at.number_input(key="study.documents").set_value(6)
    at.number_input(key="study.k").set_value(1).run()
    at.number_input(key="study.search.hop-skip-jump.queries").set_value(60).run()
    at.button(key="study.estimate").click().run()
    assert not at.exception and "6 pairs: at most about 360 queries" in said(at)
    at.button(key="study.start").click().run()
    [(name, words)] = launched
    assert name.startswith("bibtex-bags-hop-skip-jump-positive-targeted") and words[0] == "study"
    assert {"--queries=60", "--documents=6", "--k=1"} <= set(words)
