"""Tables with a column of text and a column of labels, as the Hugging Face hub keeps them: JSON lines, JSON arrays, CSV (or
semicolons, or tabs) with a header or without, parquet.

How the label cells are written (lists, marks between names, multi-hot rows, numbers) is settled over the whole column, see
core.data.readers.cells; or there is one column of 0 and 1 a label. The columns are found by their usual names, else by content, or given as
`text`, `labels` and `id`. Names of numbered labels come from a parquet file's ClassLabel, else from labels.txt or its like beside the data.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any

from core.data.dataset import Dataset
from core.data.readers.cells import Cell, bit, missing, settle
from core.data.readers.delimited import first_rows, has_header, rows_of, shape_of
from core.data.readers.files import bare, data_files, data_name, refuse_copies, split_files, split_of
from core.data.readers.gather import Gather, Names, noted
from core.data.readers.roles import ID, LABELS, TEXT, Roles, roles_of, words
from core.data.readers.source import Options, Source, head, json_object, parse_json, string
from core.data.readers.xc import beside, names_file
from core.errors import DataError, InputError, MissingPackage

__all__ = ["ID", "LABELS", "SUFFIXES", "TEXT", "check_columns", "parquet_rows", "preview", "read", "sniff"]

SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".tab", ".parquet")
PLAIN = (".txt", ".data")
"""Read as tables too where they hold tabs and nothing better claims them."""
SAMPLE = 200
"""Rows that roles are told from."""
TableRow = tuple[int, dict[str, Any]]


def sniff(path: Path) -> float:
    """0.7 for a header or an object with a column that looks like labels and one that looks like text; 0.65 for tabs that are not in
    LibMultiLabel's order; 0.3 for the suffix alone."""
    files = _files(path)
    if not files:
        return 0
    suffix = "." + bare(files[0]).lower().rsplit(".", 1)[-1]
    if suffix == ".parquet":
        return 0.7
    first = next((line for line in head(files[0]) if line.strip()), "").casefold()
    if first.startswith(("{", "[")) and suffix not in (".csv", ".tsv", ".tab", *PLAIN):
        found = {part.strip(' \t[{:,"') for part in first.split('"')}
        return 0.7 if found & set(TEXT) and found & set(LABELS) else 0.3
    if suffix in (".tsv", ".tab", *PLAIN):
        return _sniff_tabs(files[0])
    if suffix != ".csv":
        return 0
    found = {cell.strip(' "') for cell in first.replace(";", ",").replace("\t", ",").split(",")}
    return 0.7 if found & set(TEXT) and found & set(LABELS) else 0.3


def _sniff_tabs(file: Path) -> float:
    """What a file of lines with tabs is: lines of id, labels and text are LibMultiLabel's; others are a table."""
    rows = first_rows(file)
    plain = bare(file).lower().endswith(PLAIN)
    if not rows or len(rows[0]) < 2 or "\t" not in "".join(head(file)[:1]):
        return 0.0 if plain else 0.3
    fallback = 0.1 if plain else 0.3
    width = len(rows[0])
    folded = {cell.strip().casefold() for cell in rows[0]}
    if len(folded) == width and folded & {*TEXT, *LABELS}:
        return 0.7
    if any(len(row) != width for row in rows):
        return fallback
    sizes = [words(row[i] for row in rows) for i in range(width)]
    try:
        header = has_header(rows, Options(), file, "\t")
    except DataError:
        return 0.65  # reading it says that it is unsure
    if width > 3 and all(re.fullmatch(r"(\d+([,\s]+\d+)*)?", row[1].strip(), re.ASCII) for row in rows):
        return fallback  # an id, numbers, and a text with tabs in it
    documented = width in (2, 3) and sizes[-1] >= max(*sizes, 1.0) and not header
    if documented and sizes[-1] == sizes[-2] == 1.0:
        documented = len({row[-1] for row in rows}) >= len({row[-2] for row in rows})
    return fallback if documented else 0.65


def read(path: Path, source: Source) -> Dataset:
    """DataError where the columns cannot be told, naming those that are there."""
    gather, names = Gather(), Names()
    table = _Table(source)
    files = _split_files(path)
    refuse_copies(files, path, source.options)
    for split, parts in files.items():
        gather.part(split)
        for file in parts:
            table.add(split, file)
    labels, numbered = table.settled()
    for (split, cell, text, id), row in zip(table.rows, labels, strict=True):
        if len(row) > source.options.row_labels:
            raise DataError(f"the row has more than {source.options.row_labels:,} labels, the most that are read here", cell.file, cell.line)
        gather.add(split, (cell.file, cell.line), names.ids(row, (cell.file, cell.line)), text, id)
    first = next(iter(files.values()))[0]
    known = table.class_names or beside(first, source)
    if known is None or not numbered or not names.place:
        return noted(gather.by_name(data_name(path), names), *table.notes)
    if table.width is not None and len(known) != table.width:
        raise DataError(f"{len(known):,} label names for multi-hot rows of {table.width:,}", names_file(first) or first)
    found = gather.by_name(data_name(path), names, known=known)
    place = "the file's own list of label names" if table.class_names else str(getattr(names_file(first), "name", "the list"))
    return noted(found, *table.notes, f"label ids were read as places in the list of label names ({place}, {len(known):,} names)")


class _Table:
    """Rows as they come, until the label column is settled over all of them."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.rows: list[tuple[str, Cell, str, str | None]] = []
        self.notes: list[str] = []
        self.roles: Roles | None = None
        self.class_names: list[str] | None = None
        self.width: int | None = None

    def add(self, split: str, file: Path) -> None:
        """One file's rows; the first file's columns hold for the others where they have them."""
        shape = shape_of(file, self.source.options) if _delimited(file) else None
        rows = _checked(_read_rows(file, self.source, shape, self.notes), file, self.source)
        sample = list(islice(rows, SAMPLE))
        if not sample:
            return
        here = set(sample[0][1])
        if self.roles is None or not {*self.roles.texts, *self.roles.labels} <= here:
            numbered = shape is not None and shape.columns is None
            roles = roles_of([record for _, record in sample], self.source.options, file, sample[0][0], numbered)
            if self.roles is not None and self.roles.hot != roles.hot:
                raise DataError("holds its labels in another way than the files before it: give one file", file, sample[0][0])
            self.roles = roles
            self.notes += [note for note in roles.notes if note not in self.notes]
            if numbered:
                self.notes.append(f"{file.name} has no header: its columns are called 1, 2, ...")
        for line, record in chain(sample, rows):
            self._row(split, file, line, record, self.roles)
        if self.class_names is None and bare(file).lower().endswith(".parquet") and not self.roles.hot:
            self.class_names = _class_names(file, self.roles.labels[0])

    def _row(self, split: str, file: Path, line: int, record: dict[str, Any], roles: Roles) -> None:
        if absent := [name for name in roles.labels if name not in record]:
            raise DataError(f"the column '{absent[0]}' is missing", file, line)
        text = "\n".join(part for column in roles.texts if (part := string(record, column, file, line)))
        id = (string(record, roles.id, file, line) or None) if roles.id else None
        value = _hot(record, roles.labels, file, line) if roles.hot else record[roles.labels[0]]
        if isinstance(value, list) and len(value) > self.source.options.row_labels:
            raise DataError(f"the row has more than {self.source.options.row_labels:,} labels, the most that are read here", file, line)
        self.rows.append((split, Cell(value, file, line), text, id))

    def settled(self) -> tuple[list[list[str]], bool]:
        """The labels of each row, and whether all are numbers of label names."""
        cells = [cell for _, cell, _, _ in self.rows]
        if self.roles is not None and self.roles.hot:
            return [list(cell.value) for cell in cells], False
        found = settle(cells, self.source.options.separator)
        self.notes += found.notes
        self.width = found.width
        return found.labels, found.numbered


def _hot(record: dict[str, Any], columns: list[str], file: Path, line: int) -> list[str]:
    """The names of the columns that hold a 1."""
    for name in columns:
        if not missing(record[name]) and not bit(record[name]):
            raise DataError(f"{str(record[name])[:40]!r} in column '{name}': a column a label holds 0 or 1", file, line)
    return [name for name in columns if not missing(record[name]) and str(record[name]).strip().casefold() in ("1", "1.0", "1.", "true")]


def _files(path: Path) -> list[Path]:
    files = data_files(path, SUFFIXES) or data_files(path, PLAIN)
    return [file for file in files if split_of(file, path)] or files


def _split_files(path: Path) -> dict[str, list[Path]]:
    return split_files(path, SUFFIXES if data_files(path, SUFFIXES) else PLAIN)


def _checked(rows: Iterator[TableRow], file: Path, source: Source) -> Iterator[TableRow]:
    """(line or row number, cells by column), no more columns than the limit."""
    for number, record in rows:
        if len(record) > source.options.columns:
            raise DataError(f"{len(record):,} columns are more than the {source.options.columns:,} that are read here", file, number)
        yield number, record


def _delimited(file: Path) -> bool:
    """Whether a file holds cells with marks between, not JSON and not parquet."""
    name = bare(file).lower()
    if name.endswith((".csv", ".tsv", ".tab")):
        return True
    return not name.endswith((".parquet", ".json", ".jsonl", ".ndjson")) and not "".join(head(file)[:1]).lstrip().startswith(("{", "["))


def _read_rows(file: Path, source: Source, shape: Any, notes: list[str]) -> Iterator[TableRow]:
    if shape is not None:
        return rows_of(file, source, shape, notes)
    if bare(file).lower().endswith(".parquet"):
        return parquet_rows(file, source)
    if bare(file).lower().endswith(".json") and next((line for line in head(file) if line.strip()), "").lstrip().startswith("["):
        return _array(file, source)
    return source.records(file)


def _array(file: Path, source: Source) -> Iterator[TableRow]:
    """One JSON array of objects; a JSON value is limited like a line. The number is the object's, from 1."""
    for number, record in enumerate(parse_json(source.whole(file), file), 1):
        source.count(file, number)
        if not isinstance(record, dict):
            raise DataError(f"entry {number} of the array is no object", file)
        yield number, record


@contextmanager
def _parquet_file(file: Path) -> Iterator[Any]:
    """An open pyarrow ParquetFile; whatever goes wrong with it is a DataError, in damaged column names too."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise MissingPackage("pyarrow", "reading parquet files") from error
    if not file.is_file():
        raise DataError("there is no such file", file)
    try:
        with parquet.ParquetFile(file, memory_map=True) as opened:
            yield opened
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(f"is no parquet file that can be read ({error})", file) from error


def parquet_rows(file: Path, source: Source) -> Iterator[TableRow]:
    """Rows in small batches. What the file says of its unpacked size is counted, and what comes of it limited like lines."""
    with _parquet_file(file) as opened:
        source.spend(sum(opened.metadata.row_group(i).total_byte_size for i in range(opened.metadata.num_row_groups)), file)
        number = 0
        for batch in opened.iter_batches(batch_size=256):
            for record in batch.to_pylist():
                number += 1
                source.count(file, number)
                size = sum(len(value) for value in record.values() if isinstance(value, str | list | bytes))
                if size > source.options.line_bytes:
                    raise DataError(f"row {number} is longer than {source.options.line_bytes:,}; raise line_bytes if it should be", file)
                yield number, record


def _class_names(file: Path, column: str) -> list[str] | None:
    """Names of a ClassLabel column from what the `datasets` package writes into a parquet file, or None."""
    with _parquet_file(file) as opened:
        written = (opened.schema_arrow.metadata or {}).get(b"huggingface")
    if written is None:
        return None
    found: Any = json_object(written.decode("utf-8", "replace"), file).get("info")
    for key in ("features", column):
        found = found.get(key) if isinstance(found, dict) else None
    if isinstance(found, list) and found:
        found = found[0]
    if isinstance(found, dict) and "feature" in found:
        found = found["feature"]
    names = found.get("names") if isinstance(found, dict) else None
    return names if isinstance(names, list) and all(isinstance(name, str) for name in names) else None


def check_columns(options: Options, format: str) -> None:
    """InputError if columns are named for a format that has none."""
    if format != "table" and options.names_columns:
        raise InputError(
            f"--text-column, --labels-column, --id-column and --label-separator are of tables; this file is read as '{format}'; leave --format out, "
            "or give --format table"
        )


def preview(file: Path, source: Source, rows: int = 5) -> list[dict[str, Any]]:
    """The first rows of a table, for somebody who has yet to say which column is which. DataError if there is none."""
    shape = shape_of(file, source.options, shown_to_person=True) if _delimited(file) else None
    found = [record for _, record in islice(_checked(_read_rows(file, source, shape, []), file, source), rows)]
    if not found:
        raise DataError("no row is in it", file)
    return found
