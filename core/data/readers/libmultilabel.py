"""Tab-separated lines of labels and text: LibMultiLabel's `[ID<TAB>]LABEL LABEL<TAB>text`, and `id<TAB>labels<TAB>text` as
the XML-CNN repositories keep it, which is the same with the id always there. Labels are names, parted by spaces (numbers by
spaces or commas). A file has an id column if most of its first lines have two tabs or more."""

from __future__ import annotations

import re
from pathlib import Path
from statistics import median

from core.data.dataset import Dataset
from core.data.readers.files import data_files, data_name, split_files
from core.data.readers.gather import Gather, Names
from core.data.readers.source import Source, head, share
from core.errors import DataError

SUFFIXES = (".txt", ".tsv", ".data")
_NUMBERS = re.compile(r"\d+([,\s]+\d+)*", re.ASCII)


def sniff(path: Path) -> float:
    """0.6 if all lines have a tab: nearly anything may be a label."""
    files = data_files(path, SUFFIXES)
    lines = [line for line in (head(files[0]) if files else []) if line]
    return 0.6 * share(lines, lambda line: "\t" in line)


def read(path: Path, source: Source) -> Dataset:
    """Ids are kept where the files have them. Blank lines are skipped; tabs within the text of a three-column file stay."""
    gather, names = Gather(), Names()
    for split, files in split_files(path, SUFFIXES).items():
        gather.part(split)
        for file in files:
            # Most, not all: one broken line must be named, not turn every other line's id into a label.
            columns = 3 if median([line.count("\t") for line in head(file) if line] or [0]) >= 2 else 2
            for number, line in source.lines(file):
                if not line:
                    continue
                cells = line.split("\t", columns - 1)
                if len(cells) < columns:
                    shape = "labels, a tab and the text" if columns == 2 else "an id, labels and the text with tabs between, as in the first lines"
                    raise DataError(f"{len(cells)} of {columns} columns: a line is {shape}", file, number)
                labels, text = cells[-2:]
                parts = labels.replace(",", " ").split() if _NUMBERS.fullmatch(labels.strip()) else labels.split()
                gather.add(split, (file, number), names.ids(parts, (file, number)), text, cells[0] if columns == 3 else None)
    return gather.by_name(data_name(path), names)
