"""The attention and data pages in a real browser: BertViz draws offline and safely, uploads work, themes hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import FrameLocator, Page, expect

from core import checkpoint
from tests import tiny_models
from tests.e2e.conftest import Open, at, ready, serving

pytestmark = pytest.mark.e2e

TEXT = "Chess editor for people </script><script>window.PWN=1</script> ![x](http://evil.example/x.png) and music."


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with a tiny X-Transformer."""
    folder = tmp_path_factory.mktemp("attending")
    model: Any = tiny_models.kept("x-transformer")
    checkpoint.save(
        folder / "checkpoints" / "tiny-x", model="x-transformer", settings=model.settings(), labels=model.labels, tensors=model.tensors(),
        files=model.files(),
    )  # fmt: skip
    with serving(folder / "checkpoints", folder / "log.txt") as address:
        yield address


def paste(tab: Page, text: str) -> None:
    tab.get_by_role("textbox", name="Document").fill(text)
    tab.get_by_role("button", name="Show its labels").click()
    expect(tab.get_by_text("not why a label was chosen")).to_be_visible()
    ready(tab)


def choose(tab: Page, view: str) -> None:
    tab.get_by_test_id("stButtonGroup").get_by_text(view, exact=True).click()
    ready(tab)


def frame(tab: Page) -> FrameLocator:
    return tab.frame_locator('[data-testid="stIFrame"], iframe[srcdoc]').first


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_bertviz_draws_offline_in_either_theme(url: str, open_tab: Open, scheme: str) -> None:
    tab = open_tab(f"{url}/attention", scheme=scheme)
    paste(tab, TEXT)
    lines = frame(tab).locator("svg line")
    expect(lines.nth(2 * 10 * 10 - 1)).to_be_attached()
    expect(frame(tab).locator("svg text", has_text="chess").first).to_be_visible()
    expect(frame(tab).locator("body")).to_have_css("background-color", "rgb(22, 24, 27)" if scheme == "dark" else "rgb(253, 252, 249)")
    assert tab.evaluate("window.PWN") is None
    assert frame(tab).locator("body").evaluate("() => window.PWN") is None


def test_the_model_view_opens_a_head(url: str, open_tab: Open) -> None:
    tab = open_tab(f"{url}/attention?view=model")
    paste(tab, TEXT)
    pictures = frame(tab).locator("rect.attn_background")
    expect(pictures).to_have_count(4)
    frame(tab).locator("svg > g").nth(2).click()
    expect(frame(tab).locator("text.detail")).to_have_text("Layer 1, Head 0")


def test_words_rollout_and_label(url: str, open_tab: Open) -> None:
    tab = open_tab(f"{url}/attention?view=words&layer=1&head=0")
    paste(tab, TEXT)
    expect(tab.locator(".ytick", has_text="1 Chess").first).to_be_visible()
    choose(tab, "Rollout")
    expect(tab.locator(".js-plotly-plot")).to_have_count(2)
    choose(tab, "For a label")
    expect(tab.get_by_text("How far can this be trusted?")).to_be_visible()
    at(tab, "view=label")
    assert "Chess" not in tab.url


def test_an_upload_is_mapped_read_and_shown_as_text(url: str, open_tab: Open, tmp_path: Path) -> None:
    tab = open_tab(f"{url}/data?dataset=upload&section=labels")
    file = tmp_path / "mine.csv"
    file.write_text('body,topics\n"A chess game ![x](http://evil.example/x.png) <img src=x onerror=alert(1)>",games|board\nAn editor,editor\n')
    tab.set_input_files("input[type=file]", str(file))
    main = tab.get_by_test_id("stMain")
    expect(main).to_contain_text("1 of 2 documents in train carry")
    expect(main).to_contain_text("<img src=x onerror=alert(1)>")
    expect(tab.get_by_test_id("stText").locator("img")).to_have_count(0)


def test_a_file_that_is_no_table_is_a_sentence(url: str, open_tab: Open, tmp_path: Path) -> None:
    tab = open_tab(f"{url}/data?dataset=upload")
    file = tmp_path / "mine.csv"
    file.write_bytes(b"\x00\x01\x02")
    tab.set_input_files("input[type=file]", str(file))
    expect(tab.get_by_test_id("stAlert")).to_contain_text("mine.csv")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_long_tail_of_a_checkpoint(url: str, open_tab: Open, scheme: str) -> None:
    tab = open_tab(f"{url}/data", scheme=scheme)
    expect(tab.locator(".js-plotly-plot").get_by_text("torso:")).to_be_visible()
    expect(tab.get_by_test_id("stMain")).to_contain_text("tiny-x knows 12 labels")


def test_a_table_is_taken_away_by_our_own_writer_only(url: str, open_tab: Open) -> None:
    """Streamlit's toolbar offers the raw cells, formulas too: that button is not shown, its neighbour is."""
    tab = open_tab(f"{url}/data")
    tab.get_by_test_id("stDataFrame").first.hover()
    expect(tab.get_by_role("button", name="Search").first).to_be_visible()
    expect(tab.get_by_role("button", name="Download as CSV", include_hidden=True).first).to_be_hidden()
