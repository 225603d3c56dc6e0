"""How little must change until a label goes away? Attacks on rankings.

    attack = prepare(recipe("qaraei-babbar-2021"), Demote((label,)))      # core.attacking
    for step in attack.steps(classifier, document): ...
    result = run(attack, classifier, document)

Every attack is a goal (`goals`), an oracle that asks the classifier (`oracle`), a search (`searches`) and a session that drives it (`session`),
whatever it moves: `words` of a text, `features` of a vector, `embeddings` of a model's rows. An attack on words has, beside these, a ranking of
words, candidates, constraints and a budget; `recipes` has the named ones.
"""

from __future__ import annotations

from core.attacks.goals import GOALS, Demote, Disturb, Promote, goal_class
from core.attacks.recipes import ATTACKS, FIDELITIES, Recipe, assemble, recipe
from core.attacks.steps import Step, View
from core.attacks.words.result import WordResult, replay, run
from core.attacks.words.session import Budget, WordAttack, WordSession
from core.attacks.words.steps import Edits, Option, Swap, WordStep

__all__ = [
    "ATTACKS", "FIDELITIES", "GOALS", "Budget", "Demote", "Disturb", "Edits", "Option", "Promote", "Recipe", "Step", "Swap", "View", "WordAttack",
    "WordResult", "WordSession", "WordStep", "assemble", "goal_class", "recipe", "replay", "run",
]  # fmt: skip
