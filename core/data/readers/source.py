"""Opening the files of a data set: plain or gzip, never held whole, under limits, every fault named by file and line."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from core.errors import DataError, InputError
from core.files import opened

HEAD_BYTES = 65_536
GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Options:
    """How to read. `text`, `labels` and `id` name columns of a table (several text columns: "title,body"); `separator`
    parts the labels in a table's cells (a mark, or a word of core.data.readers.cells.WORDS); `pool`: files of one split that seem to hold the
    same documents are read as one nevertheless; `act_words`: of an act of EURLEX57K the title and so many words after it, 0 for all,
    None for the reader's own number; `hashed_split` divides a data set that has only a training split. The limits hold after
    unpacking, so that a small bomb does not fill the memory: bytes of one line (or JSON value) and of all files together, lines of all
    files together (a short row costs hundreds of times its bytes), columns of a table, labels of one of its rows."""

    format: str | None = None
    text: str | None = None
    labels: str | None = None
    id: str | None = None
    separator: str | None = None
    hashed_split: bool = False
    pool: bool = False
    act_words: int | None = None
    line_bytes: int = 64 * 2**20
    total_bytes: int = 8 * 2**30
    lines: int = 2**31
    columns: int = 100_000
    row_labels: int = 5_000_000

    @property
    def names_columns(self) -> bool:
        """Whether it says anything of a table's columns: then the file is a table, whatever it looks like."""
        return any(one is not None for one in (self.text, self.labels, self.id, self.separator))

    def __post_init__(self) -> None:
        if self.act_words is not None and self.act_words < 0:
            raise InputError(f"the words of an act must be at least 1, or 0 for whole acts; got {self.act_words}")
        for name in ("line_bytes", "total_bytes", "lines", "columns", "row_labels"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1; got {getattr(self, name)}")


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """The file's bytes, unpacked if they are gzip whatever the name says."""
    if not path.is_file():
        raise DataError("there is no such file" if not path.exists() else "is not a regular file", path)
    try:
        with opened(path, DataError, follow=True) as plain:
            packed = plain.read(2) == GZIP
            plain.seek(0)
            with gzip.open(plain) if packed else plain as stream:
                yield stream  # type: ignore[misc]  # GzipFile reads like an IO[bytes] but is not declared as one
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"cannot be read ({error}); fetch a whole copy", path) from error


class Source:
    """Reads the files of one data set and counts their unpacked bytes against the limits."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self._left = options.total_bytes
        self._lines = options.lines

    def spend(self, size: int, path: Path, line: int | None = None) -> None:
        """Count `size` bytes. DataError once all files together are larger than the total limit."""
        self._left -= size
        if self._left < 0:
            limit = self.options.total_bytes
            raise DataError(f"the data set is larger than {limit:,} bytes when unpacked; raise total_bytes if you trust it", path, line)

    def count(self, path: Path, line: int) -> None:
        """Count a line, or a row where a format has no lines. DataError once there are more than the limit."""
        self._lines -= 1
        if self._lines < 0:
            raise DataError(f"the data set has more than {self.options.lines:,} lines, the most that are read here", path, line)

    def lines(self, path: Path, encoding: str = "utf-8") -> Iterator[tuple[int, str]]:
        """(line number from 1, line without its end). A byte order mark and CRLF are tolerated.

        DataError for a line over the limit, bytes that are not in `encoding`, and NUL bytes.
        """
        with _opened(path) as stream:
            yield from self.lines_of(stream, path, encoding)

    def lines_of(self, stream: IO[bytes], path: Path, encoding: str = "utf-8") -> Iterator[tuple[int, str]]:
        """The same of what is open already; `path` is what errors call it."""
        limit = self.options.line_bytes
        number = 0
        while line := stream.readline(limit + 1):
            number += 1
            self.count(path, number)
            self.spend(len(line), path, number)
            if len(line) > limit:
                raise DataError(f"the line is longer than {limit:,} bytes; raise line_bytes if it should be", path, number)
            yield number, _decoded(line, encoding, path, number)

    def whole(self, path: Path) -> str:
        """A small UTF-8 file at once, at most as long as a line may be."""
        with _opened(path) as stream:
            return self.whole_of(stream, path)

    def whole_of(self, stream: IO[bytes], path: Path) -> str:
        """The same of what is open already."""
        limit = self.options.line_bytes
        content = stream.read(limit + 1)
        self.spend(len(content), path)
        if len(content) > limit:
            raise DataError(f"the file is longer than {limit:,} bytes; raise line_bytes if it should be", path)
        return _decoded(content, "utf-8", path, 1)

    def records(self, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
        """(line number, object) of a JSON-lines file; blank lines are skipped."""
        for number, line in self.lines(path):
            if line.strip():
                yield number, json_object(line, path, number)


def _decoded(line: bytes, encoding: str, path: Path, number: int) -> str:
    if number == 1:
        if line[:2] in (b"\xff\xfe", b"\xfe\xff") and encoding == "utf-8":
            raise DataError("the file is UTF-16; save it as UTF-8", path, 1)
        line = line.removeprefix(b"\xef\xbb\xbf")
    if b"\x00" in line:
        raise DataError("the line holds a NUL byte: this is no text file", path, number)
    try:
        return line.decode(encoding).removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        bad = line[error.start]
        raise DataError(f"byte 0x{bad:02x} at position {error.start + 1} is not {encoding.upper()}; save the file as UTF-8", path, number) from error


def parse_json(text: str, path: Path, line: int | None = None) -> Any:
    """Any JSON value. DataError for broken or too deeply nested JSON."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"not JSON: {error.msg} at character {error.pos + 1}", path, line) from error
    except (ValueError, RecursionError) as error:
        raise DataError("not usable JSON: a number is too long or the nesting too deep", path, line) from error


def json_object(text: str, path: Path, line: int | None = None) -> dict[str, Any]:
    """A JSON object. DataError for anything else."""
    value = parse_json(text, path, line)
    if not isinstance(value, dict):
        raise DataError(f"a JSON object is expected, not {_kind(value)}", path, line)
    return value


def string(record: dict[str, Any], key: str, path: Path, line: int | None) -> str:
    """A field that is text, a number, or a list of texts (joined by line breaks); missing or null reads as empty."""
    value = record.get(key)
    if value is None or value != value:  # pandas writes NaN for what is missing
        return ""
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return "\n".join(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise DataError(f"'{key}' must be text, not {_kind(value)}", path, line)
    return str(value)


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null", int: "a number", float: "a number"}
    return kinds.get(type(value), type(value).__name__)


def share(lines: Sequence[str], fits: Callable[[str], object]) -> float:
    """The share of lines that fit a format, 0 if not most do: a broken line is to be named by the reader, not to hide the format."""
    found = sum(bool(fits(line)) for line in lines)
    return found / len(lines) if found > len(lines) / 2 else 0.0


def head(path: Path) -> list[str]:
    """The first lines of a file for guessing its format: those of its first 64 KiB, none for a file that is not text."""
    try:
        with _opened(path) as stream:
            content = stream.read(HEAD_BYTES)
    except DataError:
        return []
    if b"\x00" in content:
        return []
    lines = content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace").split("\n")
    if len(content) == HEAD_BYTES and len(lines) > 1:
        lines.pop()  # cut in the middle
    if lines and not lines[-1]:
        lines.pop()
    return [line.removesuffix("\r") for line in lines]
