"""Small studies on the tiny checkpoint, as folders that the Robustness page reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from core.attacks import Recipe
from core.attacks.goals import Goal
from core.attacks.words.session import Budget, WordAttack
from core.data import Known
from core.data.dataset import Dataset, Split
from core.models import load
from core.runs.run import Run
from core.study.exports import export
from core.study.kinds.words import WordKind
from core.study.run import work
from core.study.settings import Request, Study
from tests.pages.tiny import FILLERS, tiny_dataset
from tests.toy_attack import attack

WORDS = ("network", "level", "python", "paste", *FILLERS[:6])


def prepare(recipe: Recipe, goal: Goal, name: str) -> WordAttack:
    """The same few candidates for every word."""
    return attack(goal, {}, WORDS, budget=Budget(recipe.change_rate), name=name, seed=recipe.seed)


def broken(recipe: Recipe, goal: Goal, name: str) -> WordAttack:
    if goal.targets == (0,):
        raise ZeroDivisionError("<script>alert(1)</script> *bug*")
    return prepare(recipe, goal, name)


HERE = Known("tiny documents", build="tests.pages.studies:dataset")
"""In the table of data sets: what these studies attack is on this machine."""


def dataset() -> Dataset:
    """The tiny data set with a test split; one document would run code if it were shown as HTML."""
    tiny, more = tiny_dataset(), tiny_dataset(60, 5).splits["train"]
    assert more.texts is not None
    test = Split(more.ids, more.truth, tuple("<script>alert(1)</script> " + text for text in more.texts))
    return Dataset("tiny", tiny.label_names, {**tiny.splits, "test": test})


def write(
    folder: Path, checkpoint: Path, goal: str = "positive-targeted", make: Callable[..., WordAttack] = prepare, pairs: int = 16, data: str = "debtags"
) -> None:
    """Run a study into `folder`. `data`: the name of the data set that it says it attacked."""
    request = Request(Study(str(checkpoint), data, goal=goal, targets="naive", k=1, bins="1,18", pairs=pairs), "canned", Recipe(change_rate=0.3))
    with Run(folder, quiet=True) as run:
        work(WordKind(request, make), load(checkpoint), dataset(), run, 1)
    export(folder)
