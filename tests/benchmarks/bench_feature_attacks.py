"""Our HopSkipJump, Boundary and ZOO against ART's, on BibTeX: same classifier, predicate, start, coordinates, budget and documents.

The goal: a true label of the top 5 leaves it. What may move: the document's own features, between 0 and 1. The start: the nearest
training document that reaches the goal; ART is given ours for nothing, ours pays for finding it. Each side may make BUDGET queries, and of
each the nearest point that reached the goal within them counts, not the last. Queries to a distance: how many of ours were made when we
were first as near as ART was at its end. Bits flipped: of the vector of whole bits that the same function (core.attacks.features.feasibility)
makes of either's point. Settings of both sides were chosen on dev documents; ART's defaults stand beside them where they differ.

Run by `make bench`, or alone: python -m tests.benchmarks.bench_feature_attacks [documents] [queries] [split]
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from core.attacks.features import FeatureSession, Pool, feature_attack
from core.attacks.features.feasibility import realism_levels
from core.attacks.goals import Demote
from core.data import is_present, load_dataset
from core.data.bags import complete
from core.data.dataset import Dataset, truth_for
from core.models import load
from core.types import FeatureClassifier, FloatArray
from core.vector import FeatureVector
from tests.toy_features import start_of

DOCUMENTS, BUDGET, K, SEED = 50, 1_000, 5, 0
CHECKPOINT = "bibtex-linear"
ART: dict[str, tuple[tuple[str, str, dict[str, Any]], ...]] = {
    "hop-skip-jump": (
        ("defaults", "HopSkipJump", {"max_iter": 1_000}),
        ("tuned on dev", "HopSkipJump", {"max_iter": 1_000, "init_eval": 10}),
    ),
    "boundary": (
        ("defaults", "BoundaryAttack", {"targeted": False}),
        ("tuned on dev", "BoundaryAttack", {"targeted": False, "delta": 0.1, "epsilon": 0.1, "sample_size": 5}),
    ),
    "zoo": (
        ("defaults", "ZooAttack", {"nb_parallel": 16}),
        (
            "tuned on dev", "ZooAttack",
            {"nb_parallel": 64, "learning_rate": 0.5, "initial_const": 10.0, "max_iter": 5, "binary_search_steps": 10, "variable_h": 0.01,
             "abort_early": False},
        ),
    ),
}  # fmt: skip
"""Per search of ours: ART's class with its settings. `max_iter` of HopSkipJump only ends it; the budget is what counts."""


@dataclass(frozen=True)
class Outcome:
    """One attack on one document. `nearest` [queries]: the distance of the nearest success after each query, inf before the first."""

    nearest: FloatArray
    l0: int
    flips: int | None
    seconds: float
    cpu: float

    @property
    def success(self) -> bool:
        return bool(np.isfinite(self.nearest[-1]))


class _Spent(Exception):
    """The budget is spent; raised through ART, which has no other way to be stopped."""


class Predicate:
    """What ART calls: points [n, m] -> two columns, not reached and reached; for ZOO the two signs of the goal margin. Keeps the budget."""

    def __init__(self, session: FeatureSession, scores: bool, budget: int) -> None:
        self.session, self.scores, self.budget = session, scores, budget

    def __call__(self, points: Any) -> Any:
        oracle, own = self.session.oracle, self.session.coordinates
        left = self.budget - oracle.queries
        asked = own.frame(None).clip(np.asarray(points, dtype=np.float64).reshape(len(points), -1))
        if len(asked[:left]) and self.scores:
            margins = oracle.ask(own, asked[:left])[1]
            columns = -margins, margins
        elif len(asked[:left]):
            reached = oracle.decide(own, asked[:left])
            columns = ~reached, reached
        if left < len(asked):
            raise _Spent
        return np.stack(columns, axis=1).astype(np.float32)


def documents(classifier: FeatureClassifier, dataset: Dataset, split: str, count: int) -> list[tuple[FeatureVector, int]]:
    """Documents drawn at random, each with its best label that is true and in the top K."""
    part = dataset.split(split)
    assert part.features is not None
    truth, top = truth_for(part, dataset.label_names, classifier.labels)[0], classifier.retrieve_features(part.features, K)[0]
    found = []
    for row in np.random.default_rng(SEED).permutation(len(part)).tolist():
        hit = [int(label) for label in top[row] if label in truth[[row]].indices]
        if hit:
            found.append((FeatureVector.of(sparse.csr_array(part.features[[row]])), hit[0]))
    return found[:count]


def ours(name: str, classifier: FeatureClassifier, pool: Pool, document: FeatureVector, label: int, budget: int, **settings: Any) -> Outcome:
    session = feature_attack(name, Demote((label,), K), queries=budget, **settings).begin(classifier, document, pool)
    clock, cpu = time.perf_counter(), time.process_time()
    final = list(session.steps())[-1]
    spent = time.perf_counter() - clock, time.process_time() - cpu
    feasible = next((level for level in final.levels if level.name == "feasible"), None)
    flips = feasible.distance.l0 if feasible and feasible.reached and feasible.distance else None
    l0 = final.levels[0].distance.l0 if final.levels and final.levels[0].distance else 0
    return Outcome(np.asarray(session.oracle.nearest_trace), l0, flips, *spent)


def theirs(
    name: str, kind: str, settings: dict[str, Any], classifier: FeatureClassifier, pool: Pool, document: FeatureVector, label: int, budget: int
) -> Outcome:
    """ART, as methods.md 6.2 wraps it. ZOO clips the noise, not the point, so its bounds must let a value fall."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from art.attacks import evasion
        from art.estimators.classification import BlackBoxClassifier
    session = feature_attack(name, Demote((label,), K), queries=budget).begin(classifier, document, pool)
    own, zoo = session.coordinates, name == "zoo"
    start = None if zoo else start_of(session)
    oracle = session.oracle
    oracle.queries, oracle.best = 1, None
    del oracle.nearest_trace[1:]
    predicate = Predicate(session, zoo, budget)
    m = len(own)
    estimator = BlackBoxClassifier(predicate, input_shape=(m,), nb_classes=2, clip_values=(-1.0, 1.0) if zoo else (0.0, 1.0))
    settings = {**settings, "verbose": False, **({"nb_parallel": min(m, settings["nb_parallel"])} if zoo else {})}
    np.random.seed(SEED)  # noqa: NPY002 - the only seed that ART knows
    attack = getattr(evasion, kind)(estimator, **settings)
    clock, cpu = time.perf_counter(), time.process_time()
    more = {} if start is None else {"x_adv_init": start[None].astype(np.float32)}
    with suppress(_Spent):
        attack.generate(own.origin[None].astype(np.float32), y=np.asarray([[1.0, 0.0]]), **more)
    spent = time.perf_counter() - clock, time.process_time() - cpu
    nearest = np.asarray(oracle.nearest_trace)
    if oracle.best is None:
        return Outcome(nearest, 0, None, *spent)
    found = realism_levels(oracle, own, oracle.best[1], lambda: 10_000)
    feasible = found[1].distance.l0 if found[1].reached and found[1].distance else None
    return Outcome(nearest, found[0].distance.l0 if found[0].distance else 0, feasible, *spent)


def until(one: Outcome, other: Outcome) -> float:
    """How many queries `one` made until it was as near as `other` was at its end; inf where it never was."""
    if not other.success:
        return 1.0 if one.success else np.inf
    hit = np.flatnonzero(one.nearest <= other.nearest[-1] * (1 + 1e-9))
    return float(hit[0] + 1) if len(hit) else np.inf


@cache
def material() -> tuple[Any, Dataset]:
    return load(CHECKPOINT), complete(load_dataset("bibtex"))


def compare(name: str, count: int, budget: int, split: str = "test") -> list[str]:
    """Lines to print: ours, then each of ART's."""
    classifier, dataset = material()
    pool, chosen = Pool.of(classifier, dataset), documents(classifier, dataset, split, count)
    mine = [ours(name, classifier, pool, document, label, budget) for document, label in chosen]
    lines = [f"{name}: {len(chosen)} BibTeX documents ({split}), {budget:,} queries", _line("ours", mine)]
    for title, kind, settings in ART[name]:
        other = [theirs(name, kind, settings, classifier, pool, document, label, budget) for document, label in chosen]
        lines.append(_line(f"ART, {title}", other))
        both = [(one, two) for one, two in zip(mine, other, strict=True) if two.success]
        if both:
            needed = np.asarray([until(one, two) / len(two.nearest) for one, two in both])
            lines.append(
                f"    ours as near as ART at its end: {np.isfinite(needed).sum()} of {len(both)}, after a median of {100 * np.median(needed):.0f} % "
                f"of its queries; time {np.median([one.cpu / two.cpu for one, two in both]):.2f} x (CPU, median of ratios)"
            )
    return lines


def _line(title: str, outcomes: list[Outcome]) -> str:
    won = [one for one in outcomes if one.success]
    flips = [one.flips for one in outcomes if one.flips is not None]

    def median(values: Callable[[Outcome], float]) -> str:
        return f"{np.median([values(one) for one in won]):.3g}" if won else "-"

    return (
        f"  {title:18s} success {len(won)}/{len(outcomes)}, L2 {median(lambda one: one.nearest[-1])}, L0 {median(lambda one: one.l0)}, whole bits "
        f"{len(flips)}/{len(outcomes)} with {np.median(flips) if flips else float('nan'):.3g} flipped, queries "
        f"{np.median([len(one.nearest) for one in outcomes]):.0f}, {np.median([one.seconds for one in outcomes]):.2f} s "
        f"({np.median([one.cpu for one in outcomes]):.2f} s CPU)"
    )


@pytest.mark.benchmark
@pytest.mark.parametrize("name", list(ART))
def test_against_art(name: str) -> None:
    pytest.importorskip("art")
    if not is_present("bibtex"):
        pytest.skip("the files of bibtex are not here: set TREMOR_DATA")
    print("\n" + "\n".join(compare(name, DOCUMENTS, BUDGET)))


if __name__ == "__main__":
    given = sys.argv[1:]
    for each in ART:
        print("\n".join(compare(each, int(given[0]) if given else DOCUMENTS, int(given[1]) if given[1:] else BUDGET, *given[2:3])), flush=True)
