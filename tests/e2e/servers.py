"""Servers of the app: by `streamlit run` as a person starts it, or forked from a process that has imported the large packages before.

A server imports for two to four CPU seconds until it has shown its pages, and the browser tests start more than twenty. The fork server is
Python's own (multiprocessing); it runs one thread, and each process of tests has one from its first server on. It has imported packages only,
nothing of ours: our modules read the environment as they are imported, and in which order a fresh server imports them is a thing to be tested.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path
from typing import Protocol

ROOT = Path(__file__).resolve().parents[2]

PACKAGES = (
    "streamlit.web.cli", "streamlit.web.bootstrap", "streamlit.web.server.app_discovery", "streamlit.web.server.starlette.starlette_server",
    "uvicorn.protocols.http.h11_impl", "uvicorn.protocols.websockets.websockets_sansio_impl", "rich.traceback", "PIL.Image", "pandas", "pyarrow",
    "sklearn.feature_extraction.text", "sklearn.linear_model", "sklearn.svm", "torch",
)  # fmt: skip

ONE_THREAD = ("JE_ARROW_MALLOC_CONF", "background_thread:false")
"""Else pyarrow starts a thread as it is imported, and what a process with two threads forks may hang."""


class Server(Protocol):
    """A process that serves."""

    def poll(self) -> int | None:
        """Its exit status, None while it runs."""

    def end(self) -> None:
        """Killed: asked to end, it takes its time."""


class Forked:
    """See the module's docstring."""

    def __init__(self, arguments: list[str], folder: Path, environment: dict[str, str], log: Path) -> None:
        from unittest.mock import patch  # a server has no need of it

        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(list(PACKAGES))
        self._process = context.Process(target=serve, args=(arguments, str(folder), environment, str(log)))
        with patch.dict(os.environ, [ONE_THREAD]):
            self._process.start()  # and the fork server, where there is none yet

    def poll(self) -> int | None:
        return self._process.exitcode

    def end(self) -> None:
        self._process.kill()
        self._process.join()
        self._process.close()


class Run:
    """`streamlit run`, in a process of its own from the start."""

    def __init__(self, arguments: list[str], folder: Path, environment: dict[str, str], log: Path) -> None:
        with log.open("wb") as stream:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "streamlit", *arguments], cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream
            )

    def poll(self) -> int | None:
        return self._process.poll()

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


def serve(arguments: list[str], folder: str, environment: dict[str, str], log: str) -> None:
    """In the forked process: what `python -m streamlit` does, there, with that environment, its words in the log."""
    stream = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for output in (1, 2):
        os.dup2(stream, output)
    os.close(stream)
    assert len(list(Path(f"/proc/{os.getppid()}/task").iterdir())) == 1, "the fork server has more than one thread: a package started it"
    assert not any(name.split(".")[0] in ("core", "pages", "app") for name in sys.modules), "ours is imported by each server anew"
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.path[:] = [folder, *(place for place in sys.path if place and Path(place).resolve() != ROOT)]
    sys.argv = ["streamlit", *arguments]
    from streamlit.web import cli

    cli.main(prog_name="streamlit")
