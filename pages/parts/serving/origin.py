"""Who asks: the Host and Origin of a request, and whether it comes from this machine itself or through a proxy."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from urllib.parse import SplitResult, urlsplit

LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""Names and numbers under which a machine reaches itself."""

PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
SAME = {"ws": "http", "wss": "https"}
"""The scheme of the page that may open a websocket of this scheme."""

FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")
"""Headers that a proxy leaves behind."""


def _split(address: str) -> tuple[SplitResult, int | None] | None:
    """A scheme and an authority, without a user, a path or anything else; None for what is not that."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return None
    bare = parts.hostname and parts.username is None and parts.password is None and not (parts.path or parts.query or parts.fragment)
    return (parts, port) if bare else None


def host_name(host: str | None) -> str:
    """The name of a Host header in small letters, without its port; empty where it is malformed."""
    found = _split(f"//{host}") if host else None
    return (found[0].hostname or "").rstrip(".") if found else ""


def host_allowed(host: str | None, allowed: Collection[str]) -> bool:
    """Whether the Host is one of `allowed` (Streamlit's server.allowedHosts: names, "*.name", "*"). An empty list allows every one that is
    well formed."""
    name = host_name(host)
    patterns = [pattern.strip().lower().rstrip(".") for pattern in allowed]
    if not name or not patterns:
        return bool(name)
    return any(pattern in ("*", name) or (pattern.startswith("*.") and name.endswith(pattern[1:])) for pattern in patterns)


def same_origin(origin: str | None, scheme: str, host: str | None) -> bool:
    """Whether an Origin header names the very server that was asked: its scheme, its name and its port."""
    given, asked = _split(origin or ""), _split(f"{SAME.get(scheme, scheme)}://{host}")
    return given is not None and asked is not None and _whole(given) == _whole(asked)


def _whole(found: tuple[SplitResult, int | None]) -> tuple[str, str | None, int | None]:
    parts, port = found
    return parts.scheme, parts.hostname, port or PORTS.get(parts.scheme)


def forwarded(headers: Mapping[str, str]) -> bool:
    """Whether a proxy handed the request on. `headers` knows its names in small letters."""
    return any(name in headers for name in FORWARDED)


def from_this_machine(headers: Mapping[str, str], client: str | None) -> bool:
    """Whether the request was made on this machine, to this machine, with nothing between. `headers` as above; `client` is the other end's
    number where it is known."""
    return client in (None, *LOOPBACK) and host_name(headers.get("host")) in LOOPBACK and not forwarded(headers)
