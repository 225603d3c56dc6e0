"""Which documents a label is trained on: its cluster's, and a seeded random sample of the others."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from core.data.dataset import truth_matrix
from core.models.parts.one_vs_rest import fit_one_vs_rest
from core.models.parts.routing import matched, near_and_random

TRUTH = truth_matrix([[0], [1, 2], [3], [], [0, 3], [2]], 4)
CLUSTER = np.array([0, 0, 1, 1])


def test_a_document_matches_the_clusters_of_its_labels() -> None:
    np.testing.assert_array_equal(matched(TRUTH, CLUSTER).toarray(), [[1, 0], [1, 1], [0, 1], [0, 0], [1, 1], [0, 1]])


def test_the_documents_of_the_cluster_are_always_there() -> None:
    rows = near_and_random(TRUTH, CLUSTER, 0, seed=0)
    assert [rows(label).tolist() for label in range(4)] == [[0, 1, 4], [0, 1, 4], [1, 2, 4, 5], [1, 2, 4, 5]]


def test_the_sample_is_the_labels_own_and_follows_from_the_seed() -> None:
    truth = sparse.csr_array(sparse.random(1_000, 4, 0.01, random_state=0) > 0, dtype=np.float32)
    near, rows = near_and_random(truth, CLUSTER, 0, seed=0), near_and_random(truth, CLUSTER, 50, seed=0)
    for label in range(4):
        found = rows(label)
        assert (np.diff(found) > 0).all()
        assert set(near(label)) <= set(found)
        assert len(near(label)) + 40 <= len(found) <= len(near(label)) + 50
        np.testing.assert_array_equal(found, near_and_random(truth, CLUSTER, 50, seed=0)(label))
    assert not np.array_equal(rows(0), rows(1)) and not np.array_equal(rows(0), near_and_random(truth, CLUSTER, 50, seed=1)(0))


def test_a_sample_of_everything_is_one_vs_rest() -> None:
    features = sparse.csr_array(sparse.random(60, 12, 0.3, random_state=0), dtype=np.float32)
    truth = sparse.csr_array((np.random.default_rng(0).random((60, 4)) < 0.3).astype(np.float32))
    routed = fit_one_vs_rest(features, truth, rows=near_and_random(truth, CLUSTER, 1_000, seed=0))
    np.testing.assert_array_equal(routed[0].toarray(), fit_one_vs_rest(features, truth)[0].toarray())
