"""One trained model of each kind, shared by the contracts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from core.models import MODELS


@pytest.fixture(scope="session", params=list(MODELS))
def model(request: pytest.FixtureRequest, tiny_model: Callable[[str], Any]) -> Any:
    """A tiny trained instance of each model of the table."""
    return tiny_model(request.param)
