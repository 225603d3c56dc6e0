"""How little must a feature vector change until a label goes away? Decision- and score-based attacks on vectors.

    attack = feature_attack("hop-skip-jump", Demote((label,)), queries=1_000)
    result = run(attack, classifier, vector, Pool.of(classifier, dataset))

A FeatureAttack is a goal, shared with the attacks on words, and a search over points; `core.attacks.features.session` drives it.
"""

from __future__ import annotations

from typing import Any

from core.attacks.features.coordinates import Pool
from core.attacks.features.result import FeatureReplayed, FeatureResult, replay, run
from core.attacks.features.session import FeatureAttack, FeatureSession
from core.attacks.features.steps import REALISM_LEVELS, Distance, FeatureStep, Realism
from core.attacks.goals import AnyGoal
from core.attacks.searches.boundary import Boundary
from core.attacks.searches.hop_skip_jump import HopSkipJump
from core.attacks.searches.points import PointSearch
from core.attacks.searches.zoo import Zoo
from core.errors import SettingsError
from core.fields import from_json

__all__ = [
    "FEATURE_ATTACKS",
    "REALISM_LEVELS",
    "Distance",
    "FeatureAttack",
    "FeatureReplayed",
    "FeatureResult",
    "FeatureSession",
    "FeatureStep",
    "PointSearch",
    "Pool",
    "Realism",
    "feature_attack",
    "replay",
    "run",
]  # fmt: skip

FEATURE_ATTACKS: dict[str, type[PointSearch]] = {kind.NAME: kind for kind in (HopSkipJump, Boundary, Zoo)}
"""Every search over points: its name on the command line and in links -> its class, a component with settings."""


def feature_attack(name: str, goal: AnyGoal, **settings: Any) -> FeatureAttack:
    """An attack by the name of its search. SettingsError lists the names; a setting is checked against its bounds."""
    if name not in FEATURE_ATTACKS:
        raise SettingsError(f"there is no attack '{name}' on feature vectors; there are {', '.join(FEATURE_ATTACKS)}")
    return FeatureAttack(goal, from_json(FEATURE_ATTACKS[name], settings))
