"""How little must change until a label goes away? Word-level attacks on rankings.

    attack = prepare(recipe("qaraei-babbar-2021"), Demote((label,)))      # core.attacking
    for step in attack.steps(classifier, document): ...
    result = run(attack, classifier, document)

An attack is a goal, a ranking of words, candidates, constraints, a search and a budget; `core.attacks.recipes` has the
named ones. `core.attacks.words.session` drives them, `core.attacks.words.result` keeps and replays what came of it.
"""

from __future__ import annotations

from core.attacks.goals import GOALS, Demote, Disturb, Promote, goal_class
from core.attacks.recipes import ATTACKS, FIDELITIES, Recipe, assemble, recipe
from core.attacks.words.result import Result, replay, run
from core.attacks.words.session import Attack, Budget, Session
from core.attacks.words.steps import Option, Step, Swap, Trail, View

__all__ = [
    "ATTACKS", "FIDELITIES", "GOALS", "Attack", "Budget", "Demote", "Disturb", "Option", "Promote", "Recipe", "Result", "Session", "Step", "Swap",
    "Trail", "View", "assemble", "goal_class", "recipe", "replay", "run",
]  # fmt: skip
