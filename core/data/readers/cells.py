"""A column of label cells, in the ways people write them. How it is written is settled once, over all of its cells."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import DataError

_QUOTED = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
_ITEM = re.compile(rf"""\s*({_QUOTED}|[^\s,'"\[\]]+)\s*(,|\s|$)""", re.DOTALL)
_ENUMERATED = re.compile(rf"""\s*(({_QUOTED}|[-+.\w]*\d[-+.\w]*|None|nan)\s*(,\s*|$))*""", re.DOTALL)
"""What Python writes between the brackets of a tuple or a set of texts and numbers."""
_CALL = re.compile(r"(?:array|set|frozenset|list|tuple)\((.*?)(?:, dtype=[^)]*)?\)", re.DOTALL)
_NUMBER = re.compile(r"\d{1,18}(?:\.0*)?", re.ASCII)
_NUMBERS = re.compile(r"\d+(?:\.0*)?(?:[\s,;|]+\d+(?:\.0*)?)+[\s,;|]*", re.ASCII)
_ENTITY = re.compile(r"&#?\w+;")
SEPARATORS = ("|", ";", "\n", "\t", ",")
WORDS = {"none": "", "space": " ", "tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}
"""What --label-separator can be told by a word; none: a cell is one label."""
MISSING = frozenset({"", "nan", "NaN", "NAN", "None", "null", "NULL", "<NA>", "NA", "N/A", "n/a", "#N/A"})
"""A whole cell of these is no label: what pandas, R and spreadsheets write where nothing is."""
RARE = 10
"""A mark in a cell for so many that hold another mark, by which names recur, is part of a name."""


@dataclass(frozen=True)
class Cell:
    """A cell's value and where it stands."""

    value: Any
    file: Path
    line: int


@dataclass(frozen=True)
class Settled:
    """The labels of each cell [n], whether all are numbers, the width where the cells are multi-hot, and what a reader wants said."""

    labels: list[list[str]]
    numbered: bool
    width: int | None
    notes: tuple[str, ...]


def missing(value: Any) -> bool:
    """Whether a cell holds nothing: null, not-a-number, or a word for it."""
    return value is None or (isinstance(value, float) and value != value) or (isinstance(value, str) and value.strip() in MISSING)


def settle(cells: Sequence[Cell], separator: str | None = None) -> Settled:
    """The labels of a column. `separator` as it is typed: a mark or one of WORDS.

    DataError for what is no label, and where it cannot be told whether commas part names.
    """
    notes = []
    texts = [cell.value.strip() for cell in cells if isinstance(cell.value, str) and not missing(cell.value)]
    listed = separator is None and 2 * sum(map(_bracketed, texts)) > len(texts)
    # `mark` None: numbers with any marks between them; "": a cell is one label.
    mark: str | None = ""
    if separator is not None:
        mark = WORDS.get(separator, separator)
    elif texts and not listed:
        mark = _mark(cells, texts)
        if mark and any(mark in text for text in texts):
            notes.append(f"the labels of a cell are parted by {mark!r}; --label-separator settles it otherwise")
    rows = [_items(cell, listed, mark) for cell in cells]
    if absent := Counter(str(cell.value).strip() for cell in cells if missing(cell.value) and str(cell.value).strip()):
        notes.append("cells that hold " + ", ".join(f"{word!r} ({n:,})" for word, n in absent.most_common()) + " were read as no label")
    width = _multi_hot(cells, rows)
    if width is not None:
        notes.append(f"the labels are written as multi-hot rows of {width:,} zeros and ones: a label's number is its place, from 0")
        return Settled([[str(i) for i, value in enumerate(row) if float(value)] for row in rows], True, width, tuple(notes))
    return _named(cells, rows, tuple(notes))


def labels_of(value: Any, separator: str | None, file: Path, line: int) -> tuple[list[str], bool]:
    """Labels of a column with this one cell, and whether all are numbers."""
    found = settle([Cell(value, file, line)], separator)
    return found.labels[0], found.numbered


def bit(value: Any) -> bool:
    """Whether a value is 0 or 1, as a number, a truth value or written."""
    return value in (0, 1) if isinstance(value, int | float) else isinstance(value, str) and value.strip() in BITS


BITS = {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "0.": 0, "1.": 1, "False": 0, "True": 1, "false": 0, "true": 1, "FALSE": 0, "TRUE": 1}


def _named(cells: Sequence[Cell], rows: list[list[Any]], notes: tuple[str, ...]) -> Settled:
    found = [[label for value in row if (label := _label(value, cell))] for cell, row in zip(cells, rows, strict=True)]
    numbered = all(_NUMBER.fullmatch(label) for row in found for label in row)
    if numbered:
        found = [[label.partition(".")[0] for label in row] for row in found]
    return Settled(found, numbered, None, notes)


def _items(cell: Cell, listed: bool, mark: str | None) -> list[Any]:
    """The parts of a cell, what is missing among them left out."""
    value = cell.value
    if missing(value):
        return []
    if isinstance(value, str):
        text = value.strip()
        if listed:
            value = _list(text, cell) if _bracketed(text) else [text]
        elif mark is None:
            value = re.split(r"[\s,;|]+", text)
        else:
            value = text.split(mark if mark != " " else None) if mark else [text]
        return [part for part in value if not (isinstance(part, str) and not part.strip()) and part is not None and part == part]
    if isinstance(value, list | tuple | set):
        return [part for part in value if part is not None and part == part]
    return [value]


def _mark(cells: Sequence[Cell], texts: list[str]) -> str | None:
    """The mark that parts the labels of a column of texts, "" where there is none."""
    if any(_NUMBERS.fullmatch(text) for text in texts) and all(_NUMBER.fullmatch(text) or _NUMBERS.fullmatch(text) for text in texts):
        return None
    counts = {mark: sum(mark in _ENTITY.sub("", text) for text in texts) for mark in SEPARATORS}
    present = [mark for mark in SEPARATORS if counts[mark]]
    distinct = Counter(texts)
    for mark in present:
        if any(counts[other] > RARE * counts[mark] and _recombines(distinct, other) for other in present):
            continue
        if mark == "," and _one_name(distinct):
            first = next(text for text in texts if "," in text)
            place = next(cell for cell in cells if isinstance(cell.value, str) and "," in cell.value)
            raise DataError(
                f"is {first[:80]!r} one label, or several with commas between them? No part of it occurs without the others. "
                "`--label-separator none` reads a cell as one label, `--label-separator ,` parts it. The first cells: "
                + "; ".join(repr(text[:60]) for text in texts[:3]),
                place.file,
                place.line,
            )
        return mark
    return ""


def _parts(text: str, mark: str) -> set[str]:
    return {part.strip() for part in text.split(mark) if part.strip()}


def _recombines(distinct: Counter[str], mark: str) -> bool:
    """Whether a part of a cell with the mark stands in another cell in other company: then it is a name of its own."""
    cells = Counter(part for text in distinct for part in _parts(text, mark))
    return any(cells[part] > 1 for text in distinct if mark in text for part in _parts(text, mark))


def _one_name(distinct: Counter[str]) -> bool:
    """Whether commas rather belong to names: the parts never stand apart, though cells repeat or read like "Arts, Crafts & Sewing"."""
    if _recombines(distinct, ","):
        return False
    with_comma = [text for text in distinct if "," in text]
    return any(distinct[text] > 1 or re.search(r",.*\s(?:&|and|or|und|et)\s", text) for text in with_comma)


def _bracketed(text: str) -> bool:
    """Whether a text is a list as JSON, Python, NumPy or PostgreSQL write it."""
    if text[0] == "[" or _CALL.fullmatch(text):
        return True
    if (text[0], text[-1]) == ("(", ")"):
        return _ENUMERATED.fullmatch(text[1:-1]) is not None
    return (text[0], text[-1]) == ("{", "}") and not re.match(rf"\s*(?:{_QUOTED}|\w+)\s*:", text[1:])


def _multi_hot(cells: Sequence[Cell], rows: list[list[Any]]) -> int | None:
    """The width of rows of 0 and 1 with a place a label, None where the rows are names or ids. DataError where widths differ."""
    given = [(cell, row) for cell, row in zip(cells, rows, strict=True) if row]
    if not given or not all(bit(value) for _, row in given for value in row):
        return None
    widths = {len(row) for _, row in given}
    as_numbers = {tuple(float(BITS.get(str(value).strip(), 0)) for value in row) for _, row in given}
    repeated = any(len(set(row)) < len(row) for row in as_numbers)
    if len(widths) > 1:
        if not repeated:
            return None
        (cell, row), width = next(one for one in given if len(one[1]) != len(given[0][1])), len(given[0][1])
        raise DataError(
            f"{len(row)} zeros and ones in a row, where the first row has {width}: multi-hot rows are equally long, and ids do not repeat",
            cell.file,
            cell.line,
        )
    (width,) = widths
    # Two ids of {0, 1} say "all labels"; that some rows begin with 0 and some with 1, or hold floats, says that places are meant.
    places = repeated or len(as_numbers) > 1 or all(type(value) in (float, bool) for _, row in given for value in row)
    if width < 2 or not places:
        return None
    for _, row in given:
        row[:] = [BITS[str(value).strip()] for value in row]
    return width


def _label(value: Any, cell: Cell) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int) or (isinstance(value, int) and value < 0):
        raise DataError(f"{str(value)[:40]!r} is no label: labels are names or ids from 0", cell.file, cell.line)
    return " ".join(str(value).split())


def _list(text: str, cell: Cell) -> list[Any]:
    """JSON, or what `str` makes of a Python list, tuple or set, or of a NumPy array (no commas). Read item by item: `ast.literal_eval` of the
    whole would glue the unparted strings of an array together without a word."""
    if (call := _CALL.fullmatch(text)) is not None:
        text = call[1].strip() or "[]"
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, list):
        return found
    if text[-1] != {"[": "]", "(": ")", "{": "}"}.get(text[0]):
        raise DataError(f"the list {text[:40]!r} has no end", cell.file, cell.line)
    inner = text[1:-1].strip()
    items: list[Any] = []
    end = 0
    while end < len(inner):
        match = _ITEM.match(inner, end)
        if match is None:
            return _unquoted(text, inner, cell)
        item = match[1]
        try:
            items.append(ast.literal_eval(item) if item[0] in "'\"" else _bare(item))
        except (ValueError, SyntaxError) as error:
            raise DataError(f"{item[:60]!r} is no quoted label", cell.file, cell.line) from error
        end = match.end()
    return items if text[0] != "{" or '"' in inner or "'" in inner else _unquoted(text, inner, cell)


def _bare(item: str) -> Any:
    """An item without quotes: a number, a truth value, nothing, or a name."""
    if item in MISSING:
        return None
    if item in ("True", "False"):
        return item == "True"
    if _NUMBER.fullmatch(item):
        return int(item.partition(".")[0]) if "." not in item else float(item)
    return item


def _unquoted(text: str, inner: str, cell: Cell) -> list[Any]:
    """PostgreSQL's {a b,c}; of any other brackets DataError."""
    items = [part.strip() for part in inner.split(",")]
    if text[0] != "{" or not all(items) or any(mark in inner for mark in "'\"[]{}"):
        raise DataError(f"{text[:60]!r} is no list of labels like ['a', 'b'] or [1, 2]", cell.file, cell.line)
    return [_bare(item) for item in items]
