"""The text and label files of AttentionXML and LightXML: train_raw_texts.txt or train_texts.txt, one document a line, and
train_labels.txt, the labels of the same line, parted by spaces; test_* likewise. Raw texts are taken where both are given:
the others are cut into tokens already."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path

from core.data.dataset import Dataset
from core.data.readers.files import SPLIT_WORDS, companion, data_name
from core.data.readers.gather import Gather, Names
from core.data.readers.source import Source
from core.errors import DataError

TEXTS = ("_raw_texts.txt", "_texts.txt")


def _pairs(path: Path) -> dict[str, tuple[Path, Path]]:
    """split -> its texts and labels. Of a single file, its own split only."""
    folder = path if path.is_dir() else path.parent
    found: dict[str, tuple[Path, Path]] = {}
    for split, words in SPLIT_WORDS.items():
        for word in words:
            texts, labels = (companion(folder, [word + end for end in ends]) for ends in (TEXTS, ("_labels.txt",)))
            if texts is not None and labels is not None and (path.is_dir() or path.name.startswith(word + "_")):
                found.setdefault(split, (texts, labels))
    return found


def sniff(path: Path) -> float:
    """0.95 for a pair of such files."""
    is_one = path.is_dir() or path.name.removesuffix(".gz").endswith((*TEXTS, "_labels.txt"))
    return 0.95 if is_one and _pairs(path) else 0


def read(path: Path, source: Source) -> Dataset:
    """DataError where the files of a split differ in length."""
    gather, names = Gather(), Names()
    for split, (texts, labels) in _pairs(path).items():
        gather.part(split)
        for text, label in zip_longest(source.lines(texts), source.lines(labels)):
            if text is None or label is None:
                short, long, line = (texts, labels, label) if text is None else (labels, texts, text)
                raise DataError(f"{short.name} ends before this line of {long.name}: the files do not belong together", long, line[0])
            gather.add(split, (labels, label[0]), names.ids(label[1].split(), (labels, label[0])), text[1])
    if not gather.parts:
        raise DataError("no pair of files like train_texts.txt and train_labels.txt", path)
    return gather.by_name(data_name(path), names)
