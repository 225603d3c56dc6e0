"""From any numbers to whole ones to a text: by hand on the toy of half-spaces."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from core.attacks.features.coordinates import Coordinates
from core.attacks.features.feasibility import realism_levels, reserve
from core.attacks.features.oracle import FeatureOracle
from core.attacks.features.steps import vector_from_json, vector_json
from core.attacks.goals import Demote
from core.vector import FeatureSpace
from tests.toy_features import Halfspace, vector

DOCUMENT = vector(1, 1, 0, 1, 0, 1)  # scores 3, 1.5, 1.5: games lead


def oracle_at(classifier: Halfspace, goal: Demote = Demote((0,), k=1)) -> tuple[FeatureOracle, Coordinates]:  # noqa: B008 - frozen
    return FeatureOracle(classifier, goal, DOCUMENT), Coordinates.of(DOCUMENT, classifier.space, np.zeros(0, dtype=np.int64))


def test_bits_are_flipped_most_moved_first_and_put_back_where_not_needed() -> None:
    """In this order: without 3 the scores are 3, 0.5, 1; without 0, too, 1, 0.5, 0.5; without 1, too, 0, 1, 0: reached. Then 0 is needed
    (2, 1, 0.5 with it), 3 is not (0, 2, 0.5), nor is 1 (1, 1.5, 1)."""
    oracle, own = oracle_at(Halfspace())
    point = np.asarray([0.1, 0.9, 0.05, 1.0])  # columns 0, 1, 3, 5
    found = realism_levels(oracle, own, point, lambda: 100)
    continuous, feasible, text = found
    assert continuous.reached is False  # 1.1 against 0.6: games still lead
    assert feasible.reached and feasible.vector is not None and feasible.distance is not None
    assert feasible.vector.columns.tolist() == [1, 3, 5]
    assert feasible.distance.l0 == 1
    assert (text.reached, text.text, text.removed, text.put_in) == (True, "chess text code", ("game",), ())
    assert oracle.queries == 1 + 3 + 3  # the document, three flips, each tried without


def test_without_queries_there_is_no_whole_vector_but_the_one_that_was_met() -> None:
    oracle, own = oracle_at(Halfspace())
    assert realism_levels(oracle, own, np.asarray([0.1, 0.9, 0.05, 1.0]), lambda: 0)[1].reached is False
    oracle.ask(own, np.asarray([[0.0, 0.0, 1.0, 1.0]]))
    met = realism_levels(oracle, own, np.asarray([0.1, 0.9, 0.05, 1.0]), lambda: 0)[1]
    assert met.reached and "training document" in met.note
    assert met.vector is not None and met.vector.columns.tolist() == [3, 5]


def test_counts_move_by_whole_numbers_only() -> None:
    space = FeatureSpace("counts", np.zeros(6, np.float32), np.full(6, 4, np.float32), Halfspace().space.names)
    classifier = Halfspace(space=space)
    document = vector(2, 0, 0, 3, 0, 0)  # scores 4, 3, 2.5
    oracle = FeatureOracle(classifier, Demote((0,), k=1), document)
    own = Coordinates.of(document, space, np.zeros(0, dtype=np.int64))
    feasible = realism_levels(oracle, own, np.asarray([1.4, 3.2]), lambda: 100)[1]
    assert feasible.vector is not None
    assert feasible.vector.values.tolist() == [1.0, 3.0]


def test_rows_of_length_1_are_scaled_to_it() -> None:
    space = FeatureSpace("weights", np.zeros(6, np.float32), np.ones(6, np.float32), unit_rows=True)
    classifier, document = Halfspace(space=space), vector(0.8, 0, 0, 0.6, 0, 0)
    oracle = FeatureOracle(classifier, Demote((0,), k=1), document)
    own = Coordinates.of(document, space, np.zeros(0, dtype=np.int64))
    feasible, text = realism_levels(oracle, own, np.asarray([0.1, 0.5]), lambda: 1)[1:]
    assert feasible.vector is not None and feasible.reached
    assert np.isclose(np.linalg.norm(feasible.vector.values), 1)
    assert text.reached is None
    assert "nothing is left" in realism_levels(oracle, own, np.zeros(2), lambda: 1)[1].note


def test_what_is_kept_of_a_budget() -> None:
    own = oracle_at(Halfspace())[1]
    assert (reserve(own, True, 1_000), reserve(own, True, 20), reserve(own, False, 1_000)) == (8, 2, 1)


def test_vectors_survive_json() -> None:
    made = vector(0.1, 0, 1 / 3, 0, 0, 2)
    again = vector_from_json(vector_json(made, Halfspace().space), 6)
    assert again.digest == made.digest
    assert isinstance(again.matrix, sparse.csr_array)
