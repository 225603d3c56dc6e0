"""What CONTRIBUTING says about adding a part: its own code is read from the page, put into the table as it says, and used."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from core import checkpoint, fields, models
from core.cli import main, parser
from core.document import Document
from core.errors import DataError, InputError
from docs.imports import ROOT
from tests import tiny_models, toy, toy_attack
from tests.contributing import BLOCK, blocks, entry, line

Add = Callable[[str], None]


@pytest.fixture
def add(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Add]:
    """Puts the files below a heading where imports find them in their package, and takes them away again."""
    before = set(sys.modules)

    def put(heading: str) -> None:
        for block in blocks(heading)[:-1]:
            name, code = block.split("\n", 1)
            file = Path(name.removeprefix("# "))
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).write_text(code, encoding="utf-8")
            there = next(folder for folder in file.parents if (ROOT / folder).is_dir())
            package = importlib.import_module(".".join(there.parts))
            if str(tmp_path / there) not in package.__path__:
                monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path / there)])
        importlib.invalidate_caches()

    yield put
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            parent, _, own = name.rpartition(".")
            if parent in sys.modules:
                vars(sys.modules[parent]).pop(own, None)
            del sys.modules[name]


def test_every_file_of_the_page_is_new_or_says_where_its_code_goes() -> None:
    names = [block.splitlines()[0] for block in BLOCK.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))]
    files = [name.removeprefix("# ") for name in names if name.startswith("# ")]
    assert len(files) == 9
    assert [name for name in files if (ROOT / name).exists()] == ["core/attacks/recipes.py"]


def test_a_model(add: Add, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add("A model")
    monkeypatch.setitem(models.MODELS, *entry("A model"))
    monkeypatch.setitem(tiny_models.SETTINGS, "label-names", lambda folder: {"weight": 3.0})
    model = tiny_models.train("label-names", tmp_path)
    chess, mail = model.labels.names.index("chess"), model.labels.names.index("mail")
    prior = np.log(model.labels.counts / 120)
    np.testing.assert_allclose(model.score(["mail, and Mail"], np.array([mail, chess]))[0], [prior[mail] + 6, prior[chess]], rtol=1e-6)
    checkpoint.save(
        tmp_path / "own", model="label-names", settings=model.settings(), labels=model.labels, tensors=model.tensors(), files=model.files(), card=""
    )
    assert main(["predict", "--checkpoint", str(tmp_path / "own"), "--text", "A font for mail", "--top-k", "2", "--json"]) == 0
    assert {label["label"] for label in json.loads(capsys.readouterr().out)["labels"]} == {"font", "mail"}
    words = ["train", "--model", "label-names", "--weight", "3", "--run", str(tmp_path / "run")]
    assert fields.from_flags(models.config_class("label-names"), parser(words).parse_args(words)).weight == 3.0
    with pytest.raises(InputError, match="takes no parent"):
        models.train("label-names", None, tiny_models.dataset(), model.labels, None, defence=object())


def test_an_explainer(add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a sum of weights, a word alone adds its weight."""
    from core.explainers import EXPLAINERS, explain, explainer_class, preset

    add("An explainer")
    explainer_class.cache_clear()
    monkeypatch.setitem(EXPLAINERS, *entry("An explainer"))
    classifier = toy.Linear()
    found = explain(preset("alone"), classifier, Document.from_text("A chess game, the editor"), [0, 1])
    np.testing.assert_allclose(found.values, [[0, 2, 3, 0, -1], [0, 0, -0.5, 0, 4]])
    np.testing.assert_allclose(found.base, [0.5, 0])
    assert (found.method, found.queries, classifier.queries) == ("alone", 7, 7)
    explainer_class.cache_clear()


def test_a_recipe(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One word of fifty may change, and the toy's games hang on one."""
    from core.attacking import prepare
    from core.attacks import ATTACKS, Demote, recipe

    (code,) = blocks("An attack recipe")[:-1]
    (tmp_path / "middle.py").write_text(f"from core.attacks.recipes import *\n{code}", encoding="utf-8")  # it stands in the middle of that file
    monkeypatch.syspath_prepend(tmp_path)
    name, function = line("An attack recipe").split(": ")
    monkeypatch.setitem(ATTACKS, ast.literal_eval(name), getattr(importlib.import_module("middle"), function))
    del sys.modules["middle"]
    attack = prepare(recipe("one-synonym"), Demote((0,), k=1), "one-synonym")
    assert ([part.NAME for part in attack.candidates], attack.budget.change_rate) == (["wordnet"], 0.02)
    # With candidates and similarity known by hand.
    tried = dataclasses.replace(attack, candidates=(toy_attack.Canned({"chess": ("editor",)}),), constraints=(), similarity=toy_attack.SharedWords())
    steps = list(tried.steps(toy.Linear(), Document.from_text("chess text " + "the " * 48)))
    assert (steps[-1].status, steps[-1].chosen) == ("reached", "editor")
    words = ["attack", "--checkpoint", "debtags-linear", "--text", "chess", "--label", "auto:1", "--recipe", "one-synonym"]
    assert parser(words).parse_args(words).recipe == "one-synonym"


def test_a_format(add: Add, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from core.data import load_dataset
    from core.data.readers import READERS

    add("A data format")
    monkeypatch.setitem(READERS, *entry("A data format"))
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "train.txt").write_text("#game #editor A chess text\n#editor Vim\n", encoding="utf-8")
    (folder / "test.txt").write_text("#game Go\n", encoding="utf-8")
    found = load_dataset(folder)
    assert (found.name, found.label_names) == ("own", ("editor", "game"))
    assert found.split("train").texts == ("A chess text", "Vim")
    np.testing.assert_array_equal(found.split("train").truth.toarray(), [[1, 1], [1, 0]])
    (folder / "test.txt").write_text("#game Go\n#game Nim\nno label\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"test\.txt, line 3.*#NAME"):
        load_dataset(folder)


def test_a_defence(add: Add, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Trained on one true label of many, a network whose positives weigh more scores all labels higher."""
    from core.defences import DEFENCES
    from core.runs.run import Run
    from core.training.request import TrainingRequest, base_settings

    add("A defence")
    monkeypatch.setitem(DEFENCES, *entry("A defence"))
    config = dataclasses.replace(models.config_class("xml-cnn")(), width=8, filters=4, chunks=1, bottleneck=8, window=16, vectors="random",
                                 epochs=1, batch_size=32, learning_rate=0.02)  # fmt: skip
    asked = TrainingRequest("xml-cnn", config, defence="heavier", settings=dataclasses.replace(base_settings("heavier"), factor=8.0))
    words = asked.words(tmp_path / "run")
    assert fields.from_flags(type(asked.settings), parser(words).parse_args(words)) == asked.settings
    means = []
    for defence in (None, asked.settings):
        with Run(tmp_path / str(len(means)), seed=3, device="cpu", quiet=True) as run:
            model = models.train("xml-cnn", config, tiny_models.dataset(), tiny_models.dataset().label_space(), run, defence)
            means.append(float(model.score(["A chess editor"]).mean()))
    assert means[1] > means[0]


def test_a_verb(add: Add, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from core import cli

    heading = "A verb of the command line"
    add(heading)
    name, call = line(heading).split(": ", 1)
    module, about = (ast.literal_eval(argument) for argument in ast.parse(call, mode="eval").body.args)  # type: ignore[attr-defined] # a call
    monkeypatch.setitem(cli.VERBS, ast.literal_eval(name), cli.Verb(module, about))
    assert main(["words", "--text", "A chess game", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"words": ["A", "chess", "game"]}
    assert main(["words", "--text", "A chess game"]) == 0
    assert capsys.readouterr().out == "A\nchess\ngame\n"
