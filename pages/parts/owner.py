"""Who may do what on this server. Visitors read and try; what starts processes, reads the server's files or shows its logs is the owner's.

On a server for one person at one machine (the default), that person is the owner. On a shared one (see serving.settings.shared) the owner
signs in with the token that the server printed when it started, or by Streamlit's own authentication where TREMOR_OWNERS names the addresses.
`required` stands in the functions that act, so that a forged message of a widget that was never drawn is refused like any other; `offers`
only spares visitors what they could not use.
"""

from __future__ import annotations

import hmac
import tempfile
import threading
import time
from collections import OrderedDict, deque
from pathlib import Path

import streamlit as st

from core import checkpoint
from core.errors import CoreError
from pages.parts import session
from pages.parts.serving import settings

TRIES, SECONDS = 5, 60.0
"""Wrong tokens from one address, within so many seconds, after which it has to wait."""
REMEMBERED = 1_000
"""Addresses whose wrong tokens are remembered."""
ROOT = Path(__file__).resolve().parents[2]
FIELD = "owner.token"


class OwnersOnly(CoreError):
    """A visitor asked for what is the owner's."""


def shared() -> bool:
    """Whether there are visitors beside the owner."""
    return settings.shared(st.get_option("server.address"))


def allowed() -> bool:
    """Whether this visitor is the owner."""
    return not shared() or _knows(str(session.get(session.OWNER, ""))) or _named()


def _knows(token: str) -> bool:
    """The session holds the token itself, not a mark that it was right: no message of a browser can put it there without knowing it."""
    return hmac.compare_digest(token.encode(), settings.token().encode())


def _named() -> bool:
    """Signed in by st.login, under an address of TREMOR_OWNERS that the provider has not called unverified."""
    known = st.user.to_dict() if settings.owners() else {}
    verified = known.get("is_logged_in") is True and known.get("email_verified", True) in (True, "true")
    return verified and str(known.get("email") or "").lower() in settings.owners()


def said(what: str) -> str:
    """'Only the owner of this server starts trainings and studies. ...'"""
    return f"Only the owner of this server {what}. If that is you, sign in at the end of the sidebar; on a machine of your own, you are."


def required(what: str) -> None:
    """To be called by whatever acts. OwnersOnly for a visitor; `what` goes on after 'Only the owner of this server'."""
    if not allowed():
        raise OwnersOnly(said(what))


def offers(what: str) -> bool:
    """Whether to draw what only the owner can use; for a visitor the sentence stands in its place."""
    if allowed():
        return True
    st.info(said(what), icon=":material/lock:")
    return False


def megabytes(most: int) -> int:
    """How large a file may be here: on a shared server no larger than TREMOR_UPLOAD_MB."""
    return min(most, settings.number(settings.UPLOAD)) if shared() else most


def limit(name: str) -> int | None:
    """A limit of shared servers (settings.JOBS, settings.WAITING); None on a server of one person."""
    return settings.number(name) if shared() else None


def without_paths(text: str) -> str:
    """A sentence as a visitor may read it: folders by their names, not where they lie on the server."""
    if allowed():
        return text
    for folder in sorted({ROOT, checkpoint.RUNS.resolve(), checkpoint.FOLDER.resolve(), Path.home(), Path(tempfile.gettempdir())}, reverse=True):
        if folder != Path("/"):
            text = text.replace(f"{folder}/", "").replace(str(folder), folder.name)
    return text


def sign_in() -> None:
    """At the end of the sidebar of a shared server."""
    if not shared():
        return
    if allowed():
        st.caption("You are signed in as the owner, until you reload or close this tab.")
        st.button("Sign out", key="owner.out", on_click=_sign_out, icon=":material/logout:")
        return
    with st.expander("Owner", icon=":material/key:"):
        if settings.owners():
            st.button("Sign in", key="owner.in", on_click=st.login, icon=":material/login:")
        with st.form("owner", border=False, clear_on_submit=True):
            st.text_input("Token", key=FIELD, type="password", autocomplete="off", help="The server printed it when it started")
            st.form_submit_button("Sign in with the token", on_click=_try)
        if sentence := session.take(session.NOT_OWNER):
            st.error(sentence)


def _try() -> None:
    given = str(session.get(FIELD, "")).strip()
    if _tries.exhausted(address := str(st.context.ip_address or "this machine")):
        session.choose(session.NOT_OWNER, "Too many wrong tokens came from your address. Wait a minute.")
    elif _knows(given):
        session.choose(session.OWNER, given)
    else:
        _tries.wrong(address)
        session.choose(session.NOT_OWNER, "That is not the token. The server printed it when it started; look into its log.")


def _sign_out() -> None:
    session.forget(session.OWNER)
    if _named():
        st.logout()


class Tries:
    """Wrong tokens of late, by address."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wrong: OrderedDict[str, deque[float]] = OrderedDict()

    def wrong(self, address: str) -> None:
        with self._lock:
            self._wrong.setdefault(address, deque(maxlen=TRIES)).append(time.monotonic())
            self._wrong.move_to_end(address)
            while len(self._wrong) > REMEMBERED:
                self._wrong.popitem(last=False)

    def exhausted(self, address: str) -> bool:
        with self._lock:
            tried = self._wrong.get(address, ())
            return len(tried) == TRIES and time.monotonic() - tried[0] < SECONDS

    def clear(self) -> None:
        with self._lock:
            self._wrong.clear()


_tries = Tries()
