"""The way through the pages: from every page to every other with a document, a label and a checkpoint chosen, each time in a fresh visit.

A visit is a session of the server, which a load of the page begins; what is kept in the browser is thrown away before each. That matters: what
code chose in the only run of a page was lost to the next page's widget of the same name (pages/parts/session.py, `begin`), and a second run,
or a page seen before, hid it. So no two ways share a visit.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core import checkpoint
from pages.parts.frame import PAGES
from tests.e2e.conftest import Open, serving
from tests.pages.tiny import save_variant

pytestmark = pytest.mark.e2e

NAMES = [name for _, name, _ in PAGES]
STEMS = {name: "" if script == "app.py" else Path(script).stem for script, name, _ in PAGES}
CHOSEN = "sample=01-audio-editor&label=use%3A%3Aediting&model=tiny-robust"
"""Not the default checkpoint, so that a choice that is lost is seen."""


@pytest.fixture(scope="module")
def folder(tiny_checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base and a robust checkpoint: Compare is full."""
    folder = tmp_path_factory.mktemp("paths")
    shutil.copytree(tiny_checkpoints / "tiny-linear", folder / "checkpoints" / "tiny-linear")
    save_variant(folder / "checkpoints" / "tiny-linear", folder / "checkpoints" / "tiny-robust", halved=("paste", "cut"))
    return folder


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TREMOR_RUNS", str(folder / "runs"))
        with serving(folder / "checkpoints", folder / "log.txt") as address:
            yield address


def stands(tab: Page, name: str, digest: str) -> None:
    """The page is drawn to its end, of the checkpoint that was chosen, without an error."""
    expect(tab).to_have_title(f"{name} · Tremor")
    expect(tab.locator('[data-testid="stApp"][data-test-script-state="notRunning"]')).to_be_attached()
    expect(tab.locator('[data-testid="stSidebar"] dl.card')).to_contain_text(digest[:8])
    expect(tab.get_by_test_id("stException")).to_have_count(0)
    expect(tab.get_by_text("This app has encountered an error")).to_have_count(0)


def afresh(tab: Page, address: str) -> None:
    """A visit that begins with nothing kept in the browser."""
    tab.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
    tab.context.clear_cookies()
    tab.goto(address)


@pytest.mark.slow
@pytest.mark.parametrize("start", NAMES)
def test_from_every_page_to_every_other(start: str, url: str, folder: Path, open_tab: Open) -> None:
    digest = str(checkpoint.read_config(folder / "checkpoints" / "tiny-robust")["digest"])
    address = f"{url}/{STEMS[start]}?{CHOSEN}"
    tab = open_tab(address)
    for number, end in enumerate(name for name in NAMES if name != start):
        if number:
            afresh(tab, address)
        stands(tab, start, digest)
        tab.get_by_test_id("stSidebar").get_by_role("link", name=end, exact=True).click()
        stands(tab, end, digest)
    tab.goto("about:blank")
    log = (folder / "log.txt").read_text(errors="replace")
    assert "Traceback" not in log and "Error" not in log, log[-4000:]


def test_a_checkpoint_that_was_chosen_goes_along(url: str, folder: Path, open_tab: Open) -> None:
    """Chosen by hand on one page, seen on the next, and Compare begins with its kin. tests/pages/test_paths.py chooses every kind on every page."""
    digests = {name: str(checkpoint.read_config(folder / "checkpoints" / name)["digest"]) for name in ("tiny-linear", "tiny-robust")}
    tab = open_tab(f"{url}/attack?sample=01-audio-editor&label=use%3A%3Aediting")
    stands(tab, "Attack", digests["tiny-linear"])
    sidebar = tab.get_by_test_id("stSidebar")
    sidebar.get_by_role("combobox", name="Checkpoint").click()
    tab.get_by_role("option", name="tiny-robust").click()
    stands(tab, "Attack", digests["tiny-robust"])
    for name in ("Compare", "Explain", "Data"):
        sidebar.get_by_role("link", name=name, exact=True).click()
        stands(tab, name, digests["tiny-robust"])
        if name == "Compare":
            expect(tab.get_by_text("tiny-robust was made from tiny-linear.")).to_be_visible()
            expect(tab.get_by_text("Push use::editing out of the top 4")).to_be_visible()
