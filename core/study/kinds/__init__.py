"""What studies attack: words of texts, features of vectors. A kind is a module with a class of core.study.kind's protocol."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from core.errors import InputError
from core.runs.run import read_config
from core.study.kind import StudyKind

KINDS: dict[str, tuple[str, str]] = {"study": ("core.study.kinds.words", "WordKind"), "vector-study": ("core.study.kinds.features", "FeatureKind")}
"""What config.json calls it -> the module and the class."""


def kind_class(name: str) -> Any:
    module, found = KINDS[name]
    return getattr(import_module(module), found)


def read_kind(folder: Path) -> tuple[StudyKind, str]:
    """What a study was asked, and the digest of its data. InputError for a folder that is no study's."""
    found = read_config(folder)
    if found.get("kind") not in KINDS:
        raise InputError(f"{folder} is no study's folder; name one whose pairs shall be attacked, such as runs/studies/NAME")
    kind: StudyKind = kind_class(str(found["kind"])).from_json(found)
    return kind, str(found.get("data_digest", ""))
