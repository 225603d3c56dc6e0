"""The XC repository's sparse files, alone and in pairs."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data.readers import Options, read, sniff
from core.errors import DataError
from tests.unit.data.small import labels, put, reused, vectors

ROWS = "3 4 5\n4,0 0:0.5 3:1\n 1:2\n2 2:-1e-3 0:1\n"


def test_header_rows_and_names(tmp_path: Path) -> None:
    found = read(put(tmp_path / "set.txt", ROWS))
    assert found.name == "set"
    assert found.label_names == ("0", "1", "2", "3", "4")
    assert labels(found) == [["0", "4"], [], ["2"]]
    assert vectors(found.split("train")) == [{0: 0.5, 3: 1.0}, {1: 2.0}, {0: 1.0, 2: pytest.approx(-1e-3)}]
    assert found.split("train").texts is None
    assert "1 documents have no label" in found.notes


@pytest.mark.parametrize("start", ["\ufeff", ""])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_byte_order_mark_and_line_ends(tmp_path: Path, start: str, end: str) -> None:
    found = read(put(tmp_path / "set.txt.gz", start + ROWS.replace("\n", end)))
    assert labels(found) == [["0", "4"], [], ["2"]]


def test_missing_header(tmp_path: Path) -> None:
    found = read(put(tmp_path / "set.txt", "1,0 0:1\n2:1\n"))
    assert labels(found) == [["0", "1"], []]
    split = found.split("train")
    assert split.features is not None and split.features.shape == (2, 3)
    assert any("no header in set.txt" in note for note in found.notes)


def test_ids_from_one_are_told_by_the_header(tmp_path: Path) -> None:
    found = read(put(tmp_path / "set.txt", "2 3 2\n1,2 1:1 3:1\n2 2:1\n"))
    assert found.label_names == ("1", "2")
    assert labels(found) == [["1", "2"], ["2"]]
    assert vectors(found.split("train")) == [{0: 1.0, 2: 1.0}, {1: 1.0}]
    assert found.notes == ("label ids start at 1 in the files", "feature ids start at 1 in the files")


def test_ids_from_one_are_told_over_all_splits(tmp_path: Path) -> None:
    put(tmp_path / "train.txt", "1 2 3\n1 1:1\n")
    put(tmp_path / "test.txt", "1 2 3\n3 2:1\n")
    found = read(tmp_path)
    assert (labels(found), labels(found, "test")) == ([["1"]], [["3"]])


def test_repeated_and_unsorted_labels_are_merged(tmp_path: Path) -> None:
    found = read(put(tmp_path / "set.txt", "1 1 3\n2,0,2,2 0:1\n"))
    assert labels(found) == [["0", "2"]]
    assert found.split("train").truth.has_sorted_indices
    assert "2 repeated labels within a document were merged" in found.notes


def test_blank_lines_are_empty_documents_but_not_at_the_end(tmp_path: Path) -> None:
    found = read(put(tmp_path / "set.txt", "0 0:1\n\n1 1:1\n\n\n"))
    assert labels(found) == [["0"], [], ["1"]]


def test_header_counts_blank_lines_at_the_end(tmp_path: Path) -> None:
    assert len(read(put(tmp_path / "set.txt", "2 1 1\n0 0:1\n\n")).split("train")) == 2


def test_names_beside(tmp_path: Path) -> None:
    put(tmp_path / "set.labels.tsv", "0\tcoffee\t12\n1\ttea\t3\n")
    assert labels(read(put(tmp_path / "set.txt", "1 1 2\n1 0:1\n"))) == [["tea"]]


@pytest.mark.parametrize(
    ("content", "line", "says"),
    [
        ("2 4 5\n1 0:1\n1 0:x\n", 3, "'0:x' is not id:value"),
        ("2 4 5\n1 0:1\n1 0\n", 3, "'0' is not id:value"),
        ("1 4 5\n1;2 0:1\n", 2, "no list of label ids"),
        ("1 4 5\n-1 0:1\n", 2, "no list of label ids"),
        ("1 4 5\n1 1_0:1\n", 2, "not id:value"),
        ("1 4 5\n1 0:nan\n", 2, "not finite"),
        ("1 4 5\n1 0:1e39\n", 2, "not finite"),
        ("2 4 5\n0 0:1\n5 1:1\n", 3, "label id 5 is out of range: there are 5 labels, numbered from 0"),
        ("2 4 5\n1 0:1\n6 1:1\n", 3, "label id 6 is out of range"),
        ("2 4 5\n1 0:1\n1 4:1\n", 3, "feature id 4 is out of range"),
        ("1 4 5\n99999999999999999999 0:1\n", 2, "out of range"),
        ("4999999999 0:1\n", 1, "out of range"),
        ("9999999 0:1\n0 0:1\n", 1, "more than the 5,000,000"),
        ("1 4 9999999\n0 0:1\n", 1, "too many to be true"),
        ("1 4 5\n" + "1" * 5000 + " 0:1\n", 2, "no list of label ids"),
        ("3 4 5\n1 0:1\n", None, "promises 3 documents but 1 follow"),
        ("1 4 5\n1 0:1\n1 0:1\n", None, "promises 1 documents but 2 follow"),
    ],
)
def test_broken_lines_are_named(tmp_path: Path, content: str, line: int | None, says: str) -> None:
    path = put(tmp_path / "set.txt", content)
    with pytest.raises(DataError, match=says) as caught:
        read(path, Options(format="xc"))
    assert (caught.value.file, caught.value.line) == (path, line)


def test_headers_that_disagree(tmp_path: Path) -> None:
    put(tmp_path / "train.txt", "1 4 5\n1 0:1\n")
    put(tmp_path / "test.txt", "1 4 6\n1 0:1\n")
    with pytest.raises(DataError, match="disagree: 5 and 6 labels"):
        read(tmp_path)


def test_wrong_number_of_names(tmp_path: Path) -> None:
    put(tmp_path / "labels.txt", "a\nb\n")
    with pytest.raises(DataError, match="2 label names for 5 labels"):
        read(put(tmp_path / "set.txt", ROWS))


ROW = st.tuples(st.sets(st.integers(0, 6)), st.dictionaries(st.integers(0, 8), st.floats(0.125, 8, width=32), max_size=5))


@pytest.mark.slow
@given(rows=st.lists(ROW, min_size=1, max_size=6), header=st.booleans())
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[set[int], dict[int, float]]], header: bool) -> None:
    """With id 0 in use, what is written is read, header or not; the last row is not blank."""
    rows = [*rows, ({0}, {0: 1.0})]
    lines = [",".join(map(str, sorted(row, reverse=True))) + " " + " ".join(f"{i}:{v!r}" for i, v in x.items()) for row, x in rows]
    head = [f"{len(rows)} 9 7"] if header else []
    path = put(reused(tmp_path_factory, "xc") / "set.txt", "\n".join(head + lines) + "\n")
    found = read(path, Options(format="xc"))
    assert labels(found) == [sorted(map(str, row)) for row, _ in rows]
    assert vectors(found.split("train")) == [x for _, x in rows]


def _pair(folder: Path, stem: str, labels_file: str, features_file: str) -> None:
    put(folder / f"{stem}_X_Y.txt", labels_file)
    put(folder / f"{stem}_X_Xf.txt", features_file)


def test_pairs(tmp_path: Path) -> None:
    _pair(tmp_path, "trn", "2 3\n2:1 0:1\n\n", "2 2\n0:0.5\n1:2\n")
    _pair(tmp_path, "tst", "1 3\n1:1 0:0\n", "1 2\n1:1\n")
    put(tmp_path / "Y.txt", "coffee\ntea\nmilk\n")
    put(tmp_path / "Xf.txt", "hot\ncold\n")
    found = read(tmp_path)
    assert next(iter(sniff(tmp_path))) == "xc-pairs"
    assert (labels(found), labels(found, "test")) == ([["coffee", "milk"], []], [["tea"]])
    assert found.feature_names == ("hot", "cold")
    assert vectors(found.split("train")) == [{0: 0.5}, {1: 2.0}]
    only = read(tmp_path / "tst_X_Y.txt")
    assert (list(only.splits), labels(only, "test")) == (["test"], [["tea"]])


def test_pairs_from_one_and_without_header(tmp_path: Path) -> None:
    _pair(tmp_path, "trn", "1:1 3:1\n2:1\n", "1:1\n2:1\n")
    found = read(tmp_path)
    assert found.label_names == ("1", "2", "3")
    assert labels(found) == [["1", "3"], ["2"]]
    assert "label ids start at 1 in the files" in found.notes


@pytest.mark.parametrize(
    ("labels_file", "features_file", "file", "line", "says"),
    [
        ("1 3\n2;1\n", "1 2\n0:1\n", "trn_X_Y.txt", 2, "not id:value"),
        ("1 3\n3:1 0:1\n", "1 2\n0:1\n", "trn_X_Y.txt", 2, "label id 3 is out of range"),
        ("1 3\n2:1\n", "1 2\n0:inf\n", "trn_X_Xf.txt", 2, "not finite"),
        ("2 3\n2:1\n", "1 2\n0:1\n", "trn_X_Y.txt", None, "promises 2 rows but 1 follow"),
        ("1 3\n2:1\n", "2 2\n0:1\n1:1\n", "", None, "1 rows of labels but 2 of features"),
        ("1 99999999\n2:1\n", "1 2\n0:1\n", "trn_X_Y.txt", 1, "too many to be true"),
    ],
)
def test_broken_pairs(tmp_path: Path, labels_file: str, features_file: str, file: str, line: int | None, says: str) -> None:
    _pair(tmp_path, "trn", labels_file, features_file)
    with pytest.raises(DataError, match=says) as caught:
        read(tmp_path)
    assert (caught.value.file, caught.value.line) == (tmp_path / file, line)


def test_pair_without_counterpart(tmp_path: Path) -> None:
    put(tmp_path / "trn_X_Y.txt", "1 3\n2:1\n")
    with pytest.raises(DataError, match=r"no counterpart trn_X_Xf\.txt"):
        read(tmp_path)


def test_pairs_that_contradict_each_other(tmp_path: Path) -> None:
    _pair(tmp_path, "trn", "1 3\n2:1\n", "1 2\n0:1\n")
    _pair(tmp_path, "tst", "1 4\n2:1\n", "1 2\n0:1\n")
    with pytest.raises(DataError, match="names 4 columns, another split's 3") as caught:
        read(tmp_path)
    assert (caught.value.file, caught.value.line) == (tmp_path / "tst_X_Y.txt", 1)
    _pair(tmp_path, "train", "1 3\n2:1\n", "1 2\n0:1\n")
    with pytest.raises(DataError, match="two pairs of files are split 'train'"):
        read(tmp_path)


def test_pairs_with_too_few_names(tmp_path: Path) -> None:
    _pair(tmp_path, "trn", "1 3\n2:1\n", "1 2\n0:1\n")
    put(tmp_path / "Xf.txt", "only one\n")
    with pytest.raises(DataError, match=r"Xf\.txt holds 1 names for 2 columns"):
        read(tmp_path)
