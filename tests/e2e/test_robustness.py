"""The Robustness page in a browser: figures of saved studies, the sliders, records, and the way to the Attack page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Open, at, choose_first_row, ready, serving
from tests.pages import studies

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def studied(tiny_checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that sees two finished studies."""
    runs = tmp_path_factory.mktemp("runs")
    studies.write(runs / "alpha", tiny_checkpoints / "tiny-linear")
    studies.write(runs / "beta", tiny_checkpoints / "tiny-linear", "negative-targeted")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TREMOR_RUNS", str(runs))
        with serving(tiny_checkpoints, tmp_path_factory.mktemp("server") / "log.txt") as address:
            yield address


def test_studies_are_seen_filtered_and_replayed(studied: str, open_tab: Open, tmp_path: Path) -> None:
    tab = open_tab(f"{studied}/robustness?study=alpha&study=beta")
    expect(tab.get_by_role("heading", name="Robustness")).to_be_visible()
    expect(tab.locator(".js-plotly-plot .errorbars").first).to_be_attached()
    expect(tab.get_by_text("Tail against head")).to_be_visible()
    slider = tab.get_by_role("slider", name="Change rate, at most, %")
    slider.focus()
    slider.press("Home")
    ready(tab)
    expect(tab.locator(".js-plotly-plot").get_by_text("change rate ≤ 0 %")).to_be_visible()
    tab.screenshot(path=tmp_path / "robustness.png", full_page=True)
    with tab.expect_download() as saved:
        tab.get_by_role("button", name="CSV").first.click()
    assert "study,bin,n,successes" in saved.value.path().read_text()
    tab.get_by_role("radio", name="Records").click()
    ready(tab)
    tab.get_by_role("button", name="Replay every record").click()
    expect(tab.get_by_text("All 16 records came out as saved")).to_be_visible()
    choose_first_row(tab.get_by_test_id("stDataFrame").last)
    tab.get_by_role("button", name="Replay on the Attack page").click()
    expect(tab.get_by_role("heading", name="Saved attack on")).to_be_visible()
    at(tab, "/attack")
