"""The server's memory over visits: three cycles over all shipped checkpoints, a new document and a new session each.

A visitor comes with a document of their own, looks at its labels, has the best one explained, starts an attack on it, for which the
language model is loaded, and closes the browser. Read after each cycle: the server's resident memory.

Run by `make bench`, or alone: python -m tests.benchmarks.bench_memory [cycles] [checkpoint ...]
TREMOR_MEMORY is passed on to the server.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from core import checkpoint
from tests.conftest import CHROMIUM

ROOT = Path(__file__).resolve().parents[2]
CYCLES, GROWTH = 3, 1.10
PATIENCE = 120_000
WORDS = (
    *("small", "editor", "graphical", "network", "server", "client", "library", "python", "terminal", "game", "audio", "player", "image"),
    *("converter", "mail", "reader", "font", "package", "database", "backend", "compiler", "debugger", "documentation", "archive", "tool"),
    *("monitor", "desktop", "browser", "parser", "protocol", "secure", "shell", "file", "manager"),
)


def document(number: int) -> str:
    """Words enough for a model's window, and others each time."""
    return " ".join(WORDS[(number * 7 + place * (number % 5 + 3)) % len(WORDS)] for place in range(60)) + f" number {number}."


def resident(pid: int) -> float:
    """Resident memory of a process, in MB."""
    found = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(found.split()[1]) / 1024


def visit(browser: Browser, address: str, name: str, text: str) -> None:
    """Explain with a document and its best label, then Attack and Start; then the browser is closed."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000}, reduced_motion="reduce")
    tab = context.new_page()
    tab.set_default_timeout(PATIENCE)
    try:
        tab.goto(f"{address}/explain?model={name}&as=text")
        tab.get_by_role("textbox", name="Document").fill(text)
        tab.get_by_role("button", name="Show its labels").click()
        tab.locator("button.pick").first.click()
        expect(tab.get_by_text("How far can this be trusted?").or_(tab.get_by_role("button", name="Explain with"))).to_be_visible()
        tab.locator('[data-testid="stSidebar"]').get_by_role("link", name="Attack").click()
        start = tab.get_by_role("button", name="Start", exact=True)
        start.click()
        expect(tab.get_by_role("button", name="Setting")).to_be_visible()
    finally:
        context.close()


def measure(cycles: int, names: list[str]) -> list[float]:
    """MB after each cycle."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    address, found, number = f"http://127.0.0.1:{port}", [], 0
    with tempfile.NamedTemporaryFile("w+", suffix=".log") as log, sync_playwright() as playwright:
        server = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={port}"], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"])
        try:
            wait(address)
            expect.set_options(timeout=PATIENCE)
            for cycle in range(cycles):
                for name in names:
                    number += 1
                    visit(browser, address, name, document(number))
                    print(f"  cycle {cycle + 1}  {name:30s} {resident(server.pid):7.0f} MB  {time.strftime('%X')}", flush=True)
                found.append(resident(server.pid))
        except BaseException:
            print(Path(log.name).read_text(errors="replace")[-3000:])
            raise
        finally:
            browser.close()
            server.kill()
            server.wait()
    return found


def wait(address: str) -> None:
    for _ in range(240):
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.25)
    raise AssertionError("the server did not start")


@pytest.mark.benchmark
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine: apt-get install chromium")
def test_memory_is_flat_after_the_first_cycle() -> None:
    found = measure(CYCLES, checkpoint.names(checkpoint.FOLDER))
    said = ", ".join(f"{each:.0f}" for each in found)
    print(f"\nresident memory after each cycle: {said} MB (TREMOR_MEMORY {os.environ.get('TREMOR_MEMORY', 'unset')})")
    assert max(found[1:]) <= GROWTH * found[0]


if __name__ == "__main__":
    measured = measure(int(sys.argv[1]) if len(sys.argv) > 1 else CYCLES, sys.argv[2:] or checkpoint.names(checkpoint.FOLDER))
    print(", ".join(f"{each:.0f} MB" for each in measured))
