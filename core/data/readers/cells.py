"""A table's cell of labels, in the ways people write them."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.errors import DataError

_QUOTED = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
_ITEM = re.compile(rf"""\s*({_QUOTED}|[^\s,'"\[\]]+)\s*(,|\s|$)""", re.DOTALL)
SEPARATORS = "|;,"


def labels_of(value: Any, separator: str | None, file: Path, line: int) -> tuple[list[str], bool]:
    """Labels of a cell as strings, and whether all are numbers. A missing cell or an empty string has none.

    DataError for anything that is no label. A list of numbers with more than two entries, all 0 or 1, is multi-hot.
    """
    if isinstance(value, str):
        value = _listed(value, separator, file, line)
    if value is None:
        return [], True
    if not isinstance(value, list):
        value = [value]
    # Floats can be no ids, and more than two ids out of {0, 1} would repeat.
    if value and all(type(v) in (int, float) and v in (0, 1) for v in value) and (len(value) > 2 or all(type(v) is float for v in value)):
        return [str(i) for i, v in enumerate(value) if v], True
    found = [label for v in value if v is not None and (label := _label(v, file, line))]
    return found, all(label.isascii() and label.isdecimal() and len(label) <= 18 for label in found)


def _label(value: Any, file: Path, line: int) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int) or (isinstance(value, int) and value < 0):
        raise DataError(f"{str(value)[:40]!r} is no label: labels are names or ids from 0", file, line)
    return " ".join(str(value).split())


def _listed(text: str, separator: str | None, file: Path, line: int) -> Sequence[Any]:
    """The labels in a string: a JSON or Python list, else names between separators, else one name."""
    text = text.strip()
    if not text:
        return []
    if separator is not None:
        return _parted(text, separator)
    if text[0] == "[":
        return _python_list(text, file, line)
    if re.fullmatch(r"\d+( +\d+)+", text, re.ASCII):
        return text.split()
    mark = next((mark for mark in SEPARATORS if mark in text), None)
    return _parted(text, mark) if mark is not None else [text]


def _parted(text: str, separator: str) -> list[str]:
    return [part.strip() for part in text.split(separator) if part.strip()]


def _python_list(text: str, file: Path, line: int) -> list[Any]:
    """JSON, or what `str` makes of a Python list or of a NumPy array (no commas). Read item by item: `ast.literal_eval` of the
    whole would glue the unparted strings of an array together without a word."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, list):
        return found
    if not text.endswith("]"):
        raise DataError(f"the list {text[:40]!r} has no end", file, line)
    inner = text[1:-1].strip()
    items: list[Any] = []
    end = 0
    while end < len(inner):
        match = _ITEM.match(inner, end)
        if match is None:
            raise DataError(f"{text[:60]!r} is no list of labels like ['a', 'b'] or [1, 2]", file, line)
        item = match[1]
        try:
            items.append(ast.literal_eval(item) if item[0] in "'\"" else int(item) if item.isascii() and item.isdecimal() else item)
        except (ValueError, SyntaxError) as error:
            raise DataError(f"{item[:60]!r} is no quoted label", file, line) from error
        end = match.end()
    return items
