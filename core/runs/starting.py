"""How the process of a job is started: in this project's folder, importing from there alone, for a command that goes on in its own folder."""

from __future__ import annotations

import os
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

from core import checkpoint
from core.errors import InputError
from core.files import append_to
from core.runs.orders import WORDS
from core.runs.run_files import LOG

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("TREMOR_CACHE", "TREMOR_DATA", "TREMOR_EVIDENCE", "TREMOR_WORDNET")
"""Variables that name a folder to read, perhaps from where the server stands."""
Parser = Callable[[Sequence[str]], ArgumentParser]
PYTHON = (sys.executable, "-P")
"""-P: neither the folder that a process works in nor that of its script is on the import path."""


def spawn(folder: Path, program: Sequence[str], words: Sequence[str], lock: int) -> None:
    """Start the process that watches over the job. The shell between leaves it at once, so that it is nobody's child here: no zombie
    stays, and nothing has to be waited for."""
    words = [*PYTHON, "-m", "core.runs.supervisor", str(folder.resolve()), str(lock), *program, *words]
    with append_to(folder / LOG) as log:
        subprocess.run(
            ["/bin/sh", "-c", '"$@" &', "sh", *words], cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True, pass_fds=(lock,), check=True, timeout=60,
        )  # fmt: skip


def finish(words: Sequence[str]) -> int:
    """Run `python -m core WORDS` to its end, beside this process; its exit status. What it prints goes to standard error: standard output
    belongs to whoever waits for it."""
    return subprocess.run([*PYTHON, "-m", "core", *words], cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, stdout=2, check=False).returncode


def environment() -> dict[str, str]:
    """Of a process that works in this project's folder: what this one reads elsewhere is named in full, and neither modules nor programs
    are looked for in any folder that is not. PYTHONSAFEPATH is -P for the processes that it starts in turn."""
    found = dict(os.environ)
    found.update({name: str(Path(found[name]).absolute()) for name in FOLDERS if found.get(name)})
    found["PATH"] = os.pathsep.join(each for each in found.get("PATH", os.defpath).split(os.pathsep) if Path(each).is_absolute())
    folders = {"TREMOR_RUNS": str(checkpoint.RUNS.resolve()), "TREMOR_CHECKPOINTS": str(checkpoint.FOLDER.resolve())}
    return {**found, **folders, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}


def check(folder: Path, words: Sequence[str], parser: Parser) -> None:
    """InputError for a command that `parser` (core.cli.parser) does not know, or that would work anywhere else than in the run's own folder."""
    said = StringIO()
    try:
        with redirect_stdout(said), redirect_stderr(said):
            found = parser(words).parse_args(list(words))
    except SystemExit as error:
        last = (said.getvalue().strip().splitlines() or [""])[-1]
        raise InputError(f"the command in {folder / WORDS} is none that this version knows: {last}") from error
    named = (found.run or found.out) if words[0] == "train" else found.out
    if named is None or Path(named).resolve() != folder.resolve():
        raise InputError(f"the command in {folder / WORDS} works in {named}, not in its own folder; give it yourself if that is what you want")
    if getattr(found, "action", "run") != "run" or getattr(found, "estimate", False):
        raise InputError(f"the command in {folder / WORDS} is no {words[0]} that could go on; give it yourself if that is what you want")
