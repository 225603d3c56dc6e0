"""When a server is shared, and its limits."""

from __future__ import annotations

import pytest

from core.errors import SettingsError
from pages.parts.serving import settings


@pytest.mark.parametrize("said", ["1", "true", "yes", "on", "nonsense"])
def test_any_word_but_no_makes_it_shared(said, monkeypatch):
    monkeypatch.setenv(settings.SHARED, said)
    assert settings.shared("127.0.0.1")


@pytest.mark.parametrize("said", ["", " ", "0", "false", "No", "off"])
def test_a_server_of_one_person(said, monkeypatch):
    monkeypatch.setenv(settings.SHARED, said)
    assert not any(settings.shared(address) for address in ("127.0.0.1", "::1", "localhost"))


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.1", "", None])
def test_what_listens_to_other_machines_is_shared_whatever_was_said(address, monkeypatch):
    monkeypatch.setenv(settings.SHARED, "0")
    assert settings.shared(address)


def test_one_stranger_makes_it_shared_for_good():
    assert settings.strangers() and not settings.strangers()
    assert settings.shared("127.0.0.1")


@pytest.mark.parametrize("given", ["0", "-1", "many", "1.5", "²"])
def test_a_limit_that_is_none_is_refused_by_name(given, monkeypatch):
    monkeypatch.setenv(settings.JOBS, given)
    with pytest.raises(SettingsError, match=r"TREMOR_JOBS must be a whole number above 0; got"):
        settings.check()


def test_limits_and_owners(monkeypatch):
    assert settings.number(settings.SESSIONS) == 200 and settings.owners() == frozenset()
    monkeypatch.setenv(settings.SESSIONS, " 30 ")
    monkeypatch.setenv(settings.OWNERS, "Ada@Example.org, bob@example.org,")
    assert settings.number(settings.SESSIONS) == 30 and settings.owners() == {"ada@example.org", "bob@example.org"}


def test_the_token_cannot_be_guessed_and_stays():
    assert len(settings.token()) >= 32 and settings.token() == settings.token() and settings.token() in settings.welcome()
