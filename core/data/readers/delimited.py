"""Delimited text (commas, semicolons, tabs): its mark, whether cells are quoted, whether the first line is a header."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from core.data.readers.cells import bit
from core.data.readers.roles import FLAGS, ID, LABELS, TEXT, shown, words
from core.data.readers.source import Options, Source, head
from core.errors import DataError

_QUOTED_CELL = re.compile(r'"(?:[^"]|"")*"')
_SENTENCE = re.compile(r"[.!?,;]|\s.*\s.*\s")
SNIFFED_ROWS = 200


@dataclass(frozen=True)
class Shape:
    """The mark between cells, whether cells may be quoted, and the header's names or None."""

    mark: str
    quoted: bool
    columns: tuple[str, ...] | None


def first_rows(file: Path, mark: str | None = None) -> list[list[str]]:
    """Cells of the file's first lines, as far as whole ones were looked at; broken quoting ends it."""
    lines = [line for line in head(file) if line.strip()]
    mark = mark or delimiter(lines)
    quoted = mark != "\t" or _all_close(lines, mark)
    found = []
    reader = csv.reader((line + "\n" for line in lines), delimiter=mark, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE, strict=quoted)
    try:
        for cells in reader:
            found.append(cells)
            if len(found) == SNIFFED_ROWS:
                break
    except csv.Error:
        return found
    return found


def delimiter(lines: Sequence[str]) -> str:
    """The mark that parts the first line, a tab before others: text holds commas and semicolons, but seldom tabs."""
    first = lines[0] if lines else ""
    if "\t" in first and 2 * sum("\t" in line for line in lines) > len(lines):
        return "\t"
    return max(",;\t", key=first.count)


def _all_close(lines: Sequence[str], mark: str) -> bool:
    """Whether every cell that opens with a quote mark closes in its line, and some does: then the file says that it quotes."""
    opened = [cell for line in lines for cell in line.split(mark) if cell.startswith('"')]
    return bool(opened) and all(_QUOTED_CELL.fullmatch(cell) for cell in opened)


def shape_of(file: Path, options: Options, shown_to_person: bool = False) -> Shape:
    """Look at a file. DataError where a first line could be a header or a document (not where a person sees the rows and chooses the
    columns: then it is taken for a header), and for a header that names a column twice."""
    lines = [line for line in head(file) if line.strip()]
    mark = delimiter(lines)
    quoted = mark != "\t" or _tabs_quoted(file, options)
    rows = first_rows(file, mark)
    columns: tuple[str, ...] | None = None
    if rows and _headed(rows, options, file, mark, shown_to_person):
        columns = tuple(cell.strip() for cell in rows[0])
        if len(columns) > options.columns:
            raise DataError(f"{len(columns):,} columns are more than the {options.columns:,} that are read here", file, 1)
        twice = [name for name, times in Counter(columns).items() if times > 1 and name]
        if twice:
            raise DataError(f"the header names '{twice[0]}' twice: give each column a name of its own", file, 1)
    return Shape(mark, quoted, columns)


def _headed(rows: Sequence[Sequence[str]], options: Options, file: Path, mark: str, shown_to_person: bool) -> bool:
    try:
        return has_header(rows, options, file, mark)
    except DataError:
        if not shown_to_person:
            raise
        return True


def _tabs_quoted(file: Path, options: Options) -> bool:
    """Whether a file with tabs quotes: all cells that open with a quote mark close in their line; or only with quotes (line breaks in cells)
    are all rows equally wide."""
    opened = closed = 0
    widths = set()
    for _, line in Source(options).lines(file):
        cells = line.split("\t")
        widths.add(len(cells)) if line else None
        for cell in cells:
            if cell.startswith('"'):
                opened += 1
                closed += _QUOTED_CELL.fullmatch(cell) is not None
    if not opened or opened == closed:
        return bool(opened)
    if len(widths) == 1:
        return False
    try:
        lines = (line + "\n" for _, line in Source(options).lines(file))
        return len({len(cells) for cells in csv.reader(lines, delimiter="\t", strict=True) if cells}) == 1
    except csv.Error:
        return False


def has_header(rows: Sequence[Sequence[str]], options: Options, file: Path, mark: str) -> bool:
    """Whether the first row names columns. DataError where it may be either."""
    first, body = [cell.strip() for cell in rows[0]], rows[1:]
    given = [name.strip() for part in (options.text, options.labels, options.id) if part for name in part.split(",")]
    if given:
        return any(name in first for name in given) or not all(name.isdecimal() and 0 < int(name[:9]) <= len(first) for name in given)
    folded = {cell.casefold() for cell in first}
    if folded & {*TEXT, *LABELS} and all(len(cell) <= 60 for cell in first):
        return True
    if not body or len(set(first)) < len(first) or not all(len(row) == len(first) for row in body):
        return mark != "\t" and len(set(first)) == len(first)
    columns = [[row[i] for row in body] for i in range(len(first))]
    sizes = [words(column) for column in columns]
    text = max(range(len(first)), key=sizes.__getitem__)
    if _numbers_below(first, columns) or folded & set(ID):
        return True
    others = [i for i in range(len(first)) if i != text]
    if any(first[i] in columns[i] for i in others) or _SENTENCE.search(first[text]):
        return False
    if len(first[text].split()) * 2 > sizes[text]:
        return mark != "\t" and sizes[text] < 2
    raise DataError(f"is the first line a header or a document? {FLAGS}. The first rows: {shown(rows)}", file, 1)


def _numbers_below(first: Sequence[str], columns: Sequence[Sequence[str]]) -> bool:
    """Whether a column holds numbers (ids, or 0 and 1) under a cell that is none."""
    return any(
        not re.match(r"\s*[\d\[({]", name) and name and all(bit(cell) or re.fullmatch(r"\d+(,\s*\d+)*", cell.strip()) for cell in column)
        for name, column in zip(first, columns, strict=True)
    )


def rows_of(file: Path, source: Source, shape: Shape, notes: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line where the row begins, cells by column); without a header the columns are called 1, 2, ... Rows of several lines are noted."""
    # csv refuses cells of more than 131,072 characters, a process-wide limit; the source limits lines, not cells.
    csv.field_size_limit(max(csv.field_size_limit(), source.options.line_bytes))
    lines = (line + "\n" for _, line in source.lines(file))
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if shape.quoted else csv.QUOTE_NONE
    reader = csv.reader(lines, delimiter=shape.mark, quoting=quoting, strict=shape.quoted)
    columns = shape.columns
    waiting = columns is not None
    long = 0
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            raise DataError(f"broken CSV: {error}", file, line) from error
        if not any(cell.strip() for cell in cells) and len(cells) <= 1:
            continue
        long += reader.line_num > line
        if waiting:
            waiting = False
            continue
        columns = columns or tuple(str(i + 1) for i in range(len(cells)))
        if len(cells) != len(columns):
            under = f"under a header of {len(columns)} columns" if shape.columns is not None else f"where the first row has {len(columns)}"
            raise DataError(f"{len(cells)} cells {under}", file, line)
        yield line, dict(zip(columns, cells, strict=True))
    if long:
        notes.append(f"{long:,} rows of {file.name} span several lines: quoted cells with line breaks")
