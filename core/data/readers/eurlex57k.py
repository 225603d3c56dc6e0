"""EURLEX57K (Chalkidis et al. 2019): EU acts as JSON, one file an act in train/, dev/ and test/, or one act a line in
train*.jsonl, dev.jsonl and test.jsonl; names of the EuroVoc concepts in EURLEX57K.json.

An act is read as its title and the first 150 words after it, or whole: half of the acts have more than 400 words, which neither a pasted
paragraph nor an encoder's window has, and the first words say what an act is about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from core.data.dataset import Dataset
from core.data.readers.files import bare, by_split, companion, data_name, listing
from core.data.readers.gather import Gather, Names, Place, noted
from core.data.readers.source import Source, head, json_object, parse_json, string
from core.document import first_words
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


class Act(NamedTuple):
    """One act as it is read: its title and all that follows, and the place where it stood."""

    id: str
    title: str
    rest: str
    concepts: list[str]
    place: Place

    def text(self, words: int) -> str:
        """Its title and so many words after it, a line break between; 0: all of them."""
        rest = first_words(self.rest, words) if words else self.rest
        return "\n".join(part for part in (self.title, rest) if part)


def read(path: Path, source: Source) -> Dataset:
    """An act's text is its title, and of its header, recitals, main body and attachments, a line break between, the first words."""
    limit = ACT_WORDS if source.options.act_words is None else source.options.act_words
    folder = path if path.is_dir() else path.parent
    gather, names = Gather(), Names()
    for split, files in by_split(_files(path), folder).items():
        gather.part(split)
        for file in files:
            for line, record in _records(file, source):
                found = act(record, (file, line))
                gather.add(split, found.place, names.ids(found.concepts, found.place), found.text(limit), found.id or None)
    return named(gather, names, data_name(path), _naming(folder, source))


def named(gather: Gather, names: Names, name: str, naming: Mapping[str, str]) -> Dataset:
    """The data set of what was gathered, its labels named, with a note where names are missing."""
    found = replace(gather.by_name(name, names, naming), source=SOURCE)
    missing = sum(concept not in naming for concept in names.place)
    return noted(found, f"{missing:,} labels have no name and show their EuroVoc id; {NAMES} holds names") if missing else found


def act(record: dict[str, Any], place: Place) -> Act:
    """What a JSON object says of an act."""
    concepts = record.get("concepts", record.get("eurovoc_concepts"))
    if not isinstance(concepts, list) or not all(isinstance(concept, str) for concept in concepts):
        raise DataError("'concepts' must be a list of EuroVoc ids", *place)
    title, *parts = (string(record, section, *place).strip() for section in (*SECTIONS, "text"))
    return Act(string(record, "celex_id", *place), title, "\n".join(part for part in parts if part), concepts, place)


def _records(file: Path, source: Source) -> Iterator[tuple[int, dict[str, Any]]]:
    if bare(file).endswith(".jsonl"):
        yield from source.records(file)
    else:
        yield 1, json_object(source.whole(file), file)


def _naming(folder: Path, source: Source) -> dict[str, str]:
    """EuroVoc id -> name. Empty where the file is missing."""
    file = companion(folder, (NAMES,)) or companion(folder.parent, (NAMES,))
    return {} if file is None else names_in(source.whole(file), file)


def names_in(text: str, file: Path) -> dict[str, str]:
    """EuroVoc id -> name, from the content of EURLEX57K.json."""
    concepts = parse_json(text, file)
    if not isinstance(concepts, dict) or not all(isinstance(concept, dict) for concept in concepts.values()):
        raise DataError("an object of concepts is expected", file)
    return {id: string(concept, "label", file, None).strip() for id, concept in concepts.items()}
