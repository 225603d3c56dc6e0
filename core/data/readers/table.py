"""Tables with a column of text and a column of labels, as the Hugging Face hub keeps them: JSON lines, JSON arrays, CSV (or
semicolons, or tabs) with a header, parquet.

A cell of labels holds a list of names or ids, such a list written as a string ("['a', 'b']", "[1, 2]", "a|b"), one label, or
a multi-hot list of 0 and 1. The columns are found by their usual names, or given as `text`, `labels` and `id`. Names of
numbered labels come from a parquet file's ClassLabel, else from labels.txt or its like beside the data.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from core.data.dataset import Dataset
from core.data.readers.cells import labels_of
from core.data.readers.files import bare, data_files, data_name, split_files, split_of
from core.data.readers.gather import Gather, Names, noted
from core.data.readers.source import Options, Source, head, json_object, parse_json, string
from core.data.readers.xc import beside
from core.errors import DataError, InputError, MissingPackage

SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet")
TEXT = ("text", "texts", "sentence", "document", "body", "content", "abstract", "description", "comment_text")
LABELS = ("labels", "label", "tags", "tag", "categories", "category", "topics", "classes", "concepts", "keywords", "target", "targets", "target_ind")
ID = ("id", "uid", "doc_id", "document_id", "idx", "index", "_id")
TableRow = tuple[int, dict[str, Any]]


def sniff(path: Path) -> float:
    """0.7 for a header or an object with a column that looks like labels and one that looks like text; 0.3 for the suffix alone."""
    files = _files(path)
    if not files:
        return 0
    suffix = "." + bare(files[0]).rsplit(".", 1)[-1]
    if suffix == ".parquet":
        return 0.7
    first = next((line for line in head(files[0]) if line.strip()), "").casefold()
    if first.startswith(("{", "[")):
        words = {part.strip(' \t[{:,"') for part in first.split('"')}
    elif suffix in (".csv", ".tsv"):
        words = {cell.strip(' "') for cell in first.replace(";", ",").replace("\t", ",").split(",")}
    else:
        return 0
    return 0.7 if words & set(TEXT) and words & set(LABELS) else 0.3


def read(path: Path, source: Source) -> Dataset:
    """DataError where the columns cannot be told, naming those that are there."""
    gather, names = Gather(), Names()
    numbered = True
    known: list[str] | None = None
    files = split_files(path, SUFFIXES)
    for split, parts in files.items():
        gather.part(split)
        for file in parts:
            columns: tuple[list[str], str, str | None] | None = None
            for line, record in _rows(file, source):
                columns = columns or _columns(record, source.options, file, line)
                texts, label_column, id_column = columns
                if label_column not in record:
                    raise DataError(f"the column '{label_column}' is missing", file, line)
                labels, are_ids = _labels(record[label_column], source.options, file, line)
                numbered = numbered and are_ids
                text = "\n".join(part for column in texts if (part := string(record, column, file, line)))
                gather.add(
                    split, (file, line), names.ids(labels, (file, line)), text, (string(record, id_column, file, line) or None) if id_column else None
                )
            if known is None and columns is not None and bare(file).endswith(".parquet"):
                known = _class_names(file, columns[1])
    known = known or beside(next(iter(files.values()))[0], source)
    if known is None or not numbered or not names.place:
        return gather.by_name(data_name(path), names)
    return noted(gather.by_name(data_name(path), names, known=known), "label ids were read as places in the list of label names")


def _labels(cell: Any, options: Options, file: Path, line: int) -> tuple[list[str], bool]:
    """The labels of one cell, no more than the limit; a list of 0 and 1, one for each label there is, is no longer than that either."""
    if not isinstance(cell, list) or len(cell) <= options.row_labels:
        labels, are_ids = labels_of(cell, options.separator, file, line)
        if len(labels) <= options.row_labels:
            return labels, are_ids
    raise DataError(f"the row has more than {options.row_labels:,} labels, the most that are read here", file, line)


def _files(path: Path) -> list[Path]:
    files = data_files(path, SUFFIXES)
    return [file for file in files if split_of(file, path)] or files


def _columns(record: dict[str, Any], options: Options, file: Path, line: int) -> tuple[list[str], str, str | None]:
    """The text columns, the label column and the id column, asked for or guessed from the first record."""
    folded = {name.strip().casefold(): name for name in record}
    wanted = [name.strip() for name in options.text.split(",")] if options.text else []
    texts = wanted or [folded[name] for name in TEXT if name in folded][:1]
    if not wanted and texts and texts[0].casefold() == "content" and "title" in folded:
        texts.insert(0, folded["title"])
    labels = options.labels or next((folded[name] for name in LABELS if name in folded), None)
    given = [name for name in (*wanted, options.labels, options.id) if name is not None]
    here = ", ".join(f"'{name}'" for name in list(record)[:12])
    if missing := [name for name in given if name not in record]:
        raise DataError(f"there is no column '{missing[0]}'; there are {here}", file, line)
    if not texts or labels is None:
        raise DataError(f"which column holds the {'labels' if texts else 'text'}? Give text= and labels=; there are {here}", file, line)
    return texts, labels, options.id or next((folded[name] for name in ID if name in folded), None)


def _rows(file: Path, source: Source) -> Iterator[TableRow]:
    """(line or row number, cells by column), no more columns than the limit."""
    for number, record in _read_rows(file, source):
        _check_width(len(record), source, file, number)
        yield number, record


def _check_width(width: int, source: Source, file: Path, line: int) -> None:
    if width > source.options.columns:
        raise DataError(f"{width:,} columns are more than the {source.options.columns:,} that are read here", file, line)


def _read_rows(file: Path, source: Source) -> Iterator[TableRow]:
    name = bare(file)
    if name.endswith(".parquet"):
        return parquet_rows(file, source)
    if name.endswith((".csv", ".tsv")):
        return _csv(file, source)
    if name.endswith(".json") and next((line for line in head(file) if line.strip()), "").lstrip().startswith("["):
        return _array(file, source)
    return source.records(file)


def _array(file: Path, source: Source) -> Iterator[TableRow]:
    """One JSON array of objects; a JSON value is limited like a line. The number is the object's, from 1."""
    for number, record in enumerate(parse_json(source.whole(file), file), 1):
        source.count(file, number)
        if not isinstance(record, dict):
            raise DataError(f"entry {number} of the array is no object", file)
        yield number, record


def _csv(file: Path, source: Source) -> Iterator[TableRow]:
    """Rows under a header; the line is the one where the row begins, for a quoted cell may hold line breaks."""
    # csv refuses cells of more than 131,072 characters, a process-wide limit; the source limits lines, not cells.
    csv.field_size_limit(max(csv.field_size_limit(), source.options.line_bytes))
    first = next((line for line in head(file) if line.strip()), "")
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader((line + "\n" for _, line in source.lines(file)), delimiter=delimiter, strict=True)
    columns: list[str] = []
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(f"broken CSV: {error}", file, line) from error
        if not cells:
            continue
        if not columns:
            _check_width(len(cells), source, file, line)
            columns = cells
        elif len(cells) != len(columns):
            raise DataError(f"{len(cells)} cells under a header of {len(columns)} columns", file, line)
        else:
            yield line, dict(zip(columns, cells, strict=True))


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
    if format != "table" and (options.text or options.labels or options.id or options.separator):
        raise InputError(f"text=, labels=, id= and separator= name columns of a table; this file is read as '{format}'")


def preview(file: Path, source: Source, rows: int = 5) -> list[dict[str, Any]]:
    """The first rows of a table, for somebody who has yet to say which column is which. DataError if there is none."""
    found = [record for _, record in islice(_rows(file, source), rows)]
    if not found:
        raise DataError("no row is in it", file)
    return found
