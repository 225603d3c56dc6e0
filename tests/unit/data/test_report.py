"""describe(): every figure on a data set small enough to count by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

import core.data.report
from core.data.dataset import Dataset, Split, truth_matrix
from core.data.report import Spread, describe


def small() -> Dataset:
    train = Split(("1", "2", "3", "4"), truth_matrix([[0, 1], [0], [], [0, 1, 2]], 5), ("One two", "one  TWO", "", "three four five."))
    test = Split(("5", "6"), truth_matrix([[0, 3], [3]], 5), ("ONE two\n", "new"))
    return Dataset("small", ("a", "b", "c", "d", "e"), {"train": train, "test": test}, source="nowhere", notes=("a note",))


def test_figures_by_hand() -> None:
    report = describe(small())
    train, test = report.splits
    assert (train.documents, train.labels, train.assignments, train.without_label, train.empty) == (4, 3, 6, 1, 1)
    assert train.labels_per_document == Spread(1.5, 1.5, 3)
    assert (train.words, train.words_documents) == (Spread(1.75, 2, 3), 4)
    assert (train.duplicates, train.in_train, train.labels_unseen) == (1, 0, 0)
    assert (test.duplicates, test.in_train, test.labels_unseen, test.assignments_unseen) == (0, 1, 1, 2)
    assert [(each.name, each.labels, each.assignments) for each in report.bins][:2] == [
        ("unseen", 2, {"train": 0, "test": 2}),
        ("[1, 5)", 3, {"train": 6, "test": 1}),
    ]
    assert (report.labels, report.features, report.digest) == (5, 0, small().digest)


def test_json_and_text() -> None:
    report = describe(small())
    found = json.loads(json.dumps(report.to_json()))
    assert found["splits"][1]["labels_unseen"] == 1
    assert found["bins"][0] == {"name": "unseen", "labels": 2, "assignments": {"train": 0, "test": 2}}
    assert found["notes"] == ["a note"]
    text = report.to_text()
    assert text.splitlines()[0] == f"small: 6 documents, 5 labels, digest {report.digest}"
    assert ["also", "in", "train", "-", "1"] in [line.split() for line in text.splitlines()]
    assert "- a note" in text and "features a document" not in text
    assert text.endswith("Source: nowhere")


def test_vectors() -> None:
    features = sparse.csr_array(np.array([[1, 0], [1, 0], [0, 0], [0, 2]], dtype=np.float32))
    report = describe(Dataset("v", ("a",), {"train": Split(("1", "2", "3", "4"), truth_matrix([[0]] * 4, 1), None, features)}))
    (train,) = report.splits
    assert (train.words, train.features_per_document, train.empty, train.duplicates) == (None, Spread(0.75, 1, 1), 1, 1)
    assert "words a document" not in report.to_text()


def test_no_training_split_and_no_document() -> None:
    empty = Split((), truth_matrix([], 2), ())
    report = describe(Dataset("x", ("a", "b"), {"test": empty}))
    assert report.bins == ()
    assert report.splits[0].labels_per_document is None
    assert report.splits[0].labels_unseen == 0
    assert "words a document" not in report.to_text()
    assert (
        describe(Dataset("x", small().label_names, {"train": Split((), truth_matrix([], 5), ()), "test": small().splits["test"]})).splits[1].in_train
        == 0
    )


def test_words_of_a_large_split_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core.data.report, "WORDS_SAMPLED", 3)
    split = Split(tuple("12345"), truth_matrix([[]] * 5, 1), ("one", "two words", "three little words", "x", "five words are in here"))
    report = describe(Dataset("x", ("a",), {"train": split}))
    assert (report.splits[0].words, report.splits[0].words_documents) == (Spread(3.0, 3.0, 5), 3)
    assert any("words a document were counted in 3 documents" in note for note in report.notes)


@pytest.mark.slow
@given(
    rows=st.lists(st.tuples(st.sets(st.integers(0, 4)), st.sampled_from(["a", "A", "b c", "b  c", ""])), max_size=8),
    other=st.lists(st.tuples(st.sets(st.integers(0, 4)), st.sampled_from(["a", "B C", "new"])), max_size=5),
)
def test_figures_add_up(rows: list[tuple[set[int], str]], other: list[tuple[set[int], str]]) -> None:
    splits = {
        name: Split(tuple(map(str, range(len(part)))), truth_matrix([sorted(ids) for ids, _ in part], 5), tuple(text for _, text in part))
        for name, part in (("train", rows), ("test", other))
    }
    report = describe(Dataset("x", tuple("abcde"), splits))
    train, test = report.splits
    assert sum(each.labels for each in report.bins) == 5
    for split in report.splits:
        assert sum(each.assignments[split.name] for each in report.bins) == split.assignments
    assert train.duplicates == len(rows) - len({" ".join(text.casefold().split()) for _, text in rows})
    assert report.bins[0].assignments["test"] == test.assignments_unseen
    assert 0 <= test.in_train <= test.documents
    json.dumps(report.to_json())
    assert report.to_text()
