"""The first request that a fresh server sees is a deep link: it must show that page inside the frame."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from pages.parts.frame import PAGES
from tests.e2e.conftest import Open, at, ready, serving
from tests.e2e.servers import Forked, Run

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(("script", "name"), [(script, name) for script, name, _ in PAGES])
def test_a_deep_link_on_a_fresh_server(script: str, name: str, tiny_checkpoints: Path, tmp_path: Path, open_tab: Open) -> None:
    """One started as a person starts it, the others forked with the large packages imported."""
    with serving(tiny_checkpoints, tmp_path / "log.txt", kind=Run if name == "Explain" else Forked) as address:
        tab = open_tab(f"{address}/{'' if script == 'app.py' else Path(script).stem}")
        sidebar = tab.locator('[data-testid="stSidebar"]')
        expect(tab).to_have_title(f"{name} · Tremor")
        expect(sidebar.get_by_role("link")).to_have_count(len(PAGES))
        expect(sidebar.locator("dl.card")).to_contain_text("90.0 %")
        ready(tab)
        expect(sidebar.get_by_role("link")).to_have_text([re.compile(rf"(^|[^A-Za-z]){other}\s*$") for _, other, _ in PAGES], use_inner_text=True)
        expect(tab.locator('[data-testid="stSidebarNav"]')).to_have_count(0)
        tab.goto("about:blank")  # its download buttons ask a server that is gone


def test_a_link_restores_the_choices_and_computes_nothing(app_url: str, open_tab: Open) -> None:
    from tests.e2e.test_explain import paste

    tab = open_tab(f"{app_url}/explain?model=tiny-linear&label=use%3A%3Aediting&explainer=lime&set=samples%3A80&pin=protocol%3A%3Adns")
    paste(tab, "An editor to cut and paste, and a dns server.")
    expect(tab.get_by_role("button", name="Explain with LIME")).to_be_visible()
    expect(tab.get_by_test_id("stMain")).to_contain_text("80 times")
    at(tab, "label=use%3A%3Aediting")
    assert "editor" not in tab.url
    tab.locator('[data-testid="stSidebar"]').get_by_role("link", name="Home").click()
    tab.wait_for_url("**/?*")
    at(tab, "label=use%3A%3Aediting")


def test_the_map_on_the_home_page_leads_on_with_the_choices(app_url: str, open_tab: Open) -> None:
    tab = open_tab(f"{app_url}/?model=tiny-linear&label=use%3A%3Aediting", width=480)
    tab.locator(".st-key-tour").get_by_role("link", name="Compare").click()
    expect(tab.get_by_role("heading", name="Compare", exact=True)).to_be_visible()
    ready(tab)
    at(tab, "/compare?", "label=use%3A%3Aediting")


def test_a_sample_on_the_home_page_leads_to_its_attack(app_url: str, open_tab: Open) -> None:
    tab = open_tab(app_url, scheme="dark")
    tab.get_by_role("radio", name="Attack").click()
    ready(tab)
    tab.get_by_role("button", name="Name server cache").click()
    expect(tab.get_by_text("Choose a label first.")).to_be_visible()
    at(tab, "/attack?", "sample=02-dns-cache")
