"""Tab-separated lines of labels and text: LibMultiLabel's `[ID<TAB>]LABEL LABEL<TAB>text`, and `id<TAB>labels<TAB>text` as
the XML-CNN repositories keep it, which is the same with the id always there. Labels are names, parted by spaces (numbers by
spaces or commas). A file has an id column if most of its first lines have two tabs or more."""

from __future__ import annotations

import re
from pathlib import Path
from statistics import median

from core.data.dataset import Dataset
from core.data.readers.cells import missing
from core.data.readers.files import data_files, data_name, refuse_copies, split_files
from core.data.readers.gather import Gather, Names, noted
from core.data.readers.source import Source, head, share
from core.data.readers.xc import beside, names_file
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
    numbered, absent = True, 0
    parts_of = split_files(path, SUFFIXES)
    refuse_copies(parts_of, path, source.options)
    for split, files in parts_of.items():
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
                numbers = _NUMBERS.fullmatch(labels.strip())
                parts = labels.replace(",", " ").split() if numbers else [] if missing(labels) else labels.split()
                numbered = numbered and (numbers is not None or not parts)
                absent += missing(labels) and labels.strip() != ""
                gather.add(split, (file, number), names.ids(parts, (file, number)), text, cells[0] if columns == 3 else None)
    said: tuple[str, ...] = (f"{absent:,} label cells hold nan, None or the like and were read as no label",) if absent else ()
    first = next(iter(parts_of.values()))[0]
    known = beside(first, source) if numbered and names.place else None
    if known is None:
        return noted(gather.by_name(data_name(path), names), *said)
    place = names_file(first)
    said += (f"label ids were read as places in the list of label names ({place.name if place else 'beside'}, {len(known):,} names)",)
    return noted(gather.by_name(data_name(path), names, known=known), *said)
