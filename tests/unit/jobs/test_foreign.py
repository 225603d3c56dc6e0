"""Run folders from elsewhere: nothing in them is ever run, imported or obeyed without a person's word. Real processes."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import checkpoint
from core.cli import parser
from core.errors import InputError
from core.runs import jobs, orders
from core.runs.run import Run, read_status, write_job
from core.runs.starting import environment
from tests import job_program
from tests.foreign import EVIL, ambush

PROGRAM = Path(job_program.__file__)


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(checkpoint, "RUNS", tmp_path / "runs")
    monkeypatch.setenv("TREMOR_CACHE", str(tmp_path / "cache"))
    yield tmp_path / "runs"
    for job in jobs.jobs():
        if job.alive and (pid := read_status(job.folder).get("pid")):
            os.kill(pid, signal.SIGKILL)


def broken_off(folder: Path) -> Path:
    with Run(folder, quiet=True) as run:
        run.progress(1, 4, "training")
    (folder / "status.json").write_text(json.dumps({**json.loads((folder / "status.json").read_text()), "state": "stopped"}))
    return folder


def until_over(name: str) -> jobs.Job:
    end = time.monotonic() + 180
    while (job := jobs.find(name)).alive:
        assert time.monotonic() < end, job
        time.sleep(0.1)
    return job


@pytest.mark.slow
def test_the_folder_of_the_attack_runs_nothing(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its cwd holds a core package and whatever else Python imports by itself; it is resumed on a click, on a person's word, and from
    within. The real program runs, and refuses the data set, which is not there."""
    folder, marker = broken_off(runs / "gift"), tmp_path / "marker"
    ambush(folder, marker)
    words = ["train", "--model", "linear", "--dataset", str(tmp_path / "none"), "--run", str(folder)]
    (folder / "job.json").write_text(json.dumps({"words": words, "cwd": str(folder), "device": "cpu"}))
    with pytest.raises(InputError, match="was not started by this installation"):
        jobs.resume("gift", parser)
    assert not (folder / "log.txt").exists() and read_status(folder)["state"] == "stopped"
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", f".{os.pathsep}{folder}")
    monkeypatch.setenv("PATH", f".{os.pathsep}{os.environ['PATH']}")
    jobs.resume("gift", parser, trusted=True)
    job = until_over("gift")
    assert job.state == "crashed" and "is neither a data set" in job.status["message"]
    assert not marker.exists()
    jobs.resume("gift", parser)  # what a person has started is this installation's
    assert until_over("gift").state == "crashed" and not marker.exists()


@pytest.mark.slow
def test_a_run_by_hand_within_data_that_hold_code_is_resumed_elsewhere(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its person stood in a folder of data, or of a checkpoint, with modules in it; its paths are read from there, its modules are not."""
    folder, marker, data = broken_off(runs / "mine"), tmp_path / "marker", tmp_path / "data"
    ambush(data, marker)
    (data / "train.txt").write_text("")
    monkeypatch.chdir(data)
    write_job(folder, ["train", "--model", "linear", "--dataset", "train.txt", "--run", os.path.relpath(folder)], "cpu")
    order = orders.read_job(folder)
    assert order.words == ["train", "--model", "linear", "--dataset", str(data / "train.txt"), "--run", str(data / "../runs/mine")]
    jobs.resume("mine", parser)
    job = until_over("mine")
    assert job.state == "crashed" and str(data / "train.txt") in job.status["message"]
    assert not marker.exists()


@pytest.mark.slow
def test_every_process_of_a_job_stands_in_our_folder_with_our_paths_alone(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    look = "import sys, os, json; json.dump([sys.path, os.getcwd(), sys.flags.safe_path], open(os.environ['LOOK'], 'w'))"
    monkeypatch.setenv("LOOK", str(tmp_path / "look.json"))
    monkeypatch.setattr(jobs, "PROGRAM", (*jobs.PYTHON, "-c", look))
    monkeypatch.chdir(tmp_path)
    jobs.launch(jobs.folder_for("one"), job_program.words(runs / "one", "works", 0), "cpu", tmp_path)
    until_over("one")
    path, cwd, safe = json.loads((tmp_path / "look.json").read_text())
    assert cwd == str(jobs.ROOT) and safe and path[0] == str(jobs.ROOT)
    assert "" not in path and not any(Path(each).is_relative_to(tmp_path) for each in path)


def test_relative_places_are_no_places_of_programs_or_modules(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin::.:bin")
    monkeypatch.setenv("TREMOR_DATA", "data")
    found = environment()
    assert (found["PATH"], found["TREMOR_DATA"]) == ("/usr/bin", str(tmp_path / "data"))
    assert (found["PYTHONPATH"], found["PYTHONSAFEPATH"]) == (str(jobs.ROOT), "1")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["train", "--model", "linear", "--run", "../../x"], "not in its own folder"),
        (["train", "--model", "linear", "--run", "/etc"], "not in its own folder"),
        (["train", "--model", "linear"], "works in None"),
        (["train", "--model", "linear", "--out", "/etc"], "not in its own folder"),
        (["train", "--model", "linear", "--out", "/etc", "--save", "HERE"], "not in its own folder"),
        (["train", "--model", "linear", "--run", "HERE", "--evil"], "unrecognized arguments: --evil"),
        (["train", "--run", "HERE", "-h"], "none that this version knows"),
        (["train", "--from", "no such checkpoint", "--run", "HERE"], "there is no checkpoint"),
        (["study", "clusters", "--out", "HERE"], "no study that could go on"),
        (["study", "--out", "HERE", "--estimate"], "no study that could go on"),
        (["study"], "works in None"),
    ],
)
def test_a_trusted_command_still_works_in_its_own_folder_alone(runs: Path, words: list[str], sentence: str) -> None:
    folder = broken_off(runs / "gift")
    (folder / "job.json").write_text(json.dumps({"words": [str(folder) if word == "HERE" else word for word in words]}))
    with pytest.raises(Exception, match=sentence) as caught:
        jobs.resume("gift", parser, trusted=True)
    assert type(caught.value).__module__ == "core.errors"
    assert not (folder / "log.txt").exists()


@pytest.mark.parametrize("name", ["log.txt", "status.json.part", "state/best-1.safetensors", "progress.jsonl"])
def test_no_link_in_a_folder_is_written_through(runs: Path, tmp_path: Path, name: str) -> None:
    folder = broken_off(runs / "gift")
    (tmp_path / "kept").write_text("kept")
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).symlink_to(tmp_path / "kept")
    write_job(folder, job_program.words(folder, "works", 0), "cpu")
    with pytest.raises(InputError, match="is a link; remove it before"):
        jobs.resume("gift", parser)
    assert (tmp_path / "kept").read_text() == "kept"


def test_a_signature_fits_its_folder_words_device_and_installation(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = broken_off(runs / "one")
    write_job(folder, job_program.words(folder, "works", 0), "cpu")
    order = orders.read_job(folder)
    key = tmp_path / "cache" / "jobs.key"
    assert orders.is_ours(folder, order) and not jobs.find("one").refusal
    assert key.stat().st_mode & 0o777 == 0o600 and len(key.read_bytes()) == 32
    for changed in ({"words": [*order.words, "--seed", "1"]}, {"device": "auto"}, {"signature": ""}, {"signature": "é"}):
        whole = {"words": order.words, "device": order.device, "signature": order.signature, **changed}
        (folder / "job.json").write_text(json.dumps(whole))
        assert not orders.is_ours(folder, orders.read_job(folder)), changed
    assert not orders.is_ours(broken_off(runs / "two"), order)
    key.chmod(0o644)
    assert not orders.is_ours(folder, order)
    key.chmod(0o600)
    assert orders.is_ours(folder, order)
    monkeypatch.setenv("TREMOR_CACHE", str(tmp_path / "another"))
    assert not orders.is_ours(folder, order) and not (tmp_path / "another").exists()


@pytest.mark.slow
def test_where_no_key_can_be_kept_jobs_run_unsigned(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TREMOR_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr(jobs, "PROGRAM", (sys.executable, str(PROGRAM)))
    jobs.launch(jobs.folder_for("one"), job_program.words(runs / "one", "works", 0), "cpu")
    job = until_over("one")
    assert job.state == "done" and "was not started by this installation" in job.refusal


def test_the_command_of_a_stranger_cannot_move_the_cursor(runs: Path) -> None:
    folder = broken_off(runs / "gift")
    (folder / "job.json").write_text(json.dumps({"words": ["train", "--run", "\x1b[2Ja b\n"]}))
    assert jobs.find("gift").command == r"python -m core train --run '\x1b[2Ja b\n'"


def test_what_an_evil_module_does_is_seen(tmp_path: Path) -> None:
    """The ambush works where the import path is not ours: the tests above would notice."""
    import subprocess

    ambush(tmp_path / "trap", tmp_path / "marker")
    subprocess.run([sys.executable, "-m", "core"], cwd=tmp_path / "trap", env={"PATH": os.environ["PATH"]}, check=False, capture_output=True)
    assert (tmp_path / "marker").exists() and "core/__init__.py" in EVIL
