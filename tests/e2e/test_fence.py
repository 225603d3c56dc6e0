"""The fence of conftest.py stands: the browser finds no other host."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

pytestmark = pytest.mark.e2e


def test_no_other_host_is_found_by_name_or_by_number(app_url: str, chromium: Browser) -> None:
    page = chromium.new_page()
    failed: list[tuple[str, str | None]] = []
    page.on("requestfailed", lambda request: failed.append((request.url, request.failure)))
    page.goto(f"{app_url}/_stcore/health")
    others = ("http://example.org/", "http://192.0.2.1/")
    for other in others:
        page.evaluate("address => fetch(address, {mode: 'no-cors'}).catch(() => null)", other)
    page.close()
    assert failed == [(other, "net::ERR_NAME_NOT_RESOLVED") for other in others]
