"""The Evidence page in the browser: tables beside records, a row that opens its record, files, dark mode, narrow screens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests import evidence
from tests.e2e.conftest import Open, at, choose_first_row, ready, serving

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def served(tiny_checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TREMOR_EVIDENCE", str(evidence.write(tmp_path_factory.mktemp("evidence"))))
        with serving(tiny_checkpoints, tmp_path_factory.mktemp("server") / "log.txt") as address:
            yield address


def test_a_row_opens_its_record(served: str, open_tab: Open, tmp_path: Path) -> None:
    tab = open_tab(f"{served}/evidence?paper=004", scheme="dark")
    expect(tab.get_by_role("heading", name="Do the papers hold?")).to_be_visible()
    expect(tab.get_by_text("does not hold: 1")).to_be_visible()
    tab.get_by_role("radio", name="Tables", exact=True).click()
    ready(tab)
    expect(tab.get_by_role("heading", name="Table 3: <script>alert(1)</script> attacks")).to_be_visible()
    choose_first_row(tab.get_by_test_id("stDataFrame").first)
    ready(tab)
    expect(tab.get_by_text("Items: 12 attacks")).to_be_visible()
    with tab.expect_download() as saved:
        tab.get_by_role("button", name="JSONL").click()
    assert saved.value.path().read_text().count("\n") == 13
    with tab.expect_download() as exported:
        tab.get_by_role("button", name="CSV").first.click()
    assert "paper prints" in exported.value.path().read_text().splitlines()[0]
    tab.screenshot(path=tmp_path / "evidence.png", full_page=True)


def test_a_claim_is_chosen_by_keyboard(served: str, open_tab: Open) -> None:
    """Space chooses, the arrow goes on; the address keeps the choice and a link restores it, on a narrow screen, too."""
    tab = open_tab(f"{served}/evidence")
    first = tab.get_by_role("radiogroup", name="Claims of A paper").get_by_role("radio").first
    first.focus()
    tab.keyboard.press("Space")
    ready(tab)
    expect(tab.get_by_text("Rule: success above 95 %.")).to_be_visible()
    expect(tab.get_by_test_id("stPlotlyChart")).to_be_visible()
    expect(tab.get_by_role("row", name="MACH on debtags 58.3 % [32.0, 80.7] 12 against")).to_be_visible()
    tab.keyboard.press("ArrowDown")
    ready(tab)
    expect(tab.get_by_text("Rule: by its table.")).to_be_visible()
    at(tab, "claim=004%2Fprinted")
    again = open_tab(tab.url, scheme="dark", width=480)
    expect(again.get_by_text("Rule: by its table.")).to_be_visible()
    assert again.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_link_restores_the_record(served: str, open_tab: Open) -> None:
    tab = open_tab(f"{served}/evidence?cell=qaraei-positive%2Fdebtags-mach&measured=True", width=480)
    expect(tab.get_by_text("Weights: a1b2c3d4")).to_be_visible()
    assert tab.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
