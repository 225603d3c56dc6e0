"""Which column of a table holds the text, which the labels, which the id: by what was asked, by usual names, else by content."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.data.readers.cells import bit, missing
from core.data.readers.source import Options
from core.errors import DataError

TEXT = (
    "text", "texts", "sentence", "document", "body", "content", "abstract", "description", "comment_text", "comment", "tweet", "review", "message",
    "utterance", "post", "question", "passage", "article", "summary",
)  # fmt: skip
LABELS = (
    "labels", "label", "tags", "tag", "categories", "category", "topics", "classes", "concepts", "keywords", "target", "targets", "target_ind",
    "emotions", "emotion", "genres", "genre", "topic", "class", "label_ids", "label_names", "intents", "intent", "subjects", "subject",
)  # fmt: skip
ID = ("id", "uid", "doc_id", "document_id", "idx", "index", "_id")
FLAGS = "--text-column and --labels-column name them (of a file without a header by number: --text-column 1 --labels-column 2)"
SENTENCE = 2.0
"""A column is told as the text by content alone if its cells have so many times the words of any other's."""
SHOWN = 3


@dataclass(frozen=True)
class Roles:
    """Text columns (joined), one label column or a column a label (`hot`), the id column or None, and what a reader wants said."""

    texts: list[str]
    labels: list[str]
    id: str | None
    hot: bool = False
    notes: tuple[str, ...] = ()


def words(values: Iterable[Any]) -> float:
    """Mean number of words of a column's cells, 0 of what is no text."""
    found = [len(value.split()) if isinstance(value, str) else 0 for value in values]
    return sum(found) / max(1, len(found))


def shown(rows: Iterable[Sequence[Any]]) -> str:
    """The first rows as they were understood."""
    return "; ".join("[" + " | ".join(str(cell)[:40] for cell in row[:8]) + "]" for row in list(rows)[:SHOWN])


def roles_of(sample: Sequence[Mapping[str, Any]], options: Options, file: Path, line: int, numbered: bool = False) -> Roles:
    """The roles of a table's columns, from its first records. `numbered`: the file has no header, the columns are called 1, 2, ...

    DataError where a named column is not there, and where the roles cannot be told, with the first rows and the flags.
    """
    names = list(dict.fromkeys(name for record in sample for name in record))
    folded = {name.strip().casefold(): name for name in reversed(names)}
    asked = [name.strip() for name in options.text.split(",")] if options.text else []
    labels = _asked_labels(options.labels, names)
    here = ", ".join(f"'{name}'" for name in names[:12])
    if absent := [name for name in (*asked, *labels, options.id) if name is not None and name not in names]:
        raise DataError(f"there is no column '{absent[0]}'; there are {here}", file, line)
    texts = asked or [folded[name] for name in TEXT if name in folded and folded[name] not in labels][:1]
    if not asked and texts and texts[0].casefold() == "content" and "title" in folded:
        texts.insert(0, folded["title"])
    labels = labels or [folded[name] for name in LABELS if name in folded and folded[name] not in texts][:1]
    id = options.id or next((folded[name] for name in ID if name in folded), None)
    notes: tuple[str, ...] = ()
    if not (texts and labels):
        guess = Guess(sample, names, texts, labels, id, numbered)
        texts, labels, id = guess.roles()
        if not texts or not labels:
            rows = shown(list(record.values()) for record in sample)
            wanted = "labels" if texts else "text"
            raise DataError(f"which column holds the {wanted}? {FLAGS}; there are {here}. The first rows: {rows}", file, line)
        kind = "text: column " + ", ".join(f"'{name}'" for name in texts)
        kind += f"; labels: {len(labels)} columns" if len(labels) > 1 else f"; labels: column '{labels[0]}'"
        notes = (f"columns were told by their content ({kind}{'' if id is None else f'; ids: column {id!r}'}); {FLAGS}",)
    hot = len(labels) > 1
    if hot:
        more = ", ..." if len(labels) > 6 else ""
        notes += (f"one column a label, 1 where it is given: {', '.join(labels[:6])}{more} ({len(labels):,} labels)",)
    return Roles(texts, labels, id, hot, notes)


def _asked_labels(given: str | None, names: Sequence[str]) -> list[str]:
    """The column that is asked for, or several with commas between."""
    if not given:
        return []
    return [given] if given in names else [name.strip() for name in given.split(",")]


class Guess:
    """Roles by content, where names do not tell them all."""

    def __init__(
        self, sample: Sequence[Mapping[str, Any]], names: Sequence[str], texts: list[str], labels: list[str], id: str | None, numbered: bool
    ) -> None:
        self.names, self.texts, self.labels, self.id, self.numbered = names, texts, labels, id, numbered
        self.cells = {name: [record.get(name) for record in sample] for name in names}
        self.words = {name: words(cells) for name, cells in self.cells.items()}

    def roles(self) -> tuple[list[str], list[str], str | None]:
        """What could be told; an empty list where a role could not."""
        if not self.texts:
            self.texts = self._text()
        if self.texts and not self.labels:
            self.labels = self._labels()
        return self.texts, self.labels, self.id

    def _rest(self) -> list[str]:
        return [name for name in self.names if name not in (*self.texts, *self.labels, self.id)]

    def _text(self) -> list[str]:
        """The wordiest column, if it is so by far; where labels are known, if it alone has several words."""
        rest = sorted(self._rest(), key=lambda name: -self.words[name])
        if not rest or self.words[rest[0]] < 1.5:
            return []
        others = [self.words[name] for name in (*rest[1:], *self.labels)]
        return rest[:1] if all(self.words[rest[0]] >= SENTENCE * other for other in others) else []

    def _labels(self) -> list[str]:
        """Columns of 0 and 1; else the only column left, or the one whose values recur or are lists."""
        rest = self._rest()
        hot = [name for name in rest if (known := [v for v in self.cells[name] if not missing(v)]) and all(map(bit, known))]
        if len(hot) > 1:
            return hot
        lists = [name for name in rest if any(isinstance(value, list) for value in self.cells[name])]
        if len(lists) == 1:
            return lists
        if hot:
            return []
        rest = [name for name in rest if self.words[name] * SENTENCE <= max(self.words[text] for text in self.texts) and self._filled(name)]
        if len(rest) == 2 and self.numbered and self.id is None:
            self.id, label = self._id_and_labels(rest)
            return [label]
        return rest if len(rest) == 1 else []

    def _filled(self, name: str) -> bool:
        return any(not missing(value) for value in self.cells[name])

    def _id_and_labels(self, two: list[str]) -> tuple[str, str]:
        """Of two columns without names the id and the labels: labels recur, ids do not; else by the usual orders (an id comes first of all
        or last of all)."""
        spread = [len({str(value) for value in self.cells[name]}) / len(self.cells[name]) for name in two]
        if spread[0] == 1.0 > spread[1]:
            return two[0], two[1]
        if spread[1] == 1.0 > spread[0]:
            return two[1], two[0]
        first = self.names.index(self.texts[0]) == 0
        return (two[1], two[0]) if first else (two[0], two[1])
