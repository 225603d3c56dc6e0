"""Explain as a visitor meets it: paste, click a label, click and edit a word, by mouse and by keyboard."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Open, at, ready

pytestmark = pytest.mark.e2e

TEXT = "A small editor to cut and paste files, with a game for the player and a dns server."
HOSTILE = (
    "editor <script>window.PWN=1</script> <img src=x onerror=window.PWN=2> ![](http://example.org/x.png) "
    "[a](http://example.org) $x$ :material/home: </textarea> {{1}}"
)


def paste(tab: Page, text: str) -> None:
    tab.get_by_role("textbox", name="Document").fill(text)
    tab.get_by_role("button", name="Show its labels").click()
    tab.wait_for_selector("button.w")
    ready(tab)


def choose(tab: Page, label: str) -> None:
    tab.locator("button.pick", has_text=label).click()
    expect(tab.get_by_text("How far can this be trusted?")).to_be_visible()
    ready(tab)


def test_from_the_home_page_to_an_explanation_in_two_clicks(app_url: str, open_tab: Open) -> None:
    tab = open_tab(app_url)
    tab.get_by_role("button", name="Name server cache").click()
    tab.wait_for_selector("button.pick")
    ready(tab)
    expect(tab.locator("button.pick").first.locator(".name")).to_have_text("protocol::dns")
    choose(tab, "protocol::dns")
    word = tab.locator("button.w", has_text="resolver")
    expect(word).to_have_attribute("aria-label", re.compile("towards protocol::dns"))
    expect(word).to_contain_class("for")


def test_click_a_word_and_edit_it_in_place(app_url: str, open_tab: Open) -> None:
    tab = open_tab(f"{app_url}/explain")
    paste(tab, TEXT)
    choose(tab, "use::editing")
    word = tab.locator("button.w", has_text="editor")
    word.click()
    ready(tab)
    expect(word).to_have_attribute("aria-pressed", "true")
    expect(tab.get_by_text("Put another word in its place")).to_be_visible()
    word.dblclick()
    field = tab.locator("input.edit")
    field.fill("game")
    field.press("Enter")
    expect(tab.get_by_text("What the edit changed")).to_be_visible()
    ready(tab)
    expect(tab.locator("button.changed")).to_have_text("game")
    tab.get_by_role("button", name="Undo 1 edit").click()
    expect(tab.get_by_text("What the edit changed")).to_have_count(0)


def test_everything_by_keyboard(app_url: str, open_tab: Open) -> None:
    tab = open_tab(f"{app_url}/explain")
    paste(tab, TEXT)
    tab.locator("input.query").focus()
    tab.keyboard.type("arcade", delay=30)
    expect(tab.locator("li.option")).to_have_count(1)
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("Enter")
    expect(tab.get_by_text("How far can this be trusted?")).to_be_visible()
    ready(tab)
    at(tab, "label=game%3A%3Aarcade")
    tab.locator('button.w[tabindex="0"]').focus()
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("Enter")
    ready(tab)
    expect(tab.locator('button.w[aria-pressed="true"]')).to_have_text("editor")
    tab.keyboard.press("F2")
    tab.keyboard.press("Delete")
    tab.keyboard.press("Enter")
    expect(tab.get_by_text("What the edit changed")).to_be_visible()
    ready(tab)
    expect(tab.locator("button.w", has_text="editor")).to_have_count(0)


def test_hostile_text_stays_text(app_url: str, open_tab: Open) -> None:
    tab = open_tab(f"{app_url}/explain")
    paste(tab, HOSTILE)
    choose(tab, "use::editing")
    expect(tab.locator(".document").first).to_have_text(re.compile(f"^{re.escape(HOSTILE)}$"), use_inner_text=True)
    tab.locator("button.w", has_text="onerror").click()
    ready(tab)
    assert tab.evaluate("window.PWN") is None
    expect(tab.locator("[data-testid=stMain] img")).to_have_count(0)


def test_explainers_side_by_side(app_url: str, open_tab: Open) -> None:
    tab = open_tab(f"{app_url}/explain")
    paste(tab, TEXT)
    choose(tab, "use::editing")
    tab.get_by_role("button", name="Occlusion").last.click()
    expect(tab.get_by_text("Agreement with Integrated gradients")).to_be_visible()
    ready(tab)
    expect(tab.locator(".document")).to_have_count(3)


def test_long_work_is_offered_with_its_cost_and_can_be_stopped(app_url: str, open_tab: Open) -> None:
    tab = open_tab(f"{app_url}/explain?explainer=shap&preset=thorough&set=evaluations%3A100000")
    paste(tab, " ".join([TEXT] * 80))  # more than is done at once, on a fast machine, too
    tab.locator("button.pick", has_text="use::editing").click()
    offer = tab.get_by_role("button", name="Explain with SHAP")
    expect(offer).to_be_visible()
    expect(tab.get_by_text("100,000 times")).to_be_visible()
    offer.click()
    stop = tab.get_by_role("button", name="Stop", exact=True).last
    expect(tab.get_by_text("of 100,000")).to_be_visible()
    stop.click()
    expect(offer).to_be_visible()
    ready(tab)
    expect(tab.get_by_text("How far can this be trusted?")).to_have_count(0)


def test_how_it_was_computed(app_url: str, open_tab: Open) -> None:
    tab = open_tab(f"{app_url}/explain")
    paste(tab, TEXT)
    choose(tab, "use::editing")
    tab.get_by_text("How was this computed?").click()
    expect(tab.locator(".katex").first).to_be_visible()
    expect(tab.get_by_text("Sundararajan")).to_be_visible()


def test_files_to_take_away(app_url: str, open_tab: Open, tmp_path: Path) -> None:
    tab = open_tab(f"{app_url}/explain")
    paste(tab, HOSTILE)
    choose(tab, "use::editing")
    tab.get_by_role("button", name="Export").click()
    for name, ending in (("HTML report", "html"), ("JSON", "json"), ("CSV", "csv")):
        with tab.expect_download() as found:
            tab.get_by_role("button", name=name, exact=True).click()
        found.value.save_as(tmp_path / f"explanation.{ending}")
    page = (tmp_path / "explanation.html").read_text(encoding="utf-8")
    assert "python -m core explain --checkpoint tiny-linear" in page and "<script" not in page
    assert '"checkpoint": "tiny-linear"' in (tmp_path / "explanation.json").read_text(encoding="utf-8")
    assert (tmp_path / "explanation.csv").read_text(encoding="utf-8").startswith("checkpoint,digest,explainer")


def brightness(tab: Page) -> float:
    """Mean of the three channels of the app's background, 0 to 255."""
    colour = tab.locator('[data-testid="stApp"]').evaluate("node => getComputedStyle(node).backgroundColor")
    channels = [float(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    return sum(channels) / 3


@pytest.mark.parametrize(("scheme", "width"), [("light", 1400), ("dark", 1400), ("light", 900), ("dark", 900)])
def test_light_and_dark_wide_and_narrow(app_url: str, open_tab: Open, scheme: str, width: int, tmp_path: Path) -> None:
    tab = open_tab(f"{app_url}/explain", scheme, width)
    paste(tab, TEXT)
    choose(tab, "use::editing")
    assert (brightness(tab) > 200) == (scheme == "light") and (brightness(tab) < 60) == (scheme == "dark")
    assert tab.screenshot(path=tmp_path / "explain.png")
    main = tab.locator('[data-testid="stMain"]')
    assert main.evaluate("node => node.scrollWidth <= node.clientWidth")  # nothing hangs over the edge
