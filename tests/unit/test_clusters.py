"""Label clusters: balanced halves, every label in one leaf, the same seed the same tree (methods.md, section 11, no. 4)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from core.data.clusters import cluster, pifa
from core.data.dataset import truth_matrix
from core.errors import InputError


def label_features(labels: int, seed: int) -> sparse.csr_array:
    rng = np.random.default_rng(seed)
    dense = rng.random((labels, 6)) * (rng.random((labels, 6)) < 0.5)
    dense[::5] = 0  # labels that nothing is known of
    return sparse.csr_array(dense)


@pytest.mark.slow
@settings(max_examples=30)
@given(st.integers(0, 60), st.integers(1, 9), st.integers(0, 5))
def test_every_label_lies_in_one_leaf_of_balanced_size(labels: int, most: int, seed: int) -> None:
    leaf = cluster(label_features(labels, seed), most, seed)
    sizes = np.bincount(leaf, minlength=1)
    assert len(leaf) == labels
    assert sizes.max() <= most
    assert (sizes > 0).all() or labels == 0
    # Halves differ by at most one, so leaves of one depth do, and depths differ by at most one.
    assert sizes.max() <= 2 * max(1, sizes.min()) + 1


@pytest.mark.slow
def test_the_same_seed_gives_the_same_tree() -> None:
    features = label_features(50, 1)
    assert np.array_equal(cluster(features, 4, 3), cluster(features, 4, 3))
    assert not np.array_equal(cluster(features, 4, 3), cluster(features, 4, 4))


def test_labels_of_one_kind_lie_together() -> None:
    """Two groups along two axes, four labels each: the first split must find them, whatever the seeds are."""
    features = sparse.csr_array(np.array([[1, 0.1 * i] for i in range(4)] + [[0.1 * i, 1] for i in range(4)]))
    for seed in range(10):
        leaf = cluster(features, 4, seed)
        assert len(set(leaf[:4])) == len(set(leaf[4:])) == 1
        assert leaf[0] != leaf[4]


def test_a_leaf_holds_at_least_one() -> None:
    with pytest.raises(InputError, match="at least one label, not 0"):
        cluster(label_features(4, 0), 0)


def test_pifa_by_hand() -> None:
    """Document 0 has both labels and votes 1/sqrt(2) for each; document 1 votes 1 for label 1. Rows are then unit length."""
    features = pifa(truth_matrix([[0, 1], [1]], 3), sparse.csr_array(np.array([[3.0, 0], [0, 2.0]])))
    second = np.array([3 / np.sqrt(2), 2.0])
    np.testing.assert_allclose(features.toarray(), [[1, 0], second / np.linalg.norm(second), [0, 0]])
    with pytest.raises(InputError, match="2 rows of truth do not fit 1 feature"):
        pifa(truth_matrix([[0], [0]], 1), sparse.csr_array((1, 4)))
