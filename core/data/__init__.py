"""The table of data sets. `load_dataset` takes a name of this table, or the path of a file or folder in any format of
core.data.readers.

Importing this reads nothing. Adding a set that lies in the data folder is one line.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import DataError, InputError

if TYPE_CHECKING:
    from core.data.dataset import Dataset
    from core.data.readers.source import Options


@dataclass(frozen=True)
class Known:
    """A registered data set: made by a function ("module:function"), or read from `path` below the data folder in `format`;
    `act_words` as in core.data.readers.source.Options. `command` builds it into the cache, where it is looked for first."""

    about: str
    build: str = ""
    path: str = ""
    format: str = ""
    act_words: int | None = None
    command: str = ""


EURLEX57K = "python -m core data build eurlex57k"

DATASETS: dict[str, Known] = {
    "debtags": Known("Debian package descriptions and their debtags; the default", build="core.data.debtags:build"),
    "eurlex57k": Known(
        "EU legislation with EuroVoc concepts: 57,000 acts (title and 150 words), 4,271 labels",
        path="eurlex57k",
        format="eurlex57k",
        command=EURLEX57K,
    ),
    "eurlex57k-whole": Known("the same acts, whole", path="eurlex57k", format="eurlex57k", act_words=0, command=EURLEX57K),
    "reuters21578": Known("Reuters newswire, ModApte split: 12,902 stories, 120 topics; research use only", path="reuters21578", format="reuters"),
    "bibtex": Known("BibTeX tags: 7,395 bags of 1,836 words, 159 labels", path="bibtex", format="mulan"),
    "delicious": Known("Delicious bookmark tags: 16,105 bags of 500 words, 983 labels", path="delicious", format="mulan"),
    "rcv1-sub1": Known("RCV1-v2, subset 1: 6,000 tf-idf vectors, 101 labels", path="rcv1-subsets/rcv1sub1.svm.gz", format="xc"),
    "rcv1-sub2": Known("RCV1-v2, subset 2: 6,000 tf-idf vectors, 101 labels", path="rcv1-subsets/rcv1sub2.svm.gz", format="xc"),
    "samples": Known("26 news and EU acts of our own writing with EuroVoc concepts; always here", build="core.data.samples:eurovoc"),
    "samples-debtags": Known("14 package descriptions of our own writing with debtags; always here", build="core.data.samples:debtags"),
}


def data_folder() -> Path:
    """Where data sets that are not built here lie: $TREMOR_DATA, or ../shared/data beside the project."""
    return Path(os.environ.get("TREMOR_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")


def is_present(name: str) -> bool:
    """Whether a registered data set can be had now: its files are there, or it is built on demand."""
    known = DATASETS[name]
    return not known.path or (data_folder() / known.path).exists() or _cached(name).is_file()


def _cached(name: str) -> Path:
    """Where a data set that a command builds lies then."""
    from core.data.cache import cache_folder

    return cache_folder() / f"{name}.jsonl.gz"


def load_dataset(name_or_path: str | Path, options: Options | None = None) -> Dataset:
    """A registered data set by its name, else a file or folder (see core.data.readers.read, and Options for columns and limits).

    Raises DataError, saying where to get it, for a registered set whose files are missing; InputError for what is neither.
    """
    from core.data.readers import read

    known = DATASETS.get(str(name_or_path))
    if known is None:
        if not Path(name_or_path).exists():
            raise InputError(f"'{name_or_path}' is neither a data set ({', '.join(DATASETS)}) nor a file or folder")
        return read(name_or_path, options)
    if options is not None:
        raise InputError(f"'{name_or_path}' is a registered data set; options are for files and folders")
    if known.build:
        module, function = known.build.split(":")
        built: Dataset = getattr(import_module(module), function)()
        return built
    return _stored(str(name_or_path), known)


def load_completed(name_or_path: str | Path, options: Options | None = None) -> Dataset:
    """`load_dataset` with the splits that are missing held out of "train" (core.data.bags.complete): what every verb works on, so that a study
    attacks the very documents that a training left out."""
    from core.data.bags import complete

    return complete(load_dataset(name_or_path, options))


def _stored(name: str, known: Known) -> Dataset:
    from core.data.cache import restore
    from core.data.readers import read
    from core.data.readers.source import Options

    path = data_folder() / known.path
    if known.command and (kept := _cached(name)).is_file():
        return restore(name, kept, known.command)
    if not path.exists():
        where = "get the files that its README.txt in the project's shared data names, and set TREMOR_DATA to the folder that holds them"
        if known.command:
            where = (
                f"`{known.command} --folder DIR` builds it from its folder, its archive or its .jsonl files, without --folder from the network; or "
                "set TREMOR_DATA to the folder that holds them"
            )
        raise DataError(f"the files of '{name}' are not there; {where}. `samples` and `debtags` need none of them.", path)
    return replace(read(path, Options(format=known.format, act_words=known.act_words)), name=name)
