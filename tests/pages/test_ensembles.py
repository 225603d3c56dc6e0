"""What is more than one model says so wherever it is chosen; an ensemble cannot be started under a network's name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core import checkpoint
from core.checkpoint.ensemble import SAID
from core.defences.adversarial import FgsmTraining
from core.fields import to_json
from core.runs import locks
from core.runs.run import Run
from pages.parts.cards import all_cards
from tests import tiny_models

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A MACH alone and one with the linear reference."""
    monkeypatch.setattr(checkpoint, "FOLDER", tmp_path / "checkpoints")
    monkeypatch.setattr(checkpoint, "RUNS", tmp_path / "runs")
    monkeypatch.setattr("pages.parts.train.form.cached_file", lambda: ROOT / "app.py")
    monkeypatch.setattr(locks, "gpus", lambda: ())
    for kind in ("mach", "mach-with-linear"):
        model: Any = tiny_models.kept(kind)
        parts = {"settings": model.settings(), "labels": model.labels, "tensors": model.tensors(), "files": model.files()}
        checkpoint.save(tmp_path / "checkpoints" / f"tiny-{kind}", model="mach", **parts)


def page(**link: str) -> AppTest:
    test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    for name, value in link.items():
        test.query_params[name] = value
    return test.switch_page("pages/train.py").run()


def html(test: AppTest) -> str:
    return "\n".join(one.proto.body for one in test.get("html"))


def test_lists_say_which_is_an_ensemble(both: None) -> None:
    assert [(card.name, card.ensemble) for card in all_cards()[0]] == [("tiny-mach", False), ("tiny-mach-with-linear", True)]
    test = page(model="tiny-mach-with-linear")
    assert not test.exception
    titles = ["tiny-mach", f"tiny-mach-with-linear ({SAID})"]
    assert test.sidebar.selectbox[0].options == titles and test.selectbox(key="train.parent").options == titles
    assert f"MACH, {SAID}" in html(test)
    assert f"MACH, {SAID}" not in html(page(model="tiny-mach"))


def test_a_name_that_hides_the_ensemble_is_not_launched(both: None) -> None:
    """A child of an ensemble is one, and its name is proposed so."""
    test = page(model="tiny-mach-with-linear")
    name = next(box for box in test.text_input if str(box.key).startswith("train.name"))
    assert name.value.startswith("tiny-mach-") and name.value.endswith("-with-linear") and not test.button(key="train.start").disabled
    test.text_input(key=name.key).input("mine").run()
    assert not test.exception and test.button(key="train.start").disabled
    assert any("call it 'mine-with-linear'" in one.value.replace("\\", "") for one in test.warning)
    test = page(model="tiny-mach")
    assert not next(box for box in test.text_input if str(box.key).startswith("train.name")).value.endswith("-with-linear")


def test_what_attacked_means_stands_beside_a_training_s_figures(both: None) -> None:
    settings = to_json(FgsmTraining(epsilon=0.2))
    for name, own in (("moved", {"name": "fgsm", "settings": settings}), ("damaged", {"name": "fgsm", "settings": {"epsilon": "x"}})):
        with Run(checkpoint.RUNS / name, quiet=True) as run:
            run.configure({"model": "mach", "dataset": "tiny", "defence": own})
            run.log({"kind": "dev", "step": 4, "epoch": 1, "P@1": 50.0, "attacked P@1": 25.0})
    said = "Attacked: FGSM on the TF-IDF values before hashing, epsilon 20 % of the norm of the values"
    for name, there in (("moved", True), ("damaged", False)):
        test = page(run=name)
        assert not test.exception
        assert any(said in one.value.replace("\\", "") for one in test.caption) is there
