"""Recipes made ready: the one place where explainers and attacks, which do not know each other, meet."""

from __future__ import annotations

from collections.abc import Sequence

from core.attacks import Recipe, WordAttack, assemble
from core.attacks.goals import Goal
from core.attacks.words.importance import Explained
from core.document import Document
from core.types import Classifier, FloatArray


def by_explainer(name: str) -> Explained:
    """The word ranking of an explainer at its quick preset: its values, summed over the attacked labels."""
    from core.explainers import explain, preset
    from core.fields import to_json

    explainer = preset(name, "quick")

    def attribute(classifier: Classifier, document: Document, labels: Sequence[int]) -> tuple[FloatArray, int]:
        found = explain(explainer, classifier, document, labels)
        return found.values.sum(axis=0), found.queries

    return Explained(attribute, name, tuple(to_json(explainer).items()), explainer.refusal, explainer.queries)


def prepare(chosen: Recipe, goal: Goal, name: str = "custom") -> WordAttack:
    """The attack of a recipe and a goal, ranked by an explainer where the recipe says so."""
    return assemble(chosen, goal, name, by_explainer)
