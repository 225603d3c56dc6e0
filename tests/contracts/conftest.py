"""One trained model of each kind, shared by the contracts."""

from __future__ import annotations

from typing import Any

import pytest

from core.models import MODELS
from tests import tiny_models


@pytest.fixture(scope="session", params=list(MODELS))
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A tiny trained instance of each model of the table."""
    return tiny_models.train(request.param, tmp_path_factory.mktemp(request.param))
