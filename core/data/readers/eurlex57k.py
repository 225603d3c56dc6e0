"""EURLEX57K (Chalkidis et al. 2019): EU acts as JSON, one file an act in train/, dev/ and test/, or one act a line in
train*.jsonl, dev.jsonl and test.jsonl; names of the EuroVoc concepts in EURLEX57K.json.

An act is read as its title and the first 150 words after it, or whole: half of the acts have more than 400 words, which neither a pasted
paragraph nor an encoder's window has, and the first words say what an act is about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.data.dataset import Dataset
from core.data.readers.files import bare, by_split, companion, data_name, listing
from core.data.readers.gather import Gather, Names, noted
from core.data.readers.source import Source, head, json_object, parse_json, string
from core.document import Document
from core.errors import DataError

NAMES = "EURLEX57K.json"
SECTIONS = ("title", "header", "recitals", "main_body", "attachments")
ACT_WORDS = 150
"""Words read after the title, unless told otherwise."""
SOURCE = "EURLEX57K (Chalkidis et al., ACL 2019): EU legislation (c) European Union, reuse under Commission Decision 2011/833/EU"


def _files(path: Path) -> list[Path]:
    """Single acts only in folders of their own: any JSON may lie beside."""
    if not path.is_dir():
        return [path] if path.is_file() else []
    return [
        file
        for file in listing(path)
        if bare(file).endswith(".jsonl") or (file.parent != path and bare(file).endswith(".json") and bare(file) != NAMES)
    ]


def sniff(path: Path) -> float:
    """1 if the first file's first act has celex_id and concepts."""
    files = _files(path)
    start = "".join(head(files[0])) if files else ""
    return float('"celex_id"' in start and '"concepts"' in start)


def read(path: Path, source: Source) -> Dataset:
    """An act's text is its title, and of its header, recitals, main body and attachments, a line break between, the first words."""
    limit = ACT_WORDS if source.options.act_words is None else source.options.act_words
    folder = path if path.is_dir() else path.parent
    gather, names = Gather(), Names()
    for split, files in by_split(_files(path), folder).items():
        gather.part(split)
        for file in files:
            for line, act in _acts(file, source):
                concepts = act.get("concepts")
                if not isinstance(concepts, list) or not all(isinstance(concept, str) for concept in concepts):
                    raise DataError("'concepts' must be a list of EuroVoc ids", file, line)
                title, *parts = (string(act, section, file, line).strip() for section in SECTIONS)
                rest = "\n".join(part for part in parts if part)
                text = "\n".join(part for part in (title, first_words(rest, limit) if limit else rest) if part)
                gather.add(split, (file, line), names.ids(concepts, (file, line)), text, string(act, "celex_id", file, line) or None)
    naming = _naming(folder, source)
    found = replace(gather.by_name(data_name(path), names, naming), source=SOURCE)
    missing = sum(concept not in naming for concept in names.place)
    return noted(found, f"{missing:,} labels have no name and show their EuroVoc id; {NAMES} holds names") if missing else found


def first_words(text: str, count: int) -> str:
    """A text up to the end of its `count`-th word."""
    taken = 16 * count
    while True:
        document = Document.from_text(text[:taken])
        if len(document) > count or taken >= len(text):  # one more, as the last word of a cut text may be cut
            return document.text[: document.spans[count - 1][1]] if len(document) > count else text
        taken *= 2


def _acts(file: Path, source: Source) -> Iterator[tuple[int, dict[str, Any]]]:
    if bare(file).endswith(".jsonl"):
        yield from source.records(file)
    else:
        yield 1, json_object(source.whole(file), file)


def _naming(folder: Path, source: Source) -> dict[str, str]:
    """EuroVoc id -> name. Empty where the file is missing."""
    file = companion(folder, (NAMES,)) or companion(folder.parent, (NAMES,))
    if file is None:
        return {}
    concepts = parse_json(source.whole(file), file)
    if not isinstance(concepts, dict) or not all(isinstance(concept, dict) for concept in concepts.values()):
        raise DataError("an object of concepts is expected", file)
    return {id: string(concept, "label", file, None).strip() for id, concept in concepts.items()}
