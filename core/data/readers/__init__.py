"""The table of readable formats. Adding one: its module, one line here, its tests.

A reader has `sniff(path) -> float`, 0 (not mine) to 1 (surely mine), which looks at names and at the first 64 KiB only, and
`read(path, source) -> Dataset`, which streams. A path is a file or a folder.
"""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from core.data.dataset import Dataset
from core.data.readers.source import Options, Source
from core.errors import DataError, InputError

READERS: dict[str, str] = {
    "eurlex57k": "core.data.readers.eurlex57k",
    "reuters": "core.data.readers.reuters",
    "mulan": "core.data.readers.mulan",
    "x-transformer": "core.data.readers.x_transformer",
    "xc-raw": "core.data.readers.xc_raw",
    "xc-pairs": "core.data.readers.xc_pairs",
    "xc": "core.data.readers.xc",
    "attention-xml": "core.data.readers.attention_xml",
    "pecos": "core.data.readers.pecos",
    "fasttext": "core.data.readers.fasttext",
    "table": "core.data.readers.table",
    "libmultilabel": "core.data.readers.libmultilabel",
}
"""Format -> module. The XML-CNN repositories' id, labels, text lines are "libmultilabel"."""


def _module(format: str) -> Any:
    if format not in READERS:
        raise InputError(f"there is no format '{format}'; known are {', '.join(READERS)}")
    return import_module(READERS[format])


def sniff(path: Path) -> dict[str, float]:
    """The formats that a file or folder may be in, the likeliest first."""
    scores = {format: _module(format).sniff(path) for format in READERS}
    return {format: score for format, score in sorted(scores.items(), key=lambda item: -item[1]) if score}


def read(path: Path | str, options: Options | None = None) -> Dataset:
    """Read a file or folder in any of the formats. A file is read as one split: the one its name says, else 'train'.

    Raises DataError, with file and line, for broken data; InputError for an unknown format; MissingPackage.
    """
    from core.data.readers.files import refuse_strays
    from core.data.readers.splitting import hashed
    from core.data.readers.table import check_columns

    path, options = Path(path), options or Options()
    if not path.exists():
        raise DataError("there is no such file or folder", path)
    refuse_strays(path)
    # Who names columns has said that it is a table.
    sniffed = sniff(path) if options.format is None else {}
    format = options.format or ("table" if options.names_columns and "table" in sniffed else next(iter(sniffed), None))
    if format is None:
        raise DataError(f"the format is none of {', '.join(READERS)}; if it should be one, name it with --format", path)
    module = _module(format)
    check_columns(options, format)
    found: Dataset = module.read(path, Source(options))
    if not any(map(len, found.splits.values())):
        raise DataError("no document is in it", path)
    found = replace(found, source=found.source or f"{path} (read as '{format}')")
    return hashed(found) if options.hashed_split else found
