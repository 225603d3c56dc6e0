"""Studies as jobs (core.runs.jobs): `python -m core study` in a process of its own, which outlives the page that started it."""

from __future__ import annotations

from pathlib import Path

from core.study.kind import StudyKind


def words(kind: StudyKind, folder: Path, workers: int) -> list[str]:
    """The command line of a study after `python -m core`, every setting written out."""
    return ["study", "--out", str(folder), "--workers", str(workers), *kind.to_flags()]
