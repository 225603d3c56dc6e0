"""Jobs as real processes: launched, in line, stopped, killed, resumed; and what is said of each."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from core import checkpoint
from core.cli import parser
from core.errors import InputError
from core.runs import jobs, locks
from core.runs.run import JOB, LOCK, Run, read_progress, read_status, write_job, write_status
from tests import job_program

PROGRAM = Path(__file__).resolve().parents[2] / "job_program.py"

SOON = 20
"""Seconds within which a dead or stopped job is known for one: at once on a free machine."""


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty runs/; what is still at work at the end of a test is killed."""
    monkeypatch.setattr(checkpoint, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(jobs, "PROGRAM", (sys.executable, str(PROGRAM)))
    yield tmp_path / "runs"
    for job in jobs.jobs():
        for pid in processes(job.folder):
            os.kill(pid, signal.SIGKILL)


def processes(folder: Path, supervisor: bool | None = None) -> list[int]:
    """The processes that have the folder on their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode().split("\0")
        except OSError:
            continue
        if str(folder) in words and supervisor in (None, "core.runs.supervisor" in words):
            found.append(int(path.parent.name))
    return found


def launch(name: str, kind: str = "works", seconds: float = 0.5) -> Path:
    folder = jobs.folder_for(name)
    jobs.launch(folder, job_program.words(folder, kind, seconds), "cpu")
    return folder


def until(what: Callable[[], object], most: float = 180) -> None:
    end = time.monotonic() + most
    while not what():
        assert time.monotonic() < end, [(job.name, job.state, job.status) for job in jobs.jobs()]
        time.sleep(0.05)


def state(name: str) -> str:
    return jobs.find(name).state


def working(name: str) -> bool:
    """Its own program has begun to count."""
    return jobs.find(name).status["what"] == "training" and jobs.find(name).status["step"] > 0


@pytest.mark.slow
def test_a_job_is_done_and_says_so() -> None:
    folder = launch("one")
    assert state("one") in ("queued", "running")
    until(lambda: state("one") == "done")
    job = jobs.find("one")
    assert (job.kind, job.place, job.alive, job.device, job.status["step"]) == ("train", None, False, "cpu", 50)
    assert len(read_progress(folder)) == 50
    with pytest.raises(InputError, match="is done; nothing is left"):
        jobs.resume("one", parser)
    with pytest.raises(InputError, match="not running: it is done"):
        jobs.stop("one")
    with pytest.raises(InputError, match=r"no run 'two' under .*; the latest are one"):
        jobs.find("two")


@pytest.mark.slow
def test_a_launch_leaves_no_child_behind() -> None:
    """Nothing of it is this process's to wait for, so that no zombie stays in a server."""
    launch("one")
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    assert not any(str(jobs.folder_for("one")).encode() in Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children)
    until(lambda: state("one") == "done")


@pytest.mark.slow
def test_jobs_work_one_at_a_time_in_their_order(runs: Path) -> None:
    """Three are launched at once; their records do not overlap, and stand in the order of the launches."""
    names = ["zero", "middle", "also"]
    for name in names:
        launch(name, seconds=60 if name == "zero" else 0.5)
    until(lambda: working("zero"))
    assert [(job.name, job.place) for job in sorted(jobs.jobs(), key=lambda job: job.place or 0)] == [("zero", None), ("middle", 1), ("also", 2)]
    with pytest.raises(InputError, match="run 'middle' is queued or running already"):
        launch("middle")
    jobs.stop("zero")
    until(lambda: [state(name) for name in names] == ["stopped", "done", "done"])
    times = [(runs / name / "progress.jsonl").stat().st_mtime_ns for name in names]
    starts = [read_progress(runs / name)[0]["time"] for name in names]
    assert times == sorted(times) and starts == sorted(starts)
    assert all(read_progress(runs / one)[-1]["time"] <= read_progress(runs / next_)[0]["time"] for one, next_ in pairwise(names))


@pytest.mark.slow
def test_a_killed_waiter_stands_in_nobodys_way(runs: Path) -> None:
    launch("first", seconds=3)
    until(lambda: working("first"))
    launch("killed")
    launch("last")
    until(lambda: jobs.find("last").place == 2 and processes(runs / "killed", True))
    for pid in processes(runs / "killed", True):
        os.kill(pid, signal.SIGKILL)
    until(lambda: state("killed") == "crashed", SOON)
    assert jobs.find("last").place == 1
    until(lambda: state("last") == "done")
    jobs.resume("killed", parser)
    until(lambda: state("killed") == "done")


@pytest.mark.slow
def test_stop_in_the_line_and_at_work(runs: Path) -> None:
    launch("first", seconds=60)
    launch("second", seconds=1)
    until(lambda: working("first") and jobs.find("second").place == 1)
    assert jobs.stop("second").stopping
    until(lambda: state("second") == "stopped", SOON)
    assert "left the line" in jobs.find("second").status["message"]
    jobs.stop("first")
    until(lambda: state("first") == "stopped", SOON)
    assert "the same command goes on from here" in jobs.find("first").status["message"]
    before = int((runs / "first" / "count").read_text())
    # The very same command, but a faster clock: its words are kept in job.json.
    kept = json.loads((runs / "first" / "job.json").read_text())
    write_job(runs / "first", [*kept["words"][:-1], "1"], "cpu")
    jobs.resume("first", parser)
    until(lambda: state("first") == "done")
    steps = [record["step"] for record in read_progress(runs / "first")]
    assert steps == list(range(1, 51)) and 0 < before < 50


@pytest.mark.slow
def test_a_stop_while_it_loads_is_not_lost() -> None:
    folder = launch("slow", "loads", 1.5)
    until(lambda: jobs.find("slow").status["what"] == "starting")
    jobs.stop("slow")
    until(lambda: state("slow") == "stopped", SOON)
    assert len(read_progress(folder)) <= 1


@pytest.mark.slow
def test_killed_is_crashed_within_seconds_and_resumes(runs: Path) -> None:
    """kill -9 of the program alone, then of all of it: shown at once, no lock stays, the same command goes on."""
    launch("one", seconds=30)
    until(lambda: working("one"))
    os.kill(processes(runs / "one", False)[0], signal.SIGKILL)
    until(lambda: state("one") == "crashed", SOON)
    until(lambda: "signal 9" in jobs.find("one").status["message"], SOON)
    jobs.resume("one", parser)
    until(lambda: state("one") == "running" and jobs.find("one").status["what"] == "training")
    for pid in sorted(processes(runs / "one"), reverse=True):
        os.kill(pid, signal.SIGKILL)
    until(lambda: state("one") == "crashed", SOON)
    assert "its process is gone" in jobs.find("one").status["message"]
    assert not locks.held(locks.devices("cpu")[0].lock)


@pytest.mark.slow
def test_the_program_outlives_its_supervisor(runs: Path) -> None:
    """The supervisor alone is killed: the run is alive, the device is taken, a second one waits."""
    launch("one", seconds=4)
    until(lambda: working("one"))
    os.kill(processes(runs / "one", True)[0], signal.SIGKILL)
    time.sleep(0.3)
    assert state("one") == "running"
    launch("two")
    until(lambda: jobs.find("two").place == 1)
    until(lambda: state("one") == "done" and state("two") == "done")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("full", "the disk is full .*status.json.: free some space, then resume"),
        ("memory", "the memory is full: start again with a smaller batch size"),
        ("gpu", "the GPU's memory is full: start again with a smaller batch size, .* Tried to allocate 20.00 GiB"),
        ("killed", "it was killed .signal 9."),
        ("refused", r"^no such \*data set\*$"),
        ("early", "it never came to a run"),
    ],
)
def test_every_bad_end_is_a_sentence(kind: str, sentence: str) -> None:
    launch("one", kind)
    until(lambda: state("one") == "crashed" and "process is gone" not in jobs.find("one").status["message"])
    assert re.search(sentence, jobs.find("one").status["message"].replace("\n", " "))


def test_an_end_by_the_system_for_want_of_memory_is_told_from_a_kill(runs: Path) -> None:
    from core.runs.supervisor import conclude

    (runs / "one").mkdir(parents=True)
    for memory, words in ((True, "the memory was full and the system ended it"), (False, "it was killed (signal 9)")):
        write_status(runs / "one", state="running")
        conclude(runs / "one", -signal.SIGKILL, memory)
        assert words in read_status(runs / "one")["message"]


def test_liveness_is_no_process_number(runs: Path) -> None:
    """A live process with the number of a dead run (a number given anew), and a zombie: neither makes it look alive; a run that is
    alive under another number does."""
    folder = runs / "old"
    with Run(folder, quiet=True):
        pass
    status = json.loads((folder / "status.json").read_text())
    (folder / "status.json").write_text(json.dumps({**status, "state": "running", "pid": os.getpid()}))
    assert read_status(folder)["state"] == "crashed"
    ended = subprocess.Popen(["true"])
    until(lambda: "(true) Z" in Path(f"/proc/{ended.pid}/stat").read_text())
    (folder / "status.json").write_text(json.dumps({**status, "state": "running", "pid": ended.pid}))
    assert read_status(folder)["state"] == "crashed"
    ended.wait()
    lock = locks.hold(folder / LOCK)
    assert lock is not None
    assert read_status(folder)["state"] == "running"
    os.close(lock)


@pytest.mark.slow
def test_a_run_by_hand_takes_its_folder_and_its_device(runs: Path) -> None:
    """A run that was started on the command line makes jobs wait, and is in nobody's list of the line."""
    with Run(runs / "hand", device="cpu", quiet=True):
        assert state("hand") == "running" and jobs.find("hand").device == "cpu"
        with pytest.raises(InputError, match="worked on by another process"):
            Run(runs / "hand", quiet=True).__enter__()
        launch("job")
        time.sleep(1)
        assert (state("job"), jobs.find("job").place) == ("queued", 1)
    until(lambda: state("job") == "done")
    write_status(runs / "hand", state="stopped")
    with pytest.raises(InputError, match=r"no job\.json"):
        jobs.resume("hand", parser)


def test_a_job_is_over_when_its_process_is(runs: Path) -> None:
    """What has written its end still holds its lock, and perhaps the device, for a moment."""
    with Run(runs / "one", quiet=True):
        pass
    lock = locks.hold(runs / "one" / LOCK)
    assert lock is not None
    assert (state("one"), jobs.find("one").status["what"]) == ("running", "ending")
    os.close(lock)
    assert state("one") == "done"


@pytest.mark.slow
def test_only_our_own_verbs_are_started(runs: Path) -> None:
    with pytest.raises(InputError, match="only train and study can be jobs, not 'data'"):
        jobs.launch(runs / "x", ["data", "build"])
    folder = launch("one")
    until(lambda: state("one") == "done")
    (folder / "job.json").write_text(json.dumps({"words": ["-c", "import os"], "device": "cpu"}))
    (folder / "status.json").write_text(json.dumps({**json.loads((folder / "status.json").read_text()), "state": "stopped"}))
    with pytest.raises(InputError, match=r"no job\.json"):
        jobs.resume("one", parser)


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "-flag", "a" * 99, "a b", "a\n"])
def test_odd_names_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="cannot be the name of a run"):
        jobs.folder_for(name)


def test_broken_folders_are_left_out(runs: Path) -> None:
    for name, content in (("half", '{"state": "run'), ("other", "{}"), ("list", "[]"), ("odd", '{"state": "asleep"}')):
        (runs / name).mkdir(parents=True)
        (runs / name / "status.json").write_text(content)
    with Run(runs / "deep" / "er", quiet=True):
        pass
    assert [job.name for job in jobs.jobs()] == ["deep/er"]
    assert jobs.line("cpu") == []


def test_the_environment_of_a_job_is_its_own(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inside a job a Run of another folder takes its own lock."""
    monkeypatch.setenv(JOB, str(runs / "one"))
    with Run(runs / "two", quiet=True):
        assert locks.held(runs / "two" / LOCK)
    with Run(runs / "one", quiet=True):
        assert not locks.held(runs / "one" / LOCK)


class TestDevices:
    LISTED = "0, GPU-aa11, NVIDIA H200, 143771\n1, GPU-bb22, NVIDIA H200, 143771\n"

    def test_gpus_are_read_from_nvidia_smi(self) -> None:
        found = locks._parsed(self.LISTED, None)
        assert [(one.name, one.title, one.identity) for one in found] == [
            ("cuda:0", "NVIDIA H200", "GPU-aa11"),
            ("cuda:1", "NVIDIA H200", "GPU-bb22"),
        ]
        assert found[0].memory == 143771 * 2**20 and found[0].environment == {"CUDA_VISIBLE_DEVICES": "GPU-aa11"}
        assert [one.name for one in locks._parsed(self.LISTED, ["1"])] == ["cuda:1"]
        assert [one.name for one in locks._parsed(self.LISTED, ["GPU-bb"])] == ["cuda:1"]
        assert locks._parsed(self.LISTED, [""]) == () and locks._parsed("No devices were found\n", None) == ()

    def test_jobs_share_out_the_gpus(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(locks, "gpus", lambda: locks._parsed(self.LISTED, None))
        first, second = locks.take("auto"), locks.take("cuda")
        assert first and second and (first[0].name, second[0].name) == ("cuda:0", "cuda:1")
        assert locks.take("cuda") is None
        cpu = locks.take("cpu")
        assert cpu and cpu[0].name == "cpu" and "cores" in cpu[0].title and cpu[0].environment == {"CUDA_VISIBLE_DEVICES": ""}
        for _, descriptor in (first, second, cpu):
            os.close(descriptor)

    def test_a_machine_without_one_says_so(self, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(locks, "gpus", lambda: ())
        assert locks.devices("auto")[0].name == "cpu"
        with pytest.raises(InputError, match="no device 'cuda'"):
            jobs.launch(runs / "x", ["train"], "cuda")
