"""What the owner of a server sets by environment variables. Read where it is used: it costs nothing, and tests change it."""

from __future__ import annotations

import os
import secrets
import threading
from functools import cache

from core.errors import SettingsError
from pages.parts.serving.origin import LOOPBACK

SHARED = "TREMOR_SHARED"
OWNERS = "TREMOR_OWNERS"
SESSIONS, JOBS, WAITING, UPLOAD = "TREMOR_SESSIONS", "TREMOR_JOBS", "TREMOR_WAITING", "TREMOR_UPLOAD_MB"

DEFAULTS = {SESSIONS: 200, JOBS: 10, WAITING: 20, UPLOAD: 5}
"""Tabs that are open at a time; on a shared server also: jobs at work or in line, visitors who wait for a computation, megabytes of a file."""

OFF = ("", "0", "false", "no", "off")


_strangers = threading.Event()


def shared(address: str | None) -> bool:
    """Whether others than the person at this machine use the server that listens at `address`: because TREMOR_SHARED says so, in whatever
    words; because it listens to other machines; or because somebody came through a proxy, once for all: who stands behind a proxy cannot
    be told."""
    return os.environ.get(SHARED, "").strip().lower() not in OFF or address not in LOOPBACK or _strangers.is_set()


def strangers() -> bool:
    """Note that somebody came who does not sit at this machine. True the first time."""
    new = not _strangers.is_set()
    _strangers.set()
    return new


def forget_strangers() -> None:
    """As if the server had just started; for tests."""
    _strangers.clear()


def owners() -> frozenset[str]:
    """E-mail addresses of those who are the owner once Streamlit's own authentication (st.login) has signed them in."""
    return frozenset(address.strip().lower() for address in os.environ.get(OWNERS, "").split(",") if address.strip())


def number(name: str) -> int:
    """A limit. SettingsError for what is no whole number above 0."""
    given = os.environ.get(name, "").strip() or str(DEFAULTS[name])
    if not (given.isascii() and given.isdigit() and int(given[:9])):
        raise SettingsError(f"{name} must be a whole number above 0; got {given!r}")
    return int(given[:9])


def check() -> None:
    """Every limit, before the server begins."""
    for name in DEFAULTS:
        number(name)


@cache
def token() -> str:
    """What the owner types to be known: made anew each time the server starts, printed then, written nowhere."""
    return secrets.token_urlsafe(24)


def welcome() -> str:
    """What the log of a shared server says to its owner."""
    return f"Shared: visitors read and try. The owner signs in, in the sidebar, with the token {token()}"
