"""Reuters-21578, distribution 1.0: SGML files reut2-*.sgm in latin-1, with the "Modified Apte" split.

Training: LEWISSPLIT="TRAIN" and TOPICS="YES" (9,603 stories); test: LEWISSPLIT="TEST" and TOPICS="YES" (3,299). The other
stories are left out, but their topics stay in the list of labels (120 in all). The collection's SGML is regular, so it is
read tag by tag: no parser, no entities but the five named ones and character numbers.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from core.data.dataset import Dataset
from core.data.readers.files import data_files, data_name
from core.data.readers.gather import Gather, Names, Place, noted
from core.data.readers.source import Source, head
from core.errors import DataError

SUFFIXES = (".sgm", ".sgml")
SOURCE = 'Reuters-21578, Distribution 1.0; copyright Reuters Ltd., free "for research purposes only"'
_ATTRIBUTE = re.compile(r'([A-Z]+)="([^"]*)"')
_TOPICS = re.compile(r"<TOPICS>(.*?)</TOPICS>", re.DOTALL)
_TEXT = re.compile(r"<TEXT[^>]*>(.*?)</TEXT>", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def sniff(path: Path) -> float:
    """1 where a file begins like the collection's."""
    files = data_files(path, SUFFIXES)
    return float(bool(files) and any(line.startswith(("<!DOCTYPE lewis", "<REUTERS ")) for line in head(files[0])[:2]))


def read(path: Path, source: Source) -> Dataset:
    """Text is the title and the body; an unprocessed story's whole text."""
    gather, names = Gather(), Names()
    unused = 0
    files = data_files(path, SUFFIXES)
    if not files:
        raise DataError("no .sgm file is here", path)
    for split in ("train", "test"):
        gather.part(split)
    for file in files:
        for place, story in _stories(file, source):
            attributes = dict(_ATTRIBUTE.findall(story.partition(">")[0]))
            topics = names.ids(_topics(story, place), place)
            side = {"TRAIN": "train", "TEST": "test"}.get(attributes.get("LEWISSPLIT", ""))
            if side is None or attributes.get("TOPICS") != "YES":
                unused += 1
                continue
            gather.add(side, place, topics, _text(story, place), attributes.get("NEWID"))
    found = replace(gather.by_name(data_name(path), names), source=SOURCE)
    return noted(found, f"{unused:,} stories outside of the ModApte split are left out")


def _stories(file: Path, source: Source) -> Iterator[tuple[Place, str]]:
    """<REUTERS ...> to </REUTERS>, which stand on lines of their own, with the place of the first."""
    story: list[str] = []
    start = size = 0
    for number, line in source.lines(file, "latin-1"):
        if line.startswith("<REUTERS"):
            if story:
                raise DataError("a story begins before the last one ended", file, number)
            start, size = number, 0
        if start:
            story.append(line)
            size += len(line)
            if size > source.options.line_bytes:
                raise DataError(f"the story is longer than {source.options.line_bytes:,} bytes", file, start)
        if line.startswith("</REUTERS>"):
            if not start:
                raise DataError("a story ends that never began", file, number)
            yield (file, start), "\n".join(story)
            story, start = [], 0
    if story:
        raise DataError("the story that begins here has no end; the file is cut", file, start)


def _topics(story: str, place: Place) -> list[str]:
    match = _TOPICS.search(story)
    if match is None:
        raise DataError("the story has no <TOPICS>", *place)
    return [html.unescape(topic) for topic in re.findall(r"<D>([^<]*)</D>", match[1])]


def _text(story: str, place: Place) -> str:
    match = _TEXT.search(story)
    if match is None:
        raise DataError("the story has no <TEXT>", *place)
    parts = [found[1] for tag in ("TITLE", "BODY") if (found := re.search(rf"<{tag}>(.*?)</{tag}>", match[1], re.DOTALL))]
    raw = "\n".join(part.strip() for part in parts) if parts else re.sub(r"<[^>]*>", " ", match[1]).strip()
    return _CONTROL.sub("", html.unescape(raw)).strip()
