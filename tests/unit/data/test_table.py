"""JSON lines, CSV and parquet with a text and a label column."""

from __future__ import annotations

import csv
import io
import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data.readers import Options, read, sniff
from core.data.readers.cells import labels_of
from core.errors import DataError, InputError, MissingPackage
from tests.unit.data.small import labels, put, reused


def lines(*records: object) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def parquet(path: Path, rows: list[dict[str, Any]], schema: Any = None) -> Path:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet as writer

    path.parent.mkdir(parents=True, exist_ok=True)
    writer.write_table(pyarrow.Table.from_pylist(rows, schema=schema), path)
    return path


ROWS: list[dict[str, Any]] = [{"id": "a", "text": "first", "labels": ["tea", "coffee"]}, {"id": "b", "text": "second", "labels": []}]


@pytest.mark.parametrize("kind", ["jsonl", "jsonl.gz", "json", "array", "csv", "csv.gz", "semicolon", "tsv", "parquet"])
def test_every_kind_reads_alike(tmp_path: Path, kind: str) -> None:
    if kind == "parquet":
        path = parquet(tmp_path / "set.parquet", ROWS)
    elif kind == "array":
        path = put(tmp_path / "set.json", json.dumps(ROWS, indent=2))
    elif "json" in kind:
        path = put(tmp_path / f"set.{kind}", lines(*ROWS))
    else:
        mark = {"semicolon": ";", "tsv": "\t"}.get(kind, ",")
        text = io.StringIO()
        writer = csv.writer(text, delimiter=mark)
        writer.writerow(["id", "text", "labels"])
        writer.writerows([row["id"], row["text"], str(row["labels"])] for row in ROWS)
        path = put(tmp_path / ("set.csv" if kind == "semicolon" else f"set.{kind}"), text.getvalue())
    found = read(path)
    assert next(iter(sniff(path))) == "table"
    assert found.label_names == ("coffee", "tea")
    assert found.split("train").ids == ("a", "b")
    assert found.split("train").texts == ("first", "second")
    assert labels(found) == [["coffee", "tea"], []]


def test_shards_in_folders(tmp_path: Path) -> None:
    for part in range(2):
        parquet(tmp_path / "data" / f"train-0000{part}-of-00002.parquet", [{"text": f"part {part}", "label": part}])
    parquet(tmp_path / "data" / "validation-00000-of-00001.parquet", [{"text": "dev", "label": 1}])
    put(tmp_path / "README.md", "# card\n")
    found = read(tmp_path)
    assert found.split("train").texts == ("part 0", "part 1")
    assert labels(found, "dev") == [["1"]]


def test_class_names_of_the_datasets_package(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    features = {"labels": {"feature": {"names": ["tea", "coffee"], "_type": "ClassLabel"}, "_type": "Sequence"}}
    schema = pyarrow.schema(
        [("text", pyarrow.string()), ("labels", pyarrow.list_(pyarrow.int64()))],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )
    assert labels(read(parquet(tmp_path / "train.parquet", [{"text": "x", "labels": [1]}], schema))) == [["coffee"]]


def test_names_of_numbered_labels_beside(tmp_path: Path) -> None:
    put(tmp_path / "labels.txt", "tea\ncoffee\n")
    found = read(put(tmp_path / "train.csv", "text,labels\na,1\nb,2\n"))
    assert labels(found) == [["tea"], ["coffee"]]
    assert "label ids start at 1 in the files" in found.notes
    path = put(tmp_path / "dev.csv", "text,labels\na,0\nb,2\n")
    with pytest.raises(DataError, match="label id 2 is out of range: there are 2 labels, numbered from 0") as caught:
        read(path)
    assert caught.value.line == 3


def test_columns_given(tmp_path: Path) -> None:
    path = put(tmp_path / "set.jsonl", lines({"head": "h", "words": "w", "about": "x / y", "key": 7}))
    found = read(path, Options(text="head, words", labels="about", id="key", separator="/"))
    assert found.split("train").texts == ("h\nw",)
    assert found.split("train").ids == ("7",)
    assert labels(found) == [["x", "y"]]


def test_title_and_content_are_both_text(tmp_path: Path) -> None:
    assert read(put(tmp_path / "set.jsonl", lines({"Title": "t", "Content": "c", "Tags": ["x"]}))).split("train").texts == ("t\nc",)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (Options(format="table"), "which column holds the text.*'head', 'words'"),
        (Options(format="table", text="head"), "which column holds the labels"),
        (Options(format="table", text="head", labels="nope"), "no column 'nope'; there are 'head', 'words'"),
    ],
)
def test_columns_that_cannot_be_told(tmp_path: Path, options: Options, says: str) -> None:
    path = put(tmp_path / "set.csv", "head,words\na,b\n")
    with pytest.raises(DataError, match=says) as caught:
        read(path, options)
    assert (caught.value.file, caught.value.line) == (path, 2)


def test_columns_are_for_tables(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="read as 'xc'"):
        read(put(tmp_path / "set.txt", "1 1 1\n0 0:1\n"), Options(text="x"))


@pytest.mark.parametrize(
    ("name", "content", "line", "says"),
    [
        ("set.csv", "text,labels\na,b\na\n", 3, "1 cells under a header of 2"),
        ("set.csv", 'text,labels\n"two\nlines",b\na,b,c\n', 4, "3 cells under a header of 2"),
        ("set.csv", 'text,labels\na,b\n"never closed,b\nmore\n', 3, "broken CSV"),
        ("set.csv", "text,labels\na,['b'\n", 2, "has no end"),
        ("set.csv", "text;labels\na;['b',,'c']\n", 2, "is no list of labels"),
        ("set.csv", "text;labels\na;['\\x']\n", 2, "is no quoted label"),
        ("set.jsonl", lines({"text": "a", "labels": [0]}, {"text": "b"}), 2, "the column 'labels' is missing"),
        ("set.jsonl", lines({"text": "a", "labels": [0]}, {"text": "b", "labels": [-1]}), 2, "'-1' is no label"),
        ("set.jsonl", lines({"text": "a", "labels": [0]}, {"text": "b", "labels": [True]}), 2, "'True' is no label"),
        ("set.jsonl", lines({"text": "a", "labels": [0]}, {"text": "b", "labels": {"a": 1}}), 2, "is no label"),
        ("set.jsonl", lines({"text": "a", "labels": [0]}, {"text": "b", "labels": [0.3]}), 2, "'0.3' is no label"),
        ("set.jsonl", lines({"text": "a", "labels": [0]}, {"text": [1], "labels": [0]}), 2, "'text' must be text, not a list"),
        ("set.json", "[1]", None, "entry 1 of the array is no object"),
        ("set.json", '[{"text": "a", "labels": [0]},', None, "not JSON"),
    ],
)
def test_broken_rows(tmp_path: Path, name: str, content: str, line: int | None, says: str) -> None:
    path = put(tmp_path / name, content)
    with pytest.raises(DataError, match=says) as caught:
        read(path)
    assert (caught.value.file, caught.value.line) == (path, line)


@pytest.mark.parametrize(
    ("cell", "separator", "found"),
    [
        (None, None, []),
        ("", None, []),
        ("[]", None, []),
        (3, None, ["3"]),
        (3.0, None, ["3"]),
        ("Computer science", None, ["Computer science"]),
        ("a|b c|d", None, ["a", "b c", "d"]),
        ("a; b", None, ["a", "b"]),
        ("tea, coffee", None, ["tea", "coffee"]),
        ("Smith, John|Doe, Jane", None, ["Smith, John", "Doe, Jane"]),
        ("Smith, John", "|", ["Smith, John"]),
        ("3 17 4", None, ["3", "17", "4"]),
        ('["a", "b, c"]', None, ["a", "b, c"]),
        ("['a', \"it's\", 'b\\'c']", None, ["a", "it's", "b'c"]),
        ("['a' 'b']", None, ["a", "b"]),
        ("['a'\n 'b']", None, ["a", "b"]),
        ("[1 2]", None, ["1", "2"]),
        ("[tea, coffee]", None, ["tea", "coffee"]),
        ([1, 0, 1, 0], None, ["0", "2"]),
        ([0.0, 1.0], None, ["1"]),
        ([0, 1], None, ["0", "1"]),
        ([1.0, None], None, ["1"]),
        ("[0, 0, 1]", None, ["2"]),
        (["a ", "", " a\nb"], None, ["a", "a b"]),
    ],
)
def test_cells(cell: Any, separator: str | None, found: list[str]) -> None:
    assert labels_of(cell, separator, Path("set.csv"), 1)[0] == found


def test_long_cells_are_read(tmp_path: Path) -> None:
    """Python's csv stops at 131,072 characters unless told otherwise."""
    text = "word " * 50_000
    assert read(put(tmp_path / "set.csv", f"text,labels\n{text},a\n")).split("train").texts == (text,)


def test_parquet_that_is_none_or_too_large(tmp_path: Path) -> None:
    path = tmp_path / "set.parquet"
    path.write_bytes(b"PAR1 and then junk PAR1")
    with pytest.raises(DataError, match="is no parquet file that can be read"):
        read(path)
    parquet(path, [{"text": "x" * 100_000, "labels": [1]}] * 50)
    assert path.stat().st_size < 100_000
    with pytest.raises(DataError, match="row 1 is longer than 50,000"):
        read(path, Options(line_bytes=50_000))
    with pytest.raises(DataError, match="larger than 1,000 bytes"):
        read(path, Options(total_bytes=1_000))


@pytest.mark.slow
@given(place=st.integers(0, 3_000), byte=st.integers(0, 255))
def test_damaged_parquet_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, place: int, byte: int) -> None:
    """One changed byte anywhere, in column names too."""
    path = parquet(reused(tmp_path_factory, "parquet") / "train.parquet", ROWS * 20)
    data = bytearray(path.read_bytes())
    data[place % len(data)] = byte
    path.write_bytes(bytes(data))
    with suppress(DataError):
        assert len(read(path).split("train")) >= 1


@pytest.mark.parametrize(("old", "new"), [(b"element", b"el\xfament"), (b"labels", b"la\x96els")])
def test_column_names_that_are_not_utf_8(tmp_path: Path, old: bytes, new: bytes) -> None:
    path = parquet(tmp_path / "train.parquet", ROWS)
    path.write_bytes(path.read_bytes().replace(old, new))
    with pytest.raises(DataError, match="is no parquet file that can be read"):
        read(path)


def test_parquet_without_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = parquet(tmp_path / "set.parquet", ROWS)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingPackage, match="pip install pyarrow"):
        read(path)


ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NAMES = st.lists(st.text(st.characters(categories=["L", "P", "S"]), min_size=1, max_size=8), max_size=4)


@pytest.mark.slow
@given(rows=st.lists(st.tuples(ANY, NAMES), min_size=1, max_size=5))
def test_round_trip_of_json_lines(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, list[str]]]) -> None:
    found = read(put(reused(tmp_path_factory, "jsonl") / "set.jsonl", lines(*({"text": text, "labels": names} for text, names in rows))))
    assert found.split("train").texts == tuple(text for text, _ in rows)
    assert labels(found) == [sorted(set(names)) for _, names in rows]


@pytest.mark.slow
@given(rows=st.lists(st.tuples(ANY.filter(lambda t: "\x00" not in t and "\r" not in t), NAMES), min_size=1, max_size=5), python=st.booleans())
def test_round_trip_of_csv(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, list[str]]], python: bool) -> None:
    """Lists of labels as JSON or as Python's own spelling; texts with quotes, commas and line breaks."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["text", "labels"])
    writer.writerows((words, repr(names) if python else json.dumps(names)) for words, names in rows)
    path = reused(tmp_path_factory, "csv") / "set.csv"
    path.write_bytes(text.getvalue().encode())
    found = read(path)
    assert found.split("train").texts == tuple(words for words, _ in rows)
    assert labels(found) == [sorted(set(names)) for _, names in rows]


@pytest.mark.parametrize(
    "features",
    [{}, [], {"labels": None}, {"labels": [{"names": ["a", "b"]}]}, {"labels": {"feature": {"names": ["a", 1]}}}, {"labels": {"names": ["a", "b"]}}],
)
def test_what_a_parquet_file_may_say_of_its_labels(tmp_path: Path, features: object) -> None:
    """Names are taken from any of the forms that the `datasets` package has written; anything else leaves the numbers."""
    pyarrow = pytest.importorskip("pyarrow")
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    schema = pyarrow.schema([("text", pyarrow.string()), ("labels", pyarrow.list_(pyarrow.int64()))], metadata=metadata)
    found = read(parquet(tmp_path / "train.parquet", [{"text": "x", "labels": [0, 1]}], schema))
    assert labels(found) == [["a", "b"] if '["a", "b"]' in metadata["huggingface"] else ["0", "1"]]
