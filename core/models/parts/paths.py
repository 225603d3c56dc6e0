"""Log-odds of a path of decisions: the probability of a label is the product of sigmoids from the root down to it.

With p = sigmoid(a) sigmoid(b):  logit(p) = -log(exp(-a) + exp(-b) + exp(-a - b)), finite and exact where the product itself would be
0 or 1 in single precision. (1/p = (1 + exp(-a)) (1 + exp(-b)), and logit(p) = -log(1/p - 1).) Binary cross-entropy on these log-odds
is the cross-entropy of the product.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from core.types import IntArray


def joint_logit(above: Tensor, below: Tensor) -> Tensor:
    """Log-odds that both hold, of the log-odds of each; any shapes that broadcast."""
    both = -above - below
    return -torch.logsumexp(torch.stack([(-above).expand_as(both), (-below).expand_as(both), both]), dim=0)


def children_of(parents: IntArray, count: int) -> tuple[IntArray, IntArray]:
    """The parent of each node [K] -> the nodes sorted by parent [K], and where each of the `count` parents' begin [count + 1]."""
    order = np.argsort(parents, kind="stable").astype(np.int64)
    return order, np.searchsorted(parents[order], np.arange(count + 1)).astype(np.int64)
