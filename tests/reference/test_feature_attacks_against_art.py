"""HopSkipJump, Boundary and ZOO beside those of the Adversarial Robustness Toolbox: same predicate, start, bounds and budget, on a
half-space whose nearest point is known. ART is wrapped as methods.md 6.2 says: two classes, not reached and reached."""

from __future__ import annotations

import warnings
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from core.attacks.features import FEATURE_ATTACKS, feature_attack
from core.attacks.goals import Demote
from core.types import FloatArray
from tests.contracts.test_feature_attacks import SIZE, measurements
from tests.toy_features import start_of

BUDGET = 1_500
ART: dict[str, tuple[str, dict[str, Any]]] = {
    "hop-skip-jump": ("HopSkipJump", {"max_iter": 100, "init_eval": 40}),
    "boundary": ("BoundaryAttack", {"targeted": False, "delta": 0.1, "epsilon": 0.1, "sample_size": 5}),
    "zoo": (
        "ZooAttack", {"nb_parallel": 16, "learning_rate": 0.2, "initial_const": 3.0, "max_iter": 10, "binary_search_steps": 4, "variable_h": 0.01},
    ),
}  # fmt: skip


class Spent(Exception):
    """The budget is spent."""


def nearest_by_art(name: str, session: Any, start: FloatArray | None) -> float:
    """The distance of the nearest success within the budget; inf for none."""
    evasion = pytest.importorskip("art.attacks.evasion")
    from art.estimators.classification import BlackBoxClassifier

    oracle, own, kind, settings = session.oracle, session.coordinates, *ART[name]
    oracle.best, oracle.queries = None, 1

    def predict(points: Any) -> Any:
        left = BUDGET - oracle.queries
        if left < len(points):
            raise Spent
        reached, margins = oracle.ask(own, own.frame(None).clip(np.asarray(points, dtype=np.float64).reshape(len(points), -1)))
        columns = (-margins, margins) if name == "zoo" else (~reached, reached)
        return np.stack(columns, axis=1).astype(np.float32)

    reach = float(max(own.high.max(), -own.low.min()))
    estimator = BlackBoxClassifier(predict, input_shape=(SIZE,), nb_classes=2, clip_values=(-reach, reach))
    more = {} if start is None else {"x_adv_init": start[None].astype(np.float32)}
    with suppress(Spent), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        attack = getattr(evasion, kind)(estimator, verbose=False, **settings)
        attack.generate(own.origin[None].astype(np.float32), y=np.asarray([[1.0, 0.0]]), **more)
    return float("inf") if oracle.best is None else float(oracle.best[0])


@pytest.mark.slow
@pytest.mark.parametrize("name", list(FEATURE_ATTACKS))
def test_no_farther_than_art_with_the_same_budget(name: str) -> None:
    classifier, pool, document, minimum = measurements()
    attack = feature_attack(name, Demote((0,), k=1), queries=BUDGET)
    session = attack.begin(classifier, document, pool)
    ours = list(session.steps())[-1].nearest
    other = attack.begin(classifier, document, pool)
    theirs = nearest_by_art(name, other, None if name == "zoo" else start_of(other))
    assert ours is not None
    assert ours >= minimum - 1e-6 and theirs >= minimum - 1e-6  # neither finds what cannot be
    assert ours <= theirs * 1.02


@pytest.mark.slow
def test_both_mean_the_same_by_reached() -> None:
    """What ART returns as adversarial reaches our goal, scored afresh."""
    classifier, pool, document, _ = measurements()
    session = feature_attack("hop-skip-jump", Demote((0,), k=1), queries=BUDGET).begin(classifier, document, pool)
    nearest_by_art("hop-skip-jump", session, start_of(session))
    assert session.oracle.best is not None
    view = session.oracle.fresh(session.coordinates.vector(session.oracle.best[1]))
    assert session.oracle.reached(view)
    assert view.rank(0) > 1
