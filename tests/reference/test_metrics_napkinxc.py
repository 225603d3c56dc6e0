"""Our metrics against napkinXC 0.7's on random cases with ties and short rows.

Read in its source (napkinxc/metrics.py), the definitions agree, term by term:
- precision, recall, nDCG: means over documents, the denominator of P@k stays k, nDCG's ideal has min(k, m) places;
- psprecision: a ratio of sums over documents, sum(1/p of the hits) / sum(the min(k, m) largest 1/p of the truth); its
  1/k stands on both sides and cancels;
- psndcg: pyxclib's convention, sum(DCG / ideal) / sum(best DCG / ideal), where ideal is the plain DCG of min(k, m) hits;
- Jain's inverse propensities, for labels that occur in training.

They differ in four places, each pinned below:
1. documents without a true label: napkinXC keeps them, as 0, in the means; we leave them out and say how many;
2. ties: napkinXC sorts a dense matrix with an unstable argsort, so that a tie falls as it falls; we rank ties by label id.
   Both sides are therefore given the same ranked lists;
3. a label that never occurs in training: napkinXC puts its count of 0 into the formula, we read it as 1;
4. places that a beam left empty: napkinXC takes shorter lists, we also take -1 in their place.
"""

from __future__ import annotations

import numpy as np
import pytest
from napkinxc import metrics as napkinxc

from core.data.dataset import truth_matrix
from core.labels import inverse_propensities
from core.metrics import METRICS, find_hits, value
from core.ranking import top_k

THEIRS = {"P": napkinxc.precision_at_k, "R": napkinxc.recall_at_k, "nDCG": napkinxc.ndcg_at_k}
THEIRS_WEIGHTED = {"PSP": napkinxc.psprecision_at_k, "PSnDCG": napkinxc.psndcg_at_k}

Case = tuple[np.ndarray, list[list[int]], np.ndarray]


def random_case(seed: int, empty: bool = False) -> Case:
    """Ranked ids [n, K] with -1 after the end of short rows, true labels of each document, inverse propensities [L]."""
    rng = np.random.default_rng(seed)
    n, labels = int(rng.integers(1, 12)), int(rng.integers(1, 40))
    scores = rng.integers(0, 5, (n, labels)).astype(np.float32)  # five values: nearly every row has ties
    predicted = top_k(scores, 5)
    for row in np.flatnonzero(rng.random(n) < 0.3):
        predicted[row, int(rng.integers(0, predicted.shape[1] + 1)) :] = -1
    fewest = 0 if empty else 1
    true = [rng.choice(labels, int(rng.integers(fewest, min(labels, 9) + 1)), replace=False).tolist() for _ in range(n)]
    return predicted, true, inverse_propensities(rng.integers(1, 900, labels), 1_000)


def ours(case: Case) -> tuple[dict[str, float], int]:
    predicted, true, inverse = case
    judged = find_hits(predicted, truth_matrix(true, len(inverse)), inverse)
    return {name: value(metric(judged, k)) for name, (metric, k) in METRICS.items()}, judged.excluded


def theirs(case: Case) -> dict[str, float]:
    predicted, true, inverse = case
    ranked = [[int(label) for label in row if label >= 0] for row in predicted]
    found = {kind: function(true, ranked, k=5) for kind, function in THEIRS.items()}
    found |= {kind: function(true, ranked, inverse, k=5) for kind, function in THEIRS_WEIGHTED.items()}
    return {f"{kind}@{k}": float(values[k - 1]) for kind, values in found.items() for k in (1, 3, 5)}


@pytest.mark.slow
def test_1000_random_cases_agree_to_1e_6() -> None:
    worst = 0.0
    for seed in range(1_000):
        case = random_case(seed)
        mine, reference = ours(case)[0], theirs(case)
        assert mine.keys() == reference.keys()
        worst = max(worst, *(abs(mine[name] - reference[name]) for name in mine))
    assert worst < 1e-6


@pytest.mark.parametrize("seed", range(50))
def test_difference_1_documents_without_truth(seed: int) -> None:
    """Our means over the documents with truth, scaled to all documents, are theirs; ratios of sums are the same."""
    case = random_case(seed, empty=True)
    mine, excluded = ours(case)
    n = len(case[1])
    if excluded < n:
        scaled = {name: figure if name.startswith("PS") else figure * (n - excluded) / n for name, figure in mine.items()}
        assert scaled == pytest.approx(theirs(case), abs=1e-6)


def test_difference_3_inverse_propensities() -> None:
    truth = truth_matrix(np.random.default_rng(0).integers(0, 30, (80, 4)).tolist(), 32).toarray()
    counts = truth.sum(axis=0).astype(np.int64)
    reference = napkinxc.Jain_et_al_inverse_propensity(truth)
    mine = inverse_propensities(counts, len(truth))
    np.testing.assert_allclose(mine[counts > 0], reference[counts > 0], rtol=1e-6)
    assert (counts[30:] == 0).all()
    assert (mine[30:] < reference[30:]).all()
