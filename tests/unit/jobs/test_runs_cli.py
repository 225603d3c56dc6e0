"""`python -m core runs`: one run each that is done, crashed and waiting."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import checkpoint
from core.cli import main
from core.runs import jobs, locks
from core.runs.run import LOCK, Run, write_job, write_status


def words(folder: Path) -> list[str]:
    return ["train", "--model", "mach", "--run", str(folder)]


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(checkpoint, "RUNS", tmp_path / "runs")
    root = tmp_path / "runs"
    for name in ("done", "crashed", "waiting"):
        with Run(root / name, quiet=True) as run:
            run.configure({"model": "mach"})
            run.log({"step": 1, "loss": 0.5})
            run.progress(3, 4, "training")
        write_job(root / name, words(root / name), "cpu")
    write_status(root / "crashed", state="crashed", message="the disk is full")
    (root / "crashed" / "log.txt").write_text("a bar: 10%|# | 1/10 [00:01<00:09, 1.0it/s]\rthe last word\n")
    write_status(root / "waiting", state="queued", device="cpu", ticket=1)
    lock = locks.hold(root / "waiting" / LOCK)
    assert lock is not None
    yield root
    os.close(lock)


def said(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> str:
    assert main(["runs", *words]) == status
    printed = capsys.readouterr()
    return printed.err if status else printed.out


def test_list(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = {run["name"]: run for run in json.loads(said(capsys, "list", "--json"))["runs"]}
    assert {name: (run["state"], run["place"], run["kind"]) for name, run in found.items()} == {
        "done": ("done", None, "train"), "crashed": ("crashed", None, "train"), "waiting": ("queued", 1, "train"),
    }  # fmt: skip
    lines = said(capsys, "list")
    assert "queued (1 in line)" in lines and "the disk is full" in lines and "training 3 of 4" in lines


def test_nothing_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(checkpoint, "RUNS", tmp_path / "none")
    assert "there is no run under" in said(capsys, "list")
    assert json.loads(said(capsys, "list", "--json")) == {"runs": []}


def test_show(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(said(capsys, "show", "crashed", "--json"))
    assert found["words"] == words(runs / "crashed") and found["said"] == "the last word" and found["records"][0]["loss"] == 0.5
    assert "loss=0.5" in said(capsys, "show", "done")


def test_stop_and_refusals(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(said(capsys, "stop", "waiting", "--json"))["stopping"] is True
    assert (runs / "waiting" / "stop").exists() and "stopping" in said(capsys, "list")
    assert "not running: it is done" in said(capsys, "stop", "done", status=2)
    assert "is done; nothing is left" in said(capsys, "resume", "done", status=2)
    assert "is queued already" in said(capsys, "resume", "waiting", status=2)
    assert "name the run" in said(capsys, "show", status=2)
    assert "there is no run 'x'" in said(capsys, "show", "x", status=2)


@pytest.mark.parametrize(("end", "status", "sentence"), [("done", 0, ""), ("stopped", 130, "as asked"), ("crashed", 2, "as asked")])
def test_resume_follows_to_the_end(
    runs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, end: str, status: int, sentence: str
) -> None:
    monkeypatch.setattr("core.cli.runs.FOLLOW_SECONDS", 0)
    launched = []

    def launch(folder: Path, given: tuple[str, ...], device: str, where: Path) -> None:
        launched.append((folder.name, given, device))
        write_status(folder, state="queued", device="cpu", ticket=2)
        lock.append(locks.hold(folder / LOCK))

    lock: list[int | None] = []
    monkeypatch.setattr(jobs, "launch", launch)
    find, looks = jobs.find, []

    def later(name: str) -> jobs.Job:
        looks.append(name)
        if len(looks) == 4:
            write_status(runs / name, state=end, message="as asked" if sentence else "")
            os.close(lock.pop() or -1)  # its process has ended, too
        return find(name)

    monkeypatch.setattr(jobs, "find", later)
    assert sentence in said(capsys, "resume", "crashed", "--follow", status=status)
    assert launched == [("crashed", tuple(words(runs / "crashed")), "cpu")] and len(looks) >= 4


def test_damaged_runs_are_lines_with_their_reason(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (runs / "torn").mkdir()
    (runs / "torn" / "status.json").write_text('{"state": "done", "step": "many"}')
    assert re.search(r"^torn +run +damaged +.*status.json: field 'step': Expected `int`, got `str`$", said(capsys, "list"), re.MULTILINE)
    found = json.loads(said(capsys, "list", "--json"))
    assert [(each["name"], each["kind"]) for each in found["damaged"]] == [("torn", "run")] and len(found["runs"]) == 3
    assert "field 'step'" in said(capsys, "show", "torn", status=2)


def test_a_command_from_elsewhere_is_shown_and_waits_for_a_word(
    runs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    launched = []
    monkeypatch.setattr(jobs, "launch", lambda folder, given, *more: launched.append(tuple(given)))
    order = json.loads((runs / "crashed" / "job.json").read_text())
    (runs / "crashed" / "job.json").write_text(json.dumps({**order, "signature": "0" * 64}))
    sentence = said(capsys, "resume", "crashed", status=2)
    assert "was not started by this installation" in sentence and "python -m core runs resume crashed --trust" in sentence
    assert f"python -m core train --model mach --run {runs / 'crashed'}" in sentence and not launched
    said(capsys, "resume", "crashed", "--trust")
    assert launched == [tuple(words(runs / "crashed"))]
