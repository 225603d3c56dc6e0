"""The files of a run as others read them: a field of another type is named, what is no regular file is refused at once."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from core.errors import InputError
from core.runs import locks
from core.runs.orders import read_job, whole
from core.runs.run import Run, read_config, read_progress, read_status


@pytest.fixture
def run(tmp_path: Path) -> Path:
    with Run(tmp_path / "run", quiet=True) as one:
        one.log({"step": 1, "kind": "train", "loss": 0.5})
        one.progress(1, 2, "training")
    return tmp_path / "run"


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "asleep"}, {"state": 1}, {"step": -1}, {"step": "1"}, {"total": 2.5}, {"total": 2**60}, {"eta": "soon"}, {"eta": -1}, {"what": []},
        {"started": 5}, {"message": {}}, {"message": "x" * 200_000}, {"device": None}, {"ticket": "first"}, {"ticket": 2**70}, {"peak_bytes": "much"},
    ],
)  # fmt: skip
def test_a_status_of_another_type_names_the_field(run: Path, changes: dict[str, Any]) -> None:
    (run / "status.json").write_text(json.dumps({**json.loads((run / "status.json").read_text()), **changes}))
    with pytest.raises(InputError, match=rf"status.json: field '{next(iter(changes))}'"):
        read_status(run)


def test_a_status_without_a_state_is_none(run: Path) -> None:
    (run / "status.json").write_text("{}")
    with pytest.raises(InputError, match="does not say in which state"):
        read_status(run)


@pytest.mark.timeout(30)
@pytest.mark.parametrize("name", ["status.json", "config.json", "progress.jsonl", "lock", "job.json"])
def test_what_is_no_regular_file_is_refused_at_once(run: Path, name: str) -> None:
    readers = {"config.json": read_config, "progress.jsonl": read_progress, "job.json": read_job}
    for make in (os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero"), lambda path: path.symlink_to("nowhere")):
        path = run / name
        path.unlink(missing_ok=True)
        make(path)  # type: ignore[operator]  # each makes something at a path
        with pytest.raises(InputError, match=name):
            readers.get(name, read_status)(run)
        path.rmdir() if path.is_dir() else path.unlink()


@pytest.mark.parametrize("line", ['{"step": "one"}', '{"step": -1}', '{"kind": 5}', '{"time": "noon"}', '{"docs_per_second": []}', '{"a": 1e400}'])
def test_a_record_that_no_run_writes_is_named_by_its_line(run: Path, line: str) -> None:
    with (run / "progress.jsonl").open("a") as stream:
        stream.write(f"{line}\n")
    with pytest.raises(InputError, match=r"progress.jsonl, line 2"):
        read_progress(run)


def test_a_run_is_not_begun_where_a_link_would_be_written_through(run: Path, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("kept")
    (run / "reserve").symlink_to(tmp_path / "kept")
    with pytest.raises(InputError, match="reserve is a link; remove it"), Run(run, quiet=True):
        pass
    assert (tmp_path / "kept").read_text() == "kept" and not locks.held(run / "lock")


def test_paths_of_a_command_are_told_in_full(tmp_path: Path) -> None:
    for name in ("data", "debtags", "made"):
        (tmp_path / name).mkdir()
    said = ["train", "--from", "made", "--dataset=data", "--out", "runs/x", "--seed", "1", "--defence", "fgsm", "--check", "none"]
    here = str(tmp_path)
    assert whole(said, tmp_path) == [
        "train", "--from", f"{here}/made", f"--dataset={here}/data", "--out", f"{here}/runs/x", "--seed", "1", "--defence", "fgsm", "--check", "none",
    ]  # fmt: skip
    # A registered name stays one, whatever lies there; so does what is none here.
    assert whole(["study", "--dataset", "debtags", "--checkpoint", "debtags-linear", "--data", "data"], tmp_path)[2:] == [
        "debtags", "--checkpoint", "debtags-linear", "--data", f"{here}/data",
    ]  # fmt: skip


def test_a_request_is_the_same_in_another_spelling_of_its_paths(tmp_path: Path) -> None:
    asked = {"kind": "study", "study": {"checkpoint": "runs/a/checkpoint", "dataset": "../data", "k": 5}, "digest": "1"}
    with Run(tmp_path / "run", quiet=True) as run:
        run.configure(asked)
        run.configure({**asked, "study": {"checkpoint": "/x/runs/a/checkpoint", "dataset": "/y/data", "k": 5}})
        for study in ({"checkpoint": "/x/runs/b/checkpoint"}, {"dataset": "/y/more"}, {"dataset": ""}, {"dataset": "data"}, {"k": 6}):
            with pytest.raises(InputError.__mro__[1], match="was started with another study"):
                run.configure({**asked, "study": {**asked["study"], **study}})  # type: ignore[dict-item]  # it is a mapping
