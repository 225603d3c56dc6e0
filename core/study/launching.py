"""Studies as jobs (core.runs.jobs): `python -m core study` in a process of its own, which outlives the page that started it."""

from __future__ import annotations

from pathlib import Path

from core import fields
from core.runs import jobs
from core.study.settings import Request


def words(request: Request, folder: Path, workers: int) -> list[str]:
    """The command line of a study after `python -m core`, every setting written out."""
    recipe, _, fidelity = request.recipe.partition(":")
    head = ["study", "--out", str(folder), "--workers", str(workers), "--recipe", recipe, "--fidelity", fidelity or "fixed"]
    return [*head, *fields.to_flags(request.study), *fields.to_flags(request.switches)]


def start(request: Request, folder: Path, workers: int = 1) -> None:
    """Let a study work in a folder under runs/ as soon as the CPU is free, or go on with the one that is there. InputError where it is at
    work already."""
    jobs.launch(folder, words(request, folder, workers), "cpu")
