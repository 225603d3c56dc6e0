"""A visitor without a browser: speaks Streamlit's protocol over the websocket, and says whatever it likes."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect

PATIENCE = 120.0
T = TypeVar("T")


class Line:
    """A websocket, to be entered. One thread of its own reads and writes it: the library's synchronous client reads in one thread while it writes
    in another, which OpenSSL does not allow on one connection ("SSL: internal error", now and then)."""

    def __init__(self, address: str, **how: Any) -> None:
        async def open_it() -> ClientConnection:
            return await connect(address, **how)

        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        try:
            self._socket = self._wait(open_it())
        except BaseException:
            self._end()
            raise

    def send(self, message: bytes) -> None:
        self._wait(self._socket.send(message))

    def recv(self, patience: float) -> bytes:
        return bytes(self._wait(asyncio.wait_for(self._socket.recv(decode=False), patience)))

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *error: Any) -> None:
        try:
            self._wait(self._socket.close())
        finally:
            self._end()

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE + 10)

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def dial(address: str, origin: str | None, context: ssl.SSLContext | None = None, host: str | None = None) -> Line:
    """A websocket to the server at http://... or https://..., as a page of `origin` would open it, under another name of the server if need
    be."""
    scheme, _, place = address.partition("://")
    name, _, port = place.split("/")[0].partition(":")
    return Line(
        f"{'wss' if scheme == 'https' else 'ws'}://{host or place}/_stcore/stream", origin=origin, subprotocols=["streamlit"], host=name,
        port=int(port), proxy=None, max_size=None, open_timeout=PATIENCE, **({"ssl": context} if context else {}),
    )  # fmt: skip


class Visitor:
    """`with Visitor(address, "train") as one: one.run()`; `elements` is what the last full run drew."""

    def __init__(self, address: str, page: str = "", query: str = "", context: ssl.SSLContext | None = None) -> None:
        self._line = dial(address, "/".join(address.split("/")[:3]), context)
        self._page, self._query, self._hash = page, query, ""
        self.icon = ""
        """Where the page's icon lies: a file that Streamlit keeps in memory."""
        self.elements: list[Any] = []

    def __enter__(self) -> Visitor:
        self._line.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._line.__exit__(*error)

    def run(self, *widgets: WidgetState) -> list[Any]:
        """Run the page with these widgets' values and wait for its end."""
        message = BackMsg()
        message.rerun_script.page_name, message.rerun_script.query_string = self._page, self._query
        message.rerun_script.page_script_hash = self._hash
        message.rerun_script.widget_states.widgets.extend(widgets)
        self._line.send(message.SerializeToString())
        self.elements = list(self._drawn())
        return self.elements

    def _drawn(self) -> Iterable[Any]:
        while True:
            heard = ForwardMsg()
            heard.ParseFromString(self._line.recv(PATIENCE))
            if heard.HasField("navigation"):
                self._hash = heard.navigation.page_script_hash
            elif heard.HasField("page_config_changed"):
                self.icon = heard.page_config_changed.favicon or self.icon
            elif heard.HasField("delta") and heard.delta.HasField("new_element"):
                yield heard.delta.new_element
            elif heard.WhichOneof("type") == "script_finished" and heard.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                return

    def buttons(self) -> dict[str, str]:
        """Label -> the id that a click is sent for."""
        return {each.button.label: each.button.id for each in self.elements if each.HasField("button")}

    def inputs(self) -> dict[str, str]:
        """Label -> the id of a line of text."""
        return {each.text_input.label: each.text_input.id for each in self.elements if each.HasField("text_input")}

    def text(self) -> str:
        """Everything that stands on the page in words, without what escapes Markdown."""
        return "\n".join(str(each) for each in self.elements).replace("\\", "")


def clicked(identity: str) -> WidgetState:
    return WidgetState(id=identity, trigger_value=True)


def typed(identity: str, text: str) -> WidgetState:
    return WidgetState(id=identity, string_value=text)
