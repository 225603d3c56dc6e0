"""The shipped checkpoints in reference tests: a mark that skips, saying why, where one is not there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from core import checkpoint
from core.types import FloatArray


def shipped(name: str) -> Any:
    """Skip the test unless the checkpoint lies in checkpoints/."""
    return pytest.mark.skipif(name not in checkpoint.names(), reason=f"checkpoints/{name} is not there: train it as its card says")


def correlation(one: FloatArray, other: FloatArray) -> float:
    """Pearson's."""
    return float(np.corrcoef(one, other)[0, 1])
