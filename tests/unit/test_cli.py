"""The command line as it is typed: its JSON, its sentences, its exit status, its help."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core import checkpoint
from core.cli import main
from core.explainers import EXPLAINERS, explainer_class
from core.fields import settings_of
from core.models import MODELS, config_class
from tests import tiny_models

TEXT = "A small chess program for people who like music."
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny linear checkpoint."""
    folder = tmp_path_factory.mktemp("cli")
    model: Any = tiny_models.kept("linear")
    parts = {"settings": model.settings(), "labels": model.labels, "tensors": model.tensors(), "files": model.files()}
    checkpoint.save(folder / "tiny", model="linear", **parts)
    return folder / "tiny"


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The synthetic data set as a folder of id, labels, text lines."""
    folder = tmp_path_factory.mktemp("data")
    for name, split in tiny_models.dataset().splits.items():
        rows = [[tiny_models.TOPICS[label] for label in split.truth[[row]].indices] for row in range(len(split))]
        lines = [f"{id}\t{' '.join(labels)}\t{text}\n" for id, labels, text in zip(split.ids, rows, split.texts or (), strict=True)]
        (folder / f"{name}.txt").write_text("".join(lines), encoding="utf-8")
    return folder


Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Run a command: exit status, standard output, standard error."""

    def run(*words: object) -> tuple[int, str, str]:
        try:
            status = main([str(word) for word in words])
        except SystemExit as left:
            status = int(left.code or 0)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def test_predict(call: Call, trained: Path) -> None:
    status, out, _ = call("predict", "--checkpoint", trained, "--text", TEXT, "--top-k", 3, "--json")
    found = json.loads(out)
    assert status == 0
    assert out.count("\n") == 1
    assert found.keys() >= {"checkpoint", "digest", "unit", "words", "truncated_words", "labels"}
    assert [row["rank"] for row in found["labels"]] == [1, 2, 3]
    assert found["labels"][0].keys() >= {"rank", "id", "label", "score", "train_count"}
    assert {row["label"] for row in found["labels"]} >= {"chess", "music"}
    status, lines, _ = call("predict", "--checkpoint", trained, "--text", TEXT)
    assert status == 0
    assert "chess" in lines


def test_predict_from_a_file(call: Call, trained: Path, tmp_path: Path) -> None:
    (tmp_path / "document.txt").write_text(TEXT, encoding="utf-8")
    by_file = call("predict", "--checkpoint", trained, "--file", tmp_path / "document.txt", "--json")
    assert by_file == call("predict", "--checkpoint", trained, "--text", TEXT, "--json")


@pytest.mark.parametrize("name", EXPLAINERS)
def test_explain(call: Call, trained: Path, name: str) -> None:
    status, out, err = call(
        "explain", "--checkpoint", trained, "--text", TEXT, "--explainer", name, "--labels", "auto:3", "--preset", "quick", "--json"
    )
    if name == "attention":
        assert (status, out) == (2, "")
        assert "attention" in err
        return
    found = json.loads(out)
    assert (status, found["explainer"], len(found["labels"])) == (0, name, 3)
    assert found.keys() >= {"checkpoint", "digest", "settings", "seed", "unit", "queries"}
    assert found["labels"][0].keys() >= {"label", "score", "base", "residual", "words", "fidelity"}
    assert found["labels"][0]["fidelity"]
    assert [word["word"] for word in found["labels"][0]["words"]] == ["A", "small", "chess", "program", "for", "people", "who", "like", "music"]


def test_settings_of_an_explainer_are_flags_over_its_preset(call: Call, trained: Path) -> None:
    words = ("explain", "--checkpoint", trained, "--text", TEXT, "--explainer", "lime", "--labels", "chess", "--no-fidelity", "--json")
    found = json.loads(call(*words, "--preset", "quick", "--samples", 77, "--seed", 5)[1])
    assert (found["settings"]["samples"], found["seed"]) == (77, 5)
    assert found["labels"][0]["fidelity"] == {} or "r2" in " ".join(found["labels"][0]["fidelity"]).lower()
    lines = call(*words[:-1])[1]
    assert lines.startswith("chess")


def test_evaluate(call: Call, trained: Path, data: Path) -> None:
    status, out, _ = call("evaluate", "--checkpoint", trained, "--dataset", data, "--split", "test", "--json")
    found = json.loads(out)
    assert (status, found["documents"], found["excluded"]) == (0, 30, 0)
    assert found.keys() >= {"checkpoint", "digest", "dataset", "split", "metrics"}
    assert found["metrics"]["P@1"].keys() == {"value", "low", "high"}
    assert found["metrics"]["P@1"]["value"] > 0.7


def test_evaluate_against_another(call: Call, trained: Path, data: Path) -> None:
    """Against itself nothing is ahead, and the interval has no width: each resample is drawn for both alike."""
    words = ("evaluate", "--checkpoint", trained, "--dataset", data, "--split", "test", "--against", trained)
    status, out, _ = call(*words, "--json")
    found = json.loads(out)
    assert status == 0 and found["against"]["metrics"] == found["metrics"] and found["against"]["digest"] == found["digest"]
    assert set(found["against"]["ahead"]) == set(found["metrics"])
    assert all(one == {"value": 0.0, "low": 0.0, "high": 0.0} for one in found["against"]["ahead"].values())
    status, out, _ = call(*words)
    assert status == 0 and f"points ahead of {found['checkpoint']} on the same documents" in out


def test_evaluate_under_attack(call: Call, trained: Path, data: Path) -> None:
    words = ("evaluate", "--checkpoint", trained, "--dataset", data, "--limit", 12, "--attack")
    status, out, _ = call(*words, "pgd", "--epsilon", "0.1,0.5", "--steps", 3, "--seed", 5, "--json")
    found = json.loads(out)
    assert (status, found["documents"], found["limit"], found["drawn_from"], found["seed"]) == (0, 12, 12, 30, 5)
    assert (found["attack"], found["settings"]["steps"], found["loss"]) == ("pgd", 3, "ranking")
    assert [side["epsilon"] for side in found["attacked"]] == [0.1, 0.5]
    assert found["attacked"][1]["metrics"]["P@1"]["value"] < found["metrics"]["P@1"]["value"]
    assert found["attacked"][0]["gap"]["P@5"].keys() == {"value", "low", "high"}
    lines = call(*words, "fgsm")[1]
    assert "12 documents drawn with seed 0 from 30" in lines
    said = "FGSM on the TF-IDF values, epsilon 10 % of the norm of the values, ranking loss of the 5 best labels"
    assert f"{said}\n  attacked   P@1 " in lines


@pytest.mark.slow
def test_train_saves_a_carded_checkpoint_and_the_same_command_again_is_no_other(call: Call, data: Path, tmp_path: Path) -> None:
    words = ("train", "--model", "linear", "--dataset", data, "--run", tmp_path / "run", "--label-minimum", 1, "--seed", 4, "--json")
    status, out, err = call(*words)
    assert status == 0, err
    found = json.loads(out)
    assert found["metrics"]["P@1"]["value"] > 0.7
    folder = tmp_path / "run"
    assert {path.name for path in folder.iterdir()} >= {"config.json", "status.json", "checkpoint"}
    assert json.loads((folder / "status.json").read_text())["state"] == "done"
    card = (folder / "checkpoint" / "README.md").read_text()
    assert all(part in card for part in ("P@1", "nDCG@5", "PSP@5", "--seed 4", "recall@5"))
    assert checkpoint.read_config(folder / "checkpoint")["provenance"]["seed"] == 4
    again = json.loads(call(*words)[1])
    assert again["digest"] == found["digest"]
    status, out, err = call(*words, "--cost", 2.0)
    assert (status, out) == (2, "")
    assert "settings" in err


def test_data(call: Call, data: Path) -> None:
    assert "debtags" in [known["name"] for known in json.loads(call("data", "list", "--json")[1])["datasets"]]
    status, out, _ = call("data", "describe", data, "--json")
    assert status == 0
    assert "120" in out
    json.loads(out)


REFUSED = {
    "no such checkpoint": ("predict", "--checkpoint", "nowhere", "--text", TEXT),
    "no words": ("predict", "--checkpoint", "TRAINED", "--text", " ... "),
    "no labels wanted": ("predict", "--checkpoint", "TRAINED", "--text", TEXT, "--top-k", "0"),
    "no such file": ("predict", "--checkpoint", "TRAINED", "--file", "/no/such/file"),
    "not UTF-8": ("predict", "--checkpoint", "TRAINED", "--file", "/bin/true"),
    "no such label": ("explain", "--checkpoint", "TRAINED", "--text", TEXT, "--labels", "cookery"),
    "no labels": ("explain", "--checkpoint", "TRAINED", "--text", TEXT, "--labels", ";"),
    "explainer does not fit": ("explain", "--checkpoint", "TRAINED", "--text", TEXT, "--explainer", "attention"),
    "setting out of bounds": ("explain", "--checkpoint", "TRAINED", "--text", TEXT, "--explainer", "lime", "--samples", "-1"),
    "no such data set": ("evaluate", "--checkpoint", "TRAINED", "--dataset", "/no/such/data"),
    "no such split": ("evaluate", "--checkpoint", "TRAINED", "--dataset", "DATA", "--split", "dev2"),
    "no such epsilon": ("evaluate", "--checkpoint", "TRAINED", "--dataset", "DATA", "--attack", "fgsm", "--epsilon", "0.1,big"),
    "epsilon without an attack": ("evaluate", "--checkpoint", "TRAINED", "--dataset", "DATA", "--epsilon", "0.1"),
    "a setting of the other attack": ("evaluate", "--checkpoint", "TRAINED", "--dataset", "DATA", "--attack", "fgsm", "--steps", "3"),
    "against another under attack": ("evaluate", "--checkpoint", "TRAINED", "--dataset", "DATA", "--attack", "fgsm", "--against", "TRAINED"),
    "cross-entropy of margins": ("evaluate", "--checkpoint", "TRAINED", "--dataset", "DATA", "--attack", "fgsm", "--loss", "bce"),
    "no label frequent enough": ("train", "--model", "linear", "--dataset", "DATA", "--run", "RUN", "--label-minimum", "100000"),
    "no such model": ("train", "--model", "oracle", "--dataset", "DATA", "--run", "RUN"),
    "neither text nor file": ("predict", "--checkpoint", "TRAINED"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_are_one_sentence_and_status_2(call: Call, trained: Path, data: Path, tmp_path: Path, name: str) -> None:
    places = {"TRAINED": trained, "DATA": data, "RUN": tmp_path / "run"}
    status, out, err = call(*(places.get(word, word) for word in REFUSED[name]), *(["--json"] if name != "no such model" else []))
    assert (status, out) == (2, "")
    assert "Traceback" not in err
    assert err.strip()
    if "usage:" not in err:
        assert err.count("\n") == 1


@pytest.mark.parametrize("verb", ["predict", "explain", "evaluate", "train", "data"])
def test_help_is_complete(call: Call, verb: str) -> None:
    status, out, _ = call(verb, "--help")
    assert status == 0
    text = " ".join(out.split())
    assert "--json" in text
    kinds = {"explain": [explainer_class(name) for name in EXPLAINERS], "train": [config_class(name) for name in MODELS]}.get(verb, [])
    for kind in kinds:
        for setting in settings_of(kind):
            assert f"--{setting.name.replace('_', '-')}" in text, (kind.__name__, setting.name)
    assert all(name in text for name in {"explain": EXPLAINERS, "train": MODELS}.get(verb, ()))


def test_help_names_every_verb(call: Call) -> None:
    out = call("--help")[1]
    assert all(verb in out for verb in ("predict", "explain", "evaluate", "train", "data"))


@pytest.mark.slow
def test_as_a_process(trained: Path) -> None:
    """One object on standard output and nothing else, in a fresh interpreter."""
    command = [sys.executable, "-m", "core", "predict", "--checkpoint", str(trained), "--file", "-", "--json"]
    done = subprocess.run(command, cwd=ROOT, input=TEXT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["labels"]
    assert done.stderr == ""
