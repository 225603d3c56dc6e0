"""A run is a folder that a training, or any long piece of work, writes while it works, and that pages and people read.

config.json      what was asked for; a folder is resumed only with the same request
status.json      state, step, total, seconds left; replaced atomically, so a reader never sees half of it
progress.jsonl   one JSON object a line, appended; a killed run may leave a last line unfinished and, once resumed,
                 repeats the steps after its last saved state: `read_progress` takes care of both
stop             a file that asks the run to stop; SIGTERM and SIGINT (control-C) do the same
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
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Literal, Self

from core.checkpoint import write_atomically
from core.errors import Cancelled, InputError, SettingsError

State = Literal["running", "done", "stopped", "crashed"]

STATUS_SECONDS = 1.0
"""At most this often status.json is replaced: each replacement is an fsync."""


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _end_last_line(path: Path) -> None:
    """A line that a kill cut short must not swallow the next one."""
    if path.is_file() and path.stat().st_size and path.read_bytes()[-1:] != b"\n":
        with path.open("ab") as stream:
            stream.write(b"\n")


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

    def __post_init__(self) -> None:
        if self.device not in ("cpu", "cuda", "auto"):
            raise SettingsError(f"device must be cpu, cuda or auto; got {self.device!r}")
        if not 0 <= self.seed < 2**32:
            raise SettingsError(f"seed must lie between 0 and {2**32 - 1}; got {self.seed}")
        self.folder = Path(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.primary:
            _end_last_line(self.folder / "progress.jsonl")
        self._status = {"state": "running", "what": "", "step": 0, "total": 0, "eta": None, "started": _now(), "pid": os.getpid(), "message": ""}

    @property
    def primary(self) -> bool:
        """Whether this process writes the folder."""
        return os.environ.get("RANK", "0") == "0"

    def __enter__(self) -> Self:
        self.stop_file.unlink(missing_ok=True)  # a request that an earlier run has already obeyed
        if threading.current_thread() is threading.main_thread():
            self._handlers = {number: signal.signal(number, self._on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
        self._write_status(state="running")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}
        self._close_bar()
        if error is None:
            self._write_status(state="done", eta=0)
        elif isinstance(error, Cancelled):
            self._write_status(state="stopped", eta=None, message=str(error))
        else:
            self._write_status(state="crashed", eta=None, message=f"{type(error).__name__}: {error}")

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._signalled.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt  # asked twice: do not wait for the end of the step
        self._signalled.set()

    @property
    def stop_file(self) -> Path:
        return self.folder / "stop"

    def stopping(self) -> bool:
        """Whether someone asked this run to stop."""
        return self._signalled.is_set() or self.stop_file.exists()

    def configure(self, config: Mapping[str, Any]) -> None:
        """Write config.json; if the folder has one already, it must say the same. Raises SettingsError naming what differs."""
        path = self.folder / "config.json"
        wanted = json.loads(json.dumps(config))
        if path.exists():
            found = json.loads(path.read_text(encoding="utf-8"))
            if differing := sorted(key for key in {*found, *wanted} if found.get(key) != wanted.get(key)):
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
            with (self.folder / "progress.jsonl").open("a", encoding="utf-8", buffering=1) as stream:
                stream.write(json.dumps({**record, "time": _now()}, ensure_ascii=False) + "\n")

    def _write_status(self, **changes: Any) -> None:
        self._status.update(changes, updated=_now())
        if self.primary:
            write_atomically(self.folder / "status.json", json.dumps(self._status, ensure_ascii=False) + "\n")

    def _move_bar(self, done: int, total: int, what: str) -> None:
        if self.quiet:
            return
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(total=total, initial=done, desc=what, file=sys.stderr, mininterval=0.5, dynamic_ncols=True)
        self._bar.update(done - self._bar.n)

    def _close_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def read_status(folder: Path) -> dict[str, Any]:
    """status.json of a run folder. A run that says it is running but whose process is gone (kill -9, power) is crashed.
    Raises InputError where there is no run."""
    path = Path(folder) / "status.json"
    if not path.is_file():
        raise InputError(f"{folder} is no run folder: it has no status.json")
    status: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if status["state"] == "running" and not _alive(int(status["pid"])):
        status.update(state="crashed", eta=None, message="its process is gone; the same command goes on from the last saved state")
    return status


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # it exists and is somebody else's
    return True


def read_progress(folder: Path) -> list[dict[str, Any]]:
    """The records of progress.jsonl in order, without an unfinished last line; of records with the same `step` and
    `kind` (steps that a resumed run did again) only the last."""
    path = Path(folder) / "progress.jsonl"
    records: list[dict[str, Any]] = []
    for line in path.read_text(encoding="utf-8").split("\n") if path.is_file() else ():
        with suppress(ValueError):  # a line that a kill cut short: at the end, or in the middle once the run was resumed
            records.append(json.loads(line))
    last = {(record.get("step"), record.get("kind")) if "step" in record else index: index for index, record in enumerate(records)}
    return [records[index] for index in sorted(last.values())]
