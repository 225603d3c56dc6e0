"""The fences of conftest.py stand."""

from __future__ import annotations

import os
import socket

import pytest


def test_the_network_is_closed_and_loopback_open() -> None:
    with pytest.raises(RuntimeError, match="only loopback"):
        socket.create_connection(("192.0.2.1", 80), timeout=0.1)
    with pytest.raises(RuntimeError, match="only loopback"):
        socket.getaddrinfo("example.org", 80)
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname(), timeout=5):
        pass


def test_the_cache_is_a_scratch_folder() -> None:
    assert "tremor-tests-" in os.environ["TREMOR_CACHE"]
