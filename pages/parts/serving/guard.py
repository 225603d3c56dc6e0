"""What is refused before Streamlit sees it: foreign hosts, foreign pages that post or open a websocket, what is too long or too much."""

from __future__ import annotations

import logging
import time
from collections import deque
from dataclasses import dataclass
from html import escape

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from pages.parts.serving import messages, origin, settings

STREAM, METRICS, UPLOAD = "/_stcore/stream", "/_stcore/metrics", "/_stcore/upload_file/"
FILES = ("/_stcore/", "/static/", "/media/", "/component/")
"""Where no page lies."""

ADDRESS_BYTES, HEADER_BYTES, BODY_BYTES = 16_384, 32_768, 65_536
"""Most of an address with its query, of all headers together, and of a body that is no upload."""
FRAMING_BYTES = 1_000_000
"""What a form adds to the file in it."""
UPLOADS, UPLOADS_BYTES, UPLOADS_SECONDS = 10, 500_000_000, 600.0
"""On a shared server: files of one visitor, and bytes of all, within so many seconds."""

FULL = "Too many people are here at the moment. Please try again in some minutes; nothing of yours was lost."

_log = logging.getLogger("tremor")


@dataclass(frozen=True)
class Rules:
    """What the server answers. Hosts and origins are Streamlit's server.allowedHosts and server.corsAllowedOrigins."""

    hosts: tuple[str, ...]
    origins: tuple[str, ...] = ()
    base: str = ""
    address: str | None = "127.0.0.1"
    """Where it listens: see settings.shared."""
    sessions: int = 200
    upload_bytes: int = 20_000_000


@dataclass(frozen=True)
class Refusal:
    status: int
    sentence: str
    page: bool = False
    """Whether a person waits for it, in a browser."""


async def refuse(refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request, or a websocket that is still to be opened, with a sentence."""
    retry = {"Retry-After": "60"} if refusal.status in (429, 503) else {}
    words = f"{refusal.sentence}\n"
    response: Response = PlainTextResponse(words, refusal.status, retry)
    if refusal.page:
        head = "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'><title>Tremor</title>"
        response = HTMLResponse(f"{head}<h1>Tremor</h1><p>{escape(words)}</p></html>", refusal.status, retry)
    if scope["type"] == "http":
        await response(scope, receive, send)
    elif "websocket.http.response" in scope.get("extensions", {}):
        await WebSocket(scope, receive, send).send_denial_response(response)
    else:
        await send({"type": "websocket.close", "code": 1008, "reason": ""})


class Guard:
    """Refuses what the rules do not allow; everything else goes on to the app."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self._app = app
        self._rules = rules
        self._open = 0
        self._uploads: deque[tuple[float, str, int]] = deque()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._too_long(scope, headers) or self._foreign(scope, headers)
        if refusal is None and not origin.from_this_machine(headers, _client(scope)) and not self._shared() and settings.strangers():
            _log.warning("Somebody came through a proxy or from another machine. %s", settings.welcome())
        refusal = refusal or self._closed(scope, headers) or self._too_much(scope, headers)
        if refusal is not None:
            await refuse(refusal, scope, receive, send)
        elif scope["type"] == "websocket":
            self._open += 1
            try:
                await self._app(scope, self._heard(receive), send)
            finally:
                self._open -= 1
        else:
            await self._app(scope, *self._counted(scope, receive, send))

    def _heard(self, receive: Receive) -> Receive:
        """What a visitor of a shared server says over the websocket, without what Streamlit would do to all visitors at once."""

        async def heard() -> Message:
            while True:
                message = await receive()
                if not (message["type"] == "websocket.receive" and self._shared() and messages.of_the_owner(message.get("bytes") or b"")):
                    return message

        return heard

    def _shared(self) -> bool:
        return settings.shared(self._rules.address)

    def _path(self, scope: Scope) -> str:
        """The path below server.baseUrlPath."""
        return str(scope["path"]).removeprefix(self._rules.base)

    def _too_long(self, scope: Scope, headers: Headers) -> Refusal | None:
        if len(scope.get("raw_path") or b"") + len(scope.get("query_string") or b"") > ADDRESS_BYTES:
            return Refusal(414, f"The address is longer than {ADDRESS_BYTES:,} bytes.")
        if sum(len(name) + len(value) for name, value in headers.raw) > HEADER_BYTES:
            return Refusal(431, f"The headers are longer than {HEADER_BYTES:,} bytes.")
        length, most = headers.get("content-length", "0"), self._most(scope)
        if not (length.isascii() and length.isdigit()):
            return Refusal(400, "Content-Length is no number.")
        return Refusal(413, f"At most {most:,} bytes may be sent here.") if int(length[:18]) > most else None

    def _most(self, scope: Scope) -> int:
        """Bytes that may be sent to this address."""
        if not self._path(scope).startswith(UPLOAD):
            return BODY_BYTES
        most = self._rules.upload_bytes
        return FRAMING_BYTES + (min(most, settings.number(settings.UPLOAD) * 2**20) if self._shared() else most)

    def _foreign(self, scope: Scope, headers: Headers) -> Refusal | None:
        """Another name than the server's own (DNS rebinding), or a page of another server that does more than link here."""
        host, given = headers.get("host"), headers.get("origin")
        if len(headers.getlist("host")) != 1 or not origin.host_allowed(host, self._rules.hosts):
            return Refusal(421, "This server does not answer to that name. Its owner sets the names it answers to: server.allowedHosts.")
        if origin.same_origin(given, scope["scheme"], host) or given in self._rules.origins:
            return None
        if scope["type"] == "websocket":
            return Refusal(403, "A websocket is opened by this server's own pages only.")
        if scope["method"] not in ("GET", "HEAD", "OPTIONS"):
            return Refusal(403, "Only this server's own pages may send something here.")
        if given is not None or not _linked(headers):
            return Refusal(403, "Other sites may link here, but neither frame nor load what lies here.")
        return None

    def _closed(self, scope: Scope, headers: Headers) -> Refusal | None:
        """The server's figures are for the machine itself."""
        if self._path(scope).rstrip("/") == METRICS and (self._shared() or not origin.from_this_machine(headers, _client(scope))):
            return Refusal(404, "There is nothing here.")
        return None

    def _too_much(self, scope: Scope, headers: Headers) -> Refusal | None:
        path = self._path(scope)
        page = scope["type"] == "http" and not path.startswith(FILES) and path.count(".") == 0
        if (scope["type"] == "websocket" or page) and self._open >= self._rules.sessions:
            return Refusal(503, FULL, page)
        if self._uploading(scope) and self._full(_visitor(path), int(headers.get("content-length", "0"))):
            return Refusal(429, "Too many files were uploaded in the last minutes. Please try again later.")
        return None

    def _uploading(self, scope: Scope) -> bool:
        """Whether a file comes in that counts: Streamlit keeps uploads in memory as long as their visitor is there."""
        return self._shared() and scope["type"] == "http" and scope["method"] == "PUT" and self._path(scope).startswith(UPLOAD)

    def _full(self, visitor: str, size: int) -> bool:
        """Whether this visitor, or all together, have sent as many files lately as one may."""
        now = time.monotonic()
        while self._uploads and now - self._uploads[0][0] > UPLOADS_SECONDS:
            self._uploads.popleft()
        mine = sum(each[1] == visitor for each in self._uploads)
        return mine >= UPLOADS or sum(each[2] for each in self._uploads) + size > UPLOADS_BYTES

    def _counted(self, scope: Scope, receive: Receive, send: Send) -> tuple[Receive, Send]:
        """A body that does not say how long it is must not be longer either. Uploads that were taken are remembered."""
        most, sent = self._most(scope), 0

        async def counted() -> Message:
            nonlocal sent
            message = await receive()
            sent += len(message.get("body", b""))
            if sent > most:
                raise HTTPException(413, f"At most {most:,} bytes may be sent here.")
            return message

        async def answered(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] < 300 and self._uploading(scope):
                self._uploads.append((time.monotonic(), _visitor(self._path(scope)), sent))
            await send(message)

        return counted, answered


def _client(scope: Scope) -> str | None:
    """The number of the machine that asks; the proxy's guest, where uvicorn trusts the proxy."""
    found = scope.get("client")
    return str(found[0]) if found else None


def _visitor(path: str) -> str:
    """The visitor of an upload: its address ends in /VISITOR/FILE."""
    return path.removeprefix(UPLOAD).split("/")[0]


def _linked(headers: Headers) -> bool:
    """Whether the request is the browser's own, a link that was followed, or of a program that is no browser. (Browsers say so.)"""
    site, mode, dest = (headers.get(f"sec-fetch-{name}") for name in ("site", "mode", "dest"))
    return site in (None, "none", "same-origin") or (mode == "navigate" and dest == "document")
