"""The one writer of CSV: UTF-8, commas, lines that end in a line feed, and no cell that a spreadsheet would run.

Excel, LibreOffice and Google Sheets take a cell that begins with = + - @, or with a tab or a line break before one, for a formula,
which can fetch addresses or start programs. Documents and label names come from anybody, so such a cell gets an apostrophe in front, as
OWASP advises ("CSV Injection"): spreadsheets show it as text. The same inside a cell, after a semicolon, a tab or a line break: where a
spreadsheet is set to another separator than the comma, a cell begins there. Full-width signs count, and so do spaces, quotes and
invisible characters before a sign. A cell that is a number stays one, negative or not.

Whoever reads such a file back as data finds the apostrophes in it: JSON and parquet hold every text as it is. A NUL, which ends a cell
for many readers, and half of a surrogate pair, which UTF-8 cannot spell, are written as U+FFFD, the replacement character.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MARK = "'"
_BEFORE = "[ \\t\\r\\n\\v\\f\"'\u2018\u2019\u201c\u201d\u00a0\u00ad\u200b-\u200f\u2028\u2029\u2060\u3000\ufeff]*"
_SIGNS = "[=+\\-@\uff1d\uff0b\uff0d\uff20\u2212]"
_BEGINS = re.compile(rf"[\t\r\n]|{_BEFORE}{_SIGNS}")
"""A whole cell that a spreadsheet may run, or that would be one once it has taken off what stands before the sign."""
_BEGINS_INSIDE = re.compile(rf"(?<=[;\t\r\n])(?={_BEFORE}{_SIGNS})")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?")
_UNWRITABLE = re.compile("[\0\ud800-\udfff]")


def cell(value: Any) -> Any:
    """A cell as it is written: a number as itself, nothing for None, any other text so that no spreadsheet runs it."""
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        return value
    text = _UNWRITABLE.sub("\ufffd", str(value))
    if _NUMBER.fullmatch(text):
        return text
    marked = _BEGINS_INSIDE.sub(MARK, text)
    return MARK + marked if _BEGINS.match(text) else marked


def write(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table with a header."""
    lines = _Lines()
    writer = csv.writer(lines, lineterminator="\r\n")  # with another end, a carriage return in a cell would go unquoted
    writer.writerow([cell(name) for name in columns])
    writer.writerows([cell(value) for value in row] for row in rows)
    return "".join(lines.found)


def write_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = ()) -> str:
    """A table of named cells; without `columns`, those that any row has, in order. What a row has not stays empty."""
    names = list(columns) or list(dict.fromkeys(name for row in rows for name in row))
    return write(names, ([row.get(name) for name in names] for row in rows))


class _Lines:
    """What csv.writer writes to: one call a row."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def write(self, line: str) -> None:
        self.found.append(line.removesuffix("\r\n") + "\n")
