"""Hosts, origins, and who sits at this machine: tables of what browsers, proxies and forgers send."""

from __future__ import annotations

import pytest

from pages.parts.serving.origin import from_this_machine, host_allowed, host_name, same_origin

HERE = ("localhost", "127.0.0.1")


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("localhost", "localhost"),
        ("LocalHost:8501", "localhost"),
        ("127.0.0.1:8501", "127.0.0.1"),
        ("[::1]:8501", "::1"),
        ("tremor.example.org.", "tremor.example.org"),
        (None, ""),
        ("", ""),
        ("localhost:port", ""),
        ("localhost:99999", ""),
        ("user@localhost", ""),
        ("localhost/evil", ""),
        ("localhost?x", ""),
        ("[::1", ""),
    ],
)
def test_the_name_of_a_host(host, name):
    assert host_name(host) == name


@pytest.mark.parametrize(
    ("host", "allowed", "answered"),
    [
        ("localhost:8501", HERE, True),
        ("127.0.0.1", HERE, True),
        ("evil.example:8501", HERE, False),
        ("localhost.evil.example", HERE, False),
        ("evil.example", (), True),
        ("not a:host", (), False),
        (None, ("*",), False),
        ("anything.example", ("*",), True),
        ("a.example.org", ("*.example.org",), True),
        ("example.org", ("*.example.org",), False),
        ("evilexample.org", ("*.example.org",), False),
        ("Tremor.Example.ORG.", ("tremor.example.org",), True),
    ],
)
def test_hosts_that_are_answered(host, allowed, answered):
    assert host_allowed(host, allowed) is answered


@pytest.mark.parametrize(
    ("origin", "scheme", "host", "own"),
    [
        ("http://localhost:8501", "http", "localhost:8501", True),
        ("http://localhost:8501", "ws", "localhost:8501", True),
        ("https://tremor.example.org", "wss", "tremor.example.org", True),
        ("https://tremor.example.org", "wss", "tremor.example.org:443", True),
        ("http://tremor.example.org:80", "http", "tremor.example.org", True),
        ("HTTP://LOCALHOST:8501", "ws", "localhost:8501", True),
        ("http://[::1]:8501", "ws", "[::1]:8501", True),
        ("http://localhost:9999", "ws", "localhost:8501", False),  # another port of this machine
        ("http://127.0.0.1:8501", "ws", "localhost:8501", False),  # another name of this machine
        ("https://tremor.example.org", "ws", "tremor.example.org", False),  # another scheme
        ("http://localhost", "ws", "localhost:8501", False),
        ("http://localhost:8501.evil.example", "ws", "localhost:8501", False),
        ("http://localhost:8501/", "ws", "localhost:8501", False),  # no Origin ends in a slash
        ("null", "ws", "localhost:8501", False),
        ("file://", "ws", "localhost:8501", False),
        ("", "ws", "localhost:8501", False),
        (None, "ws", "localhost:8501", False),
        ("http://localhost:8501", "ws", None, False),
    ],
)
def test_what_a_page_of_this_server_is(origin, scheme, host, own):
    assert same_origin(origin, scheme, host) is own


@pytest.mark.parametrize(
    ("headers", "client", "here"),
    [
        ({"host": "localhost:8501"}, "127.0.0.1", True),
        ({"host": "[::1]:8501"}, "::1", True),
        ({"host": "localhost:8501"}, None, True),
        ({"host": "localhost:8501"}, "192.0.2.7", False),
        ({"host": "tremor.example.org"}, "127.0.0.1", False),
        ({"host": "localhost", "x-forwarded-for": "192.0.2.7"}, "127.0.0.1", False),
        ({"host": "localhost", "x-real-ip": "127.0.0.1"}, "127.0.0.1", False),
        ({"host": "localhost", "forwarded": "for=127.0.0.1"}, "127.0.0.1", False),
        ({"host": "localhost", "via": "1.1 proxy"}, "127.0.0.1", False),
        ({}, "127.0.0.1", False),
    ],
)
def test_who_sits_at_this_machine(headers, client, here):
    assert from_this_machine(headers, client) is here
