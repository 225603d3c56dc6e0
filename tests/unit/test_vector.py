"""Feature spaces and vectors: kinds, names, the text of a bag and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import sparse

from core.document import Document
from core.errors import InputError
from core.vector import FeatureSpace, FeatureVector
from tests.toy_features import NAMES, vector


def matrix(*rows: list[float]) -> sparse.csr_array:
    return sparse.csr_array(np.asarray(rows, dtype=np.float32))


@pytest.mark.parametrize(
    ("rows", "kind", "unit"),
    [
        ([[1, 0, 1], [0, 1, 0]], "bits", False),
        ([[1, 0, 3], [0, 2, 0]], "counts", False),
        ([[0.6, 0, 0.8], [0, 1, 0], [0, 0, 1]], "weights", True),
        ([[0.5, 0, 0.5], [0, 0.2, 0], [0, 0, 0]], "weights", False),
        ([[0.1, 0.7, 0.3], [0.2, 0.2, 0.9]], "reals", False),
        ([[-1, 0, 0], [0, 0, 2]], "reals", False),
        ([[1, 0, 0], [0, 0, 0]], "bits", False),
    ],
)
def test_the_kind_is_told_from_the_values(rows: list[list[float]], kind: str, unit: bool) -> None:
    space = FeatureSpace.of(matrix(*rows))
    assert (space.kind, space.unit_rows) == (kind, unit)
    np.testing.assert_array_equal(space.low, np.min(np.asarray(rows, dtype=np.float32), axis=0))
    np.testing.assert_array_equal(space.high, np.max(np.asarray(rows, dtype=np.float32), axis=0))


def test_names_or_numbers() -> None:
    assert FeatureSpace.of(matrix([1, 0])).name(1) == "feature 1"
    assert FeatureSpace.of(matrix([1, 0]), ("a", "b")).name(1) == "b"
    with pytest.raises(InputError, match="3 names"):
        FeatureSpace.of(matrix([1, 0]), ("a", "b", "c"))
    with pytest.raises(InputError, match="no training vectors"):
        FeatureSpace.of(sparse.csr_array((0, 3)))


@given(arrays.arrays(np.float32, 6, elements=st.integers(0, 3).map(float)))
def test_a_bag_survives_being_written_as_text(values: np.ndarray) -> None:
    space = FeatureSpace("counts", np.zeros(6, np.float32), np.full(6, 3, np.float32), NAMES)
    bag = FeatureVector.of(sparse.csr_array(values[None]))
    text = space.text(bag)
    assert space.bag(Document.from_text(text)).digest == bag.digest
    assert text.split() == [name for name, value in zip(NAMES, values, strict=True) for _ in range(int(value))]


def test_bits_are_read_once_and_strange_words_not_at_all() -> None:
    space = FeatureSpace("bits", np.zeros(4, np.float32), np.ones(4, np.float32), ("chess", "C++", "two words", "board"))
    assert space.words
    assert space.readable.tolist() == [True, True, False, True]
    found = space.bag(Document.from_text("Chess, chess and c++: two words"))
    assert (found.columns.tolist(), found.values.tolist()) == ([0, 1], [1.0, 1.0])
    assert space.text(vector(1, 0, 1, 1)) == "chess board"


@pytest.mark.parametrize(
    "space",
    [
        FeatureSpace("bits", np.zeros(2, np.float32), np.ones(2, np.float32)),
        FeatureSpace("weights", np.zeros(2, np.float32), np.ones(2, np.float32), ("chess", "board")),
        FeatureSpace("bits", np.zeros(2, np.float32), np.ones(2, np.float32), ("a b", "c d")),
    ],
)
def test_what_is_no_words_is_no_text(space: FeatureSpace) -> None:
    assert not space.words
    with pytest.raises(InputError, match="cannot be written as text"):
        space.text(vector(1, 0))
    with pytest.raises(InputError, match="a text says nothing"):
        space.bag(Document.from_text("chess"))


def test_vectors_are_checked() -> None:
    made = FeatureVector.of(matrix([0, 2, 0, 1]))
    assert (made.columns.tolist(), made.values.tolist(), len(made), made.size) == ([1, 3], [2.0, 1.0], 2, 4)
    np.testing.assert_array_equal(made.matrix.todense(), [[0, 2, 0, 1]])
    assert made.digest == FeatureVector.of(matrix([0, 2, 0, 1])).digest != FeatureVector.of(matrix([0, 2, 1, 0])).digest
    for columns, values, said in (([1, 1], [1, 1], "must rise"), ([0, 4], [1, 1], "must rise"), ([0], [1, 2], "2 values"), ([0], [np.nan], "finite")):
        with pytest.raises(InputError, match=said):
            FeatureVector(np.asarray(columns, dtype=np.int64), np.asarray(values, dtype=np.float32), 4)
