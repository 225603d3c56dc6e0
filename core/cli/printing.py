"""What a verb prints: its result on standard output, its progress on standard error."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # it costs numpy, which `--help` does without
    from core.types import Progress

Found = tuple[dict[str, Any], list[str]]
"""The object that a verb prints as JSON, and the lines that it prints otherwise."""


def show(found: Found, as_json: bool) -> None:
    """Print the result of a verb."""
    print(json.dumps(found[0], ensure_ascii=False) if as_json else "\n".join(found[1]))


def progress_bar() -> Progress:
    """A tqdm bar on standard error, for a person; nothing where standard error is a file."""
    from tqdm import tqdm

    bars: dict[str, Any] = {}

    def show(done: int, total: int, what: str) -> None:
        if what not in bars:
            bars[what] = tqdm(total=total, desc=what, file=sys.stderr, disable=None, leave=False)
        bars[what].update(done - bars[what].n)
        if done >= total:
            bars.pop(what).close()

    return show
