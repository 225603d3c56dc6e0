"""Studies as they lie on disk: those under runs/, finished or not, and the examples that are shipped."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core import checkpoint
from core.errors import InputError
from core.files import read_json
from core.study import records
from core.study.drawing import Bin
from core.study.plan import Plan
from core.study.run import PLAN, read_plan
from core.study.settings import Request
from core.study.shapes import check_record
from core.study.summary import summarise

SHIPPED = Path(__file__).resolve().parents[2] / "assets" / "studies"


@dataclass(frozen=True)
class Campaign:
    """A study with what it has found so far."""

    folder: Path
    request: Request
    plan: Plan
    records: list[records.Record]
    data: str
    digest: str
    data_digest: str = ""
    run: str = ""
    """What the folder was called before its study was passed on without texts; a study on its pairs knows it by that name."""

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def shipped(self) -> bool:
        """Whether it is an example that comes with the project."""
        return self.folder.is_relative_to(SHIPPED)

    @property
    def without_texts(self) -> bool:
        """Whether records keep no text of the data set (core.study.texts)."""
        return any(map(records.lacks_text, self.records))

    @property
    def checkpoint(self) -> str:
        """Its name; a folder's path may say more than others need to know."""
        return Path(self.request.study.checkpoint).name

    @property
    def bins(self) -> tuple[Bin, ...]:
        return self.plan.bins

    def summary(self) -> dict[str, Any]:
        return summarise(self.records, self.bins, {**self.request.to_json(), "data": self.data, "digest": self.digest})


def read_campaign(folder: Path) -> Campaign:
    """InputError for a folder that is no study's, SettingsError for settings of another version."""
    config = read_config(folder)
    if config is None:
        raise InputError(f"{folder} is no study's folder: it has no config.json of a study")
    path = next((path for path in (folder / records.FILE, folder / f"{records.FILE}.gz") if os.path.lexists(path)), None)
    saved = [] if path is None else records.read(path)
    for record in saved:
        check_record(record, str(path))
    data, digest, data_digest = (str(config.get(key, "")) for key in ("data", "digest", "data_digest"))
    return Campaign(folder, Request.from_json(config), read_plan(folder), saved, data, digest, data_digest, str(config.get("run", "")))


def read_config(folder: Path, kind: str = "study") -> dict[str, Any] | None:
    """config.json of a study's folder; None for every other folder. `kind`: of what it must call itself."""
    try:
        found = read_json(folder / "config.json", dict[str, Any])
    except InputError:
        return None  # some other run's, half written or none of ours
    return found if found.get("kind") == kind else None


def folders(root: Path | None = None, shipped: Path | None = None) -> dict[str, Path]:
    """Name -> folder of every study that has drawn its pairs: those under runs/, or one folder deeper, the latest first, then the shipped
    ones. A name is the path below runs/."""
    root, shipped = root or checkpoint.RUNS, shipped or SHIPPED
    found: dict[str, Path] = {}
    for place in (root, shipped):
        here = [path.parent for path in under(place, PLAN) if read_config(path.parent) is not None]
        order = sorted(here, key=lambda path: ((path / PLAN).lstat().st_mtime if place is root else 0, path.name), reverse=place is root)
        for path in order:
            found.setdefault(path.relative_to(place).as_posix(), path)
    return found


def under(root: Path, name: str) -> list[Path]:
    """The files of a name in the folders of `root`, and in their folders."""
    return sorted((*root.glob(f"*/{name}"), *root.glob(f"*/*/{name}")))
