"""How a command of `python -m core` ends: its exit status, and one sentence on standard error instead of a traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper

from core.errors import Cancelled, CoreError
from core.exhaustion import as_sentence, exhausted


def exit_status(command: Callable[[], object]) -> int:
    """0: done; 2: refused input, or a disk, a memory or a place that takes no more; 130: stopped. A bug goes on as one."""
    try:
        with _printing(), as_sentence():
            command()
    except Cancelled as error:
        return _ended(error, 130)
    except CoreError as error:
        return _ended(error, 2)
    return 0


@contextmanager
def _printing() -> Iterator[None]:
    """Everything printed inside has reached standard output when this ends, also `--help`, which ends the program. Without this the
    interpreter would complain while it closes, and once more of what it could not print. Nothing fails for its letters: what an output that
    is not UTF-8 cannot hold is escaped, in `--help` too."""
    if isinstance(sys.stdout, TextIOWrapper):  # not where a test or a notebook has put something else in its place
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # `... | head` has seen enough
        _print_no_more()
    except OSError as error:
        _print_no_more()
        raise exhausted(OSError(error.errno, error.strerror, error.filename or "standard output")) or error from error


def _print_no_more() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _ended(error: CoreError, status: int) -> int:
    with suppress(OSError):  # standard error may be full itself; the status says the same
        print(f"{error}", file=sys.stderr, flush=True)
    return status
