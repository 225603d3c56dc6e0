"""The guard and the headers around a small app: what is refused before the app sees it, and with which words."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from streamlit.proto.BackMsg_pb2 import BackMsg

from pages.parts import serving
from pages.parts.serving import failures, guard, settings
from pages.parts.serving.guard import Rules
from pages.parts.serving.headers import HEADERS

HOST = "127.0.0.1:8501"
OWN = f"http://{HOST}"
RULES = Rules(hosts=("localhost", "127.0.0.1"))


async def _taken(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


async def _broken(request: Request) -> PlainTextResponse:
    raise KeyError("/srv/secret/place")


async def _stream(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.receive()


def app(rules: Rules = RULES) -> Starlette:
    routes = [
        Route("/broken", _broken), WebSocketRoute("/_stcore/stream", _stream), Route("/{path:path}", _taken, methods=["GET", "PUT", "POST", "DELETE"])
    ]  # fmt: skip
    return Starlette(routes=routes, middleware=serving.middleware(rules), exception_handlers={Exception: failures.unanswered})


def scope(kind: str, path: str, method: str, headers: dict[str, str], client: str) -> dict[str, Any]:
    route, _, query = path.partition("?")
    return {
        "type": kind, "path": route, "raw_path": route.encode(), "query_string": query.encode(), "method": method, "http_version": "1.1",
        "scheme": "ws" if kind == "websocket" else "http", "client": (client, 5000), "server": ("127.0.0.1", 8501), "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in ({"host": HOST} | headers).items()],
        "extensions": {"websocket.http.response": {}}, "subprotocols": [],
    }  # fmt: skip


class Answer:
    """What came back."""

    def __init__(self, messages: list[dict[str, Any]]) -> None:
        starts = [each for each in messages if each["type"].endswith("response.start")]
        self.status = starts[0]["status"] if starts else 101 if messages[0]["type"] == "websocket.accept" else 0
        self.headers = {name.decode(): value.decode() for name, value in starts[0]["headers"]} if starts else {}
        self.text = b"".join(each.get("body", b"") for each in messages).decode()


def finished(work: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine comes to, in a thread of its own: browser tests that ran in this process before keep an event loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def ask(
    served: Any, path: str = "/", method: str = "GET", body: Iterable[bytes] = (b"",), kind: str = "http", client: str = "127.0.0.1", **headers: str
):
    """One request; header names with _ for -."""
    parts = list(body)
    messages: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if kind == "websocket":
            return {"type": "websocket.disconnect", "code": 1000} if messages else {"type": "websocket.connect"}
        part = parts.pop(0) if parts else b""
        return {"type": "http.request", "body": part, "more_body": bool(parts)}

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        finished(served(scope(kind, path, method, named, client), receive, send))
    except KeyError:
        assert path == "/broken"  # Starlette answers and raises on, for the server's log
    return Answer(messages)


@pytest.mark.parametrize(
    ("path", "method", "headers", "status"),
    [
        ("/", "GET", {}, 200),
        ("/", "GET", {"host": "evil.example"}, 421),
        ("/", "PUT", {}, 403),
        ("/", "PATCH", {"origin": OWN}, 405),
        ("/broken", "GET", {}, 500),
        ("/_stcore/metrics", "GET", {"x-forwarded-for": "192.0.2.1"}, 404),
        ("/", "POST", {"origin": OWN, "content-length": "70000"}, 413),
    ],
)
def test_every_answer_carries_the_headers(path, method, headers, status):
    answer = ask(app(), path, method, **headers)
    assert answer.status == status
    assert {name: answer.headers[name.lower()] for name in HEADERS} == HEADERS
    assert "secret" not in answer.text


def test_the_policy_lets_nothing_in_from_elsewhere():
    policy = dict(part.split(" ", 1) for part in HEADERS["Content-Security-Policy"].split("; "))
    assert policy["frame-ancestors"] == policy["object-src"] == "'none'" and policy["default-src"] == "'self'"
    assert {word for words in policy.values() for word in words.split()} <= {"'self'", "'none'", "'unsafe-inline'", "blob:", "data:"}
    assert "data:" not in policy["script-src"]


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize("host", ["evil.example", "evil.example:8501", "", "localhost.evil.example", "127.0.0.1@evil.example"])
def test_a_foreign_host_is_refused(kind, host):
    answer = ask(app(), "/_stcore/stream", kind=kind, host=host, origin=f"http://{host}")
    assert answer.status == 421 and "server.allowedHosts" in answer.text


def test_two_hosts_are_refused():
    served = app()
    two = scope("http", "/", "GET", {}, "127.0.0.1")
    two["headers"].append((b"host", b"evil.example"))
    messages: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    finished(served(two, None, send))
    assert messages[0]["status"] == 421


@pytest.mark.parametrize(
    ("origin", "status"),
    [(OWN, 101), ("http://127.0.0.1:9999", 403), ("http://localhost:8501", 403), ("https://127.0.0.1:8501", 403), ("null", 403), (None, 403)],
)
def test_a_websocket_is_opened_by_our_own_pages_only(origin, status):
    headers = {} if origin is None else {"origin": origin}
    assert ask(app(), "/_stcore/stream", kind="websocket", **headers).status == status


def test_a_websocket_is_closed_where_the_server_knows_no_other_refusal():
    asked = scope("websocket", "/_stcore/stream", "GET", {"origin": "http://evil.example"}, "127.0.0.1") | {"extensions": {}}
    messages: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    finished(app()(asked, None, send))
    assert messages == [{"type": "websocket.close", "code": 1008, "reason": ""}]


def test_an_origin_that_the_owner_allows():
    served = app(Rules(hosts=("127.0.0.1",), origins=("https://desk.example.org",)))
    assert ask(served, "/_stcore/stream", kind="websocket", origin="https://desk.example.org").status == 101
    assert ask(served, "/", "PUT", origin="https://desk.example.org").status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_what_changes_something_comes_from_our_own_pages(method):
    assert ask(app(), "/x", method, origin=OWN).status == 200
    for headers in ({}, {"origin": "http://127.0.0.1:9999"}, {"origin": "null"}, {"sec_fetch_site": "cross-site"}):
        assert ask(app(), "/x", method, **headers).status == 403


@pytest.mark.parametrize(
    ("site", "mode", "dest", "status"),
    [
        ("none", "navigate", "document", 200),
        ("same-origin", "cors", "script", 200),
        ("cross-site", "navigate", "document", 200),  # a link from elsewhere
        ("cross-site", "navigate", "iframe", 403),
        ("same-site", "navigate", "iframe", 403),  # another port of this machine
        ("cross-site", "no-cors", "image", 403),
        ("same-site", "no-cors", "script", 403),
    ],
)
def test_other_sites_may_link_here_and_no_more(site, mode, dest, status):
    assert ask(app(), sec_fetch_site=site, sec_fetch_mode=mode, sec_fetch_dest=dest).status == status


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/" + "a" * guard.ADDRESS_BYTES, {}, 414),
        ("/?" + "a" * guard.ADDRESS_BYTES, {}, 414),
        ("/", {"cookie": "a" * guard.HEADER_BYTES}, 431),
        ("/", {"content_length": "many"}, 400),
        ("/", {"content_length": "9" * 5_000}, 413),
        ("/?" + "a" * (guard.ADDRESS_BYTES - 100), {"cookie": "a" * (guard.HEADER_BYTES - 200)}, 200),
    ],
)
def test_what_is_too_long(path, headers, status):
    assert ask(app(), path, **headers).status == status


def test_a_body_that_hides_its_length_is_not_longer():
    parts = [b"x" * 30_000] * 3
    assert ask(app(), "/x", "POST", parts[:2], origin=OWN).text == "60000"
    assert ask(app(), "/x", "POST", parts, origin=OWN).status == 413


def test_uploads_are_as_long_as_streamlit_allows_and_shorter_on_a_shared_server(monkeypatch):
    served, path = app(Rules(hosts=("127.0.0.1",), upload_bytes=20_000_000)), "/_stcore/upload_file/me/1"
    assert ask(served, path, "PUT", origin=OWN, content_length="20000000").status == 200
    assert ask(served, path, "PUT", origin=OWN, content_length="21000001").status == 413
    monkeypatch.setenv(settings.SHARED, "1")
    assert ask(served, path, "PUT", origin=OWN, content_length="20000000").status == 413
    assert ask(served, path, "PUT", origin=OWN, content_length="6000000").status == 200


def test_so_many_uploads_of_one_visitor(monkeypatch):
    monkeypatch.setenv(settings.SHARED, "1")
    served = app()
    for _ in range(guard.UPLOADS):
        assert ask(served, "/_stcore/upload_file/me/1", "PUT", [b"x"], origin=OWN).status == 200
    answer = ask(served, "/_stcore/upload_file/me/2", "PUT", [b"x"], origin=OWN)
    assert answer.status == 429 and "Too many files" in answer.text and answer.headers["retry-after"] == "60"
    assert ask(served, "/_stcore/upload_file/you/1", "PUT", [b"x"], origin=OWN).status == 200
    assert ask(served, "/_stcore/upload_file/me/1", "DELETE", origin=OWN).status == 200


def test_uploads_of_all_together(monkeypatch):
    monkeypatch.setenv(settings.SHARED, "1")
    monkeypatch.setattr(guard, "UPLOADS_BYTES", 100)
    served = app()
    assert ask(served, "/_stcore/upload_file/a/1", "PUT", [b"x" * 90], origin=OWN).status == 200
    assert ask(served, "/_stcore/upload_file/b/1", "PUT", [b"x" * 20], origin=OWN, content_length="20").status == 429
    assert ask(served, "/_stcore/upload_file/b/1", "PUT", [b"x" * 5], origin=OWN, content_length="5").status == 200


def test_what_was_refused_counts_for_nobody(monkeypatch):
    monkeypatch.setenv(settings.SHARED, "1")
    served = app()
    for _ in range(2 * guard.UPLOADS):
        assert ask(served, "/_stcore/upload_file/me/1", "PUT", [b"x"], origin="http://127.0.0.1:9999").status == 403
    assert ask(served, "/_stcore/upload_file/me/1", "PUT", [b"x"], origin=OWN).status == 200


@pytest.mark.parametrize(
    ("headers", "client", "status"),
    [({}, "127.0.0.1", 200), ({"x_forwarded_for": "192.0.2.1"}, "127.0.0.1", 404), ({}, "192.0.2.1", 404)],
)
def test_figures_are_for_the_machine_itself(headers, client, status):
    assert ask(app(), "/_stcore/metrics", client=client, **headers).status == status


@pytest.mark.parametrize("path", ["/_stcore/metrics", "/_stcore/metrics/", "/tool/_stcore/metrics"])
def test_figures_of_a_shared_server_are_for_nobody(path, monkeypatch):
    monkeypatch.setenv(settings.SHARED, "1")
    assert ask(app(Rules(hosts=("127.0.0.1",), base="/tool" if "tool" in path else "")), path).status == 404


def test_whoever_comes_through_a_proxy_makes_the_server_shared(caplog):
    served = app()
    ask(served)
    ask(served, host="evil.example", x_forwarded_for="192.0.2.1")  # refused, so it changes nothing
    assert not settings.shared("127.0.0.1")
    ask(served, x_forwarded_for="192.0.2.1")
    assert settings.shared("127.0.0.1")
    ask(served, x_forwarded_for="192.0.2.1")
    assert caplog.text.count(settings.token()) == 1, "the owner finds the token in the log, once"


def test_a_full_server_says_so():
    """One visitor is inside; the next page and the next websocket are told."""
    served = app(Rules(hosts=("127.0.0.1",), sessions=1))
    leave = asyncio.Event

    async def inside() -> tuple[Answer, Answer, Answer]:
        gone, here = leave(), asyncio.Event()

        async def wait() -> dict[str, Any]:
            if not here.is_set():
                here.set()
                return {"type": "websocket.connect"}
            await gone.wait()
            return {"type": "websocket.disconnect", "code": 1000}

        async def ignore(message: dict[str, Any]) -> None:
            return None

        first = asyncio.create_task(served(scope("websocket", "/_stcore/stream", "GET", {"origin": OWN}, "127.0.0.1"), wait, ignore))
        await here.wait()
        answers = [await asyncio.to_thread(ask, served, path, "GET", (b"",), kind, origin=OWN) for path, kind in (
            ("/explain", "http"), ("/_stcore/stream", "websocket"), ("/static/js/a.js", "http"))]  # fmt: skip
        gone.set()
        await first
        return answers[0], answers[1], answers[2]

    page, stream, file = finished(inside())
    assert page.status == stream.status == 503 and guard.FULL in page.text and guard.FULL in stream.text and "<h1>" in page.text
    assert file.status == 200
    assert ask(served, "/explain").status == 200


def test_an_error_of_the_server_is_a_sentence_with_a_reference_that_the_log_knows(caplog):
    answer = ask(app(), "/broken")
    reference = answer.text.split("the reference ")[1].rstrip(".\n")
    assert len(reference) == 6 and set(reference) <= set(failures.LETTERS)
    assert f"reference {reference}: KeyError" in caplog.text and "/srv/secret/place" in caplog.text


@pytest.mark.parametrize(("shared", "heard"), [("", 2), ("1", 1)])
def test_no_visitor_empties_the_caches_of_all(shared, heard, monkeypatch):
    monkeypatch.setenv(settings.SHARED, shared)
    got: list[bytes] = []

    async def stream(websocket: WebSocket) -> None:
        await websocket.accept()
        async for data in websocket.iter_bytes():
            got.append(data)

    said = [BackMsg(clear_cache=True).SerializeToString(), b"\xff nonsense", BackMsg(stop_script=True).SerializeToString()]
    coming = [
        {"type": "websocket.connect"},
        *({"type": "websocket.receive", "bytes": data} for data in said),
        {"type": "websocket.disconnect", "code": 1000},
    ]

    async def receive() -> dict[str, Any]:
        return coming.pop(0)

    async def ignore(message: dict[str, Any]) -> None:
        return None

    served = Starlette(routes=[WebSocketRoute("/_stcore/stream", stream)], middleware=serving.middleware(RULES))
    finished(served(scope("websocket", "/_stcore/stream", "GET", {"origin": OWN}, "127.0.0.1"), receive, ignore))
    assert got == (said[1:] if shared else said) and len(got) == heard + 1
