"""docs/nginx.conf, as it stands, before a shared server: TLS, headers, pages and websocket, and what visitors cannot do through it."""

from __future__ import annotations

import re
import shutil
import signal
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from websockets.exceptions import InvalidStatus

from pages.parts import running
from pages.parts.serving import settings
from pages.parts.serving.headers import HEADERS
from tests.e2e.conftest import ROOT, _free_port, listen, ready, serving, sign_in, written
from tests.e2e.servers import Run
from tests.e2e.visitor import Visitor, clicked, dial, typed

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
OPENSSL = shutil.which("openssl")

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(NGINX is None, reason="no nginx on this machine: apt-get install nginx-light"),
    pytest.mark.skipif(OPENSSL is None, reason="no openssl on this machine: apt-get install openssl"),
]

ONLY = f"Only the owner of this server {running.STARTS}"

MAIN = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ worker_connections 512; }}
http {{
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/tremor.conf;
}}
"""


@dataclass(frozen=True)
class Site:
    """Addresses by https and http, the owner's token, and whom TLS trusts."""

    address: str
    plain: str
    token: str
    trust: ssl.SSLContext
    folder: Path

    def ask(self, path: str, address: str = "", **headers: str) -> tuple[int, list[tuple[str, str]], str]:
        class Stay(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *asked: object) -> None:
                return None

        opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=self.trust), Stay, urllib.request.ProxyHandler({}))
        request = urllib.request.Request(
            f"{address or self.address}{path}", headers={name.replace("_", "-"): value for name, value in headers.items()}
        )
        try:
            answer = opener.open(request, timeout=60)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            return answer.status, answer.getheaders(), answer.read().decode("utf-8", "replace")


def configured(folder: Path, app: str, secure: int, plain: int) -> Path:
    """docs/nginx.conf with our ports, certificate and log, each put in exactly as often as it stands there."""
    text = (ROOT / "docs" / "nginx.conf").read_text(encoding="utf-8")
    for old, new, times in (
        ("server 127.0.0.1:8501;", f"server {app.removeprefix('http://')};", 1),
        ("listen 80;", f"listen 127.0.0.1:{plain};", 1),
        ("listen 443 ssl http2;", f"listen 127.0.0.1:{secure} ssl http2;", 1),
        ("server_name tremor.example.org;", "server_name 127.0.0.1;", 2),
        ("return 301 https://$host$request_uri;", f"return 301 https://$host:{secure}$request_uri;", 1),
        ("/etc/letsencrypt/live/tremor.example.org/fullchain.pem", f"{folder}/cert.pem", 1),
        ("/etc/letsencrypt/live/tremor.example.org/privkey.pem", f"{folder}/key.pem", 1),
        ("/var/log/nginx/tremor.log", f"{folder}/access.log", 1),
    ):
        assert text.count(old) == times, old
        text = text.replace(old, new)
    (folder / "tremor.conf").write_text(text)
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder))
    return folder / "nginx.conf"


def certify(folder: Path) -> None:
    subprocess.run(
        [str(OPENSSL), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem"],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip


@pytest.fixture(scope="module")
def site(tiny_checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The app in shared mode behind nginx."""
    folder = tmp_path_factory.mktemp("nginx")
    certify(folder)
    secure, plain = _free_port(), _free_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(settings.SHARED, "1")
        patch.setenv("TREMOR_RUNS", str(folder / "runs"))
        with serving(tiny_checkpoints, folder / "app.log", kind=Run) as app:
            main = configured(folder, app, secure, plain)
            command = [str(NGINX), "-p", str(folder), "-c", str(main), "-e", str(folder / "error.log")]
            with (folder / "nginx.log").open("wb") as log:
                nginx = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
                try:
                    token = re.findall(r"with the token (\S+)", (folder / "app.log").read_text())[0]
                    trust = ssl.create_default_context(cafile=str(folder / "cert.pem"))
                    one = Site(f"https://127.0.0.1:{secure}", f"http://127.0.0.1:{plain}", token, trust, folder)
                    _wait(one, nginx)
                    yield one
                finally:
                    nginx.send_signal(signal.SIGTERM)
                    nginx.wait(60)


def _wait(site: Site, nginx: subprocess.Popen[bytes]) -> None:
    for _ in range(240):
        try:
            assert site.ask("/_stcore/health")[0] == 200
            return
        except OSError:
            assert nginx.poll() is None, (site.folder / "nginx.log").read_text() + (site.folder / "error.log").read_text()
            time.sleep(0.25)
    raise AssertionError("nginx did not start")


@pytest.fixture
def open_page(site: Site, chromium: Browser) -> Iterator[Page]:
    """A tab that has never been here; what it complains of is judged at the end."""
    context = chromium.new_context(reduced_motion="reduce", ignore_https_errors=True, viewport={"width": 1400, "height": 1000})
    listen(context)
    tab, faults = context.new_page(), []
    tab.on("console", lambda said: faults.append(said.text) if said.type == "error" and "404" not in said.text else None)
    tab.on("pageerror", lambda error: faults.append(str(error)))
    yield tab
    context.close()
    assert not faults


@pytest.mark.parametrize("path", ["/", "/explain", "/_stcore/health", "/_stcore/metrics", "/media/none.png", "/explain/", "/favicon.png"])
def test_headers_through_the_proxy_stand_there_once(site: Site, path: str) -> None:
    status, headers, body = site.ask(path)
    names = [name.lower() for name, _ in headers]
    for name, value in HEADERS.items():
        assert names.count(name.lower()) == 1 and (name.lower(), value) in [(each.lower(), said) for each, said in headers], name
    assert names.count("strict-transport-security") == 1
    assert "nginx/" not in str(headers)
    assert (status == 404) is (path in ("/_stcore/metrics", "/media/none.png"))
    assert "Traceback" not in body


def test_what_nginx_answers_itself_has_headers_too(site: Site) -> None:
    request = urllib.request.Request(f"{site.address}/_stcore/upload_file/a/b", data=b"x" * 9_000_000, method="PUT")
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=site.trust), urllib.request.ProxyHandler({}))
    with pytest.raises(urllib.error.HTTPError) as refused:
        opener.open(request, timeout=60)
    with refused.value as answer:
        assert answer.status == 413 and "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_plain_http_leads_to_tls(site: Site) -> None:
    status, headers, _ = site.ask("/explain?label=x", site.plain)
    assert status == 301 and dict(headers)["Location"] == f"{site.address}/explain?label=x"


def test_cookies_are_for_tls_and_addresses_stay_out_of_the_log(site: Site) -> None:
    _, headers, _ = site.ask("/_stcore/host-config?label=private-choice")
    cookies = [value for name, value in headers if name.lower() == "set-cookie"]
    assert all("secure" in cookie.lower() for cookie in cookies)
    assert "private-choice" not in written(site.folder / "access.log", "/_stcore/host-config")


def test_a_foreign_host_and_a_foreign_websocket_are_refused(site: Site) -> None:
    assert site.ask("/", Host="evil.example")[0] == 421
    for origin in ("https://evil.example", site.address.replace("https", "http"), site.plain):
        with pytest.raises(InvalidStatus) as refused, dial(site.address, origin, site.trust):
            pytest.fail("it was opened")
        assert refused.value.response.status_code == 403


def test_a_visitor_opens_a_page_and_the_owner_signs_in(site: Site, open_page: Page) -> None:
    tab = open_page
    tab.goto(f"{site.address}/train")
    ready(tab)  # it runs: the websocket is open
    sidebar = tab.get_by_test_id("stSidebar")
    expect(tab.get_by_test_id("stMain").get_by_text("Only the owner of this server starts")).to_be_visible()
    sidebar.get_by_text("Owner", exact=True).click()
    sign_in(tab, site.token, "You are signed in as the owner")
    expect(tab.get_by_role("button", name="Launch")).to_be_visible()
    assert site.token not in tab.url
    sidebar.get_by_role("link", name="Home").click()
    tab.get_by_placeholder("Paste a text").fill("An editor to cut and paste, and a dns server.")
    tab.get_by_role("button", name="Show its labels").click()
    expect(tab.get_by_role("heading", name="Explain", exact=True)).to_be_visible()
    expect(tab.get_by_text("use::editing").first).to_be_visible()


def test_visitors_behind_the_proxy_launch_nothing_and_read_no_path(site: Site) -> None:
    with Visitor(site.address, "train", context=site.trust) as one:
        one.run()
        one.run(typed(one.inputs()["Token"], site.token), clicked(one.buttons()["Sign in with the token"]))
        launch = one.buttons()["Launch"]
    with Visitor(site.address, "train", context=site.trust) as visitor:
        visitor.run()
        assert "Launch" not in visitor.buttons() and ONLY in visitor.text()
        visitor.run(clicked(launch))
    assert not list((site.folder / "runs").glob("*"))
    with Visitor(site.address, "data", "dataset=file", site.trust) as visitor:
        visitor.run()
        assert "Path" not in visitor.inputs() and "Files of this server are read by its owner only" in visitor.text()


def test_the_document_names_every_setting() -> None:
    text = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    for name in (settings.SHARED, settings.OWNERS, *settings.DEFAULTS):
        assert f"`{name}`" in text
    for name, value in settings.DEFAULTS.items():
        assert f"| `{name}` | {value} |" in text
