"""A training's command line says the same request; the estimate before it says from what it follows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core import checkpoint, fields
from core.cli import parser
from core.cli.train import _settings
from core.defences import DEFENCES, defence_class, refusal
from core.errors import CapabilityError
from core.models import MODELS, config_class, fine_tuning
from core.runs import locks
from core.runs.run import Run, write_status
from core.training.estimate import COPIES, LOADED, estimate
from core.training.request import TrainingRequest, base_config, base_settings

CPU = locks.Device("cpu", "CPU, 2 cores", 8 << 30)
GPU = locks.Device("cuda:0", "NVIDIA H200", 140 << 30, "GPU-1")


def save(folder: Path, model: str = "mach", seconds: float = 100.0, peak: int | None = None, **settings: object) -> None:
    """A checkpoint whose card tells of a training of 1,000 documents; its weights are never read."""
    kept = {**fields.to_json(config_class(model)()), **settings}
    trained = {"seconds": seconds, "machine": "x86_64, cpu", **({} if peak is None else {"peak_bytes": peak})}
    made = {"trained": trained, "documents": {"train": 1000}, "data": {"name": "debtags"}, "size_bytes": 10**6}
    config = {"format": 1, "model": model, "settings": kept, "documents": 1000, "files": {}, "digest": "d", "provenance": made}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))


@pytest.fixture
def home(checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Empty checkpoints/ and runs/."""
    monkeypatch.setattr(checkpoint, "RUNS", tmp_path / "runs")
    return tmp_path


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("defence", ["", *DEFENCES])
def test_the_command_line_says_the_same_request(home: Path, model: str, defence: str) -> None:
    if defence and refusal(defence, model):
        with pytest.raises(CapabilityError, match="does not fit"):
            TrainingRequest(model, base_config(model), defence=defence, settings=base_settings(defence))
        return
    config = fields.from_json(config_class(model), {**fields.to_json(base_config(model)), **({"epochs": 7} if model != "linear" else {"cost": 0.5})})
    asked = TrainingRequest(model, config, "", "reuters21578", defence, base_settings(defence), 3, "cpu", 9)
    words = asked.words(Path("runs/x"))
    found = parser(words).parse_args(words)
    assert (found.model, found.dataset, found.run, found.seed, found.device, found.label_minimum) == (model, "reuters21578", "runs/x", 3, "cpu", 9)
    assert _settings(found, model, None) == (config, base_settings(defence))


def test_on_from_a_checkpoint(home: Path) -> None:
    """The parent's settings, with those that fine-tuning has its own values for; the command line says them all."""
    save(checkpoint.FOLDER / "parent", buckets=24, epochs=50)
    config = base_config("mach", "parent")
    assert (config.buckets, config.epochs) == (24, fine_tuning("mach")["epochs"])
    words = TrainingRequest("mach", config, "parent", defence="fgsm", settings=defence_class("fgsm")(epsilon=0.3)).words(Path("runs/x"))
    found = parser(words).parse_args(words)
    assert (found.parent, found.model, found.defence, found.setting_buckets, found.setting_epsilon) == ("parent", None, "fgsm", 24, 0.3)


class TestEstimate:
    def ask(self, defence: str = "", **settings: object) -> TrainingRequest:
        config = fields.from_json(config_class("mach"), {"epochs": 2, **settings})
        return TrainingRequest("mach", config, defence=defence, settings=base_settings(defence))

    def test_nothing_is_known(self, home: Path) -> None:
        assert estimate(self.ask(), CPU).sentence() == (
            "On CPU, 2 cores: how long is not known; no training of this model on this data has left its figures yet"
        )

    def test_from_a_card(self, home: Path) -> None:
        """100 s for 1,000 documents and 4 epochs are 40 documents a second: 2 epochs of 1,000 take 50 s; FGSM on a quarter with one
        step makes 1.5 passes."""
        save(checkpoint.FOLDER / "other", "xml-cnn")
        save(checkpoint.FOLDER / "parent", epochs=4)
        found = estimate(self.ask(), CPU)
        assert (found.seconds, found.bytes) == (pytest.approx(50), LOADED + COPIES * 10**6)
        assert found.sentence().startswith("On CPU, 2 cores: about 50 s, 0.7 GB of memory (of 8.0); from the card of parent")
        assert estimate(self.ask("fgsm"), CPU).seconds == pytest.approx(75)
        save(checkpoint.FOLDER / "parent", peak=4 << 30, epochs=4)
        assert estimate(self.ask(), CPU).bytes == 4 << 30, "what was measured, where the card says it"

    def test_from_runs_the_same_defence_first_and_the_same_kind_of_device(self, home: Path) -> None:
        save(checkpoint.FOLDER / "parent")

        def record(name: str, speed: float, device: str, defence: str = "") -> None:
            with Run(home / "runs" / name, quiet=True) as run:
                run.configure({"model": "mach", **({"defence": {"name": defence}} if defence else {})})
                run.log({"docs_per_second": speed, "step": 1})
            write_status(home / "runs" / name, device=device, peak_bytes=3 << 30, peak_gpu_bytes=5 << 30)

        record("plain", 200.0, "cpu")
        assert estimate(self.ask(), CPU).seconds == pytest.approx(10)
        found = estimate(self.ask("fgsm"), CPU)
        assert found.seconds == pytest.approx(15) and "measured without the defence in run plain" in found.basis
        record("robust", 100.0, "cpu", "fgsm")
        found = estimate(self.ask("fgsm"), CPU)
        assert (found.seconds, found.bytes, found.basis) == (pytest.approx(20), 3 << 30, "measured in run robust")
        assert "from the card" in estimate(self.ask(), GPU).basis
        record("fast", 2000.0, "cuda:1")
        found = estimate(self.ask(), GPU)
        assert found.sentence() == "On NVIDIA H200: about 1 s, 5.0 GB of memory (of 140.0); measured in run fast"
