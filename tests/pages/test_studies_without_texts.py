"""Robustness and Compare under AppTest with studies that keep no texts: real figures at the first visit, texts where their data are at hand."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import core.checkpoint
from core.data import DATASETS
from core.models import load
from core.runs.run import Run
from core.study import campaigns, follow, records, stripping
from core.study.kinds.words import WordKind
from core.study.run import same_attack, work
from pages.parts import session
from tests.pages import studies
from tests.pages.tiny import save_variant

APP = Path(__file__).resolve().parents[2] / "app.py"
GONE = "keeps no texts, and its data set 'tiny' is not on this machine."
MODELS = ("tiny-linear", "tiny-robust")


@pytest.fixture(scope="module")
def made(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """checkpoints/ with two; whole/ with a study and one on its pairs; shipped/ with both, without texts, under other names."""
    folder = tmp_path_factory.mktemp("passed-on")
    shutil.copytree(tiny_folder / "tiny-linear", folder / "checkpoints" / "tiny-linear")
    save_variant(folder / "checkpoints" / "tiny-linear", folder / "checkpoints" / "tiny-robust", halved=("paste", "cut", "python", "requests"))
    studies.write(folder / "whole" / "alpha", folder / "checkpoints" / "tiny-linear", data="tiny")
    kind = same_attack(folder / "whole" / "alpha", str(folder / "checkpoints" / "tiny-robust"))
    assert isinstance(kind, WordKind)
    again = WordKind(kind.request, studies.prepare)
    with Run(folder / "whole" / "beta", quiet=True) as run:
        work(again, load(again.study.checkpoint), studies.dataset(), run)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(DATASETS, "tiny", studies.HERE)
        for name, model in zip(("alpha", "beta"), MODELS, strict=True):
            stripping.strip(folder / "whole" / name, folder / "shipped" / model)
    return folder


@pytest.fixture
def visit(tiny: Path, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """A first visit to a page: no run of one's own. `here`: the data are on this machine."""
    shutil.copytree(made / "shipped", tmp_path / "shipped")
    monkeypatch.setattr(campaigns, "SHIPPED", tmp_path / "shipped")
    monkeypatch.setattr(core.checkpoint, "FOLDER", made / "checkpoints")

    def start(page: str = "robustness", here: bool = False, **chosen: Any) -> AppTest:
        if here:
            monkeypatch.setitem(DATASETS, "tiny", studies.HERE)
        test = AppTest.from_file(str(APP), default_timeout=60)
        for name, value in chosen.items():
            test.session_state[name] = value
        test.switch_page(f"pages/{page}.py").run()
        assert not test.exception and not test.error
        return test

    return start


def said(test: AppTest) -> str:
    kinds = (test.markdown, test.caption, test.info, test.warning, test.error, test.success, test.text)
    return "\n".join(element.value for kind in kinds for element in kind).replace("\\", "")


def table(test: AppTest, *columns: str) -> list[dict[str, Any]]:
    return next(frame.value for frame in test.dataframe if set(columns) <= set(frame.value.columns)).to_dict("records")


def html(test: AppTest) -> str:
    return "".join(element.proto.body for element in test.get("html"))


def select(test: AppTest, key: str, row: int) -> AppTest:
    test.session_state[key] = {"selection": {"rows": [row], "columns": [], "cells": []}}
    test.run()
    assert not test.exception and not test.error
    return test


def saved(made: Path, name: str) -> list[records.Record]:
    return records.read(made / "whole" / name / records.FILE)


def changed_row(found: list[records.Record]) -> int:
    return next(i for i, record in enumerate(found) if record["reason"] == "reached" and record["changed_words"] > 1)


# -- Robustness


@pytest.mark.parametrize("model", MODELS)
def test_the_first_visit_shows_the_figures_of_its_checkpoint(visit: Callable[..., AppTest], made: Path, model: str) -> None:
    test = visit(model=model)
    assert test.multiselect(key="study").value == [model]
    test.slider(key="study.rate").set_value(100.0).run()
    summary = campaigns.read_campaign(made / "whole" / ("alpha" if model == "tiny-linear" else "beta")).summary()
    found = {row["bin"]: row for row in table(test, "bin", "successes", "exhausted")}
    assert summary["all"]["n"] > 0 and len(found) == len(summary["bins"]) + 1
    for one in [*summary["bins"], summary["all"]]:
        assert (found[one["bin"]]["n"], found[one["bin"]]["successes"]) == (one["n"], one["success"])
    (figure,) = test.get("plotly_chart")
    assert "training documents of the label" in figure.proto.spec
    weights = campaigns.read_campaign(made / "shipped" / model).digest
    assert f"(16 pairs of tiny, test split; {model}, weights {weights}): passed on without texts. Every attack was made again on these" in said(test)
    assert "sample documents" not in said(test)


def test_studies_of_ones_own_come_first(visit: Callable[..., AppTest], made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "whole" / "alpha", tmp_path / "runs" / "mine")
    assert visit(model="tiny-robust").multiselect(key="study").value == ["mine"]


@pytest.mark.parametrize("section", ["paper", "costs", "fragile", "transfer", "squeezing"])
def test_every_section_opens(visit: Callable[..., AppTest], section: str) -> None:
    test = visit(section=section, study=list(MODELS))
    if section == "transfer":
        assert GONE in said(test)
        assert not [button for button in test.button if button.key == "study.read"]


def test_a_record_shows_its_changes_and_what_brings_the_text(visit: Callable[..., AppTest], made: Path) -> None:
    test = visit(section="records", study=["tiny-linear"])
    assert f"tiny-linear {GONE}" in said(test) and "with --dataset" in said(test)
    assert test.button(key="study.replay").disabled and len(table(test, "outcome", "why")) == 16
    found = saved(made, "alpha")
    row = changed_row(found)
    select(test, "study.records.tiny-linear", row)
    shown = table(test, "word", "put there")
    steps, words = found[row]["steps"], found[row]["words"]
    assert [(each["word"], each["put there"]) for each in shown] == [(f"{step['position'] + 1} of {words}", step["to"]) for step in steps]
    assert "stood there" not in shown[0] and found[row]["text"] not in html(test)
    assert f"Made again on weights {found[row]['digest']} when the study was passed on" in said(test)
    assert not [button for button in test.button if button.key == "study.open"]


def test_of_a_success_by_one_word_both_words_are_shown(visit: Callable[..., AppTest], made: Path) -> None:
    found = saved(made, "alpha")
    row = next(i for i, record in enumerate(found) if record["success"] and len(record["steps"]) == 1)
    test = select(visit(section="records", study=["tiny-linear"]), "study.records.tiny-linear", row)
    (shown,) = table(test, "word", "put there")
    assert (shown["stood there"], shown["put there"]) == (found[row]["steps"][0]["from"], found[row]["steps"][0]["to"])


def test_where_the_data_are_at_hand_texts_are_shown_and_replayed(visit: Callable[..., AppTest], made: Path) -> None:
    test = visit(section="records", study=["tiny-linear"], here=True)
    assert GONE not in said(test) and "Put back from tiny, they are shown and can be replayed." in said(test)
    assert test.button(key="study.replay").disabled
    test.button(key="study.texts").click().run()
    assert not test.exception and not test.error
    assert not [button for button in test.button if button.key == "study.texts"]
    test.button(key="study.replay").click().run()
    assert "All 16 records came out as saved: text, ranks and outcome." in said(test)
    found = saved(made, "alpha")
    select(test, "study.records.tiny-linear", changed_row(found))
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html(test), "the document, escaped"
    test.button(key="study.open").click().run()
    assert not test.exception
    assert json.loads(test.session_state[session.RECORD]) == found[changed_row(found)]


def test_other_data_of_that_name_are_a_sentence(visit: Callable[..., AppTest], tmp_path: Path) -> None:
    path = tmp_path / "shipped" / "tiny-linear" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "data_digest": "0123456789abcdef"}))
    test = visit(section="records", study=["tiny-linear"], here=True)
    test.button(key="study.texts").click().run()
    assert not test.exception and "tiny-linear attacked data with digest 0123456789abcdef, so its texts cannot be put back" in said(test)
    assert len(table(test, "outcome", "why")) == 16


@pytest.mark.slow
def test_saved_texts_are_read_by_another_checkpoint(visit: Callable[..., AppTest], tmp_path: Path) -> None:
    test = visit(section="transfer", study=["tiny-linear"], here=True)
    test.button(key="study.texts").click().run()
    test.multiselect(key="study.readers").set_value(["tiny-robust"]).run()
    test.button(key="study.read").click().run()
    assert not test.exception and not test.error
    assert follow.read_transfers(tmp_path / "shipped" / "tiny-linear")[0]["to"] == "tiny-robust"


# -- Compare


def test_compare_finds_the_two_and_their_common_pairs(visit: Callable[..., AppTest], made: Path) -> None:
    """A study knows the other by the name of the folder that it was made in."""
    test = visit("compare", compare="studies")
    assert (test.session_state["first"], test.session_state["second"]) == MODELS
    test.slider(key="study.rate").set_value(100.0).run()
    first, second = ({record["pair"]: record for record in saved(made, name)} for name in ("alpha", "beta"))
    both = [pair for pair in first if second[pair]["reason"] not in records.SKIPPED]
    whole = table(test, "bin", "p (McNemar)")[-1]
    assert whole["pairs"] == len(both) > 0
    assert whole["only the first"] == sum(first[pair]["success"] and not second[pair]["success"] for pair in both)
    assert said(test).count("is not on this machine") == 1, "once for both"
    assert test.button(key="compare.read").disabled


def test_a_compared_pair_opens_with_and_without_texts(visit: Callable[..., AppTest]) -> None:
    test = select(visit("compare", compare="studies"), "compare.pairs", 0)
    assert len([frame for frame in test.dataframe if "put there" in frame.value.columns]) >= 1
    assert test.button(key="compare.open").disabled
    test = visit("compare", compare="studies", here=True)
    test.button(key="study.texts").click().run()
    select(test, "compare.pairs", 0)
    assert html(test).count("&lt;script&gt;alert(1)&lt;/script&gt;") == 2
    test.button(key="compare.open").click().run()
    assert not test.exception and test.session_state[session.SIDE] == "document"


def test_one_study_without_texts_meets_one_with(visit: Callable[..., AppTest], made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "whole" / "beta", tmp_path / "runs" / "mine")
    test = visit("compare", compare="studies", first="tiny-linear", second="mine")
    assert table(test, "coverage %")[0]["attacked by both"] > 0
    select(test, "compare.pairs", 0)
    assert html(test).count("&lt;script&gt;alert(1)&lt;/script&gt;") == 1
    assert not test.button(key="compare.open").disabled
