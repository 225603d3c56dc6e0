"""The real app in Debian's Chromium. Every test fails on a console error, a failed response, a request that leaves the
machine, or an exception shown on the page."""

from __future__ import annotations

import os
import re
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Request, expect, sync_playwright

from tests.conftest import CHROMIUM
from tests.e2e.servers import ROOT, Forked, Run, Server
from tests.pages.tiny import save_tiny

PATIENCE = 300_000
"""Milliseconds: a busy machine is slow, not wrong."""

expect.set_options(timeout=PATIENCE)

ONLY_HERE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
"""No other host is found, by name or by number. Intercepting each request would say the same, but costs the browser its cache and a fifth of
its time."""

WITHOUT = (
    "PreloadTopChromeWebUI,PreloadTopChromeWebUILessNavigations,InitialWebUI,WebUIToolbar,WebUIReloadButton,WebUIOmniboxPopup,"
    "WebUIOmniboxFullPopup,WebUIOmniboxAimPopup,AvoidUnnecessaryBeforeUnloadCheckSync,DestroyProfileOnBrowserClose,HttpsUpgrades,"
    "HttpsFirstBalancedModeAutoEnable,LensOverlay,MediaRouter,PaintHolding,ThirdPartyStoragePartitioning,AvoidCorsURLLoaderRestartOnRedirect,"
    "OptimizationHints,NetworkTimeServiceQuerying,AimEnabled,PreconnectToSearch,SpareRendererForSitePerProcess"
)
"""The browser's own bars and menus, which are pages with processes of their own: 40 % of the time that a tab costs, and nobody sees them. Then
what Playwright leaves out: of several such lists a browser heeds the last. And a process kept ready for a next page."""

EXPECTED_404 = ("/_stcore/health", "/_stcore/host-config")
"""A deep link /page makes Streamlit's client look for these below /page first; it then finds them at the root."""


@pytest.fixture(scope="session")
def tiny_checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoints")
    save_tiny(folder / "tiny-linear")
    return folder


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(checkpoints: Path, log: Path, folder: Path = ROOT, kind: type[Forked] | type[Run] = Forked) -> Iterator[str]:
    """A fresh server of the app.py in a folder; yields its address."""
    port = _free_port()
    address = f"http://127.0.0.1:{port}/{os.environ.get('STREAMLIT_SERVER_BASE_URL_PATH', '')}".rstrip("/")
    server = kind(["run", "app.py", f"--server.port={port}"], folder, {**os.environ, "TREMOR_CHECKPOINTS": str(checkpoints)}, log)
    try:
        _wait(f"{address}/_stcore/health", server, log)
        _gone.discard(_site(address))  # a port may be given again
        yield address
    finally:
        try:
            _leave(address)
        finally:
            server.end()


_tabs: list[Page] = []
"""Those that the present test has opened."""
_gone: set[str] = set()
"""Sites whose server was ended."""


def _site(address: str) -> str:
    return "/".join(address.split("/")[:3])


def _leave(address: str) -> None:
    """A server ends. What its tabs said until now is heard; what they say of a server that is gone is no fault of theirs: a page that is shown
    may still be loading what it needs later."""
    for tab in _tabs:
        if not tab.is_closed() and _site(tab.url) == _site(address):
            tab.evaluate("1")
    _gone.add(_site(address))


def _wait(address: str, server: Server, log: Path) -> None:
    for _ in range(PATIENCE // 250):
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            assert server.poll() is None, log.read_text(errors="replace")
            time.sleep(0.25)
    raise AssertionError(f"the server did not start: {log.read_text(errors='replace')}")


def written(file: Path, text: str) -> str:
    """What a log holds, once it holds `text`: a server writes a line after its answer."""
    for _ in range(200):
        if text in (found := file.read_text(errors="replace")):
            return found
        time.sleep(0.05)
    raise AssertionError(f"{file} does not say {text}: {file.read_text(errors='replace')}")


@pytest.fixture(scope="session")
def app_url(tiny_checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tiny_checkpoints, tmp_path_factory.mktemp("server") / "log.txt") as address:
        yield address


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-extensions", f"--disable-features={WITHOUT}", ONLY_HERE],
        )
        yield browser
        browser.close()


Open = Callable[..., Page]


@pytest.fixture(scope="session")
def profiles(chromium: Browser) -> list[BrowserContext]:
    """Those that no test uses at present. A tab loads a hundred files of Streamlit's; a profile that has shown the app has them, and has them
    compiled. All else is thrown away between tests (`forget`)."""
    return []


def forget(context: BrowserContext, sites: Iterable[str]) -> None:
    """Nothing is left of what pages kept in it: cookies, storage, tabs."""
    blank = context.new_page()
    for site in sites:
        context.new_cdp_session(blank).send("Storage.clearDataForOrigin", {"origin": site, "storageTypes": "all"})
    context.clear_cookies()
    for tab in context.pages:
        tab.close()


@pytest.fixture
def open_tab(chromium: Browser, profiles: list[BrowserContext]) -> Iterator[Open]:
    """open_tab(address, scheme="light", width=1400) -> a page that is ready, of a visitor who was never here; what it did is judged at the end."""
    faults: list[str] = []
    asking: list[tuple[BrowserContext, str, Callable[[Request], None]]] = []
    _tabs.clear()

    def open_one(address: str, scheme: str = "light", width: int = 1400) -> Page:
        context, home = profiles.pop() if profiles else profile(chromium), _site(address)

        def asked(request: Request) -> None:
            if not request.url.startswith((home, "data:", "blob:")):
                faults.append(f"request to {request.url}")

        asking.append((context, home, asked))
        context.on("request", asked)
        tab = context.new_page()
        _tabs.append(tab)
        watch(tab, home, faults)
        tab.set_viewport_size({"width": width, "height": 1000})
        tab.emulate_media(color_scheme=scheme)  # type: ignore[arg-type] # a literal in stubs
        tab.set_default_timeout(PATIENCE)
        tab.goto(address)
        ready(tab)
        return tab

    yield open_one
    for tab in _tabs:
        faults += [f"on the page: {text}" for text in tab.locator('[data-testid="stException"]').all_inner_texts()]
    for context, home, asked in asking:
        context.remove_listener("request", asked)
        forget(context, [home])
        profiles.append(context)
    assert not faults


def profile(chromium: Browser) -> BrowserContext:
    """Without a graphics card a third of the browser's time goes into drawing what moves while one waits."""
    context = chromium.new_context(reduced_motion="reduce")
    listen(context)
    return context


def watch(tab: Page, home: str, faults: list[str]) -> None:
    """What a tab complains of becomes a fault, while the server at `home` is there."""

    def said(message: ConsoleMessage) -> None:
        if message.type == "error" and home not in _gone and not message.location.get("url", "").endswith(EXPECTED_404):
            faults.append(f"console: {message.text}")

    tab.on("console", said)
    tab.on("pageerror", lambda error: faults.append(f"script: {error}"))
    tab.on("dialog", lambda dialog: faults.append(f"dialog: {dialog.message}"))
    tab.on("response", lambda r: faults.append(f"{r.status} {r.url}") if r.status >= 400 and not r.url.endswith(EXPECTED_404) else None)


LINE = """(() => {
    const line = window.tremorLine = {sent: 0, heard: 0, since: 0, asked: null};
    window.WebSocket = class extends WebSocket {
        constructor(...given) {
            super(...given);
            this.addEventListener('message', () => { line.heard = performance.now(); });
        }
        send(data) {
            line.sent = performance.now();
            super.send(data);
        }
    };
})();"""
"""Notes when the page last spoke to the server and heard from it."""

QUIET = """asked => {
    const line = window.tremorLine, now = performance.now();
    if (line.asked !== asked) Object.assign(line, {asked, since: now});
    if (!document.querySelector('[data-testid="stApp"][data-test-script-state="notRunning"]')) return false;
    if (!line.heard || line.heard < line.sent) return false;
    return now - Math.max(line.since, line.sent, line.heard) > 250 || now - line.since > 3000;
}"""
"""Has the server answered, has the script ended, and has nothing more been said since? A quarter of a second: Streamlit sends what is chosen in a
table, or by a slider, 150 or 200 milliseconds after. The browser itself looks, so that a busy machine delays both alike. Pages that ask anew
every second are never quiet for long on such a machine: after three seconds their last run having ended is enough."""

STILL = """(() => {
    const animate = Element.prototype.animate;
    Element.prototype.animate = function (...given) {
        const moved = animate.apply(this, given);
        if (Number.isFinite(moved.effect.getComputedTiming().endTime)) moved.finish();
        return moved;
    };
})();"""
"""What opens is open at once. Streamlit's expanders grow for half a second, also where less motion was asked for, and a mouse that goes down
on a button and up beside it has not clicked."""

_asked = count()


def listen(context: BrowserContext) -> None:
    """To be called before a tab is opened for which `ready` is to wait."""
    context.add_init_script(LINE)
    context.add_init_script(STILL)


def sign_in(tab: Page, token: str, answer: str) -> None:
    """As the owner of a shared server, in its sidebar, whose form is open, until it says `answer`. By the keyboard, as the field offers: a key
    goes to the field wherever the page has moved it. Whoever sees nothing happen presses once more."""
    sidebar = tab.get_by_test_id("stSidebar")
    expect(sidebar.get_by_role("button", name="Sign in with the token")).to_be_visible()
    ready(tab)
    field, said = sidebar.get_by_label("Token", exact=True), sidebar.get_by_text(answer)
    field.fill(token)
    field.press("Enter")
    try:
        expect(said).to_be_visible(timeout=PATIENCE / 5)
    except AssertionError:
        field.press("Enter")
    expect(said).to_be_visible()


def ready(tab: Page) -> None:
    """Wait until the script has run and the browser has drawn what it said."""
    tab.wait_for_function(QUIET, arg=next(_asked), polling=50, timeout=PATIENCE)


def words_of(one: Locator) -> str:
    """What it says, once it says something."""
    expect(one).to_have_text(re.compile(r"\S"))
    return one.inner_text()


def at(tab: Page, *parts: str) -> None:
    """Wait until the address holds these: it follows the page."""
    expect(tab).to_have_url(re.compile("".join(f"(?=.*{re.escape(part)})" for part in parts)))


def choose_first_row(table: Locator) -> None:
    """A dataframe is a canvas: its first row is chosen in the margin below the heading. A click, unlike a box asked for once, waits for a
    table that a rerun is just drawing anew, and scrolls to it."""
    ready(table.page)
    table.click(position={"x": 15, "y": 35 + 17})
