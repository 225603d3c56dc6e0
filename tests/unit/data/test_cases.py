"""Files as strangers bring them: a table a kind, each with what is right."""

from __future__ import annotations

import io
import json
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.cli.document import text_of
from core.data import load_completed
from core.data.readers import Options, read
from core.data.readers.cells import Cell, settle
from core.data.report import describe
from core.errors import DataError
from tests.unit.data.small import WORD, labels, put, reused

LONG = ("I love this film", "I hate this film", "so so, all in all")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.tsv", "I love this\tjoy\nI hate this\tanger\n"),
        ("t.txt", "I love this\tjoy\nI hate this\tanger\n"),
        ("t.csv", "I love this,joy\nI hate this,anger\n"),
        ("t.tsv", "I love this\tjoy\teda1\nI hate this\tanger\teda2\n"),
        ("t.tsv", "eda1\tI love this\tjoy\neda2\tI hate this\tanger\n"),
        ("t.tsv", "comment\temotions\nI love this\tjoy\nI hate this\tanger\n"),
        ("t.txt", "comment\temotions\nI love this\tjoy\nI hate this\tanger\n"),
        ("t.tsv", "emotions\tcomment\njoy\tI love this\nanger\tI hate this\n"),
        ("t.csv", "utterance,mood\nI love this,joy\nI hate this,anger\n"),
        ("t.Csv", "text,labels\nI love this,joy\nI hate this,anger\n"),
        ("t.TSV", "\ufefftext\tlabels\nI love this\tjoy\nI hate this\tanger\n"),
        ("t.jsonl", '{"utterance": "I love this", "mood": ["joy"]}\n{"utterance": "I hate this", "mood": ["anger"]}\n'),
        ("t.csv", "comment_text,joy,anger\nI love this,1,0\nI hate this,0,1\n"),
        ("t.csv", "id,comment_text,joy,anger\n0a,I love this,1.0,0.0\n0b,I hate this,0.0,1.0\n"),
        ("t.jsonl", '{"text": "I love this", "joy": true, "anger": false}\n{"text": "I hate this", "joy": false, "anger": true}\n'),
        ("t.txt", "__label__joy I love this\n__label__anger I hate this\n"),
        ("t.txt", "I love this __label__joy\nI hate this __label__anger\n"),
        ("t.txt", "__label__joy\tI love this\n__label__anger\tI hate this\n"),
    ],
)
def test_the_text_is_where_the_sentences_are(tmp_path: Path, name: str, content: str) -> None:
    found = read(put(tmp_path / name, content))
    assert found.split("train").texts == ("I love this", "I hate this")
    assert labels(found) == [["joy"], ["anger"]]


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("I love this\tjoy\nI hate this\tanger\n", Options(text="1", labels="2")),
        ("remark\tmood\nI love this\tjoy\nI hate this\tanger\n", Options(text="remark", labels="mood")),
        ("mood\tremark\njoy\tI love this\nanger\tI hate this\n", Options(text="remark", labels="mood")),
    ],
)
def test_a_named_column_wins(tmp_path: Path, content: str, options: Options) -> None:
    found = read(put(tmp_path / "t.tsv", content), options)
    assert (found.split("train").texts, labels(found)) == (("I love this", "I hate this"), [["joy"], ["anger"]])


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        (
            "t.tsv",
            "Great\tadmiration\nI love this movie\tjoy\nI hate this movie\tanger\n",
            r"header or a document\? --text-column.*\[Great \| admiration\]",
        ),
        ("t.tsv", "good film\tbad day\tnice sea\told man\nred car\tbig dog\tsad cat\tnew hat\n", "--text-column and --labels-column.*old man"),
        ("t.csv", "text,text,labels\na,b,c\n", "names 'text' twice"),
        ("t.csv", 'text,labels\na,"Arts, Crafts & Sewing"\nb,Toys\n', "--label-separator none"),
    ],
)
def test_unsure_is_refused_with_flags_that_settle_it(tmp_path: Path, name: str, content: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        read(put(tmp_path / name, content))


@pytest.mark.parametrize(
    ("cells", "separator", "found"),
    [
        (["Arts, Crafts & Sewing|Toys", "Arts, Crafts & Sewing"], None, [["Arts, Crafts & Sewing", "Toys"], ["Arts, Crafts & Sewing"]]),
        (["Arts, Crafts & Sewing;Toys", "Arts, Crafts & Sewing"], None, [["Arts, Crafts & Sewing", "Toys"], ["Arts, Crafts & Sewing"]]),
        (["Arts, Crafts & Sewing", "Toys"], "none", [["Arts, Crafts & Sewing"], ["Toys"]]),
        (["Arts &amp; Crafts", "Toys"], None, [["Arts &amp; Crafts"], ["Toys"]]),
        (["tea, coffee", "coffee", "tea"], None, [["tea", "coffee"], ["coffee"], ["tea"]]),
        (["tea, coffee", "tea, coffee", "tea"], None, [["tea", "coffee"], ["tea", "coffee"], ["tea"]]),
        (["tea/coffee", "tea"], "/", [["tea", "coffee"], ["tea"]]),
        (["3,17", "5"], None, [["3", "17"], ["5"]]),
        (["1.0", "2.0"], None, [["1"], ["2"]]),
        (["1.0", "beta"], None, [["1.0"], ["beta"]]),
        ([1.0, 2.0, float("nan")], None, [["1"], ["2"], []]),
        (["[0,1]", "[1,1]", "[0,0]"], None, [["1"], ["0", "1"], []]),
        (["0 1 0", "1 1 0"], None, [["1"], ["0", "1"]]),
        (["[0. 1.]", "[1. 1.]"], None, [["1"], ["0", "1"]]),
        ([[False, True], [True, True]], None, [["1"], ["0", "1"]]),
        ([[0, 1], [5]], None, [["0", "1"], ["5"]]),
        ([[1], [0, 1]], None, [["1"], ["0", "1"]]),
        (["{'a', 'b'}", "('a', 'b')", "('a',)", "set()", "()"], None, [["a", "b"], ["a", "b"], ["a"], [], []]),
        (["frozenset({'a'})", "array(['a', 'b'], dtype=object)"], None, [["a"], ["a", "b"]]),
        (["{a,b c}", "{a}"], None, [["a", "b c"], ["a"]]),
        (["(un)known", "(other)"], None, [["(un)known"], ["(other)"]]),
        (["nan", "None", "", "null", None, "a"], None, [[], [], [], [], [], ["a"]]),
        (["['a', nan]", "[None]"], None, [["a"], []]),
    ],
)
def test_a_column_of_labels_is_settled_once(cells: list[object], separator: str | None, found: list[list[str]]) -> None:
    assert settle([Cell(value, Path("t.csv"), i + 2) for i, value in enumerate(cells)], separator).labels == found


def test_multi_hot_rows_of_two_lengths_are_refused() -> None:
    with pytest.raises(DataError, match="2 zeros and ones in a row, where the first row has 3"):
        settle([Cell([1, 0, 1], Path("t"), 1), Cell([0, 1], Path("t"), 2)])


@pytest.mark.parametrize("kind", ["jsonl", "csv", "tsv", "parquet"])
def test_missing_labels_are_none_in_every_format(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"t.{kind}"
    frame = pandas.DataFrame({"text": LONG, "labels": ["joy", None, "nan"]})
    if kind == "jsonl":
        put(path, "".join(json.dumps({"text": t, "labels": v}) + "\n" for t, v in zip(LONG, ["joy", float("nan"), "None"], strict=True)))
    elif kind == "parquet":
        pytest.importorskip("pyarrow")
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False, sep="," if kind == "csv" else "\t")
    found = read(path)
    assert (labels(found), found.label_names) == ([["joy"], [], []], ("joy",))


def test_a_quote_mark_in_tabbed_lines_swallows_nothing(tmp_path: Path) -> None:
    content = 'id\ttext\tlabels\n1\t"open quote here\ta\n2\tfine text\tb\n3\t"quoted" text\ta\n4\tlast one "\tb\n'
    found = read(put(tmp_path / "t.tsv", content))
    assert found.split("train").texts == ('"open quote here', "fine text", '"quoted" text', 'last one "')


def test_tabbed_lines_that_quote_are_unquoted(tmp_path: Path) -> None:
    texts = ("a tab\there", 'a "quoted" word', "two\nlines")
    text = io.StringIO(newline="")
    pandas.DataFrame({"text": texts, "labels": ["a", "b", "a"]}).to_csv(text, sep="\t", index=False)
    found = read(put(tmp_path / "t.tsv", text.getvalue()))
    assert found.split("train").texts == texts
    assert any("span several lines" in note for note in found.notes)


@pytest.mark.slow
@given(rows=st.lists(st.tuples(st.lists(st.sampled_from(['"', "word", "it's", 'a"b', '""']), min_size=3, max_size=6), WORD), min_size=2, max_size=8))
def test_never_fewer_documents_than_lines(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[list[str], str]]) -> None:
    content = "text\tlabels\n" + "".join(" ".join(words) + "\t" + label.replace('"', "") + "x\n" for words, label in rows)
    found = read(put(reused(tmp_path_factory, "quotes") / "t.tsv", content))
    assert len(found.split("train")) == len(rows) or any("several lines" in note for note in found.notes)


@pytest.mark.parametrize("name", ["train.tsv", "train.txt"])
def test_numbers_are_places_in_the_list_of_names(tmp_path: Path, name: str) -> None:
    put(tmp_path / "labels.txt", "joy\nanger\nfear\n")
    put(tmp_path / name, "I love this\t0,2\tx1\nI hate this\t1\tx2\nIt is dark\t2\tx3\n")
    found = read(tmp_path)
    assert labels(found) == [["fear", "joy"], ["anger"], ["fear"]]
    assert any("labels.txt, 3 names" in note for note in found.notes)
    put(tmp_path / name, "x1\t0,2\tI love this\nx2\t1\tI hate this\n")
    assert labels(read(tmp_path)) == [["fear", "joy"], ["anger"]]


def test_a_translation_is_not_pooled(tmp_path: Path) -> None:
    put(tmp_path / "train.csv", "text,labels\nI love this,joy\nI hate this,anger\n")
    put(tmp_path / "train_de.csv", "text,labels\nIch liebe das,Freude\nIch hasse das,Wut\n")
    with pytest.raises(DataError, match=r"train.csv and train_de.csv have 3 lines each.*--pool-files"):
        read(tmp_path)
    assert len(read(tmp_path, Options(pool=True)).split("train")) == 4


def test_feature_names_beside(tmp_path: Path) -> None:
    path = put(tmp_path / "set.svm", "2 3 2\n0 0:1 2:1\n1 1:1\n")
    put(tmp_path / "set.features.txt", "chess\nmail\nmusic\n")
    assert read(path).feature_names == read(tmp_path).feature_names == ("chess", "mail", "music")
    put(tmp_path / "set.features.txt", "chess\n")
    with pytest.raises(DataError, match="1 names for vectors of 3 features"):
        read(path)


@pytest.mark.parametrize("splits", [("train",), ("train", "test"), ("train", "dev"), ("train", "dev", "test")])
def test_splits_are_completed_alike_each_time(tmp_path: Path, splits: tuple[str, ...]) -> None:
    for split in splits:
        put(tmp_path / f"{split}.csv", "text,labels\n" + "".join(f"{split} text {i},l{i % 2}\n" for i in range(8)))
    whole, found = read(tmp_path), load_completed(tmp_path)
    assert {*found.splits} == {"train", "dev", "test"}
    assert all(len(split) for split in found.splits.values())
    assert found.digest == whole.digest
    texts = [text for split in found.splits.values() for text in split.texts or ()]
    assert len(texts) == len(set(texts)) == 8 * len(splits)
    for name in splits:
        if name != "train":
            assert found.split(name).ids == whole.split(name).ids
    again = load_completed(tmp_path)
    assert {name: split.texts for name, split in again.splits.items()} == {name: split.texts for name, split in found.splits.items()}
    assert bool(found.notes) == (len(splits) < 3)
    # What an earlier, whole training knew stays comparable.
    assert replace(whole, name="x").digest == whole.digest


def test_a_byte_order_mark_is_none_of_the_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "text.txt"
    file.write_bytes("\ufeffchess".encode())
    assert text_of(Namespace(text=None, file=str(file))) == "chess"
    monkeypatch.setattr("sys.stdin", io.StringIO("\ufeffchess"))
    assert text_of(Namespace(text=None, file="-")) == "chess"


def test_a_mean_is_rounded_once(tmp_path: Path) -> None:
    """12.2647 is 12.26, which 12.265 is not."""
    lengths = [12] * 25 + [13] * 9
    found = describe(read(put(tmp_path / "t.csv", "text,labels\n" + "".join(f"{'w ' * n}x{i},a\n" for i, n in enumerate(lengths)))))
    words = found.splits[0].words
    assert words is not None
    assert words.mean == pytest.approx(1 + sum(lengths) / 34)
    assert f"{words.mean:.2f}" in found.to_text()
