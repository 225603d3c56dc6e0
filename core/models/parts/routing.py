"""Which documents a label's machine is trained on, where all of them would take too long: those that a label tree names."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from core.models.parts.one_vs_rest import Rows
from core.types import IntArray


def matched(truth: sparse.csr_array, cluster: IntArray) -> sparse.csr_array:
    """truth [n, L] and the cluster of each label [L] -> [n, K], 1 where a document has a label of the cluster."""
    membership = sparse.csr_array((np.ones(len(cluster)), (np.arange(len(cluster)), cluster)))
    return sparse.csr_array((truth @ membership) > 0, dtype=np.float32)


def near_and_random(truth: sparse.csr_array, cluster: IntArray, negatives: int, seed: int) -> Rows:
    """For each label the documents that have a label of its cluster, where the hard negatives lie, and `negatives` drawn at
    random, for each label its own: without them a machine never sees most of the collection, and its margins there could
    not be compared with another's."""
    near = sparse.csc_array(matched(truth, cluster))
    count = truth.shape[0]

    def rows(label: int) -> IntArray:
        place = cluster[label]
        own = near.indices[near.indptr[place] : near.indptr[place + 1]]
        drawn = np.random.default_rng([seed, label]).choice(count, min(negatives, count), replace=False, shuffle=False)
        return np.union1d(own, drawn).astype(np.int64)

    return rows
