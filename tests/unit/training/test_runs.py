"""The run folder: what readers see while it is written, stopped, killed and resumed."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from core.errors import Cancelled, InputError, SettingsError
from core.runs.run import Run, read_progress, read_status


def test_states(tmp_path: Path) -> None:
    with Run(tmp_path / "done", quiet=True) as run:
        assert read_status(run.folder)["state"] == "running"
        run.progress(1, 4, "training")
        run.progress(4, 4, "training")
    status = read_status(tmp_path / "done")
    assert (status["state"], status["step"], status["total"], status["what"], status["eta"]) == ("done", 4, 4, "training", 0)
    with pytest.raises(ValueError, match="no such thing"), Run(tmp_path / "crashed", quiet=True):
        raise ValueError("no such thing")
    assert read_status(tmp_path / "crashed")["message"] == "ValueError: no such thing"


def test_stop_file_and_signals_stop(tmp_path: Path) -> None:
    with pytest.raises(Cancelled, match="stopped at training 2 of 4"), Run(tmp_path / "file", quiet=True) as run:
        run.progress(1, 4, "training")
        run.stop_file.touch()
        run.progress(2, 4, "training")
    assert read_status(tmp_path / "file")["state"] == "stopped"
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Cancelled), Run(tmp_path / "signal", quiet=True) as run:
        os.kill(os.getpid(), signal.SIGTERM)
        run.progress(1, 4, "training")
    assert signal.getsignal(signal.SIGTERM) is before
    with Run(tmp_path / "file", quiet=True) as run:  # the old request does not stop the next run
        run.progress(3, 4, "training")


def test_second_interrupt_does_not_wait(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), Run(tmp_path, quiet=True):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
    assert read_status(tmp_path)["state"] == "crashed"


def test_a_killed_run_reads_as_crashed(tmp_path: Path) -> None:
    with Run(tmp_path, quiet=True):
        pass
    status = json.loads((tmp_path / "status.json").read_text())
    (tmp_path / "status.json").write_text(json.dumps({**status, "state": "running", "pid": 2**22 + 1}))
    assert read_status(tmp_path)["state"] == "crashed"
    with pytest.raises(InputError, match="no run folder"):
        read_status(tmp_path / "nowhere")


def test_progress_survives_a_cut_line_and_repeated_steps(tmp_path: Path) -> None:
    run = Run(tmp_path, quiet=True)
    run.log({"kind": "train", "step": 1, "loss": 3.0, "text": "a\u2028b"})
    run.log({"kind": "train", "step": 2, "loss": 2.0})
    run.log({"kind": "dev", "step": 2, "score": 0.5})
    with (tmp_path / "progress.jsonl").open("a") as stream:
        stream.write('{"kind": "train", "st')
    assert len(read_progress(tmp_path)) == 3
    resumed = Run(tmp_path, quiet=True)
    resumed.log({"kind": "train", "step": 2, "loss": 1.0})
    resumed.log({"what": "no step"})
    resumed.log({"what": "no step"})
    found = read_progress(tmp_path)
    assert [(r.get("kind"), r.get("step"), r.get("loss")) for r in found[:3]] == [("train", 1, 3.0), ("dev", 2, None), ("train", 2, 1.0)]
    assert len(found) == 5 and found[0]["text"] == "a\u2028b"
    assert read_progress(tmp_path / "nowhere") == []


def test_bar_shows_an_estimate_on_standard_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Run(tmp_path) as run:
        for step in range(1, 6):
            run.progress(step, 5, "training")
        run.progress(1, 2, "validating")
    printed = capsys.readouterr()
    assert "training: 100%" in printed.err and printed.out == ""


def test_config_must_stay_the_same(tmp_path: Path) -> None:
    Run(tmp_path, quiet=True).configure({"model": "xml-cnn", "settings": {"epochs": 3}})
    Run(tmp_path, quiet=True).configure({"model": "xml-cnn", "settings": {"epochs": 3}})
    with pytest.raises(SettingsError, match="another settings;"):
        Run(tmp_path, quiet=True).configure({"model": "xml-cnn", "settings": {"epochs": 4}})


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cpu, cuda or auto"):
        Run(tmp_path, device="tpu")
    with pytest.raises(SettingsError, match="seed"):
        Run(tmp_path, seed=-1)


def test_only_the_first_process_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    with Run(tmp_path) as run:
        run.log({"step": 1})
        run.progress(1, 2, "training")
    assert list(tmp_path.iterdir()) == []
