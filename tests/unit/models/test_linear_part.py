"""The linear part of another model: what would reverse its ranking is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core import checkpoint
from core.errors import CheckpointError
from core.models import load


@pytest.mark.parametrize("scale", [0.0, -1.0])
def test_a_scale_that_reverses_the_ranking_is_refused(tmp_path: Path, scale: float) -> None:
    name = "debtags-xml-cnn"
    if name not in checkpoint.names():
        pytest.skip(f"{name} is not in checkpoints/")
    saved = checkpoint.load(name)
    tensors = {**saved.tensors, "linear.sum": np.asarray([1.0, scale, 0.0], dtype=np.float32)}
    checkpoint.save(tmp_path / "bad", model=saved.model, settings=saved.settings, labels=saved.labels, tensors=tensors, files=saved.files)
    with pytest.raises(CheckpointError, match="reverse the ranking"):
        load(tmp_path / "bad")
