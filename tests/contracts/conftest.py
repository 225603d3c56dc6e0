"""One trained model of each kind, shared by the contracts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from core.models import MODELS
from tests.tiny_models import ENSEMBLES


@pytest.fixture(scope="session", params=[*MODELS, *ENSEMBLES])
def model(request: pytest.FixtureRequest, tiny_model: Callable[[str], Any]) -> Any:
    """A tiny trained instance of each model of the table, and of each ensemble with the linear reference."""
    return tiny_model(request.param)
