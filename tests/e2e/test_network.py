"""The server as others on the network meet it: headers on every kind of answer, foreign names and foreign pages."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from websockets.exceptions import InvalidStatus

from pages.parts.serving import guard, settings
from pages.parts.serving.headers import HEADERS
from tests.e2e.conftest import Open, serving
from tests.e2e.visitor import Visitor, dial

pytestmark = pytest.mark.e2e


def ask(address: str, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], str]:
    """Status, headers and body; header names with _ for -."""
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=60)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode("utf-8", "replace")
    finally:
        connection.close()


KINDS = [
    ("/", "GET", 200), ("/explain", "GET", 200), ("/explain/", "GET", 301), ("/explain?label=x", "GET", 200), ("/no/such/page", "GET", 200),
    ("/_stcore/health", "GET", 200), ("/_stcore/host-config", "GET", 200), ("/_stcore/metrics", "GET", 200), ("/favicon.png", "GET", 200),
    ("/media/none.png", "GET", 404), ("/component/none/x.js", "GET", 404), ("//elsewhere.example", "GET", 400), ("/..%2f..%2fetc/passwd", "GET", 400),
    ("/_stcore/upload_file/a/b", "PUT", 403), ("/_stcore/upload_file/a/b", "DELETE", 403), ("/", "POST", 403), ("/", "HEAD", 200),
    ("/_stcore/agent/mcp", "POST", 403), ("/" + "a" * 20_000, "GET", 414),
]  # fmt: skip


@pytest.mark.parametrize(("path", "method", "status"), KINDS, ids=[f"{method} {path[:40]}" for path, method, _ in KINDS])
def test_headers_as_received(app_url: str, path: str, method: str, status: int) -> None:
    found, headers, body = ask(app_url, path, method)
    assert found == status
    assert {name: headers.get(name.lower()) for name in HEADERS} == HEADERS
    assert "Traceback" not in body and str(Path(__file__).parents[2]) not in body


def test_headers_of_what_streamlit_keeps_in_memory_and_of_its_scripts(app_url: str) -> None:
    with Visitor(app_url) as one:
        one.run()
        page = ask(app_url, "/")[2]
        script = page.split('<script type="module" crossorigin src=".')[1].split('"')[0]
        for path in (one.icon, script):
            status, headers, _ = ask(app_url, path)
            assert (status, {name: headers.get(name.lower()) for name in HEADERS}) == (200, HEADERS)


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "192.0.2.1", "evil.example:8501"])
def test_a_foreign_host_is_refused_by_http_and_websocket(app_url: str, host: str) -> None:
    """DNS rebinding: the browser believes that the server is its own."""
    for path in ("/", "/_stcore/health", "/favicon.png"):
        status, _, body = ask(app_url, path, host=host)
        assert status == 421 and body.startswith("This server does not answer to that name.")
    with pytest.raises(InvalidStatus) as refused, dial(app_url, f"http://{host}", host=host):
        pytest.fail("it was opened")
    assert refused.value.response.status_code == 421


@pytest.mark.parametrize("origin", ["http://127.0.0.1:9", "http://localhost:8501", "https://evil.example", "null", None])
def test_a_foreign_websocket_is_refused(app_url: str, origin: str | None) -> None:
    with pytest.raises(InvalidStatus) as refused, dial(app_url, origin):
        pytest.fail("it was opened")
    assert refused.value.response.status_code == 403
    assert "by this server's own pages only" in refused.value.response.body.decode()


FOREIGN = """<!doctype html><meta charset=utf-8><title>waiting</title><iframe src="HOME/" width=600 height=400></iframe>
<script>
const home = "HOME", done = {};
const tried = (name, work) => work.then(value => { done[name] = value; }, () => { done[name] = "refused"; });
const socket = new Promise((good, bad) => { const s = new WebSocket(home.replace("http", "ws") + "/_stcore/stream", ["streamlit"]);
  s.onopen = () => good("open"); s.onerror = bad; });
const load = (tag, path) => new Promise((good, bad) => { const e = document.createElement(tag); e.onload = () => good("loaded"); e.onerror = bad;
  e.src = home + path; document.body.append(e); });
Promise.all([
  tried("websocket", socket),
  tried("read", fetch(home + "/_stcore/health").then(r => r.text())),
  tried("post", fetch(home + "/", {method: "POST", body: "x"}).then(r => r.text())),
  tried("put", fetch(home + "/_stcore/upload_file/a/b", {method: "PUT", body: "x"}).then(r => r.text())),
  tried("silent post", fetch(home + "/", {method: "POST", body: "x", mode: "no-cors"}).then(() => "sent")),
  tried("image", load("img", "/favicon.png")),
  tried("script", load("script", "/_stcore/host-config")),
]).then(() => { document.title = JSON.stringify(done); });
</script>"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *words: object) -> None:
        """Nothing on the standard error of a test."""


@pytest.fixture
def foreign(app_url: str, tmp_path: Path) -> Iterator[str]:
    """A page on another port of this machine that tries everything."""
    (tmp_path / "index.html").write_text(FOREIGN.replace("HOME", app_url))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_page_on_another_port_can_neither_frame_nor_post_nor_connect(app_url: str, foreign: str, chromium: Browser) -> None:
    context = chromium.new_context()
    try:
        tab = context.new_page()
        answers: list[tuple[str, str, int]] = []
        tab.on("response", lambda r: answers.append((r.request.method, r.url.removeprefix(app_url), r.status)) if r.url.startswith(app_url) else None)
        tab.goto(foreign)
        expect(tab).not_to_have_title("waiting", timeout=60_000)
        done = json.loads(tab.title())
        assert done.pop("silent post") in ("sent", "refused")  # a browser does not say; the server's answer is below
        assert set(done.values()) == {"refused"} and set(done) == {"websocket", "read", "post", "put", "image", "script"}
        assert {status for _, _, status in answers} == {403}, "whatever reached the server was refused"
        for method in ("POST", "PUT", "DELETE"):
            assert ask(app_url, "/_stcore/upload_file/a/b", method, origin=foreign)[2].startswith("Only this server's own pages may send")
        (frame,) = tab.frames[1:]
        expect(frame.locator("[data-testid='stApp']")).to_have_count(0)
        assert not frame.url.startswith(app_url)
        tab.evaluate(
            "home => { const a = document.createElement('a'); a.href = home; a.id = 'way'; a.textContent = 'x'; document.body.append(a); }", app_url
        )
        tab.locator("#way").click()
        expect(tab.locator("[data-testid='stApp']")).to_be_visible()  # a link from elsewhere works
    finally:
        context.close()


def test_a_full_server_says_so(tiny_checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chromium: Browser) -> None:
    monkeypatch.setenv(settings.SESSIONS, "1")
    with serving(tiny_checkpoints, tmp_path / "log.txt") as address:
        context = chromium.new_context()
        with Visitor(address) as one:
            one.run()
            tab = context.new_page()
            tab.goto(f"{address}/explain")
            expect(tab.get_by_text(guard.FULL)).to_be_visible()
            with pytest.raises(InvalidStatus) as refused, dial(address, address):
                pytest.fail("it was opened")
            assert refused.value.response.status_code == 503
        tab.wait_for_function("async () => (await fetch(location.href)).ok")
        tab.reload()
        expect(tab.locator("[data-testid='stApp']")).to_be_visible()
        context.close()


def test_below_a_path_of_a_site(tiny_checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_tab: Open) -> None:
    """server.baseUrlPath: pages, headers, limits and the line to the server all below it."""
    monkeypatch.setenv("STREAMLIT_SERVER_BASE_URL_PATH", "tool")
    monkeypatch.setenv(settings.SHARED, "1")
    with serving(tiny_checkpoints, tmp_path / "log.txt") as address:
        assert address.endswith("/tool")
        root = address.removesuffix("/tool")
        for path, status in (("/tool/explain", 200), ("/tool/_stcore/health", 200), ("/tool/_stcore/metrics", 404), ("/", 404)):
            found, headers, _ = ask(root, path)
            assert (path, found, headers["x-frame-options"]) == (path, status, "DENY")
        assert ask(root, "/tool/_stcore/upload_file/a/b", "PUT", origin=root, content_length="7000000")[0] == 413
        tab = open_tab(f"{address}/explain")
        expect(tab.get_by_role("heading", name="Explain", exact=True)).to_be_visible()


@pytest.mark.parametrize(
    ("name", "given"), [(settings.SESSIONS, "none"), (settings.JOBS, "-1"), ("STREAMLIT_SERVER_ALLOWED_HOSTS", "a.example,b.example")]
)
def test_a_wrong_setting_stops_the_server_with_a_sentence(name: str, given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, given)
    said = f"{name} must be a whole number above 0" if name.startswith("TREMOR") else "several separated by spaces"
    with pytest.raises(AssertionError, match=said), serving(tmp_path, tmp_path / "log.txt"):
        raise RuntimeError("it started")


def test_the_frame_of_bertviz_obeys_the_same_policy(app_url: str, open_tab: Open) -> None:
    """A frame that we draw ourselves is no foreign frame: a page in a page, with a script that draws, and no way out."""
    tab = open_tab(app_url)
    tab.evaluate(
        """() => { const f = document.createElement('iframe'); f.id = 'own'; f.srcdoc = "<body><script>document.body.textContent = 'drawn';"
        + "addEventListener('securitypolicyviolation', e => { document.body.textContent += ' ' + e.effectiveDirective; });<" + "/script>";
        document.body.append(f); }"""
    )
    expect(tab.frame_locator("#own").get_by_text("drawn")).to_be_attached()
