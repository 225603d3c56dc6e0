from __future__ import annotations

from collections.abc import Iterator

import pytest

from pages.parts.serving import settings


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test begins with a server that nobody has visited, and with no variable set."""
    for name in (settings.SHARED, settings.OWNERS, *settings.DEFAULTS):
        monkeypatch.delenv(name, raising=False)
    settings.forget_strangers()
    yield
    settings.forget_strangers()
