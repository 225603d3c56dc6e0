"""Long work that outlives who started it: a training or a study as a job in a run folder under runs/, from a page or `python -m core runs`.

    launch(folder_for("robust"), ["train", "--from", "debtags-xml-cnn", ...], "auto")

`launch` leaves a process of its own behind (core.runs.supervisor), which waits until the device is free, then runs the command. One job
works on a device at a time; the others stand in line in the order in which they were launched. Nobody serves the line: each waiting
process looks who stands before it, so that it moves on when pages and servers are closed, and a waiting process that was killed stands
in nobody's way. The command line is kept in job.json: `resume` starts the very same one.

A run folder may come from elsewhere. Nothing that lies in one is ever run or imported: every process works in this project's folder and
imports from there alone (`python -P`). Of job.json only the words and the device are used, and without a person's word only where this
installation has signed them (core.runs.orders).
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core import checkpoint
from core.errors import CoreError, InputError
from core.exhaustion import exhausted
from core.files import opened, refuse_links
from core.runs import locks
from core.runs.orders import JOB_VERBS, WORDS, Order, is_ours, read_job, whole, write_job
from core.runs.run_files import LOCK, LOG, STATUS, STOP, State, read_config, read_status, write_status
from core.runs.starting import PYTHON, ROOT, Parser, check, spawn

PROGRAM: tuple[str, ...] = (*PYTHON, "-m", "core")
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
    refusal: str = ""
    """Why it is not resumed on a click, whatever its state; empty where it is."""

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

    @property
    def command(self) -> str:
        """Its command line, to be read and typed; what would move a terminal's cursor is spelled out."""
        return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in shlex.join(("python", "-m", "core", *self.words)))

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
    Paths among the words are meant from the folder `where`. Returns at once. InputError where the folder is at work already, or where there
    is no such device."""
    if not words or words[0] not in JOB_VERBS:
        raise InputError(f"only {' and '.join(JOB_VERBS)} can be jobs, not '{' '.join(words[:1])}'")
    found = locks.devices(device)
    if not found:
        raise InputError(f"there is no device '{device}' on this machine; use cpu or auto")
    words, new = whole(words, where), not folder.exists()
    try:
        lock = locks.hold(folder / LOCK, ENDING)
        if lock is None:
            raise InputError(f"run '{name_of(folder)}' is queued or running already")
        try:
            (folder / STOP).unlink(missing_ok=True)
            write_job(folder, words, device, where)
            kind = "cpu" if found[0].name == "cpu" else "cuda"
            write_status(folder, state="queued", device=kind, ticket=time.time_ns(), what="", eta=None, message="", pid=None)
            spawn(folder, PROGRAM, words, lock)
        finally:
            os.close(lock)
    except OSError as error:
        if new:  # else its name would be taken by a run that never was
            shutil.rmtree(folder, ignore_errors=True)
        raise exhausted(error) or error from error


def resume(name: str, parser: Parser, trusted: bool = False) -> Job:
    """Start the very same command again, on from its last saved state. InputError where it is at work, done, not known how it began, or where
    its command came with the folder from elsewhere and nobody has said that it may run here (`trusted`). `parser`: of the command line
    (core.cli.parser), which knows the commands."""
    job = find(name)
    if job.alive:
        raise InputError(f"run '{name}' is {job.state} already")
    if job.state == "done":
        raise InputError(f"run '{name}' is done; nothing is left to resume")
    try:
        order = read_job(job.folder)
    except InputError as error:
        raise InputError(
            f"run '{name}' has no {WORDS} that says how it was started; give its command again, with the same folder ({error})"
        ) from error
    if not trusted and job.refusal:
        raise InputError(f"{job.refusal}\n{job.command}")
    check(job.folder, order.words, parser)
    refuse_links(job.folder)
    launch(job.folder, job.words, order.device, ROOT)
    return find(name)


def stop(name: str) -> Job:
    """Ask a job to stop: a queued one leaves the line, a running one saves its state first. InputError where it is over."""
    job = find(name)
    if not job.alive:
        raise InputError(f"run '{name}' is not running: it is {job.state}")
    (job.folder / STOP).touch()
    return job


def _order(folder: Path) -> Order | None:
    """What job.json says, None where it is missing or says what no job of ours would: `resume` says why."""
    try:
        return read_job(folder)
    except InputError:
        return None


def read(folder: Path) -> Job:
    """One run. InputError where there is none, or a damaged one. One that has written its end but whose process has not ended yet is still
    running: a study writes its tables then, and it cannot be resumed before."""
    status = read_status(folder)
    if status["state"] not in ("queued", "running") and locks.held(folder / LOCK):
        status.update(state="running", what="ending", eta=None)
    order, name = _order(folder), name_of(folder)
    known = _kind(folder)  # read in any case: a config.json that is damaged is said here, not where somebody draws it
    if order is None:
        return Job(
            name, folder, known, status["state"], status, (), _place(folder, status), "How it was started is not known: give its command again."
        )
    refusal = "" if is_ours(folder, order) else (
        f"Run '{name}' was not started by this installation, so its command is not run on a click. If it is what you want: "
        f"python -m core runs resume {shlex.quote(name)} --trust"
    )  # fmt: skip
    return Job(name, folder, order.words[0], status["state"], status, tuple(order.words), _place(folder, status), refusal)


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


@dataclass(frozen=True)
class Damaged:
    """A run folder that cannot be read, and why. `kind` is "run" where nothing tells it."""

    name: str
    folder: Path
    kind: str
    reason: str

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "kind": self.kind, "folder": str(self.folder), "reason": self.reason}


def _read_all() -> tuple[list[Job], list[Damaged]]:
    found, damaged = [], []
    for folder in folders():
        try:
            found.append(read(folder))
        except (CoreError, OSError) as error:
            damaged.append(Damaged(name_of(folder), folder, _guessed(folder), str(error)))
    return found, damaged


def jobs(kind: str | None = None) -> list[Job]:
    """Every run under runs/ (of one kind), the latest first. Those whose files cannot be read are in `damaged`."""
    found = _read_all()[0]
    return sorted((job for job in found if kind in (None, job.kind)), key=lambda job: (job.status["started"], job.name), reverse=True)


def damaged(kind: str | None = None) -> list[Damaged]:
    """Every run under runs/ that cannot be read; with a `kind`, those that are, or may be, of it."""
    return [each for each in _read_all()[1] if kind is None or each.kind in (kind, "run")]


def _guessed(folder: Path) -> str:
    order = _order(folder)
    try:
        return order.words[0] if order is not None else _kind(folder)
    except InputError:
        return "run"


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
            waiting.append((status.get("ticket", 0), str(folder)))
    return [Path(folder) for _, folder in sorted(waiting)]


def _place(folder: Path, status: dict[str, Any]) -> int | None:
    waiting = line(str(status.get("device", ""))) if status["state"] == "queued" else []
    whole = folder.resolve()
    return waiting.index(whole) + 1 if whole in waiting else None


def said(folder: Path, most: int = 600) -> str:
    """The end of what a job printed: the sentence of an error, after its progress bars."""
    try:
        with opened(folder / LOG) as stream:
            stream.seek(max(0, stream.seek(0, os.SEEK_END) - 20_000))
            lines = re.split(r"[\r\n]+", stream.read(20_000).decode("utf-8", "replace"))
    except InputError:
        return ""  # nothing was printed, or what lies there is no log
    return "\n".join(line for line in lines if line.strip() and "it/s]" not in line and "s/it]" not in line)[-most:]
