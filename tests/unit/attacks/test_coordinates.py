"""Where an attack on vectors may move, and from where it starts: by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from core.attacks.features.coordinates import Coordinates, Pool, added_features, distances, starting_points
from core.attacks.features.oracle import FeatureOracle
from core.attacks.goals import AnyGoal, Demote, Disturb, Promote
from core.attacks.seen import Start
from core.data.dataset import Dataset, Split, truth_matrix
from core.errors import InputError
from core.vector import FeatureSpace
from tests.toy_features import LABELS, Halfspace, vector

DOCUMENT = vector(1, 1, 0, 1, 0, 0)
TRAIN = np.asarray(
    [[0, 0, 0, 1, 1, 0], [0, 1, 0, 1, 0, 0], [1, 1, 1, 0, 0, 0], [1, 1, 0, 1, 0, 0], [0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 0]], dtype=np.float32
)  # fmt: skip
TRUTH = ([1], [0, 1], [0], [0], [1, 2], [1])


def dataset(features: np.ndarray = TRAIN) -> Dataset:
    split = Split(tuple("abcdef"), truth_matrix(TRUTH, 3), None, sparse.csr_array(features))
    return Dataset("toy", LABELS.names, {"train": split})


def pool() -> Pool:
    return Pool.of(Halfspace(), dataset())


def start(goal: AnyGoal, truth: tuple[int, ...] | None = None) -> Start:
    return FeatureOracle(Halfspace(), goal, DOCUMENT, truth).start


def coordinates(*added: int) -> Coordinates:
    return Coordinates.of(DOCUMENT, Halfspace().space, np.asarray(added, dtype=np.int64))


def test_the_document_is_in_its_own_coordinates() -> None:
    own = coordinates(4)
    assert own.columns.tolist() == [0, 1, 3, 4]
    assert own.origin.tolist() == [1, 1, 1, 0]
    assert own.vector(own.origin).digest == DOCUMENT.digest
    whole = own.vectors(np.asarray([[0.5, 0, 0, 2.0]])).todense()
    np.testing.assert_array_equal(whole, [[0.5, 0, 0, 0, 2, 0]])


def test_bounds_hold_the_document_although_training_did_not_go_so_far() -> None:
    space = FeatureSpace("reals", np.full(6, -0.5, np.float32), np.full(6, 0.5, np.float32))
    own = Coordinates.of(DOCUMENT, space, np.zeros(0, dtype=np.int64))
    assert (own.low.tolist(), own.high.tolist()) == ([-0.5] * 3, [1.0] * 3)


def test_who_is_likely_to_meet_the_goal() -> None:
    assert pool().likely(Demote((0,), k=1), start(Demote((0,), k=1))).tolist() == [True, False, False, False, True, True]
    assert pool().likely(Promote((1, 2), k=2), start(Promote((1, 2), k=2))).tolist() == [False, False, False, False, True, False]
    assert pool().likely(Disturb(k=1), start(Disturb(k=1), (0,))).tolist() == [True, False, False, False, True, True]


def test_starts_come_likely_first_then_nearest_no_two_alike_and_never_the_document() -> None:
    points = starting_points(Demote((0,), k=1), start(Demote((0,), k=1)), coordinates(), pool(), 10)
    # cut to columns 0, 1 and 3: rows 0, 4 and 5 are alike; row 3 is the document itself
    assert points.tolist() == [[0, 0, 1], [0, 1, 1], [1, 1, 0]]
    assert len(starting_points(Demote((0,), k=1), start(Demote((0,), k=1)), coordinates(), pool(), 2)) == 2


def test_added_features_stand_out_among_the_likely() -> None:
    """Label 1 without label 0: rows 0, 4 and 5, whose mean of feature 4 is 1 (1/2 over all) and of feature 5 is 1/3 (1/6 over all)."""
    goal = Demote((0,), k=1)
    assert added_features(goal, start(goal), DOCUMENT, pool(), 1).tolist() == [4]
    assert added_features(goal, start(goal), DOCUMENT, pool(), 10).tolist() == [4, 5]
    assert added_features(goal, start(goal), DOCUMENT, pool(), 0).tolist() == []


def test_distances_are_euclidean() -> None:
    np.testing.assert_allclose(distances(pool().vectors, DOCUMENT), np.linalg.norm(TRAIN - [1, 1, 0, 1, 0, 0], axis=1))


def test_a_pool_must_fit() -> None:
    with pytest.raises(InputError, match="has 5 features, 'toy-halfspace' reads 6"):
        Pool.of(Halfspace(), dataset(TRAIN[:, :5]))
    texts = Dataset("texts", LABELS.names, {"train": Split(("a",), truth_matrix([[0]], 3), ("chess",))})
    with pytest.raises(InputError, match="holds no vectors to start from"):
        Pool.of(Halfspace(), texts)
