"""The fence of conftest.py stands: the browser finds no other host."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

pytestmark = pytest.mark.e2e


OTHERS = ("http://example.org/", "http://192.0.2.1/")


def test_no_other_host_is_found_by_name_or_by_number(chromium: Browser) -> None:
    """From an empty page: the app's own policy would refuse before anybody is looked for."""
    page = chromium.new_page()
    failed: list[tuple[str, str | None]] = []
    page.on("requestfailed", lambda request: failed.append((request.url, request.failure)))
    page.goto("about:blank")
    for other in OTHERS:
        page.evaluate("address => fetch(address, {mode: 'no-cors'}).catch(() => null)", other)
    page.close()
    assert failed == [(other, "net::ERR_NAME_NOT_RESOLVED") for other in OTHERS]


def test_pages_of_the_app_may_not_even_ask(app_url: str, chromium: Browser) -> None:
    """Their policy, in force: whatever a script in them tries to load or send goes to this server or nowhere."""
    page = chromium.new_page()
    page.goto(f"{app_url}/_stcore/health")
    for other in OTHERS:
        refused = page.evaluate(
            """address => new Promise(done => {
            addEventListener('securitypolicyviolation', e => done([e.effectiveDirective, e.blockedURI]), {once: true});
            fetch(address, {mode: 'no-cors'}).then(() => done(['sent', address]), () => null); })""",
            other,
        )
        assert refused == ["connect-src", other]
    page.close()
