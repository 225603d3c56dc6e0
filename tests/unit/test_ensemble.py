"""Ensembles with the linear reference: how settings tell one, what it must be called, and how checkpoints from before are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import checkpoint, cli, fields, models
from core.checkpoint.card import about, card
from core.checkpoint.ensemble import SAID, is_ensemble, name_refusal
from core.errors import InputError, SettingsError
from core.models.mach import Config as MachConfig
from core.models.xml_cnn import Config as XmlCnnConfig
from core.training.request import TrainingRequest, base_config
from tests import tiny_models
from tests.unit.test_card import PROVENANCE


def saved(folder: Path, kind: str, **settings: Any) -> str:
    """A tiny checkpoint whose config.json has these settings; its digest."""
    model: Any = tiny_models.kept(kind)
    given = {"settings": {**model.settings(), **settings}, "labels": model.labels, "tensors": model.tensors(), "files": model.files()}
    if "linear" in settings:
        del given["settings"]["with_linear"]
    return checkpoint.save(folder, model=model.KIND, **given)


@pytest.mark.parametrize(
    ("settings", "whether"),
    [({"with_linear": True}, True), ({"linear": True}, True), ({"with_linear": False}, False), ({"linear": False}, False), ({"cost": 1.0}, False)],
)
def test_settings_tell_it(settings: dict[str, Any], whether: bool) -> None:
    assert is_ensemble(settings) is whether
    assert name_refusal("my-mach-with-linear", settings) is None
    assert (name_refusal("my-mach", settings) is not None) is whether


def test_the_refusal_says_which_name_to_take() -> None:
    assert "call it 'my-mach-with-linear', or leave out --with-linear true" in (name_refusal("my-mach", {"with_linear": True}) or "")


@pytest.mark.parametrize("kind", [XmlCnnConfig, MachConfig])
def test_the_old_name_of_the_setting_is_read(kind: type[Any]) -> None:
    assert fields.from_json(kind, {"linear": True}).with_linear is True
    assert "linear" not in fields.to_json(fields.from_json(kind, {"linear": True}))
    with pytest.raises(SettingsError, match="linear is called with_linear now; give one of them"):
        fields.from_json(kind, {"linear": True, "with_linear": True})


@pytest.mark.parametrize("kind", tiny_models.ENSEMBLES)
def test_a_checkpoint_from_before_keeps_digest_and_scores(tmp_path: Path, kind: str) -> None:
    texts = (tiny_models.dataset().split("test").texts or ())[:4]
    digest = saved(tmp_path / "old", kind, linear=True)
    old: Any = models.load(tmp_path / "old")
    assert old.digest == digest == checkpoint.read_config(tmp_path / "old")["digest"] and old.linear is not None
    np.testing.assert_array_equal(old.score(texts), tiny_models.kept(kind).score(texts))


def test_a_child_is_what_its_parent_is(tmp_path: Path) -> None:
    for kind, whether in (("mach", False), ("mach-with-linear", True)):
        saved(tmp_path / kind, kind)
        assert base_config("mach", str(tmp_path / kind)).with_linear is whether
    saved(tmp_path / "old", "mach-with-linear", linear=True)
    config = base_config("mach", str(tmp_path / "old"))
    assert config.with_linear is True
    with pytest.raises(InputError, match="call it 'robust-with-linear'"):
        TrainingRequest("mach", config, str(tmp_path / "old")).words(tmp_path / "robust")
    assert "--with-linear=true" in TrainingRequest("mach", config, str(tmp_path / "old")).words(tmp_path / "robust-with-linear")


TRAIN = ("train", "--model", "mach", "--dataset", "none-such", "--with-linear", "true")


@pytest.mark.parametrize(
    ("places", "name"),
    [
        (("--run", "runs/my-mach"), "my-mach"),
        (("--run", "a/b-with-linear", "--save", "checkpoints/mine"), "mine"),
        (("--run", "r", "--save", "m/"), "m"),
    ],
)
def test_a_training_is_refused_by_its_checkpoint_s_name(
    places: tuple[str, ...], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert cli.main([*TRAIN, *places]) == 2
    assert f"call it '{name}-with-linear'" in capsys.readouterr().err and not list(tmp_path.iterdir()), "before anything is read or written"


@pytest.mark.parametrize(
    "places", [("--run", "runs/x-with-linear"), ("--run", "r", "--save", "m-with-linear"), ("--run", "r", "--with-linear", "false")]
)
def test_others_go_on_to_their_data(places: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main([*TRAIN, *places]) == 2
    assert "none-such" in capsys.readouterr().err


def test_an_old_command_says_what_it_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`--linear` stands on the cards of older checkpoints; it is not offered any more."""
    monkeypatch.chdir(tmp_path)
    assert cli.main(["train", "--model", "mach", "--dataset", "none-such", "--run", "r", "--linear", "true"]) == 2
    assert "call it 'r-with-linear'" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main(["train", "--model", "mach", "--help"])
    said = capsys.readouterr().out
    assert "--with-linear" in said and "--linear " not in said


def test_predict_names_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for kind, name in (("mach", "mine"), ("mach-with-linear", "mine-with-linear")):
        saved(tmp_path / name, kind)
        words = ["predict", "--checkpoint", str(tmp_path / name), "--text", "chess and music"]
        assert cli.main(words) == 0
        first = capsys.readouterr().out.splitlines()[0]
        assert first.startswith(f"{name}, an {SAID}, score" if kind.endswith("linear") else f"{name}, score")
        assert cli.main([*words, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["ensemble"] is kind.endswith("linear")


def test_cards_say_where_a_model_departs_from_its_paper() -> None:
    text = card("toy", PROVENANCE, "xml-cnn", settings={"with_linear": True, "chunks": 2, "vectors": "encoder"})
    assert "This checkpoint is an ensemble with the linear reference" in text and "it pools in 2 chunks (8 there)" in text
    assert "ensemble" not in card("toy", PROVENANCE, "xml-cnn", settings={"with_linear": False, "chunks": 2})
    assert "no hidden layer: each is linear in its features" in about("mach", {"hidden": 0, "direct": True, "linear": True})
    assert about("mach", {"hidden": 512, "direct": False}).endswith("Each network has a hidden layer of 512 units.")
    assert "a linear path beside it" in about("mach", {"hidden": 8, "direct": True})
    ours = about("aplc-xlnet", {"encoder": "all-MiniLM-L6-v2", "adapter_rank": 32})
    assert "Unlike the paper's, which fine-tunes XLNet as a whole, it reads with MiniLM and low-rank adapters (rank 32)" in ours
    assert "MiniLM" not in about("aplc-xlnet", {"encoder": "xlnet-base-cased", "adapter_rank": 0})
