"""Numbers on the command line that count something: none is negative, and a slip is refused before any work."""

from __future__ import annotations

import argparse
from collections.abc import Callable


def count(least: int) -> Callable[[str], int]:
    """What argparse reads a count with: a whole number of at least `least`."""

    def read(word: str) -> int:
        digits = word.removeprefix("-")
        if not (digits.isascii() and digits.isdecimal() and len(digits) <= 18 and int(word) >= least):
            raise argparse.ArgumentTypeError(f"it is a whole number of at least {least}, not '{word[:80]}'")
        return int(word)

    return read
