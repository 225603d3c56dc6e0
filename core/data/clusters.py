"""Semantic label indexing: PIFA label features and balanced spherical 2-means (methods.md 2.1; Chang et al. 2020, section 3.1;
Prabhu et al. 2018, Parabel, section 3.2)."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from core.errors import InputError
from core.types import IntArray

ITERATIONS = 20


def _unit_rows(matrix: sparse.csr_array) -> sparse.csr_array:
    norms = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    scale = np.divide(1.0, norms, out=np.zeros(len(norms)), where=norms > 0)
    return sparse.csr_array(sparse.diags_array(scale) @ matrix)


def pifa(truth: sparse.csr_array, features: sparse.csr_array) -> sparse.csr_array:
    """Positive instance feature aggregation: truth [n, L], features [n, F] -> label features [L, F] with unit rows.

    Each document votes 1/sqrt(|Y|) for its labels. A label without documents has a zero row.
    """
    if truth.shape[0] != features.shape[0]:
        raise InputError(f"{truth.shape[0]} rows of truth do not fit {features.shape[0]} feature vectors")
    votes = _unit_rows(sparse.csr_array(truth, dtype=np.float64))
    return _unit_rows(sparse.csr_array(votes.T @ features))


def _halves(features: sparse.csr_array, seed: int) -> tuple[IntArray, IntArray]:
    """Row indices of the two halves of a node: the floor(n/2) rows nearest one centre, the others. Ties by index."""
    n = features.shape[0]
    generator = np.random.default_rng(seed)
    left, right = generator.choice(n, size=2, replace=False)
    direction = features[[right]] - features[[left]]
    chosen = np.zeros(n, dtype=np.bool_)
    for _ in range(ITERATIONS):
        cosine = np.asarray((features @ direction.T).todense()).ravel()
        order = np.argsort(cosine, kind="stable")
        now = np.zeros(n, dtype=np.bool_)
        now[order[: n // 2]] = True
        if np.array_equal(now, chosen):
            break
        chosen = now
        centres = [_unit_rows(sparse.csr_array(features[np.flatnonzero(side)].sum(axis=0)[None])) for side in (chosen, ~chosen)]
        direction = centres[1] - centres[0]
    return np.flatnonzero(chosen), np.flatnonzero(~chosen)


def cluster(features: sparse.csr_array, max_leaf: int, seed: int = 0) -> IntArray:
    """Split labels [L, F] in halves until every leaf holds at most `max_leaf`: the leaf of each label [L], numbered from
    left to right. Sizes of two halves differ by at most one; the same seed gives the same tree; labels with zero
    features are split like the others, so that every label lies in exactly one leaf."""
    if max_leaf < 1:
        raise InputError(f"a leaf must hold at least one label, not {max_leaf}")
    leaf = np.zeros(features.shape[0], dtype=np.int64)
    features = sparse.csr_array(features, dtype=np.float64)
    pending = [(np.arange(features.shape[0]), 1)]
    done: list[IntArray] = []
    while pending:
        rows, node = pending.pop()
        if len(rows) <= max_leaf:
            done.append(rows)
            continue
        # A node's number in the binary tree seeds its split, so that a subtree does not depend on its neighbours.
        left, right = _halves(features[rows], int(np.random.SeedSequence([seed, node]).generate_state(1)[0]))
        pending += [(rows[right], 2 * node + 1), (rows[left], 2 * node)]
    for number, rows in enumerate(done):
        leaf[rows] = number
    return leaf
