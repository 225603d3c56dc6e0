"""Labels that occur together, and clusters with names, on a data set small enough to count by hand."""

import numpy as np
import pytest

from core.data.dataset import Dataset, Split, truth_matrix
from core.data.overview import Together, documents_with, label_clusters, together
from core.errors import InputError

TRUTH = truth_matrix([[0, 1], [0, 1], [0, 2], [2], [], [3]], 5)


def dataset(texts=("red apple fruit", "sour apple fruit", "green pear fruit", "fast car wheel", "old car wheel", "new car wheel"), rows=None):
    rows = rows or [[0], [0], [1], [2], [3], [2, 3]]
    split = Split(tuple("abcdef"), truth_matrix(rows, 5), texts=texts)
    return Dataset("fruit", ("apple", "pear", "car", "wheel", "never"), {"train": split})


def test_documents_of_a_label():
    assert documents_with(TRUTH, 0).tolist() == [0, 1, 2]
    assert documents_with(TRUTH, 4).tolist() == []


def test_labels_that_occur_together():
    assert together(TRUTH, 0) == [Together(1, 2, 2 / 3, pytest.approx(2.0)), Together(2, 1, 1 / 3, pytest.approx(1.0))]
    assert together(TRUTH, 0, most=1)[0].label == 1
    assert together(TRUTH, 3) == together(TRUTH, 4) == []


def test_clusters_gather_like_labels_and_name_them():
    clusters = label_clusters(dataset(), max_leaf=2)
    assert [sorted(one.labels.tolist()) for one in clusters] == [[0, 1], [2, 3]]
    assert [one.documents for one in clusters] == [3, 3]
    assert "fruit" in clusters[0].words
    assert {"car", "wheel"} <= set(clusters[1].words)


def test_every_trained_label_lies_in_one_cluster_and_the_seed_decides():
    first, again = label_clusters(dataset(), max_leaf=1, seed=3), label_clusters(dataset(), max_leaf=1, seed=3)
    assert sorted(np.concatenate([one.labels for one in first]).tolist()) == [0, 1, 2, 3]
    assert [one.labels.tolist() for one in first] == [one.labels.tolist() for one in again]


def test_vectors_serve_where_there_is_no_text():
    split = Split(tuple("ab"), truth_matrix([[0], [1]], 2), features=truth_matrix([[0], [1]], 2))
    clusters = label_clusters(Dataset("v", ("x", "y"), {"train": split}), max_leaf=1)
    assert [one.words[0] for one in clusters] == ["feature 0", "feature 1"]
    named = Dataset("v", ("x", "y"), {"train": split}, feature_names=("left", "right"))
    assert [one.words[0] for one in label_clusters(named, max_leaf=1)] == ["left", "right"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (Dataset("empty", ("x",), {"test": Split(("a",), truth_matrix([[0]], 1), texts=("t",))}), "no labels in a training split"),
        (Dataset("bare", ("x",), {"train": Split(("a",), truth_matrix([[0]], 1))}), "neither text nor vectors"),
        (dataset(texts=("", "1", "2 3", "?", "!", "的")), "no word occurs"),
    ],
)
def test_what_cannot_be_clustered_is_said(data, message):
    with pytest.raises(InputError, match=message):
        label_clusters(data)
