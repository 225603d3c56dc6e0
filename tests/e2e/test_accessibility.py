"""Every page for everyone: axe-core without serious or critical findings, headings in order, nothing cut off on a narrow screen; in light and
dark, at 1400 and 480 pixels, before and after there is a document with a chosen label."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page, expect

from core import checkpoint
from tests import tiny_models
from tests.e2e.conftest import Open, ready, serving

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

TEXT = "A fast chess editor for people who use the shell, with small fonts and music, and a program for mail and the network."
"""Longer than the tiny models read: what they leave out is pale."""

PAGES = ("Home", "Attention", "Attack", "Compare", "Robustness", "Evidence", "Train", "Data", "Explain")

GRAVE = ("serious", "critical")
ORDERLY = ("heading-order", "page-has-heading-one", "empty-heading", "empty-table-header", "landmark-one-main", "document-title", "html-has-lang")
"""Rules that axe calls moderate or minor, and that hold here, too."""

RUN = """() => axe.run(document, {resultTypes: ['violations'], iframes: false}).then(found => found.violations.map(
    ({id, impact, nodes}) => ({id, impact, nodes: nodes.map(({target, html, failureSummary}) => [target.flat().join(' '), html.slice(0, 200), failureSummary])})
))"""

SIDEWAYS = """() => {
    const main = document.querySelector('[data-testid="stMain"]');
    return [document.documentElement.scrollWidth - innerWidth, main.scrollWidth - main.clientWidth];
}"""
"""By how many pixels the page, and its main part, are wider than the screen."""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with a linear model and one whose encoder attends, both tiny, of the same labels."""
    folder = tmp_path_factory.mktemp("everyone")
    for name, kind in (("tiny-x", "x-transformer"), ("tiny-linear", "linear")):
        model = tiny_models.train(kind, folder / kind)
        checkpoint.save(
            folder / "checkpoints" / name, model=kind, settings=model.settings(), labels=model.labels, tensors=model.tensors(), files=model.files()
        )
    with serving(folder / "checkpoints", folder / "log.txt") as address:
        yield address


def settled(tab: Page) -> None:
    """Widgets are fetched one by one; until then bars stand in their places."""
    ready(tab)
    expect(tab.get_by_test_id("stSkeleton")).to_have_count(0)


def judge(tab: Page, where: str) -> None:
    """axe is put in by the browser's own console, which no Content-Security-Policy binds."""
    tab.evaluate(AXE_SCRIPT)
    found: list[dict[str, Any]] = tab.evaluate(RUN)
    said = [
        f"{where}: {one['impact']} {one['id']}: {node}" for one in found if one["impact"] in GRAVE or one["id"] in ORDERLY for node in one["nodes"]
    ]
    assert not said, "\n".join(said)
    assert tab.evaluate(SIDEWAYS) == [0, 0], where


def go(tab: Page, page: str) -> None:
    """By the navigation, which a narrow screen folds away after each choice."""
    side = tab.get_by_test_id("stSidebar")
    unfold = tab.get_by_test_id("stExpandSidebarButton")
    link = side.get_by_role("link", name=page, exact=True)
    expect(link.or_(unfold).first).to_be_visible()
    if tab.viewport_size is not None and tab.viewport_size["width"] < 768:
        unfold.click()
    link.click()
    heading = {"Home": "Which words bring a label", "Evidence": "Do the papers hold?"}.get(page, page)
    expect(tab.get_by_test_id("stMain").get_by_role("heading", level=1, name=heading)).to_be_visible()
    settled(tab)


Check = Callable[[Page, str], None]


def walk(tab: Page, check: Check) -> None:
    """Every page before there is a document, then those that show one with a chosen label, and views that look different."""
    for page in PAGES:
        if page != "Home":
            go(tab, page)
        expect(tab).to_have_title(f"{page} · Tremor")
        check(tab, f"{page}, empty")
    explain(tab, check)
    attend(tab, check)
    for page, shown in (("Attack", "Start"), ("Compare", "Exchange")):
        go(tab, page)
        expect(tab.get_by_role("button", name=shown)).to_be_visible()
        settled(tab)
        check(tab, f"{page}, a label")
    evidence(tab, check)


def explain(tab: Page, check: Check) -> None:
    go(tab, "Explain")
    tab.get_by_role("textbox", name="Document").fill(TEXT)
    tab.get_by_role("button", name="Show its labels").click()
    tab.get_by_role("button", name="rank 2").click()
    expect(tab.get_by_text("How far can this be trusted?")).to_be_visible()
    tab.get_by_role("group", name="The document's words").get_by_role("button").nth(2).click()
    expect(tab.get_by_role("button", name="Delete the word")).to_be_visible()
    settled(tab)
    check(tab, "Explain, a label and a word")


def attend(tab: Page, check: Check) -> None:
    go(tab, "Attention")
    check(tab, "Attention, head view")
    for view, seen in (("Between words", ".ytick"), ("For a label", "table.fidelity")):
        tab.get_by_role("radio", name=view).click()
        expect(tab.locator(seen).first).to_be_visible()
        settled(tab)
        check(tab, f"Attention, {view}")


def evidence(tab: Page, check: Check) -> None:
    go(tab, "Evidence")
    tab.get_by_role("radiogroup", name="Claims of").get_by_role("radio").first.check(force=True)
    expect(tab.get_by_test_id("stPlotlyChart")).to_be_visible()
    settled(tab)
    check(tab, "Evidence, a claim")
    tab.get_by_role("radio", name="Tables").click()
    tab.get_by_role("combobox", name="Models").fill("MACH")
    tab.keyboard.press("Enter")
    expect(tab.get_by_test_id("stMultiSelect").locator("[data-baseweb=tag]")).to_have_count(1)
    settled(tab)
    check(tab, "Evidence, a table of one model")


@pytest.mark.parametrize("width", [1400, 480])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_for_everyone(url: str, open_tab: Open, scheme: str, width: int) -> None:
    tab = open_tab(f"{url}/?model=tiny-x", scheme=scheme, width=width)
    settled(tab)
    walk(tab, judge)
