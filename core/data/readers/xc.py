"""The XC repository's sparse bag of words: a header `documents features labels`, then `label,label feature:value ...`.

Also what libsvm's multi-label format is and what MACH, Parabel and napkinXC read. Tolerated: no header, ids from 1, labels in
any order, a label list that is empty (the line then begins with a space or with the first feature).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from core.data.dataset import Dataset
from core.data.readers.files import NAME_FILES, bare, companion, data_files, data_name, split_files
from core.data.readers.gather import MAX_FEATURES, MAX_LABELS, Gather, Place, noted, unique
from core.data.readers.source import Source, head, share
from core.errors import DataError

SUFFIXES = (".txt", ".svm", ".libsvm", ".data", ".dat")
_HEADER = re.compile(r"\s*\d+([ \t]+\d+){1,2}\s*", re.ASCII)
_LABELS_ONLY = re.compile(r"\d+(,\d+)* *", re.ASCII)
_ROW = re.compile(r"(\d+(,\d+)*)?( +\d+:[-+.\deE]+)+ *|\d+:[-+.\deE]+( +\d+:[-+.\deE]+)* *", re.ASCII)


def sniff(path: Path) -> float:
    """1 for a header of three numbers over such rows, 0.9 for the rows alone."""
    files = data_files(path, SUFFIXES)
    lines = head(files[0]) if files else []
    has_header = bool(lines and header(lines[0], 3))
    rows = [line for line in lines[int(has_header) :] if line.strip()]
    if not any(_ROW.fullmatch(line) for line in rows):
        return 0
    return share(rows, lambda line: _ROW.fullmatch(line) or _LABELS_ONLY.fullmatch(line)) * (1.0 if has_header else 0.9)


def read(path: Path, source: Source) -> Dataset:
    """Splits by file name. Label names come from a file of names beside the data where there is one."""
    gather = Gather()
    widths: dict[int, set[int]] = {1: set(), 2: set()}
    bare_files = []
    files = split_files(path, SUFFIXES)
    for split, parts in files.items():
        for file in parts:
            gather.part(split)
            sizes = _read_file(file, split, gather, source)
            if sizes is None:
                bare_files.append(file.name)
            else:
                for column in widths:
                    widths[column].add(sizes[column])
    for column, what in ((1, "features"), (2, "labels")):
        if len(widths[column]) > 1:
            raise DataError(f"the files' headers disagree: {' and '.join(f'{n:,}' for n in sorted(widths[column]))} {what}", path)
    known = beside(next(iter(files.values()))[0], source)
    found = gather.by_id(data_name(path), next(iter(widths[2]), None), known, next(iter(widths[1]), None))
    found = with_feature_names(found, next(iter(files.values()))[0], source)
    return noted(found, f"no header in {', '.join(bare_files)}: sizes are those of the ids found") if bare_files else found


def _read_file(file: Path, split: str, gather: Gather, source: Source) -> tuple[int, ...] | None:
    """Add a file's documents; the header's three numbers or None."""
    sizes = None
    count = 0
    for place, line in rows(file, source):
        if place[1] == 1 and (sizes := header(line, 3)):
            if sizes[2] > MAX_LABELS or sizes[1] > MAX_FEATURES:
                raise DataError(f"the header names {sizes[1]:,} features and {sizes[2]:,} labels; too many to be true", *place)
            continue
        first, _, rest = line.partition(" ")
        if ":" in first:
            first, rest = "", line
        gather.add(split, place, label_ids(first, place), features=pairs(rest, place))
        count += 1
    _check_count(count, sizes, file)
    return sizes


def _check_count(count: int, sizes: tuple[int, ...] | None, file: Path) -> None:
    if sizes is not None and count != sizes[0]:
        raise DataError(f"the header promises {sizes[0]:,} documents but {count:,} follow; the file is cut or the header wrong", file)


def rows(file: Path, source: Source) -> Iterator[tuple[Place, str]]:
    """(place, line). A blank line is an empty document, but blank lines after the last document are none: unless the header
    counts them."""
    blank: list[Place] = []
    promised = 0
    given = 0
    for number, line in source.lines(file):
        if number == 1 and (sizes := header(line, 3) or header(line, 2)):
            promised = sizes[0] + 1
        if not line.strip():
            blank.append((file, number))
            continue
        yield from ((place, "") for place in blank)
        given += len(blank) + 1
        blank.clear()
        yield (file, number), line
    yield from ((place, "") for place in blank[: max(0, promised - given)])


def header(line: str, numbers: int) -> tuple[int, ...] | None:
    """The numbers of a header line that holds just so many, or None."""
    parts = line.split()
    if len(parts) != numbers or not _HEADER.fullmatch(line) or max(map(len, parts)) > 18:
        return None
    return tuple(map(int, parts))


def label_ids(text: str, place: Place) -> list[int]:
    """'3,1,2' -> ids."""
    try:
        return [whole(part) for part in text.split(",")] if text else []
    except ValueError as error:
        raise DataError(f"{text[:60]!r} is no list of label ids like 3,17,4", *place) from error


def pairs(text: str, place: Place) -> tuple[list[int], list[float]]:
    """'3:0.5 7:1' -> ids and values."""
    ids, values = [], []
    for part in text.split():
        index, _, value = part.partition(":")
        try:
            ids.append(whole(index))
            values.append(float(value))
        except ValueError as error:
            raise DataError(f"{part[:60]!r} is not id:value like 17:0.25", *place) from error
    return ids, values


def whole(text: str) -> int:
    """A plain decimal number; ValueError for signs, spaces and underscores, which `int` would take."""
    if not (text.isascii() and text.isdigit()):
        raise ValueError(text)
    return int(text)


def names_file(file: Path) -> Path | None:
    """The file of label names beside a data file: NAME.labels.tsv (id, name, ...) or a usual name."""
    return companion(file.parent, (f"{bare(file).split('.')[0]}.labels.tsv", *(name for name in NAME_FILES if not name.endswith(".json"))))


def beside(file: Path, source: Source) -> list[str] | None:
    """Label names, one a line, from the names file beside a data file."""
    found = names_file(file)
    if found is None:
        return None
    lines = name_lines(found, source)
    if bare(found).endswith(".tsv"):
        return [line.split("\t")[1] if "\t" in line else line for line in lines]
    return [line.strip() for line in lines]


def name_lines(file: Path, source: Source) -> list[str]:
    """The lines of a file of names, blank ones at its end left out."""
    lines = [line for _, line in source.lines(file)]
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


def with_feature_names(dataset: Dataset, file: Path, source: Source) -> Dataset:
    """The data set with the names of its vectors' columns, where NAME.features.txt, features.txt or feature_names.txt lies beside the file.
    DataError where there are more or fewer names than columns."""
    stem = bare(file).split(".")[0]
    found = companion(file.parent, (f"{stem}.features.txt", "features.txt", "feature_names.txt"))
    width = next((split.features.shape[1] for split in dataset.splits.values() if split.features is not None), None)
    if found is None or width is None or dataset.feature_names is not None:
        return dataset
    names = [line.split("\t")[-1].strip() for line in name_lines(found, source)]
    if len(names) != width:
        raise DataError(f"{len(names):,} names for vectors of {width:,} features", found)
    return noted(replace(dataset, feature_names=tuple(unique(names))), f"features are named by {found.name}")
