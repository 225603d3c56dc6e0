"""Documents of a data set on the command line: train on vectors, predict, explain, attack; sentences where things do not fit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.attacks.features import FEATURE_ATTACKS, replay
from core.cli import main
from core.models import load
from tests import tiny_models
from tests.toy_features import bags, write_mulan

Call = Callable[..., Any]
DATA = bags(("chess", "mail", "music", "fonts"), 5, 80)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_mulan(tmp_path_factory.mktemp("bags") / "bags", DATA)


@pytest.fixture(scope="module")
def trained(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A linear model trained by the command line; the files have no dev split."""
    run = tmp_path_factory.mktemp("runs") / "bags-linear"
    assert main(["train", "--model", "linear", "--dataset", str(folder), "--run", str(run), "--label-minimum", "1", "--json"]) == 0
    return run / "checkpoint"


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    def run(*words: Any) -> tuple[int, str, str]:
        status = main([str(word) for word in words])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run


def test_it_is_evaluated_and_says_what_it_is(call: Call, trained: Path, folder: Path) -> None:
    status, out, _ = call("evaluate", "--checkpoint", trained, "--dataset", folder, "--json")
    assert (status, json.loads(out)["documents"]) == (0, 20)
    assert json.loads(out)["metrics"]["P@1"]["value"] > 0.9
    assert "feature vectors" in (trained / "README.md").read_text()
    assert call("evaluate", "--checkpoint", trained, "--dataset", folder, "--split", "dev", "--json")[0] == 0


def test_predict_and_explain_one_document(call: Call, trained: Path, folder: Path) -> None:
    where = ("--checkpoint", trained, "--dataset", folder, "--document", 2)
    found = json.loads(call("predict", *where, "--top-k", 2, "--json")[1])
    split = DATA.split("test")
    true = {DATA.label_names[j] for j in split.truth[[1]].indices}
    assert (found["document"], found["split"], found["feature_kind"], len(found["labels"])) == (2, "test", "bits", 2)
    assert {row["label"] for row in found["labels"] if row["true"]} <= true
    assert "features are not 0" in call("predict", *where)[1]
    shown = json.loads(call("explain", *where, "--labels", "auto:1", "--json")[1])
    assert shown["labels"][0]["residual"] == pytest.approx(0, abs=1e-4)
    names = {DATA.feature_names[column] for column in split.features[[1]].indices}  # type: ignore[index]  # there are both
    assert {word["word"] for word in shown["labels"][0]["words"]} == names


@pytest.mark.parametrize("name", list(FEATURE_ATTACKS))
def test_attack_one_document(call: Call, trained: Path, folder: Path, name: str) -> None:
    where = ("--checkpoint", trained, "--dataset", folder, "--document", 2)
    words = ("attack", *where, "--recipe", name, "--label", "auto:1", "--k", 1, "--queries", 200, "--seed", 4)
    found = json.loads(call(*words, "--json")[1])
    assert (found["success"], found["replayed"], found["seed"], found["settings"]["queries"]) == (True, True, 4, 200)
    assert found["queries"] <= 200
    assert [level["level"] for level in found["levels"]] == ["continuous", "feasible", "text"]
    assert replay(found, load(trained)).differences == ()
    lines = call(*words)[1]
    assert "bits flipped" in lines and "as saved" in lines


def test_goals_about_the_whole_top_k(call: Call, trained: Path, folder: Path) -> None:
    where = ("--checkpoint", trained, "--dataset", folder, "--document", 2, "--recipe", "hop-skip-jump", "--queries", 150, "--k", 1)
    for goal in ("set-change", "all-wrong", "non-targeted"):
        found = json.loads(call("attack", *where, "--goal", goal, "--json")[1])
        assert (found["goal"], found["labels"], found["success"]) == (goal, [], True)


REFUSED: dict[str, tuple[tuple[Any, ...], str]] = {
    "no data set": (("predict", "--checkpoint", "TRAINED", "--document", 1), "needs --dataset"),
    "no such document": (("predict", "--checkpoint", "TRAINED", "--dataset", "DATA", "--document", 99), "documents 1 to 20; there is no 99"),
    "no document": (("attack", "--checkpoint", "TRAINED", "--text", "chess", "--recipe", "zoo"), "give --dataset and --document"),
    "no label": (("attack", "--checkpoint", "TRAINED", "--dataset", "DATA", "--document", 1, "--recipe", "zoo"), "name the label"),
    "words of a vector": (("attack", "--checkpoint", "TRAINED", "--dataset", "DATA", "--document", 1, "--recipe", "bae"), "attacks words"),
    "a model of texts": (("predict", "--checkpoint", "TEXTS", "--dataset", "DATA", "--document", 1), "reads texts: give --text"),
    "a setting out of bounds": (
        ("attack", "--checkpoint", "TRAINED", "--dataset", "DATA", "--document", 1, "--recipe", "zoo", "--label", "auto:1", "--queries", 3),
        "queries must lie between 10",
    ),
    "auto of nothing": (("explain", "--checkpoint", "TRAINED", "--dataset", "DATA", "--document", 1, "--labels", "auto:0"), "form auto:3"),
}


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from core import checkpoint

    folder = tmp_path_factory.mktemp("texts")
    model: Any = tiny_models.kept("linear")
    parts = {"settings": model.settings(), "labels": model.labels, "tensors": model.tensors(), "files": model.files()}
    checkpoint.save(folder / "texts", model="linear", **parts)
    return folder / "texts"


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_a_sentence(call: Call, trained: Path, folder: Path, texts: Path, case: str) -> None:
    words, said = REFUSED[case]
    places = {"TRAINED": trained, "DATA": folder, "TEXTS": texts}
    status, out, err = call(*(places.get(str(word), word) for word in words))
    assert (status, out) == (2, "")
    assert said in err
