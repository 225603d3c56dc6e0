"""Attack as a visitor meets it: steps by key and by click, another word, undo, replay after a reload, two tabs."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from core import language
from tests.e2e.conftest import Open, at, ready, serving, words_of

pytestmark = pytest.mark.e2e

TEXT = "A small editor to edit, cut and paste files of the user, with a dns server and a network."
LANGUAGE_MODEL = Path(__file__).resolve().parents[2] / "checkpoints" / language.DEFAULT
SETTING = "label=use%3A%3Aediting&k=1&switch=change_rate%3A0.6&switch=part_of_speech%3AFalse&switch=antonyms%3AFalse&switch=count%3A12"


@pytest.fixture(scope="module")
def url(tiny_checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with the tiny checkpoint and the shipped language model."""
    folder = tmp_path_factory.mktemp("attacked")
    shutil.copytree(tiny_checkpoints / "tiny-linear", folder / "checkpoints" / "tiny-linear")
    shutil.copytree(LANGUAGE_MODEL, folder / "checkpoints" / language.DEFAULT)
    with serving(folder / "checkpoints", folder / "log.txt") as address:
        yield address


def start(tab: Page, text: str = TEXT) -> None:
    tab.get_by_role("textbox", name="Document").fill(text)
    tab.get_by_role("button", name="Read it").click()
    tab.get_by_role("button", name="Start", exact=True).click()
    expect(tab.locator("button.next")).to_have_count(1)
    expect(tab.get_by_text("Candidates for")).to_be_visible()
    ready(tab)


def step(tab: Page, number: int) -> Locator:
    """A row of the table of steps."""
    return tab.locator(f'button.choose[aria-label^="Step {number}:"]')


def changed(tab: Page, count: int) -> None:
    expect(tab.get_by_test_id("stMain")).to_contain_text(f"{count} of ")
    expect(tab.locator("button.changed")).to_have_count(count)
    ready(tab)


def test_step_choose_type_undo_and_rewind(url: str, open_tab: Open) -> None:
    tab = open_tab(f"{url}/attack?{SETTING}")
    start(tab)
    expect(tab.locator('button.w[aria-pressed="true"]')).to_have_text(words_of(tab.locator("button.next")))
    tab.locator("button.w", has_text="files").click()
    expect(tab.get_by_text("Candidates for files")).to_be_visible()
    ready(tab)
    row = tab.locator("button.choose").first
    word = words_of(row)
    row.click()
    changed(tab, 1)
    expect(tab.locator("button.changed")).to_have_text(word)
    field = tab.get_by_label("Your own word for")
    field.fill("<script>alert(1)</script>")
    field.press("Enter")
    expect(tab.get_by_test_id("stAlert")).to_contain_text("is not one word")
    field.fill("script")
    field.press("Enter")
    changed(tab, 2)
    expect(tab.locator("button.changed", has_text="script")).to_have_count(1)
    tab.keyboard.press("Escape")
    tab.get_by_role("heading", name="Attack").click()
    tab.keyboard.press("u")
    changed(tab, 1)
    tab.keyboard.press("ArrowRight")
    changed(tab, 2)
    tab.locator("tr", has_text="the original text").click()
    changed(tab, 0)
    at(tab, "goal=positive-targeted")
    assert "editor" not in tab.url


def test_keys_to_the_end_then_replay_after_a_reload(url: str, open_tab: Open, tmp_path: Path) -> None:
    tab = open_tab(f"{url}/attack?{SETTING}")
    start(tab)
    tab.keyboard.press("Enter")
    expect(step(tab, 1)).to_be_visible()
    ready(tab)
    expect(tab.get_by_role("button", name="Run to the end")).to_be_disabled()  # one word was enough
    expect(tab.get_by_role("heading", name="Original and adversarial text")).to_be_visible()
    ready(tab)
    tab.get_by_role("button", name="Save").click()
    with tab.expect_download() as found:
        tab.get_by_role("button", name="JSON").click()
    found.value.save_as(tmp_path / "attack.json")
    with tab.expect_download() as found:
        tab.get_by_role("button", name="HTML report").click()
    found.value.save_as(tmp_path / "attack.html")
    assert "<script" not in (tmp_path / "attack.html").read_text(encoding="utf-8")
    adversarial = json.loads((tmp_path / "attack.json").read_text(encoding="utf-8"))["adversarial"]
    tab.reload()
    ready(tab)
    expect(tab.get_by_role("textbox", name="Document")).to_be_visible()
    tab.get_by_role("button", name="Replay").click()
    tab.set_input_files("input[type=file]", str(tmp_path / "attack.json"))
    expect(tab.get_by_test_id("stAlert")).to_contain_text("text, ranks and outcome are as saved")
    expect(tab.locator(".diff ins").first).to_have_text(re.compile("|".join(map(re.escape, adversarial.split()))))


def test_two_tabs_do_not_disturb_each_other(url: str, open_tab: Open) -> None:
    one, two = open_tab(f"{url}/attack?{SETTING}"), open_tab(f"{url}/attack?{SETTING}", "dark", 800)
    start(one)
    start(two, TEXT.replace("small", "large"))
    one.get_by_role("button", name="Accept best").click()
    expect(step(one, 1)).to_be_visible()
    ready(one)
    expect(step(two, 1)).to_have_count(0)
    two.keyboard.press("s")
    expect(step(two, 1)).to_contain_text("stays")
    ready(two)
    expect(step(one, 1)).not_to_contain_text("stays")
    assert two.get_by_test_id("stMain").evaluate("node => node.scrollWidth <= node.clientWidth")
