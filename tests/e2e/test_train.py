"""The Train page in a browser, with real trainings on a data set made for it: what outlives the page, the browser and the server."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core import checkpoint
from core.data import debtags
from core.runs import jobs
from tests.e2e.conftest import Open, at, ready, serving
from tests.pages.tiny import CUES, tiny_dataset
from tests.unit.jobs.test_jobs import processes, until
from tests.unit.test_debtags import write_index

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture(scope="module")
def world(tiny_checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty runs/, and a debtags of 400 short descriptions; what is at work at the end is killed."""
    home = tmp_path_factory.mktemp("train")
    texts = tiny_dataset(400).splits["train"]
    assert texts.texts is not None
    tags = [", ".join(list(CUES)[label] for label in row.indices) for row in texts.truth]
    index = {f"p{i}": (f"s{i}", tag, f"package {i}\n {text}") for i, (tag, text) in enumerate(zip(tags, texts.texts, strict=True))}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TREMOR_CACHE", str(home / "cache"))
        patch.setenv("TREMOR_RUNS", str(home / "runs"))
        patch.setattr(checkpoint, "RUNS", home / "runs")
        debtags.build(write_index(home / "index", index))
        yield home
        for job in jobs.jobs():
            for pid in processes(job.folder):
                os.kill(pid, signal.SIGKILL)


@contextmanager
def paused(folder: Path) -> Iterator[None]:
    """A training that is at work, but leaves the processor to others for as long as nothing is asked of it."""
    held = sorted(processes(folder))
    for pid in held:
        os.kill(pid, signal.SIGSTOP)
    yield
    for pid in held:
        os.kill(pid, signal.SIGCONT)


def launch(tab: Page, name: str, epochs: int, folded: bool) -> None:
    """Fill in the form, which offers no parent here: MACH, for so many epochs. Where there is no training yet, the form is the page; else it
    lies folded away."""
    if folded:
        tab.get_by_role("button", name="New training").click()
    expect(tab.get_by_role("button", name="Launch")).to_be_visible()  # the form loads torch at its first sight
    ready(tab)
    tab.get_by_role("combobox", name="Model").click()
    tab.get_by_role("option", name="MACH").click()
    ready(tab)
    tab.get_by_text("Settings of MACH").click()
    box = tab.get_by_role("spinbutton", name="Epochs")
    box.fill(str(epochs))
    box.press("Enter")
    ready(tab)
    box = tab.get_by_role("textbox", name="Name of its folder under runs/")
    box.fill(name)
    box.press("Enter")
    ready(tab)
    tab.get_by_role("button", name="Launch").click()
    ready(tab)
    if folded:
        tab.keyboard.press("Escape")


def test_a_training_outlives_the_page_and_a_kill(world: Path, tiny_checkpoints: Path, open_tab: Open, tmp_path: Path) -> None:
    with serving(tiny_checkpoints, tmp_path / "log.txt") as address:
        tab = open_tab(f"{address}/train")
        expect(tab.get_by_text("There is no training yet")).to_be_visible()
        launch(tab, "long", 5_000, folded=False)
        expect(tab.get_by_text("long: training")).to_be_visible()
        at(tab, "run=long")
        tab.goto("about:blank")
        until(lambda: jobs.find("long").status["step"] > 5)
        tab = open_tab(f"{address}/train?run=long", scheme="dark")
        expect(tab.get_by_text("long: training")).to_be_visible()
        expect(tab.locator(".js-plotly-plot").first).to_be_visible()
        tab.screenshot(path=tmp_path / "train-dark.png", full_page=True)
        tab.get_by_role("button", name="Stop").click()
        expect(tab.get_by_text("long was stopped")).to_be_visible()
        step = jobs.find("long").status["step"]
        tab.get_by_role("button", name="Resume").click()
        expect(tab.get_by_text("long: training")).to_be_visible()
        until(lambda: jobs.find("long").status["step"] > step)
        for pid in sorted(processes(world / "runs" / "long"), reverse=True):
            os.kill(pid, signal.SIGKILL)
        expect(tab.get_by_text("long broke off")).to_be_visible(timeout=20_000)
        tab.get_by_role("button", name="Resume").click()
        expect(tab.get_by_text("long: training")).to_be_visible()
        tab.screenshot(path=tmp_path / "train-light.png", full_page=True)
        tab.goto("about:blank")


def test_two_browsers_one_device_and_a_server_that_is_killed(world: Path, tiny_checkpoints: Path, open_tab: Open, tmp_path: Path) -> None:
    """`long` is at work since the test before."""
    with serving(tiny_checkpoints, tmp_path / "first.txt") as address, paused(world / "runs" / "long"):
        first, second = open_tab(f"{address}/train?run=long"), open_tab(f"{address}/train")
        expect(first.get_by_text("long: training")).to_be_visible()
        launch(second, "short", 1, folded=True)
        expect(second.get_by_text("short: waiting for the CPU, next")).to_be_visible()
        expect(second.get_by_text("long: training")).to_be_visible()
        second.screenshot(path=tmp_path / "line.png", full_page=True)
        first.goto("about:blank")
        second.goto("about:blank")
    before = jobs.find("long").status["step"]
    until(lambda: jobs.find("long").status["step"] > before)
    with serving(tiny_checkpoints, tmp_path / "second.txt") as address:
        tab = open_tab(f"{address}/train?run=short")
        expect(tab.get_by_text("short: waiting for the CPU, next")).to_be_visible()
        tab.get_by_text("long: training").wait_for()
        tab.get_by_role("button", name="Stop", exact=True).click()
        expect(tab.get_by_text("short is done")).to_be_visible()
        expect(tab.get_by_text("Its checkpoint lies in")).to_be_visible()
        assert jobs.find("long").state == "stopped"
        tab.goto("about:blank")  # a page left open asks a server that is gone
