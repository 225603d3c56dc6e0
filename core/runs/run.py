"""A run is a folder that a training, or any long piece of work, writes while it works, and that pages and people read.

config.json      what was asked for; a folder is resumed only with the same request
job.json         the command line, so that the very same work can be taken up again (core.runs.jobs)
status.json      state, step, total, seconds left; replaced atomically, so a reader never sees half of it
progress.jsonl   one JSON object a line, appended; a killed run may leave a last line unfinished and, once resumed,
                 repeats the steps after its last saved state: `read_progress` takes care of both
tb/              the same numbers as TensorBoard's event files
lock             held as long as the run is alive (core.runs.locks)
stop             a file that asks the run to stop; SIGTERM and SIGINT (control-C) do the same
log.txt          what a run that was started as a job printed
state/           what resuming needs (core.training.loop)
checkpoint/      the finished model (core.checkpoint)
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

from core import checkpoint
from core.checkpoint import write_atomically
from core.errors import Cancelled, CoreError, InputError, SettingsError
from core.exhaustion import as_sentence, exhausted
from core.files import append_to, opened, read_json, refuse_links
from core.files.writing import append
from core.runs import locks, resources
from core.runs.orders import WORDS, write_job
from core.runs.run_files import LOCK, LOG, PROGRESS, STATUS, STOP, State, Status, fresh, now, read_config, read_progress, read_status, write_status
from core.training.board import TensorBoard

__all__ = [
    "DEVICE", "JOB", "LOCK", "LOG", "PROGRESS", "RESERVE", "STATUS", "STOP", "WORDS", "Run", "State", "Status",
    "read_config", "read_progress", "read_status", "write_job", "write_status",
]  # fmt: skip

JOB = "TREMOR_JOB"
"""Environment variable: the folder whose lock, and whose device, the process that started this one holds for it."""
DEVICE = "TREMOR_DEVICE"
"""Environment variable: the device that a job's process works on, as in status.json."""
RESERVE, RESERVED_BYTES = "reserve", 64 * 1024
"""A file that is given up when the disk is full, so that the last status can still be written."""

STATUS_SECONDS = 1.0
"""At most this often status.json is replaced: each replacement is an fsync."""


SPELLED = ("checkpoint", "dataset", "language_model", "pairs_from", "encoder")
"""Settings that may be a path, which job.json keeps in full: resumed, it is another spelling of what was typed."""


def _same(found: Any, wanted: Any, name: str = "") -> bool:
    """Whether two requests are one. The content of what a path names is told by its digest, which stands beside it."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(_same(found[key], wanted[key], key) for key in found)
    if name in SPELLED and isinstance(found, str) and isinstance(wanted, str) and found and wanted and found != wanted:
        one, other = sorted((Path(found), Path(wanted)), key=Path.is_absolute)
        tail = [part for part in one.parts if part != ".."]
        return other.is_absolute() and not one.is_absolute() and list(other.parts[len(other.parts) - len(tail) :]) == tail
    return bool(found == wanted)


def _end_last_line(path: Path) -> None:
    """A line that a kill cut short must not swallow the next one."""
    if not os.path.lexists(path):
        return
    with opened(path) as stream:
        whole = not stream.seek(0, os.SEEK_END) or (stream.seek(-1, os.SEEK_END), stream.read(1))[1] == b"\n"
    if not whole:
        with append_to(path) as more:
            more.write(b"\n")


@dataclass
class Run:
    """A run folder in use: `with Run(folder, seed=0) as run: train(config, dataset, labels, run)`.

    Leaving the block writes the state: done, stopped (Cancelled) or crashed (any other exception, which goes on).
    `device` is "cpu", "cuda" or "auto" (CUDA where there is one). `quiet` hides the bar on standard error. Of several
    processes that train together only the one with RANK 0 writes.
    """

    folder: Path
    seed: int = 0
    device: str = "auto"
    quiet: bool = False
    _status: dict[str, Any] = field(default_factory=dict, repr=False)
    _written: float = field(default=0.0, repr=False)
    _since: tuple[str, int, float] = field(default=("", 0, 0.0), repr=False)
    _bar: Any = field(default=None, repr=False)
    _signalled: threading.Event = field(default_factory=threading.Event, repr=False)
    _handlers: dict[int, Any] = field(default_factory=dict, repr=False)
    _held: list[int] = field(default_factory=list, repr=False)
    _board: TensorBoard = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.device not in ("cpu", "cuda", "auto"):
            raise SettingsError(f"device must be cpu, cuda or auto; got {self.device!r}")
        if not 0 <= self.seed < 2**32:
            raise SettingsError(f"seed must lie between 0 and {2**32 - 1}; got {self.seed}")
        self.folder = Path(self.folder)
        with as_sentence():
            self.folder.mkdir(parents=True, exist_ok=True)
            if self.primary:
                _end_last_line(self.folder / "progress.jsonl")
        self._board = TensorBoard(self.folder / "tb")
        self._status = fresh()

    @property
    def primary(self) -> bool:
        """Whether this process writes the folder."""
        return os.environ.get("RANK", "0") == "0"

    def __enter__(self) -> Self:
        with ExitStack() as undo, as_sentence():
            undo.callback(self._leave)
            if self.primary:
                self._begin()
            if threading.current_thread() is threading.main_thread():
                self._handlers = {number: signal.signal(number, self._on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
            self._write_status(state="running")
            undo.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._close_bar()
        full = None if error is None else exhausted(error)
        try:
            (self.folder / RESERVE).unlink(missing_ok=True)
            if error is None:
                self._write_status(state="done", eta=0)
            elif isinstance(error, Cancelled):
                self._write_status(state="stopped", eta=None, message=str(error))
            else:
                said = full or (error if isinstance(error, CoreError) else f"{type(error).__name__}: {error}")
                self._write_status(state="crashed", eta=None, message=str(said))
            self._board.close()
        finally:
            self._leave()
        if full is not None and full is not error:
            raise full from error

    def _leave(self) -> None:
        """Give back what was taken: the signals, the folder's lock, the device's."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}
        while self._held:
            os.close(self._held.pop())

    def _begin(self) -> None:
        """Take the folder, for nobody else works in it at the same time, and the device, if it is free: jobs wait for their turn
        (core.runs.jobs), but who starts a run by hand wants it now."""
        if os.environ.get(JOB) == str(self.folder.resolve()):
            self._status["device"] = os.environ.get(DEVICE, "")
        else:
            refuse_links(self.folder, deep=False)
            own = locks.hold(self.folder / LOCK)
            if own is None:
                raise InputError(f"{self.folder} is being worked on by another process; wait for its end, stop it, or choose another folder")
            self._held.append(own)
            self.stop_file.unlink(missing_ok=True)  # a request that an earlier run has already obeyed
            if checkpoint.RUNS.resolve() in self.folder.resolve().parents:
                self._register()
        write_atomically(self.folder / RESERVE, os.urandom(RESERVED_BYTES))  # noise, so that no file system stores it as nothing

    def _register(self) -> None:
        """A run under runs/ that was started by hand can be taken up again by its name, and those that wait see its device taken."""
        if Path(sys.argv[0]).parts[-2:] == ("core", "__main__.py"):
            write_job(self.folder, sys.argv[1:], self.device)
        if (taken := locks.take(self.device)) is not None:
            self._held.append(taken[1])
            self._status["device"] = taken[0].name

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._signalled.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt  # asked twice: do not wait for the end of the step
        self._signalled.set()

    @property
    def stop_file(self) -> Path:
        return self.folder / STOP

    def stopping(self) -> bool:
        """Whether someone asked this run to stop."""
        return self._signalled.is_set() or self.stop_file.exists()

    def configure(self, config: Mapping[str, Any]) -> None:
        """Write config.json; if the folder has one already, it must say the same. Raises SettingsError naming what differs."""
        path = self.folder / "config.json"
        wanted = json.loads(json.dumps(config))
        if path.exists():
            found = read_json(path, dict[str, Any])
            if differing := sorted(key for key in {*found, *wanted} if not _same(found.get(key), wanted.get(key))):
                raise SettingsError(f"{self.folder} was started with another {', '.join(differing)}; resume with the same, or choose a new folder")
        elif self.primary:
            write_atomically(path, json.dumps(wanted, indent=1, ensure_ascii=False) + "\n")

    def progress(self, done: int, total: int, what: str) -> None:
        """Move the bar and status.json on. Raises Cancelled if someone asked to stop."""
        now = time.monotonic()
        if self._since[0] != what or done < self._since[1]:
            self._since = (what, done, now)
            self._close_bar()
        per_step = (now - self._since[2]) / max(1, done - self._since[1])
        if self.primary:
            self._move_bar(done, total, what)
            if now - self._written >= STATUS_SECONDS or done == total:
                self._written = now
                eta = round(per_step * (total - done)) if done > self._since[1] else None
                self._write_status(what=what, step=done, total=total, eta=eta)
        if self.stopping():
            raise Cancelled(f"stopped at {what} {done:,} of {total:,}; the same command goes on from here")

    def log(self, record: Mapping[str, Any]) -> None:
        """Append one record, with the time, to progress.jsonl, in one write."""
        if self.primary:
            line = json.dumps({**record, "time": now()}, ensure_ascii=False) + "\n"
            append(self.folder / PROGRESS, line.encode("utf-8", "surrogatepass"), sync=False)
            self._board.add(record)

    def _write_status(self, **changes: Any) -> None:
        self._status.update(changes, updated=now(), **resources.peaks())
        if self.primary:
            write_atomically(self.folder / "status.json", json.dumps(self._status, ensure_ascii=False) + "\n")

    def _move_bar(self, done: int, total: int, what: str) -> None:
        if self.quiet or JOB in os.environ:  # a job's progress is read from its status; its log is for what it says
            return
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(total=total, initial=done, desc=what, file=sys.stderr, mininterval=0.5, dynamic_ncols=True)
        self._bar.update(done - self._bar.n)

    def _close_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
