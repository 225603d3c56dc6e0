"""What app.py starts the server with, out of Streamlit's settings and our own, and what is said at the start of a shared one."""

from __future__ import annotations

import sys
from typing import Any

import streamlit as st

from core.errors import SettingsError
from pages.parts.serving import failures, middleware, settings
from pages.parts.serving.guard import Rules


def rules() -> Rules:
    """SettingsError for a limit or a host's name that is none."""
    settings.check()
    hosts = tuple(st.get_option("server.allowedHosts") or ())
    if wrong := [host for host in hosts if not host.strip() or host.count(":") == 1 or any(mark in host for mark in ",/@ ")]:
        raise SettingsError(f"server.allowedHosts: {wrong[0]!r} is not the name of a host; give names without a port, several separated by spaces")
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return Rules(
        hosts=hosts, origins=tuple(st.get_option("server.corsAllowedOrigins") or ()),
        base=f"/{base}" if base else "", address=st.get_option("server.address"), sessions=settings.number(settings.SESSIONS),
        upload_bytes=int(st.get_option("server.maxUploadSize")) * 2**20,
    )  # fmt: skip


def options() -> dict[str, Any]:
    """The arguments of `st.App` beside the script."""
    from pages.parts import failed

    try:
        found = rules()
    except SettingsError as error:
        sys.exit(str(error))
    if settings.shared(found.address):
        print(f"\n  {settings.welcome()}", flush=True)
    return {"middleware": middleware(found), "on_script_error": failed.show, "exception_handlers": {Exception: failures.unanswered}}
