"""AttentionXML's shallow and wide tree of labels (You et al. 2019, section 3.2): which nodes a label's path goes through.

The balanced binary tree of core.data.clusters, of which only some levels are kept: leaves of at most `max_leaf` labels, the level whose
nodes hold at most `fan_out` times as many, and so on up to a level of at most `top` nodes. With the defaults Amazon-670K's tree has the
paper's levels of 2^11, 2^14 and 2^17 nodes above the labels. A tree without levels is every label at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Self

import numpy as np
from scipy import sparse

from core.data.clusters import cluster
from core.errors import InputError
from core.models.parts.paths import children_of
from core.types import IntArray


@dataclass(frozen=True)
class Tree:
    """`parents[i]`: of each node of level i + 1 (of the last level: of each label) its node in level i. `labels`: how many there are."""

    labels: int
    parents: tuple[IntArray, ...] = ()

    def __post_init__(self) -> None:
        if self.parents and len(self.parents[-1]) != self.labels:
            raise InputError(f"the tree's last level has {len(self.parents[-1])} nodes for {self.labels} labels")
        for own, below in zip(self.sizes, self.parents, strict=False):
            if not np.array_equal(np.unique(below), np.arange(own)):
                raise InputError(f"a level of the tree has {own} nodes, but its children name others or leave some out")

    @classmethod
    def build(cls, features: sparse.csr_array, max_leaf: int, fan_out: int, top: int, seed: int) -> Self:
        """From the labels' features [L, F]. The same seed and features give the same tree."""
        if fan_out & (fan_out - 1):
            raise InputError(f"fan_out must be a power of 2, as the tree below it is binary; got {fan_out}")
        count, size = features.shape[0], max_leaf
        levels: list[IntArray] = []  # of each label its node, the lowest level first
        while not levels or int(levels[-1].max()) + 1 > top:
            # A coarser clustering of the same seed is a cut through the same binary tree higher up.
            levels.append(cluster(features, size, seed))
            size *= fan_out
        parents: list[IntArray] = [levels[0]]
        for below, above in pairwise(levels):
            first = np.unique(below, return_index=True)[1]  # any label of a node leads to the node above it
            parents.insert(0, above[first])
        return cls(count, tuple(parents))

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """Nodes of each level, the labels last."""
        above = tuple(int(each.max(initial=-1)) + 1 for each in self.parents)
        return (*above, self.labels)

    @cached_property
    def paths(self) -> IntArray:
        """The node of each label in each level, the label itself last: [levels, L]."""
        rows = [np.arange(self.labels, dtype=np.int64)]
        for above in reversed(self.parents):
            rows.insert(0, above[rows[0]])
        return np.stack(rows)

    @cached_property
    def _children(self) -> list[tuple[IntArray, IntArray]]:
        return [children_of(above, size) for above, size in zip(self.parents, self.sizes, strict=False)]

    def children(self, level: int, nodes: IntArray) -> IntArray:
        """The nodes of level + 1 below these nodes of `level`, in the nodes' order."""
        order, starts = self._children[level]
        return np.concatenate([order[starts[node] : starts[node + 1]] for node in nodes]) if len(nodes) else np.zeros(0, dtype=np.int64)

    def truth(self, level: int, labels: sparse.csr_array) -> sparse.csr_array:
        """Which nodes of a level hold a label of each document: [n, L] -> [n, K], 0/1."""
        membership = sparse.csr_array((np.ones(self.labels), (np.arange(self.labels), self.paths[level])), shape=(self.labels, self.sizes[level]))
        return sparse.csr_array((labels @ membership) > 0, dtype=np.float32)
