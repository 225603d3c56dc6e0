"""The tiny models that tests share: kept on the disk under a hash of their source, and never trusted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests import tiny_models


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tiny_models, "CACHE", tmp_path)
    return tmp_path


def kept() -> np.ndarray:
    """What the linear one answers, as another process would find it."""
    model = tiny_models.kept.__wrapped__("linear")
    return np.asarray(model.score(("a fast chess program", "mail and music")))


def test_it_is_trained_once_and_anew_after_damage(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    train = tiny_models.train
    monkeypatch.setattr(tiny_models, "train", lambda kind, folder: made.append(kind) or train(kind, folder))
    first = kept()
    np.testing.assert_array_equal(kept(), first)
    assert made == ["linear"]
    (tensors,) = cache.rglob("*.safetensors")
    content = tensors.read_bytes()
    tensors.write_bytes(content[:-4] + b"\0\0\0\1")
    np.testing.assert_array_equal(kept(), first)
    assert made == ["linear"] * 2 and tensors.read_bytes() == content
    tensors.unlink()
    np.testing.assert_array_equal(kept(), first)
    assert made == ["linear"] * 3


def test_another_source_is_another_entry(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept()
    (before,) = cache.iterdir()
    monkeypatch.setattr(tiny_models, "_source", lambda: "other")
    kept()
    assert [one.name for one in cache.iterdir()] == ["other"] and before.name != "other"


def test_the_source_holds_what_trains_and_not_what_examines(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    whole = Path.read_text
    monkeypatch.setattr(Path, "read_text", lambda self, *words, **named: read.append(str(self)) or whole(self, *words, **named))
    tiny_models._source.__wrapped__()
    assert any(name.endswith("core/models/linear/training.py") for name in read) and any(name.endswith("tests/tiny_bert.py") for name in read)
    assert not any("/core/attacks/" in name or "/core/study/" in name for name in read)
