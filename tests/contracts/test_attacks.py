"""What holds for every recipe of the table, on a classifier that is known by hand and with canned candidates."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from core import fields
from core.attacks import ATTACKS, FIDELITIES, Demote, Disturb, Promote, Recipe, WordAttack, assemble, recipe, replay, run
from core.attacks.goals import Goal
from core.document import Document
from core.errors import SettingsError
from tests import toy
from tests.toy_attack import Canned, SharedWords

NAMED = [(name, "fixed") for name in ATTACKS] + [("qaraei-babbar-2021", fidelity) for fidelity in FIDELITIES[1:]]
GOALS: tuple[Goal, ...] = (Demote((3,), k=2), Promote((1,), k=2), Disturb(k=2, gamma_of="predicted"))
DOCUMENT = Document.from_text("A chess game: the text editor (in C++) needs no network server, the library says.")
WORDS = ("banana", "library", "the", "server")


@pytest.fixture(params=NAMED, ids=lambda named: ":".join(named))
def named(request: pytest.FixtureRequest) -> tuple[str, str]:
    found: tuple[str, str] = request.param
    return found


def ready(named: tuple[str, str], goal: Goal, **switches: Any) -> WordAttack:
    """The recipe's own ranking, search and budget; candidates, constraints and similarity that need no language model."""
    plain = recipe(*named, part_of_speech=False, antonyms=False, label_names=False, stop_words=False, minimum_similarity=-1.0, **switches)
    return replace(assemble(plain, goal, named[0]), candidates=(Canned(default=WORDS),), constraints=(), similarity=SharedWords())


@pytest.mark.parametrize("goal", GOALS, ids=lambda goal: goal.NAME)
def test_same_attack_same_record_and_its_replay_agrees(named: tuple[str, str], goal: Goal) -> None:
    records = [run(ready(named, goal), toy.Linear(), DOCUMENT, (3,)).to_json() for _ in range(2)]
    for record in records:
        record.pop("seconds")
    assert records[0] == records[1]
    assert replay({**json.loads(json.dumps(records[0])), "seconds": 0}, toy.Linear()).differences == ()


@pytest.mark.parametrize("goal", GOALS, ids=lambda goal: goal.NAME)
def test_the_budget_of_words_is_kept(named: tuple[str, str], goal: Goal) -> None:
    one = ready(named, goal)
    record = run(one, toy.Linear(), DOCUMENT, (3,)).to_json()
    allowed = int(0.5 * len(DOCUMENT)) + 1 if named[1] == "reference-code" else one.budget.words(len(DOCUMENT))
    assert record["counted_change_rate"] * len(DOCUMENT) <= allowed + 1e-9


def test_its_switches_come_back_from_json(named: tuple[str, str]) -> None:
    one = recipe(*named)
    assert fields.from_json(Recipe, json.loads(json.dumps(fields.to_json(one)))) == one


def test_any_switch_can_be_changed_and_is_checked(named: tuple[str, str]) -> None:
    assert recipe(*named, change_rate=0.25).change_rate == 0.25
    with pytest.raises(SettingsError, match="change_rate"):
        recipe(*named, change_rate=2.0)
    with pytest.raises(SettingsError, match="no setting wrods"):
        recipe(*named, wrods=1)


def test_it_says_where_it_comes_from(named: tuple[str, str]) -> None:
    doc = str(ATTACKS[named[0]].__doc__)
    assert any(str(year) in doc for year in range(2018, 2027)) or "Ours" in doc or "2112" in doc


def test_unknown_names_are_listed() -> None:
    with pytest.raises(SettingsError, match="bert-attack"):
        recipe("bert")
    with pytest.raises(SettingsError, match="no fidelity 'paper'"):
        recipe("bae", "paper")


@pytest.mark.slow
@pytest.mark.parametrize("importance", ["mask", "delete", "gradient", "random", "integrated-gradients", "lime", "shap"])
def test_every_ranking_makes_an_attack(importance: str) -> None:
    """Explainers are handed in by core.attacking; on a linear model they all find the word that carries the label."""
    from core.attacking import prepare

    one = prepare(recipe("qaraei-babbar-2021", importance=importance, part_of_speech=False, antonyms=False), Demote((3,), k=2))
    one = replace(one, candidates=(Canned(default=WORDS),), constraints=(), similarity=SharedWords())
    session = one.begin(toy.Linear(), DOCUMENT)
    order = session.with_ranked_words(session.first()).edits.order or ()
    if importance != "random":
        assert DOCUMENT.words[order[0]] == "network"
    assert sorted(order) == list(range(len(DOCUMENT)))
