"""What holds for every test: one thread, fixed seeds, no network but loopback, nothing written outside a temporary folder."""

# ruff: noqa: E402 - the environment is set before numpy, torch and core are imported: they read it once.

from __future__ import annotations

import os
import random
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["HF_HUB_OFFLINE"] = "1"
# Imported a second time as tests.conftest, this finds the folder that the first import made. Each of xdist's workers has its own: jobs
# stand in line for the one CPU of a runs folder.
_OURS = f"TREMOR_TESTS_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
_SCRATCH = Path(os.environ.get(_OURS) or tempfile.mkdtemp(prefix="tremor-tests-"))
os.environ[_OURS] = str(_SCRATCH)
os.environ["TREMOR_CACHE"] = str(_SCRATCH / "cache")
os.environ["TREMOR_RUNS"] = str(_SCRATCH / "runs")

import hypothesis
import numpy as np
import pytest

from tests import cpu_seconds

hypothesis.settings.register_profile("tremor", deadline=None, derandomize=True, max_examples=100)
hypothesis.settings.register_profile("search", deadline=None, max_examples=2_000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "tremor"))

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_LOOPBACK = ("127.0.0.1", "::1", "localhost", "", None)


class NetworkRefused(RuntimeError):
    """A test reached for the network. No CoreError: nothing in the project may catch it and carry on."""


def _stay_home(host: Any) -> None:
    name = host.decode() if isinstance(host, bytes) else host
    if name not in _LOOPBACK:
        raise NetworkRefused(f"a test tried to reach {name!r}; only loopback is open")


@pytest.fixture(autouse=True, scope="session")
def no_network() -> Iterator[None]:
    """Sockets reach loopback and Unix sockets only; names other than localhost are not looked up."""
    patch = pytest.MonkeyPatch()
    for method in ("connect", "connect_ex"):
        original = getattr(socket.socket, method)

        def checked(self: socket.socket, address: Any, original: Any = original) -> Any:
            if self.family in (socket.AF_INET, socket.AF_INET6):
                _stay_home(address[0])
            return original(self, address)

        patch.setattr(socket.socket, method, checked)
    look_up = socket.getaddrinfo

    def checked_look_up(host: Any, *arguments: Any, **options: Any) -> Any:
        _stay_home(host)
        return look_up(host, *arguments, **options)

    patch.setattr(socket, "getaddrinfo", checked_look_up)
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def seeds() -> None:
    """Our code takes explicit generators; this is for the packages that are compared with it and know only global ones."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)
        torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_model() -> Callable[[str], Any]:
    """tiny_model(kind): that model of the table, trained once (tests.tiny_models). All tests share it, so none changes it."""
    from tests import tiny_models  # costs torch

    return tiny_models.kept


@pytest.fixture
def checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in the place of checkpoints/."""
    import core.checkpoint

    folder = tmp_path / "checkpoints"
    folder.mkdir()
    monkeypatch.setattr(core.checkpoint, "FOLDER", folder)
    return folder


LONGEST = ("e2e/test_paths.py", "e2e/test_train.py", "e2e/test_accessibility.py", "e2e/")
"""These come first, so that no worker is left with one of them at the end."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--cpu-bound", type=float, default=0, help="fail tests that are not marked slow and cost more CPU seconds (tests/cpu_seconds.py)"
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    return (yield from cpu_seconds.measured(item))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if lines := cpu_seconds.summary(terminalreporter.getreports("passed") + terminalreporter.getreports("failed")):
        terminalreporter.section(f"not marked slow, and more than {cpu_seconds.SAID:g} CPU seconds")
        for line in lines:
            terminalreporter.write_line(line)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests have fifteen minutes each, for a machine that is busy, and are skipped where there is no browser. The longest files first."""
    items.sort(key=lambda item: next((i for i, part in enumerate(LONGEST) if part in item.nodeid), len(LONGEST)))
    for item in items:
        if item.get_closest_marker("e2e"):
            item.add_marker(pytest.mark.timeout(900))
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason="no chromium on this machine: apt-get install chromium"))


def pytest_sessionfinish() -> None:
    shutil.rmtree(_SCRATCH, ignore_errors=True)
