"""Data sets: shapes are checked, the digest tells any two apart, label spaces meet by name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from core.data.dataset import Dataset, Split, truth_for, truth_matrix
from core.errors import InputError
from core.labels import LabelSpace

TRAIN = Split(("a", "b", "c"), truth_matrix([[0], [0, 2], []], 3), ("chess", "game", "none"))
DATA = Dataset("toy", ("games", "editor", "network"), {"train": TRAIN, "test": Split(("d",), truth_matrix([[1]], 3), ("vi",))})
VECTORS = Split(("a", "b", "c"), TRAIN.truth, features=sparse.csr_array(np.array([[1.0, 0], [0, 2], [0, 0]])))


def changed(**changes: Any) -> Dataset:
    return replace(DATA, splits={**DATA.splits, "train": replace(TRAIN, **changes)})


OTHERS = {
    "label name": replace(DATA, label_names=("games", "editor", "net")),
    "label order": replace(DATA, label_names=("editor", "games", "network")),
    "split name": replace(DATA, splits={"train": TRAIN, "dev": DATA.splits["test"]}),
    "split missing": replace(DATA, splits={"train": TRAIN}),
    "document id": changed(ids=("a", "b", "d")),
    "text": changed(texts=("chess", "game", "none ")),
    "text moved": changed(texts=("chess", "gamenone", "")),
    "text with a null for a border": changed(ids=("a", "b\x00game\x00c", ""), texts=("chess", "none", "")),
    "truth": changed(truth=truth_matrix([[0], [0, 1], []], 3)),
    "truth moved": changed(truth=truth_matrix([[0], [0], [2]], 3)),
    "vectors": replace(DATA, splits={"train": VECTORS}),
    "vector value": replace(DATA, splits={"train": replace(VECTORS, features=VECTORS.features * 2)}),
    "vector width": replace(DATA, splits={"train": replace(VECTORS, features=sparse.csr_array(np.array([[1.0, 0, 0], [0, 2, 0], [0, 0, 0]])))}),
    "vector id": replace(DATA, splits={"train": replace(VECTORS, ids=("a", "b", "x"))}),
    "feature names": replace(DATA, splits={"train": VECTORS}, feature_names=("x", "y")),
}


def test_the_digest_changes_with_any_change() -> None:
    digests = {name: data.digest for name, data in OTHERS.items()} | {"itself": DATA.digest}
    assert len(set(digests.values())) == len(digests), digests


def test_the_digest_is_of_the_content_alone() -> None:
    twin = Dataset("other name", DATA.label_names, dict(reversed(DATA.splits.items())), source="elsewhere", notes=("a note",))
    assert twin.digest == DATA.digest
    assert DATA.digest == "675863031618d9b3"  # of this content, on any machine and in any session


def test_surrogates_have_a_digest() -> None:
    assert len(changed(texts=("\ud800", "", "")).digest) == 16


def test_label_counts_and_spaces() -> None:
    assert DATA.counts.tolist() == [2, 0, 1]
    assert DATA.label_space() == LabelSpace.of(["games", "network"], [2, 1], 3)
    assert DATA.label_space(minimum=2).names == ("games",)
    assert DATA.label_space(minimum=0).names == DATA.label_names
    untrained = replace(DATA, splits={"test": DATA.splits["test"]})
    assert untrained.counts.tolist() == [0, 0, 0]
    assert len(untrained.label_space()) == 0


def test_an_unknown_split_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="no split 'dev'; it has train, test"):
        DATA.split("dev")


@pytest.mark.parametrize(
    "build",
    [
        lambda: replace(TRAIN, ids=("a",)),
        lambda: replace(TRAIN, texts=("a",)),
        lambda: replace(TRAIN, features=sparse.csr_array((2, 5))),
        lambda: replace(DATA, label_names=("games", "editor")),
        lambda: replace(DATA, label_names=("games", "games", "editor")),
    ],
)
def test_shapes_that_do_not_fit_are_refused(build: Any) -> None:
    with pytest.raises(InputError):
        build()


def test_truth_matrix_merges_and_sorts() -> None:
    matrix = truth_matrix([[2, 0, 2], []], 4)
    assert matrix.toarray().tolist() == [[1, 0, 1, 0], [0, 0, 0, 0]]
    assert matrix.has_sorted_indices
    assert truth_matrix([], 4).shape == (0, 4)


def test_truth_meets_a_classifier_by_name() -> None:
    """Columns in the classifier's order; its label that the data lacks is empty; the data's other labels come last."""
    split = Split(("a", "b"), truth_matrix([[0, 1], [2]], 3))
    labels = LabelSpace.of(["network", "science", "games"], [1, 1, 1], 3)
    truth, origin = truth_for(split, DATA.label_names, labels)
    assert origin.tolist() == [2, -1, 0, 1]
    assert truth.toarray().tolist() == [[0, 0, 1, 1], [1, 0, 0, 0]]
    assert truth.has_sorted_indices


def test_truth_of_strangers_is_all_misses() -> None:
    truth, origin = truth_for(Split(("a",), truth_matrix([[1]], 2)), ("x", "y"), LabelSpace.of(["z"], [1], 1))
    assert origin.tolist() == [-1, 0, 1]
    assert truth.toarray().tolist() == [[0, 0, 1]]
