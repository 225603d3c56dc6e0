"""Mulan's pairs of an ARFF file (attributes and rows, dense or sparse) and an XML file that names the attributes that are
labels; they may stand anywhere among the attributes.

Read as Weka does: a nominal attribute's value counts as its number if it is one, else as its place in the attribute's
list; what a sparse row leaves out is 0; '?' (unknown) is read as 0 and counted in the notes. The XML is read without
document type declarations, hence without entities of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.parsers import expat

from core.data.dataset import Dataset
from core.data.readers.files import companion, data_files, data_name, listing, split_files, split_of
from core.data.readers.gather import Gather, Place, noted
from core.data.readers.source import Source, head
from core.errors import DataError

SUFFIXES = (".arff",)
_ATTRIBUTE = re.compile(r"""@attribute\s+('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s{]+)\s*(.*)""", re.IGNORECASE)
_CELL = re.compile(r"""\s*('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^,]*?)\s*(?:,|$)""")


@dataclass(frozen=True)
class Attribute:
    """One column. `values` is the list of a nominal attribute, None for numbers."""

    name: str
    values: tuple[str, ...] | None


def sniff(path: Path) -> float:
    """1 for .arff files; 0.9 for a file that begins with @relation."""
    if path.is_dir():
        return float(bool(data_files(path, SUFFIXES)))
    if path.name.removesuffix(".gz").endswith(SUFFIXES):
        return 1
    lines = (line.strip() for line in head(path))
    first = next((line for line in lines if line and not line.startswith("%")), "")
    return 0.9 if first.lower().startswith("@relation") else 0


def read(path: Path, source: Source) -> Dataset:
    """Features are float32; feature names are those of the other attributes."""
    folder = path if path.is_dir() else path.parent
    files = split_files(path, SUFFIXES)
    gather = Gather()
    first: tuple[Path, list[Attribute]] | None = None
    labels: list[str] = []
    unknown = 0
    for split, parts in files.items():
        gather.part(split)
        for file in parts:
            lines = source.lines(file)
            attributes = _attributes(file, lines)
            if first is None:
                first = file, attributes
                labels = _label_names(_xml(folder, file), source)
            elif attributes != first[1]:
                raise DataError(f"its attributes are not those of {first[0].name}", file)
            unknown += _rows(file, lines, attributes, labels, split, gather)
    if first is None:
        raise DataError("no .arff file is here", path)
    features = [attribute.name for attribute in first[1] if attribute.name not in set(labels)]
    found = gather.by_id(data_name(path), len(labels), labels, len(features))
    found = Dataset(found.name, found.label_names, found.splits, feature_names=tuple(features), notes=found.notes)
    return noted(found, f"{unknown:,} unknown values ('?') were read as 0") if unknown else found


def _xml(folder: Path, file: Path) -> Path:
    """The label file: of the same name, of that name without the split, labels.xml, or the only one."""
    stem = file.name.removesuffix(".gz").removesuffix(".arff")
    plain = re.split(r"[-_.](?=[a-z]+$)", stem)[0] if split_of(Path(stem)) else stem
    found = companion(folder, (f"{stem}.xml", f"{plain}.xml", "labels.xml"))
    others = [other for other in listing(folder) if other.parent == folder and other.name.removesuffix(".gz").endswith(".xml")]
    if found is None and len(others) == 1:
        found = others[0]
    if found is None:
        raise DataError(f"no XML file says which attributes are labels; put {plain}.xml beside it", file)
    return found


def _label_names(path: Path, source: Source) -> list[str]:
    """Names of all <label name="...">, nested ones included, in order."""
    found: list[str] = []
    parser = expat.ParserCreate()

    def start(tag: str, attributes: dict[str, str]) -> None:
        if tag.rsplit(":")[-1] == "label":
            if "name" not in attributes:
                raise DataError("a label without a name", path, parser.CurrentLineNumber)
            found.append(attributes["name"])

    def refuse(*_: object) -> None:
        raise DataError("a document type declaration (DTD) is not read: it can hold entities that explode; delete it", path, parser.CurrentLineNumber)

    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = refuse
    try:
        for _, line in source.lines(path):
            parser.Parse(line + "\n")
        parser.Parse("", True)
    except expat.ExpatError as error:
        raise DataError(f"not XML: {expat.ErrorString(error.code)}", path, error.lineno) from error
    if len(set(found)) != len(found) or not found:
        raise DataError("a label is listed twice" if found else "no <label name=...> is in it", path)
    return found


def _unquoted(text: str) -> str:
    text = text.strip()
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if len(text) >= 2 and text[0] in "'\"" and text[-1] == text[0] else text


def _attributes(file: Path, lines: Iterator[tuple[int, str]]) -> list[Attribute]:
    """The header, up to @data; `lines` is left at the first row."""
    found: list[Attribute] = []
    for number, line in lines:
        line = line.strip()
        keyword = line.split(maxsplit=1)[0].lower() if line else ""
        if keyword == "@data":
            break
        if keyword == "@attribute":
            found.append(_attribute(line, (file, number)))
        elif line and not line.startswith("%") and keyword != "@relation":
            raise DataError(f"{line[:40]!r} is neither @relation, @attribute nor @data", file, number)
    else:
        raise DataError("there is no @data line", file)
    names = [attribute.name for attribute in found]
    if len(set(names)) != len(names):
        raise DataError("an attribute's name is there twice", file)
    return found


def _attribute(line: str, place: Place) -> Attribute:
    match = _ATTRIBUTE.fullmatch(line)
    if match is None:
        raise DataError(f"{line[:60]!r} is no attribute", *place)
    name, kind = _unquoted(match[1]), match[2].strip()
    if kind.startswith("{") and kind.endswith("}"):
        return Attribute(name, tuple(_cells(kind[1:-1])))
    if kind.lower() not in ("numeric", "real", "integer"):
        raise DataError(f"attribute '{name[:60]}' is of type {kind[:40]!r}; numbers and {{lists}} are read", *place)
    return Attribute(name, None)


def _cells(text: str) -> list[str]:
    """Cells between commas; quoted ones may hold commas."""
    if "'" not in text and '"' not in text:
        return [cell.strip() for cell in text.split(",")]
    found, end = [], 0
    while match := _CELL.match(text, end):
        found.append(_unquoted(match[1]))
        if not match[0].endswith(",") or match.end() == end:
            break
        end = match.end()
    return found


def _rows(file: Path, lines: Iterator[tuple[int, str]], attributes: list[Attribute], labels: list[str], split: str, gather: Gather) -> int:
    """Add the rows; the number of unknown values."""
    place_of = {name: i for i, name in enumerate(labels)}
    names = [attribute.name for attribute in attributes]
    if missing := sorted(set(labels) - set(names)):
        raise DataError(f"the XML names label '{missing[0]}', which is no attribute", file)
    feature_of = {name: i for i, name in enumerate(name for name in names if name not in place_of)}
    shifted = next((attribute for attribute in attributes if attribute.values and _number(attribute.values[0])), None)
    unknown = 0
    for number, line in lines:
        line = line.strip()
        if not line or line.startswith("%"):
            continue
        place = (file, number)
        if shifted is not None and line.startswith("{"):
            raise DataError(f"'{shifted.name[:60]}' does not list 0 first, so a sparse row cannot leave it out; write the rows densely", *place)
        row_labels: list[int] = []
        ids: list[int] = []
        values: list[float] = []
        for column, cell in _sparse(line, len(names), place) if line.startswith("{") else _dense(line, len(names), place):
            unknown += cell == "?"
            value = 0.0 if cell == "?" else _value(cell, attributes[column], place)
            if not value:
                continue
            if names[column] in place_of:
                if value != 1:
                    raise DataError(f"label '{names[column][:60]}' is {cell[:40]!r}; a label is 0 or 1", *place)
                row_labels.append(place_of[names[column]])
            else:
                ids.append(feature_of[names[column]])
                values.append(value)
        gather.add(split, place, row_labels, None, None, (ids, values))
    return unknown


def _sparse(line: str, columns: int, place: Place) -> Iterator[tuple[int, str]]:
    if not line.endswith("}"):
        raise DataError("a sparse row ends with }", *place)
    for cell in _cells(line[1:-1]):
        index, _, value = cell.partition(" ")
        if not cell:
            continue
        if not (index.isascii() and index.isdigit()) or len(index) > 18 or int(index) >= columns:
            raise DataError(f"{cell[:40]!r}: a cell is an attribute's number, 0 to {columns - 1}, and its value", *place)
        yield int(index), _unquoted(value)


def _dense(line: str, columns: int, place: Place) -> Iterator[tuple[int, str]]:
    cells = _cells(line)
    if len(cells) != columns:
        raise DataError(f"{len(cells)} values for {columns} attributes", *place)
    yield from enumerate(cells)


def _value(cell: str, attribute: Attribute, place: Place) -> float:
    value = _number(cell)
    if attribute.values is not None and cell not in attribute.values:
        raise DataError(f"'{attribute.name[:60]}' cannot be {cell[:40]!r}: it is one of {', '.join(attribute.values)[:80]}", *place)
    if value is None and attribute.values is None:
        raise DataError(f"'{attribute.name[:60]}' is a number, not {cell[:40]!r}", *place)
    return float((attribute.values or ()).index(cell)) if value is None else value


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None
