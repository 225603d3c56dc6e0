"""What holds for every format: sniffing, limits, broken files, splits."""

from __future__ import annotations

import gzip
import importlib
import os
import pickle
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data.readers import READERS, Options, read, sniff
from core.data.readers.files import by_split, natural, split_of
from core.data.readers.gather import unique
from core.data.readers.source import Source
from core.errors import CoreError, DataError, InputError
from tests.unit.data.small import labels, put, reused

FIRST_LINES = {
    "set.txt": ("xc", "2 3 4\n1 0:1\n2 1:1\n"),
    "set.svm": ("xc", "1,2 0:1 3:2\n0 1:1\n"),
    "set.arff": ("mulan", "@relation x\n"),
    "set.dat": ("mulan", "% hello\n@RELATION x\n"),
    "reut2-000.sgm": ("reuters", '<!DOCTYPE lewis SYSTEM "lewis.dtd">\n'),
    "train_labels.txt": ("attention-xml", "a b\n"),
    "trn.json.gz": ("xc-raw", '{"uid": "1", "title": "x", "content": "y", "target_ind": [1]}\n'),
    "act.jsonl": ("eurlex57k", '{"celex_id": "1", "concepts": ["1"], "title": "x"}\n'),
    "tagged.txt": ("fasttext", "__label__tea __label__coffee a text\n__label__tea another\n"),
    "rows.jsonl": ("table", '{"text": "x", "labels": ["a"]}\n'),
    "rows.csv": ("table", "id,text,labels\n1,a,b\n"),
    "rows.tsv": ("table", "text\tlabels\na\tb\n"),
    "pecos.txt": ("pecos", "0,1\ta text\n\tmore\n"),
    "pairs.tsv": ("libmultilabel", "LAB1 LAB2\ta text\n"),
    "three.txt": ("libmultilabel", "17\t0 1\ta text\n"),
    "trn_X_Y.txt": ("xc-pairs", "1 2\n0:1\n"),
    "X.trn.npz": ("x-transformer", ""),
}


@pytest.mark.parametrize("name", FIRST_LINES)
def test_sniffing(tmp_path: Path, name: str) -> None:
    format, content = FIRST_LINES[name]
    put(tmp_path / "train_texts.txt", "x\n") if format == "attention-xml" else None
    assert next(iter(sniff(put(tmp_path / name, content)))) == format


@pytest.mark.parametrize(
    ("name", "content", "format", "line"),
    [
        ("set.txt", "3 3 4\n1 0:1\n2 1:x\n2 1:1\n", "xc", 3),
        ("set.svm", "1 0:1\n2 1:1\n2;3 1:1\n", "xc", 3),
        ("set.tsv", "1\ta b\tx y\nbroken\n3\tc\tz\n", "libmultilabel", 2),
        ("set.txt", "0,1\tx\n1::0.5\ty\nnothing\n2\tz\n0\tz\n", "pecos", 3),
    ],
)
def test_a_broken_line_among_the_first_does_not_hide_the_format(tmp_path: Path, name: str, content: str, format: str, line: int) -> None:
    path = put(tmp_path / name, content)
    assert next(iter(sniff(path))) == format
    with pytest.raises(DataError) as caught:
        read(path)
    assert caught.value.line == line


def test_every_format_is_sniffed_somewhere() -> None:
    assert {format for format, _ in FIRST_LINES.values()} == set(READERS)


@pytest.mark.parametrize("format", READERS)
def test_a_reader_has_both_functions_and_refuses_what_is_not_there(tmp_path: Path, format: str) -> None:
    module = importlib.import_module(READERS[format])
    assert module.sniff(tmp_path) == 0
    assert module.sniff(tmp_path / "missing") == 0
    with pytest.raises(DataError):
        module.read(tmp_path, Source(Options()))


@pytest.mark.slow
@pytest.mark.parametrize("format", READERS)
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\x01\x02\xff" * 50,
        random.Random(0).randbytes(3_000),
        b"\xff\xfe1\x00 \x002\x00",
        "naïve\ttext\n".encode("latin-1"),
        b"1" * 100_000,
        b"[" * 100_000,
        b"{" * 100_000,
        b"<" * 100_000,
        b"0:" * 50_000,
        pickle.dumps({"text": ["a"], "labels": [1]}),
        gzip.compress(b"1 1 1\n0 0:1\n", mtime=0)[:-9],
        b"\x1f\x8b then no gzip",
        b"PK\x03\x04 then no zip",
        b"\n\n\n",
    ],
)
def test_junk_is_read_or_refused_with_a_sentence(tmp_path: Path, format: str, content: bytes) -> None:
    """Under every usual name, each reader returns a data set or raises a CoreError; nothing else, and soon."""
    names = (
        "set.txt",
        "set.jsonl",
        "set.csv",
        "set.arff",
        "set.sgm",
        "Y.trn.npz",
        "set.parquet",
        "trn_X_Y.txt",
        "train_texts.txt",
        "train_labels.txt",
    )
    for name in names:
        path = tmp_path / name
        path.write_bytes(content)
        put(tmp_path / "set.xml", '<labels><label name="x"/></labels>')
        sniff(path)
        try:
            read(path, Options(format=format))
        except CoreError as error:
            assert str(error)


WHOLE = {
    "set.txt": ("xc", b"2 3 4\n1,2 0:1\n2 1:1\n"),
    "set.arff": ("mulan", b"@relation x\n@attribute 'a b' numeric\n@attribute x {0,1}\n@data\n{0 1,1 1}\n0.5,1\n"),
    "set.sgm": (
        "reuters",
        b'<REUTERS TOPICS="YES" LEWISSPLIT="TRAIN" NEWID="1">\n<TOPICS><D>x</D></TOPICS>\n<TEXT><TITLE>a</TITLE></TEXT>\n</REUTERS>\n',
    ),
    "trn.json": ("xc-raw", b'{"uid": "1", "title": "x", "content": "y", "target_ind": [1,2]}\n'),
    "act.jsonl": ("eurlex57k", b'{"celex_id": "1", "concepts": ["1"], "title": "x", "main_body": ["a"]}\n'),
    "rows.jsonl": ("table", b'{"text": "x", "labels": ["a", 1]}\n'),
    "rows.csv": ("table", b"id,text,labels\n1,a,\"['b', 'c']\"\n2,b,x|y\n"),
    "pecos.txt": ("pecos", b"0,1::0.4\ta text\n\tmore\n"),
    "three.tsv": ("libmultilabel", b"17\t0 1\ta text\n18\t4\tmore\n"),
}
EDIT = st.tuples(st.integers(0, 200), st.integers(0, 5), st.sampled_from([b"", *(bytes([c]) for c in b" ,:019-.e[]{}'\"\n\r\t\\<>&|_x\xff\x00\xc3")]))


@pytest.mark.slow
@pytest.mark.parametrize("name", WHOLE)
@given(edits=st.lists(EDIT, min_size=1, max_size=3))
def test_damaged_files_are_read_or_refused_with_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, name: str, edits: list[tuple[int, int, bytes]]
) -> None:
    """A few bytes cut out or put in anywhere."""
    format, content = WHOLE[name]
    for start, size, new in edits:
        start %= len(content) + 1
        content = content[:start] + new + content[start + size :]
    folder = reused(tmp_path_factory, "damaged")
    put(folder / "set.xml", '<labels><label name="x"/></labels>')
    path = folder / name
    path.write_bytes(content)
    sniff(path)
    try:
        found = read(path, Options(format=format))
    except CoreError as error:
        assert str(error)
        return
    assert len(found.digest) == 16
    assert found.label_space(0).names == found.label_names


@pytest.mark.parametrize(
    ("content", "line", "says"),
    [
        ("a\tna\xefve\n".encode("latin-1"), 1, "byte 0xef at position 5 is not UTF-8"),
        (b"a\tb\nc\t\x00d\n", 2, "NUL byte"),
        ("a\tb\n".encode("utf-16"), 1, "UTF-16"),
    ],
)
def test_wrong_encodings(tmp_path: Path, content: bytes, line: int, says: str) -> None:
    path = tmp_path / "set.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=says) as caught:
        read(path, Options(format="libmultilabel"))
    assert (caught.value.file, caught.value.line) == (path, line)


def test_a_cut_gzip_file(tmp_path: Path) -> None:
    path = tmp_path / "set.txt.gz"
    path.write_bytes(gzip.compress(b"a\tb\n" * 1_000, mtime=0)[:-20])
    with pytest.raises(DataError, match="fetch a whole copy"):
        read(path, Options(format="libmultilabel"))


def test_gzip_is_known_by_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "set.txt"
    path.write_bytes(gzip.compress(b"a\tb\n", mtime=0))
    assert labels(read(path)) == [["a"]]


def test_a_huge_line_is_refused(tmp_path: Path) -> None:
    path = put(tmp_path / "set.txt", "a\tb\nc\t" + "d" * 100_000 + "\n")
    with pytest.raises(DataError, match="longer than 50,000 bytes; raise line_bytes") as caught:
        read(path, Options(line_bytes=50_000))
    assert caught.value.line == 2


@pytest.mark.slow
def test_a_decompression_bomb_is_refused(tmp_path: Path) -> None:
    """10 MB in 40 KB, as one line and as many, stopped at the limit."""
    path = tmp_path / "set.txt.gz"
    for content in (b"a\t" + b"x" * 10_000_000, b"a\tb\n" * 2_500_000):
        path.write_bytes(gzip.compress(content, 9, mtime=0))
        assert path.stat().st_size < 40_000
        with pytest.raises(DataError, match=r"larger than 1,000,000 bytes when unpacked|longer than 100,000 bytes"):
            read(path, Options(line_bytes=100_000, total_bytes=1_000_000))


def test_the_total_limit_is_over_all_files(tmp_path: Path) -> None:
    for part in range(3):
        put(tmp_path / f"train-{part}.tsv", "a\tb\n" * 100)
    with pytest.raises(DataError, match="larger than 1,000 bytes") as caught:
        read(tmp_path, Options(total_bytes=1_000))
    assert caught.value.file == tmp_path / "train-2.tsv"


@pytest.mark.timeout(20)
def test_a_pipe_is_no_data_file(tmp_path: Path) -> None:
    """Opening one would wait for ever."""
    path = tmp_path / "set.txt"
    os.mkfifo(path)
    sniff(path)
    for format in READERS:
        with pytest.raises(DataError):
            read(path, Options(format=format))


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file or folder"):
        read(tmp_path / "missing")
    with pytest.raises(DataError, match="the format is none of"):
        read(put(tmp_path / "prose.txt", "Only prose.\n"))
    with pytest.raises(InputError, match="no format 'pickle'; known are eurlex57k"):
        read(tmp_path, Options(format="pickle"))
    with pytest.raises(DataError, match="no document is in it"):
        read(put(tmp_path / "rows.csv", "text,labels\n"))
    with pytest.raises(InputError, match="line_bytes must be at least 1"):
        Options(line_bytes=0)


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train.txt", "train"), ("trn.json.gz", "train"), ("X.trn.npz", "train"), ("training-data.tsv", "train"), ("bibtex-train.arff", "train"),
        ("dev.jsonl", "dev"), ("val.csv", "dev"), ("eurlex_valid.txt", "dev"), ("validation-00000-of-00001.parquet", "dev"),
        ("test.txt", "test"), ("tst_X_Y.txt", "test"), ("TEST1.txt", "test"), ("sets/test/31.json", "test"),
        ("corpus.txt", None), ("constraint.txt", None), ("latest.csv", None), ("validity.txt", None),
    ],
)  # fmt: skip
def test_splits_by_name(name: str, split: str | None) -> None:
    assert split_of(Path(name), Path("sets")) == split


def test_files_without_a_split(tmp_path: Path) -> None:
    one, two, train = (tmp_path / name for name in ("one.txt", "two.txt", "train.txt"))
    assert by_split([one], tmp_path) == {"train": [one]}
    assert by_split([one, train], tmp_path) == {"train": [train]}
    with pytest.raises(DataError, match=r"2 files \(one\.txt, two\.txt\) and no name says train"):
        by_split([one, two], tmp_path)
    with pytest.raises(DataError, match="no data file"):
        by_split([], tmp_path)


def test_natural_order() -> None:
    names = ["part-10", "part-2", "part-a", "2", "10"]
    assert [path.name for path in sorted(map(Path, names), key=natural)] == ["2", "10", "part-2", "part-10", "part-a"]


def test_a_hashed_split_keeps_duplicates_together_and_is_stable(tmp_path: Path) -> None:
    rows = [f"l{i % 7}\tDocument  number {i % 200}" for i in range(400)]
    path = put(tmp_path / "set.tsv", "\n".join(rows).replace("number 3\n", "NUMBER 3\n", 1))
    found = read(path, Options(hashed_split=True))
    assert {split: len(part) for split, part in found.splits.items()} == {"train": 330, "dev": 18, "test": 52}
    sides = [{" ".join(text.casefold().split()) for text in part.texts or ()} for part in found.splits.values()]
    assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])
    before = {name: set(part.texts or ()) for name, part in found.splits.items()}
    put(path, "\n".join(rows[:50]))
    after = read(path, Options(hashed_split=True))
    assert all(set(part.texts or ()) <= before[name] for name, part in after.splits.items())
    with pytest.raises(InputError, match="has splits already: train, test"):
        for split in ("train", "test"):
            put(tmp_path / "both" / f"{split}.tsv", "a\tb\n")
        read(tmp_path / "both", Options(hashed_split=True))


def test_a_hashed_split_of_vectors(tmp_path: Path) -> None:
    path = put(tmp_path / "set.svm", "".join(f"{i % 3} {i % 30}:1 {30 + i % 2}:0.5\n" for i in range(300)))
    found = read(path, Options(hashed_split=True))
    assert sum(len(part) for part in found.splits.values()) == 300
    assert all(part.features is not None and part.features.shape == (len(part), 32) for part in found.splits.values())


@given(names=st.lists(st.text("ab []'1 ", max_size=5), max_size=12))
def test_unique_names_differ(names: list[str]) -> None:
    found = unique(names)
    assert len(set(found)) == len(found) == len(names)
    assert all(new == " ".join(old.split()) for new, old in zip(found, names, strict=True) if names.count(old) == 1 and new[-1:] not in "]'")


def test_unique_names_by_hand() -> None:
    assert unique(["Paris", "", "Rome", "Paris"]) == ["Paris [0]", "[1]", "Rome", "Paris [3]"]
    assert unique(["a", "a", "a [0]"]) == ["a [0]'", "a [1]", "a [0]"]
