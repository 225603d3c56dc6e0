"""Every error this project raises on purpose.

    CoreError
    ├── InputError        a document, label or number that the caller gave cannot be used
    ├── SettingsError     a component's setting is out of its bounds or unknown
    ├── DataError         a data file is broken; names the file and the line
    ├── CheckpointError   a checkpoint is missing, damaged, of another format or not to be trusted
    ├── CapabilityError   a component does not fit this classifier; the sentence says why
    ├── Exhausted         the disk or the memory is full; says what to free
    ├── Unwritable        a place cannot be written or is gone; says what to do instead
    ├── MissingPackage    an optional package is not installed; names the command that installs it
    └── Cancelled         the user asked to stop

Pages and the command line catch `CoreError` and show its sentence; anything else is a bug and is shown as one.
A message names the thing, what it got, what it accepts, and what to do next.
"""

from __future__ import annotations

from pathlib import Path


class CoreError(Exception):
    """Root of the family. `str(error)` is a sentence for people."""


class InputError(CoreError, ValueError):
    """The caller's document, label or number cannot be used."""


class SettingsError(CoreError, ValueError):
    """A component's setting is out of its bounds, of the wrong type, or unknown."""


class DataError(CoreError, ValueError):
    """A data file cannot be read. `file` and `line` (1-based) say where, when known."""

    def __init__(self, problem: str, file: Path | str | None = None, line: int | None = None) -> None:
        self.file = None if file is None else Path(file)
        self.line = line
        where = "" if file is None else f"{file}: " if line is None else f"{file}, line {line}: "
        super().__init__(where + problem)


class CheckpointError(CoreError):
    """A checkpoint is missing, damaged, of another format version, or holds what must not be loaded."""


class CapabilityError(CoreError):
    """A component needs something that this classifier does not offer."""


class MissingPackage(CoreError, ImportError):
    """An optional package is needed here and is not installed."""

    def __init__(self, package: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs the package '{package}': run `pip install {package}`.")


class Exhausted(CoreError):
    """The disk or the memory is full."""


class Unwritable(CoreError):
    """The file system refuses a place: it is read-only, forbidden, gone, or its name is too long."""


class Cancelled(CoreError):
    """The user asked to stop; nothing is broken."""
