"""fastText's lines: `__label__NAME __label__NAME the text`, labels at the line's start or its end."""

from __future__ import annotations

from pathlib import Path

from core.data.dataset import Dataset
from core.data.readers.files import data_files, data_name, refuse_copies, split_files
from core.data.readers.gather import Gather, Names
from core.data.readers.source import Source, head, share

SUFFIXES = (".txt", ".ft", ".csv", ".train", ".valid", ".test", ".data")
MARK = "__label__"


def sniff(path: Path) -> float:
    """1 where all lines hold a label at their start or end."""
    files = data_files(path, SUFFIXES)
    return share([line for line in (head(files[0]) if files else []) if line.strip()], lambda line: any(_parted(line)[0]))


def read(path: Path, source: Source) -> Dataset:
    """Splits by file name. A line without a label is a document without one; blank lines are none. Underscores in names stay."""
    gather, names = Gather(), Names()
    files = split_files(path, SUFFIXES)
    refuse_copies(files, path, source.options)
    for split, parts in files.items():
        gather.part(split)
        for file in parts:
            for number, line in source.lines(file):
                if line.strip():
                    labels, text = _parted(line)
                    gather.add(split, (file, number), names.ids(labels, (file, number)), text)
    return gather.by_name(data_name(path), names)


def _parted(line: str) -> tuple[list[str], str]:
    """The labels before and behind the text, and the text."""
    rest, labels = line.strip(), []
    while rest.startswith(MARK):
        first, rest = [*rest.split(maxsplit=1), ""][:2]
        labels += _names(first)
        rest = rest.lstrip(" ,")
    behind: list[str] = []
    while (parts := rest.rsplit(maxsplit=1)) and parts[-1].startswith(MARK):
        behind = [*_names(parts[-1]), *behind]
        rest = parts[0] if len(parts) > 1 else ""
    return labels + behind, rest


def _names(word: str) -> list[str]:
    """The names of one word: labels may stand together with commas between."""
    return [name.strip(" ,") for name in word.split(MARK) if name.strip(" ,")]
