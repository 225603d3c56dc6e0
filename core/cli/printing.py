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
    """Print the result of a verb. A character that standard output cannot hold (it may be Latin-1 or ASCII, and no encoding holds half a
    surrogate pair) is written as an escape: in JSON its own, which reads back as the character; in lines \\u and the number."""
    print(_as_json(found[0]) if as_json else _printable("\n".join(found[1])))


def encoding() -> str:
    """That of standard output."""
    return sys.stdout.encoding or "utf-8"


def _as_json(found: dict[str, Any]) -> str:
    text = json.dumps(found, ensure_ascii=False)
    return text if _printable(text) == text else json.dumps(found)


def _printable(text: str) -> str:
    return text.encode(encoding(), "backslashreplace").decode(encoding())


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
