"""Compare as a visitor meets it: a label chosen by click, both explained, the attack stepped by key, exported; then a campaign."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import expect

from core import language
from core.models import load
from core.runs.run import Run
from core.study.exports import export
from core.study.kinds.words import WordKind
from core.study.run import work
from core.study.settings import Request
from tests.e2e.conftest import Open, at, choose_first_row, ready, serving
from tests.e2e.test_attack import LANGUAGE_MODEL, TEXT
from tests.pages import studies
from tests.pages.tiny import save_variant

pytestmark = pytest.mark.e2e

SETTING = "k=1&switch=change_rate%3A0.6&switch=part_of_speech%3AFalse&switch=antonyms%3AFalse&switch=count%3A12&explainer=occlusion"


@pytest.fixture(scope="module")
def url(tiny_checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with a base and a robust checkpoint, and a study on the pairs of another."""
    folder = tmp_path_factory.mktemp("compared")
    shutil.copytree(tiny_checkpoints / "tiny-linear", folder / "checkpoints" / "tiny-linear")
    shutil.copytree(LANGUAGE_MODEL, folder / "checkpoints" / language.DEFAULT)
    robust = folder / "checkpoints" / "tiny-robust"
    save_variant(folder / "checkpoints" / "tiny-linear", robust, halved=("paste", "cut", "library", "python"))
    studies.write(folder / "runs" / "alpha", tiny_checkpoints / "tiny-linear")
    base = Request.from_json(json.loads((folder / "runs" / "alpha" / "config.json").read_text()))
    request = replace(base, study=replace(base.study, checkpoint=str(robust), pairs_from=str(folder / "runs" / "alpha")))
    with Run(folder / "runs" / "beta", quiet=True) as run:
        work(WordKind(request, studies.prepare), load(str(robust)), studies.dataset(), run, 1)
    export(folder / "runs" / "beta")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TREMOR_RUNS", str(folder / "runs"))
        with serving(folder / "checkpoints", folder / "log.txt") as address:
            yield address


def test_one_document_under_both(url: str, open_tab: Open) -> None:
    tab = open_tab(f"{url}/compare?model=tiny-linear&{SETTING}", scheme="dark")
    tab.get_by_role("textbox", name="Document").fill(TEXT)
    tab.get_by_role("button", name="Compare them").click()
    expect(tab.get_by_text("tiny-robust was made from tiny-linear.")).to_be_visible()
    expect(tab.locator("tr.above th", has_text="tiny-")).to_have_text(["tiny-linear", "tiny-robust"])
    assert tab.locator(".whole").evaluate("box => box.scrollHeight <= box.clientHeight"), "no row is cut"
    tab.locator('button.choose[aria-label^="use::editing"]').click()
    expect(tab.get_by_text("tiny-linear against tiny-robust")).to_be_visible()
    at(tab, "label=use%3A%3Aediting", "other=tiny-robust")
    assert "editor" not in tab.url
    tab.get_by_role("button", name="Start on both").click()
    expect(tab.get_by_text("Step 0: the original text.")).to_have_count(2)
    ready(tab)
    tab.get_by_role("heading", name="The same attack").click()
    tab.keyboard.press("Enter")
    expect(tab.get_by_text("Step 1:")).to_have_count(2)
    ready(tab)
    tab.keyboard.press("ArrowLeft")
    expect(tab.get_by_text("Step 0: the original text.")).to_have_count(2)
    ready(tab)
    tab.get_by_role("button", name="Run both to the end").click()
    expect(tab.get_by_text("Does the text of one fool the other?")).to_be_visible()
    ready(tab)
    tab.get_by_role("button", name="Export").click()
    with tab.expect_download() as saved:
        tab.get_by_role("button", name="Everything, JSON").click()
    found = json.loads(saved.value.path().read_text())
    assert [each["checkpoint"] for each in found["attacks"]] == ["tiny-linear", "tiny-robust"] and found["text"] == TEXT


def test_a_campaign_and_back_to_a_document(url: str, open_tab: Open, tmp_path: Path) -> None:
    tab = open_tab(f"{url}/compare?compare=studies")
    expect(tab.locator(".js-plotly-plot .errorbars").first).to_be_attached()
    expect(tab.get_by_text("Success on the pairs that both attacked")).to_be_visible()
    tab.get_by_role("button", name="Let each read the other's texts").click()
    expect(tab.get_by_text("Do the texts that fool one fool the other?")).to_be_visible()
    ready(tab)
    tab.screenshot(path=tmp_path / "campaign.png", full_page=True)
    choose_first_row(tab.get_by_test_id("stDataFrame").last)
    tab.get_by_role("button", name="Open on one document").click()
    expect(tab.get_by_text("The same attack on both")).to_be_visible()
    at(tab, "compare=document", "model=tiny-linear")
