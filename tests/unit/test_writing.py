"""What is written is there whole or not at all, wherever a disk, a kill or an error ends the writing."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import checkpoint
from core.errors import Exhausted
from core.evidence import records as evidence
from core.exhaustion import as_sentence
from core.files import writing
from core.files.writing import append, beside, replacing, write_atomically
from core.labels import LabelSpace
from core.runs.run import Run, read_progress
from core.study import records

LABELS = LabelSpace(("a", "b"), np.asarray([1, 2]), 3)


class FullDisk:
    """Refuses one of the calls by which files are written, the n-th and all after it, as a disk that has become full. `write` takes a
    part before, as a disk that is nearly full."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = sys.maxsize
        for name in ("write", "fsync"):
            monkeypatch.setattr(os, name, self._refusing(getattr(os, name)))

    def _refusing(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def refuse(descriptor: int, *data: Any) -> Any:
            if self.left <= 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self.left -= 1
            return call(descriptor, *(one[: max(1, len(one) // 2)] for one in data))

        return refuse

    def after(self, calls: int) -> None:
        self.left = calls


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> FullDisk:
    return FullDisk(monkeypatch)


def each_moment(disk: FullDisk, write: Callable[[], object], check: Callable[[bool], object]) -> int:
    """Let `write` fail after 0, 1, 2, ... calls until it does not; `check(written)` each time. How often it failed."""
    for calls in range(200):
        disk.after(calls)
        try:
            with as_sentence():
                write()
        except Exhausted as error:
            assert "the disk is full" in str(error)
            disk.after(sys.maxsize)
            check(False)
        else:
            disk.after(sys.maxsize)
            check(True)
            return calls
    raise AssertionError("it never came to an end")


def test_a_file_is_the_old_or_the_new_one(disk: FullDisk, tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    write_atomically(path, "old")

    def check(written: bool) -> None:
        assert path.read_text() == ("new content" if written else "old")
        assert [one.name for one in tmp_path.iterdir()] == ["status.json"]

    assert each_moment(disk, lambda: write_atomically(path, "new content"), check) > 2


def test_a_line_is_added_whole_or_not_at_all(disk: FullDisk, tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    records.append(path, {"pair": "1", "study": 1})
    before = path.read_bytes()

    def check(written: bool) -> None:
        assert [record["pair"] for record in records.read(path)] == ["1", "2"][: 1 + written]
        assert written or path.read_bytes() == before

    assert each_moment(disk, lambda: records.append(path, {"pair": "2", "study": 1}), check) > 2
    records.append(path, {"pair": "3", "study": 1})
    assert [record["pair"] for record in records.read(path)] == ["1", "2", "3"]


def test_items_of_a_measurement_are_added_all_or_none(disk: FullDisk, tmp_path: Path) -> None:
    path = tmp_path / "half.jsonl"
    path.write_bytes(b'{"schema": 1}\n')

    def check(written: bool) -> None:
        assert path.read_bytes() == b'{"schema": 1}\n' + (b'{"id": 1}\n{"id": 2}\n' if written else b"")

    assert each_moment(disk, lambda: evidence.append(path, [{"id": 1}, {"id": 2}]), check) > 2


def test_a_runs_log_never_holds_half_a_record(disk: FullDisk, tmp_path: Path) -> None:
    with Run(tmp_path / "run", quiet=True, device="cpu") as run:
        run.log({"step": 1, "loss": 2.0})
        each_moment(disk, lambda: run.log({"step": 2, "loss": 1.0}), lambda written: read_progress(run.folder)[written])
        run.log({"step": 3, "loss": 0.5})
    assert [record["step"] for record in read_progress(tmp_path / "run")] == [1, 2, 3]


# -- checkpoints


def save(folder: Path, value: float) -> str:
    return checkpoint.save(
        folder, model="linear", settings={}, labels=LABELS, tensors={"w": np.full(4, value, dtype=np.float32)}, files={"notes.txt": str(value)}
    )


def value_of(folder: Path) -> float:
    return float(checkpoint.load(folder).tensors["w"][0])


@pytest.mark.parametrize("exchange", [True, False])
def test_a_checkpoint_is_the_old_or_the_new_one(exchange: bool, disk: FullDisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the file system cannot let two folders change places."""
    if not exchange:
        monkeypatch.setattr(writing, "_exchanged", lambda one, other: False)
    save(tmp_path / "model", 1.0)

    def check(written: bool) -> None:
        assert value_of(tmp_path / "model") == (2.0 if written else 1.0)
        assert [one.name for one in tmp_path.iterdir()] == ["model"]

    assert each_moment(disk, lambda: save(tmp_path / "model", 2.0), check) > 4


@pytest.mark.parametrize("refused", [1, 2])
def test_the_old_checkpoint_takes_its_name_back(refused: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an exchange the old folder is put aside first. Either renaming may fail."""
    save(tmp_path / "model", 1.0)
    monkeypatch.setattr(writing, "_exchanged", lambda one, other: False)
    rename, count = Path.replace, [0]

    def refuse(self: Path, target: Path) -> Path:
        if self.is_dir():
            count[0] += 1
            if count[0] == refused:
                raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(target))
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="Read-only"):
        save(tmp_path / "model", 2.0)
    assert value_of(tmp_path / "model") == 1.0 and [one.name for one in tmp_path.iterdir()] == ["model"]


KILLED = """
import os, signal, sys
from pathlib import Path
import core.files.writing
from tests.unit.test_writing import save
discard, moment = core.files.writing._discard, int(sys.argv[2])
count = 0
def killed(name):
    def call(*arguments):
        global count
        count += 1
        if count == moment:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments)
    original = getattr(core.files.writing, name)
    setattr(core.files.writing, name, call)
for name in ("_discard", "sync", "_exchanged"):
    killed(name)
save(Path(sys.argv[1]), 2.0)
"""


@pytest.mark.slow
def test_after_a_kill_there_is_a_whole_checkpoint(tmp_path: Path) -> None:
    """Killed before each of its steps: deleting what an earlier kill left, five files put on the disk, the exchange, deleting the old."""
    root = Path(__file__).resolve().parents[2]
    for moment in range(1, 9):
        folder = tmp_path / str(moment) / "model"
        save(folder, 1.0)
        command = [sys.executable, "-c", KILLED, str(folder), str(moment)]
        assert subprocess.run(command, cwd=root, timeout=60, check=False).returncode == -9
        assert value_of(folder) == (2.0 if moment == 8 else 1.0)
        save(folder, 3.0)
        assert value_of(folder) == 3.0 and [one.name for one in folder.parent.iterdir()] == ["model"]


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    save(tmp_path / "kept", 1.0)
    (tmp_path / "model").symlink_to(tmp_path / "kept")
    save(tmp_path / "model", 2.0)
    assert (value_of(tmp_path / "kept"), value_of(tmp_path / "model")) == (1.0, 2.0)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["kept", "model"]


LIMITED = """
import resource, sys
from pathlib import Path
from core.errors import Exhausted
from core.exhaustion import as_sentence
from tests.unit import test_writing
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
try:
    with as_sentence():
        {write}
except Exhausted as error:
    print(error)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "write",
    [
        "from core import checkpoint; import numpy; checkpoint.save(Path(sys.argv[1]) / 'model', model='linear', settings={}, "
        "labels=test_writing.LABELS, tensors={'w': numpy.ones(9_000, dtype=numpy.float32)})",
        "import torch; from core.training.states import save_tensors; save_tensors(Path(sys.argv[1]) / 'now.safetensors', {'w': torch.ones(9_000)})",
        "from core.files.writing import write_atomically; write_atomically(Path(sys.argv[1]) / 'a', b'a' * 30_000)",
    ],
    ids=["checkpoint", "state", "file"],
)
def test_the_systems_own_limit_is_a_sentence_and_leaves_nothing_behind(write: str, tmp_path: Path) -> None:
    """A real refusal by the kernel, which safetensors reports in its own way: no file may grow beyond 20,000 bytes."""
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", LIMITED.replace("{write}", write), str(tmp_path)]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("a file may not grow that large here")
    assert list(tmp_path.iterdir()) == []


# -- the two pieces on their own


def test_beside_and_replacing_leave_nothing_after_an_error(tmp_path: Path) -> None:
    def fail() -> None:
        with replacing(tmp_path / "folder", "mark") as part:
            (part / "mark").write_text("half")
            raise KeyboardInterrupt

    def fail_beside() -> None:
        with beside(tmp_path / "file") as part:
            part.write_text("half")
            raise KeyboardInterrupt

    for one in (fail, fail_beside):
        with pytest.raises(KeyboardInterrupt):
            one()
    assert list(tmp_path.iterdir()) == []


def test_append_makes_the_file(tmp_path: Path) -> None:
    append(tmp_path / "a", b"1\n", sync=False)
    append(tmp_path / "a", b"2\n")
    assert (tmp_path / "a").read_bytes() == b"1\n2\n"
