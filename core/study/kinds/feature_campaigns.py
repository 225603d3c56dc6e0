"""Studies of attacks on feature vectors as they lie on disk under runs/, finished or not. What others wrote is checked before it is believed."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from core import checkpoint, fields
from core.attacks.features import REALISM_LEVELS
from core.attacks.goals import called
from core.errors import DataError, InputError
from core.files import read_json
from core.study import records
from core.study.campaigns import read_config, under
from core.study.kinds.features import KIND, FeatureStudy, study_json, summarise
from core.study.records import Record


@dataclass(frozen=True)
class FeatureCampaign:
    """A study of feature vectors with what it has found so far. `name` is its path below runs/; the digests are of the weights and of the
    data that it was made on, "" where a folder does not say."""

    folder: Path
    name: str
    study: FeatureStudy
    recipe: str
    settings: dict[str, Any]
    digest: str
    data: str
    data_digest: str
    records: list[Record]

    @property
    def checkpoint(self) -> str:
        """Its name; a folder's path may say more than others need to know."""
        return Path(self.study.checkpoint).name

    @property
    def goal(self) -> str:
        """'Push a label out (positive-targeted), k = 5'"""
        tau = f", Jaccard below {self.study.tau:g}" if self.study.goal == "set-change" else ""
        return f"{called(self.study.goal)}, k = {self.study.k}{tau}"

    @cached_property
    def figures(self) -> dict[str, Any]:
        """`summarise` of the records."""
        return summarise(self.records)

    @cached_property
    def stamp(self) -> str:
        """Changes with any record: results of these very records are kept under it."""
        return hashlib.sha256(json.dumps(self.records).encode()).hexdigest()[:16]

    def to_json(self) -> dict[str, Any]:
        """The summary of the records that there are now, with the name of the study and of its data."""
        return {"name": self.name, "data": self.data, **self.summary()}

    def summary(self) -> dict[str, Any]:
        """The stable object of summary.json."""
        head = {"study": study_json(self.study), "recipe": self.recipe, "settings": self.settings}
        return {**head, "digest": self.digest, "data_digest": self.data_digest, **self.figures}


def read_feature_campaign(folder: Path) -> FeatureCampaign:
    """InputError for a folder that is no such study's, SettingsError for settings of another version, DataError for a record that cannot be
    read."""
    config = read_config(folder, KIND)
    if config is None:
        raise InputError(f"{folder} is no study of feature vectors: its config.json does not say so, or is missing")
    study, recipe, settings = config.get("study"), config.get("recipe"), config.get("settings", {})
    if not isinstance(study, dict) or not isinstance(recipe, str) or not isinstance(settings, dict):
        raise InputError(f"{folder}/config.json does not say what was attacked: it lacks 'study' or 'recipe'")
    path = next((path for path in (folder / records.FILE, folder / f"{records.FILE}.gz") if os.path.lexists(path)), folder / records.FILE)
    saved = records.read(path)
    for record in saved:
        if (wrong := _wrong(record)) is not None:
            raise DataError(f"the record of document '{record['pair']}' has {wrong}, which no study writes", path)
    digest, data, data_digest = (str(config.get(key, "")) for key in ("digest", "data", "data_digest"))
    return FeatureCampaign(folder, _named(folder), fields.from_json(FeatureStudy, study), recipe, settings, digest, data, data_digest, saved)


def folders(root: Path | None = None) -> dict[str, Path]:
    """Name -> folder of every study of feature vectors under runs/, or one folder deeper, the latest first."""
    files = [path for path in under(root or checkpoint.RUNS, "config.json") if read_config(path.parent, KIND) is not None]
    return {_named(path.parent): path.parent for path in sorted(files, key=lambda path: (path.lstat().st_mtime, str(path)), reverse=True)}


def strays(root: Path | None = None) -> list[str]:
    """Names of folders with a study's records and no config.json that can be read: of what study, nobody can tell."""
    return [_named(path.parent) for path in under(root or checkpoint.RUNS, records.FILE) if not _readable(path.parent / "config.json")]


def _readable(path: Path) -> bool:
    try:
        read_json(path, dict[str, Any])
    except InputError:
        return False
    return True


def _named(folder: Path) -> str:
    whole, root = folder.resolve(), checkpoint.RUNS.resolve()
    return whole.relative_to(root).as_posix() if whole.is_relative_to(root) else folder.name


# -- what a record must be for its figures to be drawn


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e308


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53


def _counts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_count, value))


def _names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _level(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("level"), str) or value["level"] not in REALISM_LEVELS:
        return False
    if "reached" not in value or not isinstance(value["reached"], bool | None):
        return False
    changed = value.get("vector")
    if changed is not None and not (vector(changed) and (value["level"] != "text" or isinstance(value.get("text"), str))):
        return False
    distance = value.get("distance")
    if distance is None:
        return value["reached"] is not True
    return isinstance(distance, dict) and all(_number(distance.get(key)) for key in ("l2", "l0", "linf"))


def vector(value: Any) -> bool:
    """Whether it is what `core.attacks.features.steps.vector_json` writes: [[column, name, value], ...]."""
    rows = value if isinstance(value, list) else [None]
    return all(isinstance(row, list) and len(row) == 3 and _count(row[0]) and isinstance(row[1], str) and _number(row[2]) for row in rows)


FIELDS: dict[str, Callable[[Any], bool]] = {
    "row": _count, "queries": _count, "true": _names, "first": _names, "first_after": _names,
    "document": lambda value: isinstance(value, str), "reason": lambda value: isinstance(value, str),
    "success": lambda value: isinstance(value, bool), "levels": lambda value: isinstance(value, list) and all(map(_level, value)),
}  # fmt: skip
"""Of every record, refused ones too."""

OF_ATTACKS: dict[str, Callable[[Any], bool]] = {
    "features": _count, "labels": _names, "tracked": _names, "rank_before": _counts, "rank_after": _counts, "added": _counts, "vector": vector,
    "true_labels": lambda value: value is None or _names(value), "goal_settings": lambda value: isinstance(value, dict),
    "label": lambda value: value is None or isinstance(value, str),
}  # fmt: skip
"""Of records of attacks, where they have them: a study of an older version can be shown, though not replayed."""


def _wrong(record: Record) -> str | None:
    """The first field that cannot be right, with its value; None where all can."""
    for name, fits in (FIELDS | OF_ATTACKS).items():
        if name in FIELDS and name not in record:
            return f"no '{name}'"
        if name in record and not fits(record[name]):
            said = repr(record[name])
            return f"'{name}': {said if len(said) <= 60 else said[:59] + '…'}"
    return None
