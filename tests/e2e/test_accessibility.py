"""Every page for everyone: axe-core without serious or critical findings, headings in order, nothing cut off on a narrow screen; in light and
dark, at 1400 and 480 pixels, before and after there is a document with a chosen label."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page, expect

from core import checkpoint, language
from tests import tiny_models
from tests.e2e.conftest import Open, ready, serving

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

TEXT = "A fast chess editor for people who use the shell, with small fonts (and music), and a program for mail, the network and a browser: free."
"""Longer than the tiny models read: what they leave out is pale."""

LANGUAGE_MODEL = Path(__file__).resolve().parents[2] / "checkpoints" / language.DEFAULT
PAGES = ("Home", "Attention", "Attack", "Compare", "Robustness", "Evidence", "Train", "Data", "Explain")

GRAVE = ("serious", "critical")
LOOKS = 4
"""So many more times a page with findings is looked at."""
ORDERLY = ("heading-order", "page-has-heading-one", "empty-heading", "empty-table-header", "landmark-one-main", "document-title", "html-has-lang")
"""Rules that axe calls moderate or minor, and that hold here, too."""

RUN = """() => axe.run(document, {resultTypes: ['violations'], iframes: false}).then(found => found.violations.map(({id, impact, nodes}) => (
    {id, impact, nodes: nodes.map(({target, html, failureSummary}) => [target.flat().join(' '), html.slice(0, 200), failureSummary])}
)))"""

SIDEWAYS = """() => {
    const main = document.querySelector('[data-testid="stMain"]');
    return [document.documentElement.scrollWidth - innerWidth, main.scrollWidth - main.clientWidth];
}"""
"""By how many pixels the page, and its main part, are wider than the screen."""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with a linear model and one whose encoder attends, both tiny, of the same labels."""
    folder = tmp_path_factory.mktemp("everyone")
    for name, kind in (("attending", "x-transformer"), ("linear", "linear")):
        model: Any = tiny_models.kept(kind)
        checkpoint.save(
            folder / "checkpoints" / name, model=kind, settings=model.settings(), labels=model.labels, tensors=model.tensors(), files=model.files()
        )
    shutil.copytree(LANGUAGE_MODEL, folder / "checkpoints" / language.DEFAULT)
    with serving(folder / "checkpoints", folder / "log.txt") as address:
        yield address


def settled(tab: Page) -> None:
    """Widgets are fetched one by one; until then bars stand in their places."""
    ready(tab)
    expect(tab.get_by_test_id("stSkeleton")).to_have_count(0)


SCHEMES = ("light", "dark")
BACKGROUND = {"light": "rgb(253, 252, 249)", "dark": "rgb(22, 24, 27)"}


def in_both(tab: Page, where: str) -> list[str]:
    """Findings in light and in dark; the page follows the system's choice at once, and stays in the second."""
    found = []
    shown = "light" if tab.evaluate("matchMedia('(prefers-color-scheme: light)').matches") else "dark"
    for scheme in sorted(SCHEMES, key=lambda each: each != shown):
        if scheme != shown:
            tab.emulate_media(color_scheme=scheme)
        expect(tab.get_by_test_id("stApp")).to_have_css("background-color", BACKGROUND[scheme])
        settled(tab)
        found += findings(tab, f"{where}, {scheme}")
    return found


def findings(tab: Page, where: str) -> list[str]:
    """What is found again and again: a page that is just being drawn anew, half faded say, is looked at once more."""
    found = scanned(tab, where)
    for _ in range(LOOKS):
        if not found:
            break
        settled(tab)
        found = scanned(tab, where)
    return found


def scanned(tab: Page, where: str) -> list[str]:
    """axe is put in by the browser's own console, which no Content-Security-Policy binds."""
    if not tab.evaluate("'axe' in window"):
        tab.evaluate(AXE_SCRIPT)
    found: list[dict[str, Any]] = tab.evaluate(RUN)
    grave = [one for one in found if one["impact"] in GRAVE or one["id"] in ORDERLY]
    said = [f"{where}: {one['impact']} {one['id']}: {node}" for one in grave for node in one["nodes"]]
    wider = tab.evaluate(SIDEWAYS)
    return said if wider == [0, 0] else [*said, f"{where}: wider than the screen by {wider} pixels"]


def go(tab: Page, page: str) -> None:
    """By the navigation, which lies folded away on a narrow screen."""
    side, unfold = tab.get_by_test_id("stSidebar"), tab.get_by_test_id("stExpandSidebarButton")
    narrow = tab.viewport_size is not None and tab.viewport_size["width"] < 768
    if narrow:
        unfold.click()
    side.get_by_role("link", name=page, exact=True).click()
    heading = {"Home": "Which words bring a label", "Evidence": "Do the papers hold?"}.get(page, page)
    expect(tab.get_by_test_id("stMain").get_by_role("heading", level=1, name=heading)).to_be_visible()
    if narrow:
        tab.get_by_test_id("stSidebarCollapseButton").get_by_role("button").click()
        expect(unfold).to_be_visible()
    settled(tab)


Check = Callable[[Page, str], object]


def walk(tab: Page, check: Check) -> None:
    """Every page before there is a document, then those that show one with a chosen label, and views that look different."""
    for page in PAGES:
        if page != "Home":
            go(tab, page)
        expect(tab).to_have_title(f"{page} · Tremor")
        check(tab, f"{page}, empty")
    explain(tab, check)
    attend(tab, check)
    attack(tab, check)
    go(tab, "Compare")
    expect(tab.get_by_role("heading", name="The same attack on both")).to_be_visible()
    settled(tab)
    check(tab, "Compare, a label")
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
    for view, seen in (("Between words", ".js-plotly-plot"), ("For a label", "table.fidelity")):
        tab.get_by_role("radio", name=view).click()
        expect(tab.locator(seen).first).to_be_visible()
        settled(tab)
        check(tab, f"Attention, {view}")


def attack(tab: Page, check: Check) -> None:
    go(tab, "Attack")
    expect(tab.get_by_role("button", name="Start", exact=True)).to_be_visible()
    settled(tab)
    check(tab, "Attack, before it")
    tab.get_by_role("button", name="Start", exact=True).click()
    expect(tab.get_by_text("Candidates for")).to_be_visible()
    settled(tab)
    check(tab, "Attack, under way")


def evidence(tab: Page, check: Check) -> None:
    go(tab, "Evidence")
    tab.get_by_role("radiogroup", name="Claims of").get_by_role("radio").first.check(force=True)
    expect(tab.get_by_test_id("stPlotlyChart")).to_be_visible()
    settled(tab)
    check(tab, "Evidence, a claim")
    tab.get_by_role("radio", name="Tables", exact=True).click()
    tab.get_by_role("combobox", name="Models").fill("MACH")
    tab.keyboard.press("Enter")
    expect(tab.get_by_test_id("stMultiSelect").locator("[data-tag]")).to_have_count(1)
    tab.keyboard.press("Escape")
    settled(tab)
    check(tab, "Evidence, a table of one model")


@pytest.mark.parametrize(("width", "scheme"), [(1400, "light"), (480, "dark")])
def test_every_page_is_for_everyone(url: str, open_tab: Open, scheme: str, width: int) -> None:
    """One walk a width, looked at in both schemes at every stop: a page costs more to draw than to switch."""
    tab = open_tab(url, scheme=scheme, width=width)
    settled(tab)
    found: list[str] = []
    walk(tab, lambda shown, where: found.extend(in_both(shown, where)))
    assert not found, "\n".join(found)


COMMAS = """() => [...document.querySelectorAll('[data-testid="stBidiComponentIsolated"]')].flatMap(host => {
    const range = document.createRange();
    return [...host.shadowRoot.querySelectorAll('.document button.w')].filter(word => {
        const after = word.nextSibling;
        if (!after || after.nodeType !== Node.TEXT_NODE || !/^[^\\s]/.test(after.data)) return false;
        range.setStart(after, 0);
        range.setEnd(after, 1);
        return range.getBoundingClientRect().top > word.getBoundingClientRect().bottom;
    }).map(word => word.textContent);
})"""
"""Words whose comma, or whatever follows them without a space, stands in the next line."""


def test_no_line_begins_with_a_comma(url: str, open_tab: Open) -> None:
    """Words are buttons, between which and a comma a browser would break the line. Many words of all widths: some end where a line does."""
    tab = open_tab(f"{url}/explain?model=linear", width=480)
    words = [f"{'w' * (1 + number % 11)}{number}" for number in range(300)]
    tab.get_by_role("textbox", name="Document").fill(f"({', '.join(words)}; {'long' * 40}), the end.")
    tab.get_by_role("button", name="Show its labels").click()
    expect(tab.get_by_role("group", name="The document's words").get_by_role("button")).to_have_count(303)
    settled(tab)
    tab.wait_for_function(f"({COMMAS})().length === 0")
    tab.wait_for_function(f"({SIDEWAYS})().every(each => each === 0)")


OLD_UNDER_NEW = """([before, after]) => {
    window.oldUnderNew = 0;
    const main = document.querySelector('[data-testid="stMain"]');
    const look = () => {
        const heads = [...main.querySelectorAll('h2')].map(head => head.textContent);
        const said = [...main.querySelectorAll('[data-testid="stBidiComponentIsolated"]')]
            .map(host => host.shadowRoot?.querySelector('.document')?.getAttribute('aria-label') ?? '');
        if (heads.some(head => head.startsWith(after)) && said.some(text => text.endsWith(' ' + before))) window.oldUnderNew += 1;
    };
    new MutationObserver(look).observe(main, {childList: true, subtree: true, characterData: true});
}"""
"""Counts how often the words of the label `before` are seen while the heading names the label `after`."""


def test_nothing_old_stands_under_a_new_label(url: str, open_tab: Open) -> None:
    tab = open_tab(f"{url}/explain?model=linear&label=chess")
    tab.get_by_role("textbox", name="Document").fill(TEXT)
    tab.get_by_role("button", name="Show its labels").click()
    tab.get_by_role("button", name="chess, rank").click()
    expect(tab.get_by_role("group", name="what they say of chess")).to_be_visible()
    expect(tab.get_by_role("heading", level=2, name="Compare explainers")).to_be_visible()
    settled(tab)
    tab.evaluate(OLD_UNDER_NEW, ["chess", "music"])
    tab.get_by_role("button", name="music, rank").click()
    expect(tab.get_by_role("heading", level=2, name="music")).to_be_visible()
    expect(tab.get_by_role("group", name="what they say of music")).to_be_visible()
    assert tab.evaluate("window.oldUnderNew") == 0
