"""The Compare page under AppTest: two tiny checkpoints on one document and on a campaign; links, empty states, files."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import core.checkpoint
from core.attacks import Recipe, run
from core.attacks.goals import Demote
from core.document import Document
from core.models import load
from core.runs.run import Run as RunFolder
from core.study import campaigns, records
from core.study.exports import export
from core.study.kinds.words import WordKind
from core.study.run import work
from core.study.settings import Request
from pages.parts.compare import attack
from pages.parts.compare.duel import Duel
from tests.pages import studies
from tests.pages.test_attack import LABEL, TEXT, canned, html, press, sentences
from tests.pages.tiny import save_variant

APP = Path(__file__).resolve().parents[2] / "app.py"
WEAKER = ("paste", "cut", "library", "python", "module", "requests")


@pytest.fixture(scope="module")
def two(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """tiny-linear and tiny-robust, made from it: other order of labels, six words at half their weight."""
    folder = tmp_path_factory.mktemp("two")
    shutil.copytree(tiny_folder / "tiny-linear", folder / "tiny-linear")
    save_variant(folder / "tiny-linear", folder / "tiny-robust", halved=WEAKER)
    return folder


@pytest.fixture
def page(tiny: Path, two: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setattr(core.checkpoint, "FOLDER", two)
    monkeypatch.setattr(core.checkpoint, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(campaigns, "SHIPPED", tmp_path / "shipped")
    monkeypatch.setattr(attack, "prepare", canned)
    return AppTest.from_file(str(APP), default_timeout=60).switch_page("pages/compare.py")


def opened(page: AppTest, text: str = TEXT, **chosen: Any) -> AppTest:
    page.session_state["text"] = text
    for name, value in {"model": "tiny-linear", "label": LABEL, "k": 1, "switch": ["change_rate:0.5"], **chosen}.items():
        page.session_state[name] = value
    page.run()
    assert not page.exception
    return page


def started(page: AppTest, **chosen: Any) -> Duel:
    press(opened(page, **chosen), "compare.start")
    found = page.session_state["duel"]
    assert isinstance(found, Duel)
    return found


def said(page: AppTest) -> str:
    kinds = (page.markdown, page.caption, page.info, page.warning, page.error, page.success)
    return "\n".join(element.value for kind in kinds for element in kind).replace("\\", "")


def table(page: AppTest, columns: set[str]) -> list[dict[str, Any]]:
    """AppTest gives tables no key: they are told by their columns."""
    return next(frame.value for frame in page.dataframe if columns <= set(frame.value.columns)).to_dict("records")


# -- one document


def test_without_a_document_it_asks_for_one(page: AppTest) -> None:
    page.run()
    assert not page.exception and not page.error
    assert page.text_area[0].label == "Document" and "under both checkpoints" in said(page)


def test_with_one_checkpoint_it_says_what_to_do(page: AppTest, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core.checkpoint, "FOLDER", tiny_folder)
    opened(page)
    assert "only one checkpoint here" in said(page)


@pytest.mark.parametrize(("model", "other"), [("tiny-linear", "tiny-robust"), ("tiny-robust", "tiny-linear")])
def test_a_checkpoint_meets_its_parent_or_child(page: AppTest, model: str, other: str) -> None:
    opened(page, model=model)
    assert page.selectbox(key="other").value == other
    assert "tiny-robust was made from tiny-linear." in said(page)


def test_exchange(page: AppTest) -> None:
    press(opened(page), "compare.exchange")
    assert (page.session_state["model"], page.session_state["other"]) == ("tiny-robust", "tiny-linear")


def test_a_link_restores_both_and_the_side(page: AppTest) -> None:
    for name, value in {"model": "tiny-robust", "other": "tiny-linear", "compare": "studies", "label": LABEL}.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception and page.session_state["compare"] == "studies"
    assert "There is no study yet" in said(page)


@pytest.mark.parametrize("parameters", [{"other": "nobody"}, {"compare": "x"}, {"label": "no::such"}, {"first": "a", "second": "b"}])
def test_a_strange_link_is_survived(page: AppTest, parameters: dict[str, str]) -> None:
    for name, value in parameters.items():
        page.query_params[name] = value
    page.session_state["text"] = TEXT
    page.run()
    assert not page.exception
    if "other" in parameters:
        assert "checkpoint 'nobody', which is not here" in said(page)
    if "label" in parameters:
        assert "tiny-linear and tiny-robust know no label 'no::such'" in said(page)


def test_explanations_of_both_and_their_agreement(page: AppTest) -> None:
    press(opened(page, explainer="occlusion"), "compare.explain")
    assert "tiny-linear against tiny-robust" in html(page) and "Kendall" in html(page)
    assert "before and after" not in html(page)


@pytest.mark.slow
def test_the_same_attack_is_each_sides_own_search(page: AppTest, two: Path) -> None:
    """Stepped together, each side decides what the command line decides there; the shorter one waits at its end."""
    duel = started(page)
    while not duel.over:
        press(page, "compare.step")
    for side, name in zip(duel.runs, ("tiny-linear", "tiny-robust"), strict=True):
        classifier = load(str(two / name))
        goal = Demote((classifier.labels.ids[LABEL],), 1)
        expected = run(canned(Recipe(change_rate=0.5), goal), classifier, Document.from_text(TEXT))
        assert [(step.position, step.chosen, step.status) for step in side.steps] == [
            (step.position, step.chosen, step.status) for step in expected.steps
        ]
        assert side.step.queries == expected.final.queries
    assert duel.at == duel.last == max(len(side.steps) for side in duel.runs) - 1
    assert {len(side.steps) for side in duel.runs} != {1}


@pytest.mark.slow
def test_back_looks_and_forward_decides_nothing_again(page: AppTest) -> None:
    duel = started(page)
    press(press(page, "compare.step"), "compare.step")
    steps = [list(side.steps) for side in duel.runs]
    press(page, "compare.back")
    assert duel.at == 1 and [side.at for side in duel.runs] == [1, 1]
    press(page, "compare.step")
    assert [list(side.steps) for side in duel.runs] == steps and duel.at == 2
    press(page, "compare.first")
    assert duel.at == 0 and duel.attacked == (None, None)


@pytest.mark.slow
def test_run_to_the_end_then_crossed_and_explained(page: AppTest) -> None:
    duel = started(page, explainer="occlusion")
    press(page, "compare.end")
    assert duel.over and any(side.step.status == "reached" for side in duel.runs)
    assert "Does the text of one fool the other?" in said(page) and ("fooled, too" in html(page) or "not fooled" in html(page))
    press(page, "compare.explain")
    press(page, "compare.attacked")
    assert "tiny-linear, before and after its attack" in html(page)


@pytest.mark.slow
def test_a_side_that_does_not_fit_says_why(page: AppTest, two: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(two / "tiny-linear", tmp_path / "c" / "tiny-linear")
    save_variant(two / "tiny-linear", tmp_path / "c" / "tiny-robust", buried=LABEL)
    monkeypatch.setattr(core.checkpoint, "FOLDER", tmp_path / "c")
    duel = started(page)
    assert isinstance(duel.sides[1], str) and "already outside the first 1" in sentences(page)
    press(page, "compare.end")
    assert duel.over and len(duel.runs) == 1
    assert "not asked: the goal does not fit" in html(page)


def test_a_label_that_one_side_does_not_know(page: AppTest, two: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(two / "tiny-linear", tmp_path / "c" / "tiny-linear")
    save_variant(two / "tiny-linear", tmp_path / "c" / "tiny-robust", renamed=LABEL)
    monkeypatch.setattr(core.checkpoint, "FOLDER", tmp_path / "c")
    opened(page)
    assert f"tiny-robust knows no label '{LABEL}'" in said(page)
    assert not any(button.key in ("compare.start", "compare.explain") for button in page.button)


@pytest.mark.slow
def test_the_files_hold_what_is_shown(page: AppTest, two: Path) -> None:
    from pages.parts.compare import export as compare_export
    from pages.parts.compare import pair as compare_pair

    duel = started(page)
    press(page, "compare.end")
    pair = tuple(_reading(two, name) for name in ("tiny-linear", "tiny-robust"))
    found = json.loads(json.dumps(compare_export.whole(pair, compare_both(pair), [], duel)))
    assert [each["name"] for each in found["checkpoints"]] == ["tiny-linear", "tiny-robust"] and found["text"] == TEXT
    assert {row["label"] for row in found["labels"]} == set(load(str(two / "tiny-linear")).labels.names)
    assert [record["checkpoint"] for record in found["attacks"]] == ["tiny-linear", "tiny-robust"]
    assert found["attacks"][0]["read_by"]["checkpoint"] == "tiny-robust"
    assert compare_pair.moves(3) == "▼ 3" and compare_pair.moves(-2) == "▲ 2" and compare_pair.moves(0) == "=" and compare_pair.moves(None) == "–"


def compare_both(pair: Any) -> Any:
    from core.study.compare import standings

    return standings(*((side.classifier.labels, side.scores) for side in pair), 4)


def _reading(two: Path, name: str) -> Any:
    from core.ranking import top_k
    from pages.parts.reading import Reading

    classifier, document = load(str(two / name)), Document.from_text(TEXT)
    scores = classifier.score([TEXT])[0]
    chosen = classifier.labels.ids[LABEL]
    return Reading(classifier, document, document, tuple(range(len(document))), scores, top_k(scores[None], 4)[0], chosen, (), len(document))


# -- a campaign


@pytest.fixture(scope="module")
def made(two: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """alpha on tiny-linear; beta, its pairs on tiny-robust; gamma, another goal."""
    folder = tmp_path_factory.mktemp("runs")
    studies.write(folder / "alpha", two / "tiny-linear")
    base = Request.from_json(json.loads((folder / "alpha" / "config.json").read_text()))
    request = replace(base, study=replace(base.study, checkpoint=str(two / "tiny-robust"), pairs_from=str(folder / "alpha")))
    with RunFolder(folder / "beta", quiet=True) as active:
        work(WordKind(request, studies.prepare), load(str(two / "tiny-robust")), studies.dataset(), active, 1)
    export(folder / "beta")
    studies.write(folder / "gamma", two / "tiny-linear", "negative-targeted")
    return folder


@pytest.fixture
def campaign(page: AppTest, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    runs = tmp_path / "runs"
    shutil.copytree(made, runs)
    monkeypatch.setattr(core.checkpoint, "RUNS", runs)
    page.session_state["compare"] = "studies"
    return page


def test_a_study_and_the_one_on_its_pairs_are_offered_first(campaign: AppTest) -> None:
    campaign.run()
    assert not campaign.exception and not campaign.error
    assert (campaign.session_state["first"], campaign.session_state["second"]) == ("alpha", "beta")


def test_success_coverage_and_the_test_are_of_the_records(campaign: AppTest, made: Path) -> None:
    campaign.run()
    campaign.slider(key="study.rate").set_value(100.0).run()
    assert not campaign.exception and not campaign.error
    first, second = ({r["pair"]: r for r in records.read(made / name / records.FILE)} for name in ("alpha", "beta"))
    both = [pair for pair in first if second[pair]["reason"] not in records.SKIPPED]
    assert len(both) < len(first)  # tiny-robust does not hold all of them
    covered = table(campaign, {"coverage %"})[0]
    assert (covered["pairs"], covered["attacked by both"], covered["not held by the other"]) == (len(first), len(both), len(first) - len(both))
    whole = table(campaign, {"p (McNemar)"})[-1]
    assert whole["bin"] == "all" and whole["pairs"] == len(both)
    assert whole["only the first"] == sum(first[pair]["success"] and not second[pair]["success"] for pair in both)
    assert whole["only the second"] == sum(second[pair]["success"] and not first[pair]["success"] for pair in both)
    assert f"Of the {len(first)} pairs attacked in alpha, {len(both)} (" in said(campaign)
    assert table(campaign, {"P@1"})[0]["checkpoint"] == "tiny-linear"


@pytest.mark.slow
def test_texts_are_read_by_the_other(campaign: AppTest) -> None:
    press(campaign.run(), "compare.read")
    rows = table(campaign, {"read by"})
    assert [(row["texts of"], row["read by"]) for row in rows] == [("alpha", "tiny-robust"), ("beta", "tiny-linear")]
    assert all(row["fool it, too"] <= row["fit the goal there"] <= row["successful texts"] for row in rows)


def test_studies_that_asked_for_different_things_are_a_sentence(campaign: AppTest) -> None:
    campaign.session_state["first"], campaign.session_state["second"] = "alpha", "gamma"
    campaign.run()
    assert not campaign.exception and "goal “Push a label out (positive-targeted)” and “Bring a label in (negative-targeted)”" in sentences(campaign)


def test_one_study_says_how_to_make_the_other(campaign: AppTest, tmp_path: Path) -> None:
    for name in ("beta", "gamma"):
        shutil.rmtree(tmp_path / "runs" / name)
    campaign.run()
    assert not campaign.exception and "There is one study, alpha" in said(campaign)


def test_a_record_opens_on_one_document(campaign: AppTest, made: Path) -> None:
    from pages.parts.compare import studies as compare_studies

    campaign.run()
    record = records.read(made / "alpha" / records.FILE)[0]
    assert compare_studies.said_of("a", "b", compare_studies.Coverage(0, 0, 0, 0, 0)).startswith("a and b have no attacked pair in common")
    campaign.session_state["text"], campaign.session_state["label"], campaign.session_state["compare"] = record["text"], record["label"], "document"
    campaign.run()
    assert not campaign.exception and "<script>" not in html(campaign)
