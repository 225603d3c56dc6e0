"""Streamlit's messages from the browser, as far as they are not every visitor's to send."""

from __future__ import annotations

from google.protobuf.message import DecodeError
from streamlit.proto.BackMsg_pb2 import BackMsg

OWNERS = ("clear_cache", "load_git_info", "set_run_on_save")
"""Empties the caches of all visitors, with every model that is loaded; asks for the server's git; belongs to the development of an app. The
owner of a shared server restarts it instead."""


def of_the_owner(data: bytes) -> bool:
    """Whether a message is one of OWNERS. What is no message at all is left to Streamlit, which closes the connection."""
    message = BackMsg()
    try:
        message.ParseFromString(data)
    except DecodeError:
        return False
    return message.WhichOneof("type") in OWNERS
