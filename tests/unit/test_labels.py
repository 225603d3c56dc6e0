"""Label spaces: names, counts, search, propensities, bins."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from core.labels import BIN_EDGES, LabelSpace, bin_name, inverse_propensities
from tests import strategies

SPACE = LabelSpace.of(["games::chess", "games", "Chess clock", "devel"], [3, 150, 20, 0], 200)


@pytest.mark.slow
@given(strategies.label_spaces(min_size=1), st.data())
def test_every_label_is_found_by_name_and_id(space: LabelSpace, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(space) - 1))
    assert space.find(space.names[index]) == index
    assert space.find(index) == index
    assert index in space.search(space.names[index], limit=len(space))


@pytest.mark.slow
@given(strategies.label_spaces(), st.text(max_size=5))
def test_search_gives_each_match_once(space: LabelSpace, query: str) -> None:
    hits = space.search(query)
    assert len(set(hits)) == len(hits)
    assert set(hits) == {i for i, name in enumerate(space.names) if all(part in name.casefold() for part in query.casefold().split())}


def test_search_puts_beginnings_first_then_frequent_ones() -> None:
    assert SPACE.search("chess") == [2, 0]
    assert SPACE.search("GAMES") == [1, 0]
    assert SPACE.search("") == [1, 2, 0, 3]
    assert SPACE.search("chess games") == [0]
    assert SPACE.search("", limit=1) == [1]


def test_a_name_goes_before_an_id() -> None:
    assert LabelSpace.of(["1", "0"], [1, 1], 1).find("1") == 0


@pytest.mark.parametrize("label", ["chess!", "4", 4, -1, "²", "٣٣", "9" * 5_000, ""])
def test_unknown_labels_are_refused(label: str | int) -> None:
    with pytest.raises(InputError, match="there is no label"):
        SPACE.find(label)


def test_near_names_are_offered() -> None:
    with pytest.raises(InputError, match="no label 'Games::'; near it: 'games::chess'"):
        SPACE.find("Games::")


@pytest.mark.parametrize(
    ("names", "counts", "documents", "problem"),
    [(["a"], [1, 2], 5, "1 label names but 2 counts"), (["a", "a"], [1, 2], 5, "repeat"), (["a"], [6], 5, "0..5"), (["a"], [-1], 5, "0..5")],
)
def test_impossible_spaces_are_refused(names: list[str], counts: list[int], documents: int, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        LabelSpace.of(names, counts, documents)


def test_inverse_propensities_by_hand() -> None:
    """Jain et al. 2016, eq. 2, N = 200, A = 0.55, B = 1.5: C = (ln 200 - 1) 2.5^0.55 = 7.1148; a count of 0 is read as 1."""
    c = (math.log(200) - 1) * 2.5**0.55
    expected = [1 + c * (count + 1.5) ** -0.55 for count in (3, 150, 20, 1)]
    np.testing.assert_allclose(SPACE.inverse_propensities(), expected)
    assert c == pytest.approx(7.1148, abs=1e-4)


@pytest.mark.slow
@given(strategies.label_spaces(), st.floats(0, 1), st.floats(0, 5))
def test_rarer_labels_never_weigh_less(space: LabelSpace, a: float, b: float) -> None:
    weights = inverse_propensities(np.sort(space.counts), space.documents, a, b)
    assert (weights >= 1).all()
    assert (np.diff(weights) <= 1e-12).all()


def test_bins_and_marks() -> None:
    space = LabelSpace.of([str(i) for i in range(9)], [0, 1, 4, 5, 19, 20, 99, 100, 1_000], 1_000)
    assert space.bins().tolist() == [0, 1, 1, 2, 2, 3, 3, 4, 5]
    assert [bin_name(i) for i in range(len(BIN_EDGES) + 1)] == ["unseen", "[1, 5)", "[5, 20)", "[20, 100)", "[100, 1000)", "1000 and more"]
    assert [space.mark(i) for i in (0, 4, 5, 6, 7)] == ["tail", "tail", "torso", "torso", "head"]


def test_equality_is_by_value() -> None:
    twin = LabelSpace.of(SPACE.names, SPACE.counts.copy(), 200)
    assert twin == SPACE
    assert hash(twin) == hash(SPACE)
    assert LabelSpace.of(SPACE.names, [3, 150, 20, 1], 200) != SPACE
    assert SPACE != "labels"
