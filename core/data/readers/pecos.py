"""PECOS' text2text files: `0,1,2<TAB>text`, label ids being line numbers (from 0) of output-labels.txt. A label may carry a
relevance, `1::0.8`; one of 0 is no label, all others count as true."""

from __future__ import annotations

import re
from pathlib import Path

from core.data.dataset import Dataset
from core.data.readers.files import companion, data_files, data_name, split_files
from core.data.readers.gather import Gather, Place, noted
from core.data.readers.source import Source, head, share
from core.data.readers.xc import beside, whole
from core.errors import DataError

SUFFIXES = (".txt", ".tsv", ".data")
_LABEL = r"\d+(::[-+.\deE]+)?"
_ROW = re.compile(rf"({_LABEL}(,{_LABEL})*)?\t[^\t]*", re.ASCII)


def sniff(path: Path) -> float:
    """1 if output-labels.txt lies beside, 0.8 if some row has several labels or a relevance, else 0.5: a single number before a
    tab may be anything."""
    files = data_files(path, SUFFIXES)
    lines = [line for line in (head(files[0]) if files else []) if line]
    if not lines:
        return 0
    several = any("," in label or "::" in label for label in (line.split("\t")[0] for line in lines))
    surely = companion(files[0].parent, ("output-labels.txt",)) is not None
    return share(lines, _ROW.fullmatch) * (1 if surely else 0.8 if several else 0.5)


def read(path: Path, source: Source) -> Dataset:
    """Blank lines are skipped: a document always has its tab."""
    gather = Gather()
    relevances = 0
    files = split_files(path, SUFFIXES)
    for split, parts in files.items():
        gather.part(split)
        for file in parts:
            for number, line in source.lines(file):
                if not line:
                    continue
                labels, tab, text = line.partition("\t")
                if not tab:
                    raise DataError("no tab: a line is label ids, a tab and the text", file, number)
                relevances += "::" in labels
                gather.add(split, (file, number), _ids(labels, (file, number)), text)
    found = gather.by_id(data_name(path), None, beside(next(iter(files.values()))[0], source))
    return noted(found, f"relevances of {relevances:,} documents were read as yes or no") if relevances else found


def _ids(text: str, place: Place) -> list[int]:
    found = []
    for part in text.split(",") if text.strip() else []:
        label, _, relevance = part.strip().partition("::")
        try:
            number = whole(label)
            if not relevance or float(relevance):
                found.append(number)
        except ValueError as error:
            raise DataError(f"{part[:60]!r} is no label id like 17 or 17::0.8", *place) from error
    return found
