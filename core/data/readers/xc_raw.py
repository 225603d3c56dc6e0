"""The XC repository's raw text: trn.json.gz and tst.json.gz, one object a line with uid, title, content and target_ind (label
ids); label names in lbl.json.gz (one object a line, title or content) or lbl.txt, labels.txt, Y.txt (one name a line)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from core.data.dataset import Dataset
from core.data.readers.files import bare, companion, data_files, data_name, split_files, split_of
from core.data.readers.gather import Gather
from core.data.readers.source import Source, head, string
from core.data.readers.xc import beside
from core.errors import DataError

SUFFIXES = (".json", ".jsonl", ".raw.json")


def sniff(path: Path) -> float:
    """1 if the first line of the first data file has target_ind."""
    files = _files(path)
    lines = head(files[0]) if files else []
    try:
        first = json.loads(lines[0]) if lines else None
    except (ValueError, RecursionError):
        # The first document may be longer than what was looked at.
        return 0.9 if '"target_ind"' in lines[0] else 0
    return float(isinstance(first, dict) and "target_ind" in first)


def read(path: Path, source: Source) -> Dataset:
    """A document's text is its title and its content, a line each."""
    gather = Gather()
    splits = split_files(path, SUFFIXES)
    for split, files in splits.items():
        gather.part(split)
        for file in files:
            for line, record in source.records(file):
                parts = [string(record, key, file, line) for key in ("title", "content")]
                text = "\n".join(part for part in parts if part)
                name = string(record, "uid", file, line)
                gather.add(split, (file, line), _targets(record, file, line), text, name or None)
    first = next(iter(splits.values()))[0]
    return gather.by_id(data_name(path), None, _label_names(first, source))


def _files(path: Path) -> list[Path]:
    files = data_files(path, SUFFIXES)
    return [file for file in files if split_of(file)] or files


def _targets(record: dict[str, Any], file: Path, line: int) -> list[int]:
    found = record.get("target_ind")
    if not isinstance(found, list) or not all(type(label) is int for label in found):
        raise DataError("'target_ind' must be a list of label ids", file, line)
    return found


def _label_names(file: Path, source: Source) -> list[str] | None:
    objects = companion(file.parent, ("lbl.json",))
    if objects is None or bare(objects) == bare(file):
        return beside(file, source)
    return [(string(record, "title", objects, line) or string(record, "content", objects, line)).strip() for line, record in source.records(objects)]
