"""Which files of a folder hold which split, by the names people give them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from core.data.readers.source import Options, Source
from core.errors import DataError

SPLIT_WORDS = {
    "train": ("train", "trn", "training"),
    "dev": ("dev", "val", "valid", "validation"),
    "test": ("test", "tst", "testing"),
}
_SPLIT_OF = {word: split for split, words in SPLIT_WORDS.items() for word in words}
NAME_FILES = (
    "output-labels.txt",
    "label_map.txt",
    "labels.txt",
    "label_names.txt",
    "lbl.txt",
    "lbl.json",
    "Y.txt",
    "labels.tsv",
    "emotions.txt",
    "classes.txt",
)
"""Files that hold the labels' names, in the order of their ids."""


FEATURE_FILES = (".features.txt", "features.txt", "feature_names.txt")
"""Endings of files that hold the names of feature vectors' columns, a name a line."""


def bare(path: Path) -> str:
    """The file's name without .gz."""
    return path.name[:-3] if path.name.lower().endswith(".gz") else path.name


def split_of(path: Path, folder: Path | None = None) -> str | None:
    """'train', 'dev', 'test' or None, by a word of the file's name or of its folder's name below `folder`."""
    parts = [bare(path)]
    if folder is not None and path.parent != folder:
        parts.append(path.parent.name)
    for part in parts:
        for word in re.split(r"[^a-z]+", part.lower()):
            if word in _SPLIT_OF:
                return _SPLIT_OF[word]
    return None


def natural(path: Path) -> list[tuple[int, int, str]]:
    """Sorts part-2 before part-10."""
    parts = re.split(r"([0-9]{1,18})", path.as_posix())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def listing(folder: Path) -> list[Path]:
    """Files of a folder and of its sub-folders, one level down, hidden ones left out, in natural order."""
    try:
        here = [path for path in folder.iterdir() if not path.name.startswith(".")]
        below = [path for sub in here if sub.is_dir() for path in sub.iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise DataError(f"the folder cannot be read: {error.strerror}", folder) from error
    return sorted((path for path in here + below if path.is_file()), key=natural)


def refuse_strays(path: Path) -> None:
    """DataError for what is neither a regular file nor a folder, and for a folder that holds a link which leads out of it: a folder from
    elsewhere must not have files of this machine read as its data. The path itself is a person's: it may be a link."""
    if not path.is_dir():
        if path.exists() and not path.is_file():
            raise DataError("is no regular file", path)
        return
    home = os.path.realpath(path)  # Path.resolve raises RuntimeError for a link to itself
    try:
        here = list(path.iterdir())
        below = [file for sub in here if sub.is_dir() for file in sub.iterdir()]
    except OSError as error:
        raise DataError(f"the folder cannot be read: {error.strerror}", path) from error
    for file in here + below:
        if file.is_symlink() and not Path(os.path.realpath(file)).is_relative_to(home):
            raise DataError("is a link that leads out of the data set's folder; put the file itself there", file)


def data_files(path: Path, suffixes: Sequence[str]) -> list[Path]:
    """The path itself if it is a file; else the folder's files with one of the suffixes (before .gz) that are neither label
    names nor read-me files."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        return []

    def wanted(file: Path) -> bool:
        name = bare(file).lower()
        if name in {known.lower() for known in NAME_FILES} or name.endswith((".labels.tsv", *FEATURE_FILES)):
            return False
        return name.endswith(tuple(suffixes)) and not name.startswith("readme")

    return [file for file in listing(path) if wanted(file)]


def by_split(files: Iterable[Path], folder: Path) -> dict[str, list[Path]]:
    """split -> its files in order. Files that name no split are left out where others do; a lone file is 'train'.

    DataError where there is none, or several and none names its split.
    """
    found: dict[str, list[Path]] = {}
    unmarked = []
    for file in files:
        split = split_of(file, folder)
        if split is None:
            unmarked.append(file)
        else:
            found.setdefault(split, []).append(file)
    if found:
        return {split: found[split] for split in SPLIT_WORDS if split in found}
    if len(unmarked) == 1:
        return {"train": unmarked}
    if not unmarked:
        raise DataError("no data file is in this folder", folder)
    names = ", ".join(file.name for file in unmarked[:3])
    raise DataError(
        f"{len(unmarked)} files ({names}{', ...' if len(unmarked) > 3 else ''}) and no name says train, dev or test: rename them, or give one file",
        folder,
    )


def split_files(path: Path, suffixes: Sequence[str]) -> dict[str, list[Path]]:
    """`by_split` of a folder's data files, or of one file."""
    return by_split(data_files(path, suffixes), path if path.is_dir() else path.parent)


def companion(folder: Path, names: Iterable[str]) -> Path | None:
    """The first of the named files that the folder holds, plain or with .gz."""
    for name in names:
        for file in (folder / name, folder / f"{name}.gz"):
            if file.is_file():
                return file
    return None


def data_name(path: Path) -> str:
    """What to call a data set: its folder's name, or its file's without the suffixes."""
    return path.name if path.is_dir() else bare(path).split(".")[0] or path.name


def refuse_copies(files: Mapping[str, list[Path]], folder: Path, options: Options) -> None:
    """DataError where two files of a split look like the same documents twice (an original and its translation): as many lines, and names
    that differ in more than a part's number. Pooled they would be one data set of twice the size with two sets of labels."""
    for split, parts in files.items():
        if options.pool or len(parts) < 2:
            continue
        sizes: dict[tuple[int, str], list[Path]] = {}
        for file in parts:
            sizes.setdefault((_lines(file, options), re.sub(r"[^.]*", "", bare(file), count=1).lower()), []).append(file)
        for (lines, _), same in sizes.items():
            stems = {re.sub(r"[0-9]+", "", f"{file.parent.name}/{bare(file)}") for file in same}
            if lines > 1 and len(stems) > 1:
                names = " and ".join(file.relative_to(folder).as_posix() for file in same[:2])
                raise DataError(
                    f"{names} have {lines:,} lines each: the same documents twice, as an original and its translation? Give one of the files, or "
                    f"`--pool-files` to read both as '{split}'",
                    folder,
                )


def _lines(file: Path, options: Options) -> int:
    """How many lines a file has, -1 of parquet, whose lines say nothing."""
    if bare(file).lower().endswith(".parquet"):
        return -1
    return sum(1 for _, line in Source(options).lines(file) if line.strip())
