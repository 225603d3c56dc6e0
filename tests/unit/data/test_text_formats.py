"""Formats of one document a line: AttentionXML and LightXML, PECOS, LibMultiLabel and the XML-CNN repositories, XC raw."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data.dataset import Dataset
from core.data.readers import Options, read, sniff
from core.errors import DataError
from tests.unit.data.small import LINE, WORD, labels, put, reused


def fails(path: Path, format: str, says: str) -> tuple[Path | None, int | None]:
    """The file and line that the error names."""
    with pytest.raises(DataError, match=says) as caught:
        read(path, Options(format=format))
    return caught.value.file, caught.value.line


class TestAttentionXml:
    def test_raw_texts_are_preferred(self, tmp_path: Path) -> None:
        put(tmp_path / "train_texts.txt", "a cut\ntext\n")
        put(tmp_path / "train_raw_texts.txt.gz", "A cut\nTEXT!\n")
        put(tmp_path / "train_labels.txt", "b a\n\n")
        put(tmp_path / "test_texts.txt", "unseen\n")
        put(tmp_path / "test_labels.txt", "c a a\n")
        found = read(tmp_path)
        assert next(iter(sniff(tmp_path))) == "attention-xml"
        assert found.label_names == ("a", "b", "c")
        assert found.split("train").texts == ("A cut", "TEXT!")
        assert (labels(found), labels(found, "test")) == ([["a", "b"], []], [["a", "c"]])
        assert found.split("train").ids == ("1", "2")

    def test_one_file_is_its_split(self, tmp_path: Path) -> None:
        for split in ("train", "test"):
            put(tmp_path / f"{split}_texts.txt", f"{split}\n")
            put(tmp_path / f"{split}_labels.txt", "7\n")
        assert list(read(tmp_path / "test_texts.txt").splits) == ["test"]

    @pytest.mark.parametrize(("texts", "names", "long"), [("a\nb\n", "x\n", "train_texts.txt"), ("a\n", "x\ny\n", "train_labels.txt")])
    def test_lengths_that_differ(self, tmp_path: Path, texts: str, names: str, long: str) -> None:
        put(tmp_path / "train_texts.txt", texts)
        put(tmp_path / "train_labels.txt", names)
        assert fails(tmp_path, "attention-xml", "ends before this line") == (tmp_path / long, 2)

    def test_nothing_there(self, tmp_path: Path) -> None:
        fails(tmp_path, "attention-xml", "no pair of files")

    @pytest.mark.slow
    @given(rows=st.lists(st.tuples(LINE, st.lists(WORD, max_size=4)), min_size=1, max_size=6))
    def test_round_trip(self, tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, list[str]]]) -> None:
        folder = reused(tmp_path_factory, "axml")
        put(folder / "train_texts.txt", "".join(text + "\n" for text, _ in rows))
        put(folder / "train_labels.txt", "".join(" ".join(names) + "\n" for _, names in rows))
        found = read(folder)
        _same(found, rows)


def _same(found: Dataset, rows: list[tuple[str, list[str]]]) -> None:
    """Texts and label sets as written; a byte order mark at the very start of a file is none of the text."""
    texts = found.split("train").texts
    assert texts is not None
    assert [text.removeprefix("\ufeff") for text in texts] == [text.removeprefix("\ufeff") for text, _ in rows]
    assert [[name.removeprefix("\ufeff") for name in row] for row in labels(found)] == [
        sorted({name.removeprefix("\ufeff") for name in names}) for _, names in rows
    ]


class TestPecos:
    def test_names_and_relevance(self, tmp_path: Path) -> None:
        put(tmp_path / "output-labels.txt", "zero\none\ntwo\n")
        put(tmp_path / "train.txt", "2,0\tfirst text\n1::0.8,2::0\tsecond\n\n\tthird\n")
        put(tmp_path / "tst.txt", "1\tfourth\n")
        found = read(tmp_path)
        assert next(iter(sniff(tmp_path))) == "pecos"
        assert labels(found) == [["two", "zero"], ["one"], []]
        assert found.split("test").texts == ("fourth",)
        assert "relevances of 1 documents were read as yes or no" in found.notes

    def test_names_tell_ids_from_one(self, tmp_path: Path) -> None:
        put(tmp_path / "output-labels.txt", "a\nb\n")
        found = read(put(tmp_path / "set.txt", "1,2\tx\n2\ty\n"))
        assert labels(found) == [["a", "b"], ["b"]]
        assert "label ids start at 1 in the files" in found.notes

    def test_names_that_repeat_are_told_apart(self, tmp_path: Path) -> None:
        put(tmp_path / "output-labels.txt", "Paris\nParis\n\n")
        put(tmp_path / "set.txt", "0,1\tx\n")
        assert labels(read(tmp_path / "set.txt")) == [["Paris [0]", "Paris [1]"]]

    @pytest.mark.parametrize(
        ("content", "line", "says"),
        [
            ("0\ta\nno tab\n", 2, "no tab"),
            ("0\ta\nx,1\tb\n", 2, "'x' is no label id"),
            ("0::much\ta\n", 1, "is no label id"),
            ("0\ta\n0,3\tb\n", 2, "label id 3 is out of range"),
        ],
    )
    def test_broken_lines(self, tmp_path: Path, content: str, line: int, says: str) -> None:
        put(tmp_path / "output-labels.txt", "a\nb\nc\n")
        path = put(tmp_path / "set.txt", content)
        assert fails(path, "pecos", says) == (path, line)

    @pytest.mark.slow
    @given(rows=st.lists(st.tuples(LINE, st.sets(st.integers(0, 30))), min_size=1, max_size=6))
    def test_round_trip(self, tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, set[int]]]) -> None:
        folder = reused(tmp_path_factory, "pecos")
        put(folder / "output-labels.txt", "".join(f"name {i}\n" for i in range(40)))
        path = put(folder / "set.txt", "".join(",".join(map(str, ids)) + f"\t{text}\n" for text, ids in rows))
        found = read(path)
        assert found.split("train").texts == tuple(text for text, _ in rows)
        assert labels(found) == [sorted(f"name {i}" for i in ids) for _, ids in rows]


class TestLibMultiLabel:
    @pytest.mark.parametrize(
        ("content", "ids"),
        [
            ("LAB1 LAB2\tfirst text\n\tno labels\nLAB1\tthird\n", ("1", "2", "3")),
            ("d7\tLAB2 LAB1\tfirst text\nd8\t\tno labels\nd9\tLAB1\tthird\n", ("d7", "d8", "d9")),
        ],
    )
    def test_with_and_without_ids(self, tmp_path: Path, content: str, ids: tuple[str, ...]) -> None:
        put(tmp_path / "train.txt", content)
        put(tmp_path / "valid.txt", content)
        found = read(tmp_path)
        assert next(iter(sniff(tmp_path))) == "libmultilabel"
        assert set(found.splits) == {"train", "dev"}
        assert found.split("dev").ids == ids
        assert found.split("train").texts == ("first text", "no labels", "third")
        assert labels(found) == [["LAB1", "LAB2"], [], ["LAB1"]]

    def test_numbers_may_be_parted_by_commas(self, tmp_path: Path) -> None:
        """As the EUR-Lex converter of the XML-CNN repositories writes them."""
        found = read(put(tmp_path / "set.txt", "a\t446,521, 7\tsome\twords\nb\t7\twords\tagain\n"))
        assert found.label_names == ("7", "446", "521")
        assert labels(found)[1] == ["7"]
        assert found.split("train").texts == ("some\twords", "words\tagain")

    @pytest.mark.parametrize(
        ("content", "line"), [("a\tx y\nnothing\n", 2), ("1\ta\tx\n" * 3 + "2\tshort\n", 4), ("1\ta\tx\n" * 19_000 + "2\tshort\n", 19_001)]
    )
    def test_broken_lines(self, tmp_path: Path, content: str, line: int) -> None:
        path = put(tmp_path / "set.txt", content)
        assert fails(path, "libmultilabel", "columns: a line is") == (path, line)

    @pytest.mark.slow
    @given(rows=st.lists(st.tuples(LINE, st.lists(WORD.filter(lambda w: not w.isdecimal()), max_size=4)), min_size=1, max_size=6), ids=st.booleans())
    def test_round_trip(self, tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, list[str]]], ids: bool) -> None:
        lines = [(f"d{i}\t" if ids else "") + " ".join(names) + f"\t{text}" for i, (text, names) in enumerate(rows)]
        found = read(put(reused(tmp_path_factory, "lml") / "set.tsv", "\n".join(lines)), Options(format="libmultilabel"))
        _same(found, rows)


def _raw(*records: object) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


class TestXcRaw:
    def test_titles_contents_and_names(self, tmp_path: Path) -> None:
        put(tmp_path / "trn.json.gz", _raw({"uid": "B1", "title": "T", "content": "C", "target_ind": [1, 0, 1], "target_rel": [1, 1, 1]}))
        put(
            tmp_path / "tst.json.gz", _raw({"uid": "B2", "title": "T2", "content": "", "target_ind": []}, {"uid": 3, "title": "x", "target_ind": [0]})
        )
        put(tmp_path / "lbl.json.gz", _raw({"uid": "L0", "title": "same", "content": ""}, {"uid": "L1", "title": "same"}))
        found = read(tmp_path)
        assert next(iter(sniff(tmp_path))) == "xc-raw"
        assert found.label_names == ("same [0]", "same [1]")
        assert found.split("train").texts == ("T\nC",)
        assert found.split("test").texts == ("T2", "x")
        assert found.split("test").ids == ("B2", "3")
        assert labels(found, "test") == [[], ["same [0]"]]

    def test_names_by_line(self, tmp_path: Path) -> None:
        put(tmp_path / "lbl.txt", "coffee\ntea\n")
        assert labels(read(put(tmp_path / "trn.json", _raw({"title": "t", "target_ind": [1]})))) == [["tea"]]

    def test_surrogates_and_nesting(self, tmp_path: Path) -> None:
        found = read(put(tmp_path / "trn.json", '{"title": "a\\ud800b \\ud83d\\ude00", "target_ind": [0]}\n'))
        assert found.split("train").texts == ("a\ufffdb \U0001f600",)

    @pytest.mark.parametrize(
        ("second", "says"),
        [
            ('{"title": "cut', "not JSON"),
            ("[1, 2]", "a JSON object is expected, not a list"),
            ('{"title": "x"}', "'target_ind' must be a list"),
            ('{"title": "x", "target_ind": ["3"]}', "'target_ind' must be a list"),
            ('{"title": "x", "target_ind": [true]}', "'target_ind' must be a list"),
            ('{"title": {"a": 1}, "target_ind": [3]}', "'title' must be text, not an object"),
            ('{"title": "x", "target_ind": [-3]}', "id -3 is out of range"),
            ('{"title": "x", "target_ind": [' + "9" * 5000 + "]}", "a number is too long"),
            ('{"title": ' + "[" * 100_000, "nesting too deep"),
        ],
    )
    def test_broken_lines(self, tmp_path: Path, second: str, says: str) -> None:
        path = put(tmp_path / "trn.json", _raw({"title": "fine", "target_ind": [0]}) + second + "\n")
        assert fails(path, "xc-raw", says) == (path, 2)

    @pytest.mark.slow
    @given(rows=st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20), st.sets(st.integers(1, 9))), min_size=1, max_size=5))
    def test_round_trip(self, tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, set[int]]]) -> None:
        """Any text that JSON can hold comes back."""
        records = [{"title": title, "content": content, "target_ind": [0, *ids]} for title, content, ids in rows]
        path = reused(tmp_path_factory, "raw") / "trn.json.gz"
        path.write_bytes(gzip.compress(_raw(*records).encode("ascii"), mtime=0))
        found = read(path)
        assert found.split("train").texts == tuple("\n".join(part for part in (title, content) if part) for title, content, _ in rows)
        assert labels(found) == [sorted(map(str, {0, *ids})) for _, _, ids in rows]
