"""Long work that outlives who started it: a training or a study as a job in a run folder under runs/, from a page or `python -m core runs`.

    launch(folder_for("robust"), ["train", "--from", "debtags-xml-cnn", ...], "auto")

`launch` leaves a process of its own behind (core.training.supervisor), which waits until the device is free, then runs the command. One job
works on a device at a time; the others stand in line in the order in which they were launched. Nobody serves the line: each waiting
process looks who stands before it, so that it moves on when pages and servers are closed, and a waiting process that was killed stands
in nobody's way. The command line is kept in job.json: `resume` starts the very same one.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core import checkpoint
from core.errors import CoreError, InputError
from core.exhaustion import exhausted
from core.training import slots
from core.training.runs import LOCK, LOG, STATUS, STOP, WORDS, State, read_config, read_status, write_job, write_status

ROOT = Path(__file__).resolve().parents[1]
VERBS = ("train", "study")
"""What may be a job. A folder from elsewhere can ask for no other command when it is resumed."""
PROGRAM: tuple[str, ...] = (sys.executable, "-m", "core")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}")


ENDING = 5.0
"""Seconds in which a job that has written its end is gone: to resume it at once is no mistake."""


@dataclass(frozen=True)
class Job:
    """A run as it stands now. `name` is its path below runs/; `place` is its place in the line (1: next) while it is queued."""

    name: str
    folder: Path
    kind: str
    state: State
    status: dict[str, Any]
    words: tuple[str, ...]
    place: int | None = None

    @property
    def alive(self) -> bool:
        return self.state in ("queued", "running")

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop and has not ended yet."""
        return self.alive and (self.folder / STOP).exists()

    @property
    def device(self) -> str:
        """Where it works or wants to work: "cpu", "cuda" while it is queued, "cuda:0"; empty where nobody wrote it down."""
        return str(self.status.get("device", ""))

    @property
    def checkpoint(self) -> Path | None:
        """The model that it has made."""
        folder = self.folder / "checkpoint"
        return folder if (folder / "config.json").is_file() else None

    def to_json(self) -> dict[str, Any]:
        keys = ("what", "step", "total", "eta", "started", "updated", "message")
        made = None if self.checkpoint is None else str(self.checkpoint)
        head = {"name": self.name, "kind": self.kind, "state": self.state, "place": self.place, "device": self.device, "stopping": self.stopping}
        return {**head, **{key: self.status.get(key) for key in keys}, "folder": str(self.folder), "checkpoint": made}


def folder_for(name: str) -> Path:
    """Where a run of this name lies. InputError for a name that is no plain folder name."""
    if not NAME.fullmatch(name):
        raise InputError(
            f"'{name}' cannot be the name of a run: letters, digits, dots, dashes and underscores, at most 81, the first a letter or a digit"
        )
    return root() / name


def new_folder(name: str) -> Path:
    """The same for a run that is to begin. InputError where there is one of that name."""
    folder = folder_for(name)
    if folder.exists():
        raise InputError(f"there is a run '{name}' already; choose another name, or resume that one")
    return folder


def root() -> Path:
    """runs/, in full: the processes of jobs must mean the same folder, wherever they stand."""
    return checkpoint.RUNS.resolve()


def launch(folder: Path, words: Sequence[str], device: str = "auto", where: Path = ROOT) -> None:
    """Let `python -m core WORDS` work in a folder under runs/ as soon as the device ("cpu", "cuda", "auto") is free; on from what is there.
    Paths among the words are read from the folder `where`. Returns at once. InputError where the folder is at work already, or where there
    is no such device."""
    if not words or words[0] not in VERBS:
        raise InputError(f"only {' and '.join(VERBS)} can be jobs, not '{' '.join(words[:1])}'")
    found = slots.devices(device)
    if not found:
        raise InputError(f"there is no device '{device}' on this machine; use cpu or auto")
    try:
        lock = slots.hold(folder / LOCK, ENDING)
        if lock is None:
            raise InputError(f"run '{name_of(folder)}' is queued or running already")
        try:
            (folder / STOP).unlink(missing_ok=True)
            write_job(folder, words, device, where)
            kind = "cpu" if found[0].name == "cpu" else "cuda"
            write_status(folder, state="queued", device=kind, ticket=time.time_ns(), what="", eta=None, message="", pid=None)
            _spawn(folder, words, lock, where)
        finally:
            os.close(lock)
    except OSError as error:
        raise exhausted(error) or error from error


def _spawn(folder: Path, words: Sequence[str], lock: int, where: Path) -> None:
    """Start the process that watches over the job. The shell between leaves it at once, so that it is nobody's child here: no zombie
    stays, and nothing has to be waited for."""
    words = [sys.executable, "-m", "core.training.supervisor", str(folder.resolve()), str(lock), *PROGRAM, *words]
    paths = {"PYTHONPATH": str(ROOT), "TREMOR_RUNS": str(root()), "TREMOR_CHECKPOINTS": str(checkpoint.FOLDER.resolve())}
    with (folder / LOG).open("ab") as log:
        subprocess.run(
            ["/bin/sh", "-c", '"$@" &', "sh", *words], cwd=where, env={**os.environ, **paths}, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True, pass_fds=(lock,), check=True, timeout=60,
        )  # fmt: skip


def resume(name: str) -> Job:
    """Start the very same command again, on from its last saved state. InputError where it is at work, done, or not known how it began."""
    job = find(name)
    if job.alive:
        raise InputError(f"run '{name}' is {job.state} already")
    if job.state == "done":
        raise InputError(f"run '{name}' is done; nothing is left to resume")
    if not job.words:
        raise InputError(f"run '{name}' has no {WORDS} that says how it was started; give its command again, with the same folder")
    known = _job_json(job.folder)
    where = Path(known.get("cwd", ROOT))
    if not where.is_dir():
        raise InputError(f"run '{name}' was started in {where}, which is gone; give its command again, with the same folder")
    launch(job.folder, job.words, known.get("device", "auto"), where)
    return find(name)


def stop(name: str) -> Job:
    """Ask a job to stop: a queued one leaves the line, a running one saves its state first. InputError where it is over."""
    job = find(name)
    if not job.alive:
        raise InputError(f"run '{name}' is not running: it is {job.state}")
    (job.folder / STOP).touch()
    return job


def _job_json(folder: Path) -> dict[str, Any]:
    """job.json, or nothing where it is missing or says what no job of ours would."""
    try:
        found = json.loads((folder / WORDS).read_text(encoding="utf-8"))
        words = found["words"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    sound = isinstance(words, list) and all(isinstance(word, str) for word in words) and words and words[0] in VERBS
    return found if sound and isinstance(found.get("device", ""), str) and isinstance(found.get("cwd", ""), str) else {}


def read(folder: Path) -> Job:
    """One run. InputError where there is none. One that has written its end but whose process has not ended yet is still running: a study
    writes its tables then, and it cannot be resumed before."""
    status = read_status(folder)
    if status["state"] not in ("queued", "running") and slots.held(folder / LOCK):
        status.update(state="running", what="ending", eta=None)
    words = tuple(_job_json(folder).get("words", ()))
    return Job(name_of(folder), folder, words[0] if words else _kind(folder), status["state"], status, words, _place(folder, status))


def name_of(folder: Path) -> str:
    """The path below runs/, or the whole path of a folder elsewhere."""
    whole = folder.resolve()
    return whole.relative_to(root()).as_posix() if whole.is_relative_to(root()) else str(folder)


def _kind(folder: Path) -> str:
    """What a run that left no words says of itself in config.json."""
    known = read_config(folder)
    return "study" if known.get("kind") in ("study", "vector-study") else "train" if "model" in known else "run"


def folders() -> list[Path]:
    """Every run folder under runs/, or one folder deeper."""
    return sorted(path.parent for path in (*root().glob(f"*/{STATUS}"), *root().glob(f"*/*/{STATUS}")))


def jobs(kind: str | None = None) -> list[Job]:
    """Every run under runs/ (of one kind), the latest first. One whose files cannot be read is left out."""
    found = []
    for folder in folders():
        try:
            found.append(read(folder))
        except (CoreError, OSError):
            continue  # half copied, or no run of ours
    return sorted((job for job in found if kind in (None, job.kind)), key=lambda job: (str(job.status.get("started", "")), job.name), reverse=True)


def find(name: str) -> Job:
    """A run by its name. InputError lists the latest."""
    for folder in folders():
        if name_of(folder) == name:
            return read(folder)
    known = ", ".join(job.name for job in jobs()[:10])
    raise InputError(f"there is no run '{name}' under {checkpoint.RUNS}; " + (f"the latest are {known}" if known else "there is none yet"))


def line(device: str) -> list[Path]:
    """The folders that wait for a kind of device ("cpu", "cuda"), in their order. Those whose process is gone do not count."""
    waiting = []
    for folder in folders():
        try:
            status = read_status(folder)
        except (CoreError, OSError):
            continue  # half copied, or no run of ours
        if status["state"] == "queued" and status.get("device") == device:
            waiting.append((int(status.get("ticket", 0)), str(folder)))
    return [Path(folder) for _, folder in sorted(waiting)]


def _place(folder: Path, status: dict[str, Any]) -> int | None:
    waiting = line(str(status.get("device", ""))) if status["state"] == "queued" else []
    whole = folder.resolve()
    return waiting.index(whole) + 1 if whole in waiting else None


def said(folder: Path, most: int = 600) -> str:
    """The end of what a job printed: the sentence of an error, after its progress bars."""
    path = folder / LOG
    if not path.is_file():
        return ""
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - 20_000))
        lines = re.split(r"[\r\n]+", stream.read().decode("utf-8", "replace"))
    return "\n".join(line for line in lines if line.strip() and "it/s]" not in line and "s/it]" not in line)[-most:]
