"""Every label can be named on the command line, and the commands that pages print choose the same labels again."""

from __future__ import annotations

import contextlib
import io
import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from core import checkpoint
from core.cli import main
from core.document import Document
from core.errors import InputError
from core.explainers import EXPLAINERS, explain, preset
from core.labels import LabelSpace
from core.models import load
from core.predict import chosen
from core.render import report
from tests import tiny_models

NAMES = (
    "1",
    "2",
    "0",
    "auto:1",
    "C++; advanced",
    "a;b",
    "a",
    "b",
    "-x",
    "--json",
    "it's",
    ' "quoted" ',
    "$HOME `id`",
    "línea\nnew",
    "auto:",
    "x=y",
    "x",
)
TEXT = "A small chess program for people who like music."
SPACE = LabelSpace.of(NAMES, [1] * len(NAMES), 20)

CASES: dict[str, tuple[list[str | int], list[str]]] = {
    "a name that is a number, not the id": (["2"], ["2"]),
    "the id, not the name": ([2], ["0"]),
    "a name that looks like a command": (["auto:1"], ["auto:1"]),
    "a command": (["auto:2"], ["x", "b"]),
    "a name with a semicolon": (["C++; advanced"], ["C++; advanced"]),
    "a name before its parts": (["a;b"], ["a;b"]),
    "a list": (["b; a"], ["b", "a"]),
    "a list with a name that holds one": (["x; C++; advanced;1"], ["x", "C++; advanced", "1"]),
    "the longest name first": (["x;a;b"], ["x", "a;b"]),
    "twice": (["x;x", "x", 16], ["x"]),
    "name and id of one label": (["1", 0, "2"], ["1", "2"]),
    "the best and one of them": (["x", "auto:3"], ["x", "b", "a"]),
    "spaces that belong to it": ([' "quoted" '], [' "quoted" ']),
    "more than there are": (["auto:99"], ["x", "b", "a"]),
}


@pytest.mark.parametrize(("wanted", "names"), CASES.values(), ids=CASES)
def test_which_labels_are_meant(wanted: list[str | int], names: list[str]) -> None:
    found = chosen(SPACE, wanted, lambda count: [SPACE.ids[name] for name in ("x", "b", "a")[:count]])
    assert [NAMES[label] for label in found] == names


NOTHING: dict[str, tuple[list[str | int], str]] = {
    "an id as a name": (["3"], "there is no label '3'; if the label with this id is meant .'auto:1'., give it as an id: --label-id 3"),
    "a number": (["99"], "there is no label '99'"),
    "an id past the last": ([99], "ids go from 0 to 16"),
    "an id below the first": ([-1], "ids go from 0 to 16"),
    "a list of nothing": ([";"], "no label is named"),
    "nothing": ([], "no label is named"),
    "a part of a list": (["x;nowhere"], "there is no label 'nowhere'"),
    **{f"auto:{wrong[:9]}": ([f"auto:{wrong}"], "not of the form auto:3") for wrong in ("0", "-1", "²", "9" * 5_000)},
}


@pytest.mark.parametrize(("wanted", "said"), NOTHING.values(), ids=NOTHING)
def test_what_is_no_label(wanted: list[str | int], said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        chosen(SPACE, wanted, lambda count: range(count))
    assert len(str(caught.value)) < 400


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny checkpoint whose labels have these names, as far as a file of labels can hold them."""
    model: Any = tiny_models.kept("linear")
    names = [*(name for name in NAMES if "\n" not in name), *(f"label {i}" for i in range(len(model.labels)))][: len(model.labels)]
    labels = LabelSpace.of(names, model.labels.counts, model.labels.documents)
    folder = tmp_path_factory.mktemp("named") / "named"
    checkpoint.save(folder, model="linear", settings=model.settings(), labels=labels, tensors=model.tensors(), files=model.files())
    return folder


def run(*words: str) -> dict[str, Any]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert main(list(words)) == 0
    return dict(json.loads(out.getvalue()))


@pytest.mark.parametrize("name", [name for name in EXPLAINERS if name != "attention"])
def test_a_printed_command_computes_the_same_again(named: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Whatever the labels are called: typed into a shell, the command explains these labels with these settings to the last digit."""
    classifier = load(named)
    first = explain(preset(name, "quick"), classifier, Document.from_text(TEXT), list(range(len(classifier.labels))))
    (tmp_path / "document.txt").write_text(TEXT, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checkpoint, "FOLDER", named.parent)
    words = shlex.split(report.command(first))
    assert words[:3] == ["python", "-m", "core"]
    again = run(*words[3:], "--no-fidelity")
    assert again["settings"] == dict(first.settings)
    assert [row["label"] for row in again["labels"]] == list(first.label_names)
    for row, one in zip(again["labels"], first.values, strict=True):
        assert [word["value"] for word in row["words"]] == pytest.approx(one.tolist(), abs=1e-9)


def test_names_and_ids_are_two_flags(named: Path) -> None:
    """The label called "2" has id 1, the label with id 2 is called "0"."""
    words = ("explain", "--checkpoint", str(named), "--text", TEXT, "--explainer", "occlusion", "--no-fidelity", "--json")
    found = run(*words, "--label", "2", "--label-id", "2", "--label", "2")
    assert [(row["id"], row["label"]) for row in found["labels"]] == [(1, "2"), (2, "0")]
    assert [row["label"] for row in run(*words, "--label", "auto:1")["labels"]] == ["auto:1"]
    assert [row["label"] for row in run(*words, "--labels", "a; C++; advanced")["labels"]] == ["a", "C++; advanced"]


COUNTS = {
    "words": ("explain", "--text", TEXT, "--words", "-1"), "top-k": ("predict", "--text", TEXT, "--top-k", "-1"),
    "no labels": ("predict", "--text", TEXT, "--top-k", "0"), "limit": ("evaluate", "--dataset", "x", "--limit", "-1"),
    "limit of nothing": ("evaluate", "--dataset", "x", "--limit", "0"), "k": ("attack", "--text", TEXT, "--k", "0"),
    "margin": ("attack", "--text", TEXT, "--margin", "-1"), "document": ("predict", "--dataset", "x", "--document", "0"),
    "an id": ("explain", "--text", TEXT, "--label-id", "-1"), "no number": ("explain", "--text", TEXT, "--words", "ten"),
    "a huge one": ("explain", "--text", TEXT, "--words", "9" * 5_000), "a fraction": ("predict", "--text", TEXT, "--top-k", "2.5"),
}  # fmt: skip


@pytest.mark.parametrize("words", COUNTS.values(), ids=COUNTS)
def test_numbers_that_count_nothing_are_refused(named: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([words[0], "--checkpoint", str(named), *words[1:]])
    err = capsys.readouterr().err
    assert left.value.code == 2 and ("whole number of at least" in err or "is no id" in err) and len(err) < 4_000
