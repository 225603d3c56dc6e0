"""Records: complete, and the same again when replayed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.attacks.goals import Demote, Disturb
from core.attacks.searches.reference_code import ReferenceCode
from core.attacks.words.result import WordResult, replay, run
from core.attacks.words.session import Budget
from core.attacks.words.similarity import angular
from core.document import Document
from core.errors import InputError
from tests import toy
from tests.toy_attack import attack

GAMES, EDITOR, LIBRARY, NETWORK = range(4)
DOCUMENT = Document.from_text("a chess game with a text editor")
SWAPS = {"chess": ["library"], "game": ["server", "library"], "editor": ["c++"], "text": ["the"]}


def result(prune: bool = False, **parts: Any) -> WordResult:
    return run(attack(Demote((EDITOR,), k=1), SWAPS, **parts), toy.Linear(), DOCUMENT, (EDITOR,), prune)


def test_the_record_is_complete_and_json() -> None:
    record = json.loads(json.dumps(result().to_json()))
    # The keys that design.md promises.
    promised = (
        "checkpoint digest recipe goal label k success reason text adversarial changed_words change_rate similarity similarity_kind "
        "queries model_calls rank_before rank_after steps"
    )
    assert set(promised.split()) <= set(record)
    assert {"index", "position", "from", "to", "score", "rank"} <= set(record["steps"][0])
    assert (record["success"], record["rank_before"], record["rank_after"]) == (True, [1], [2])
    assert record["adversarial"] == "a chess game with a text c++"
    assert (record["changed_words"], record["change_rate"], record["similarity"]) == (1, pytest.approx(1 / 7), pytest.approx(6 / 7))
    assert record["margin_before"] == pytest.approx(0.5)
    assert record["top_before"] == ["editor"]


def test_replay_gives_the_same() -> None:
    for record in (result().to_json(), result(budget=Budget(0.1)).to_json(), result(search=ReferenceCode()).to_json()):
        again = replay(json.loads(json.dumps(record)), toy.Linear())
        assert again.differences == ()
        assert (again.adversarial, again.success, list(again.ranks)) == (record["adversarial"], record["success"], record["rank_after"])


@pytest.mark.parametrize(
    ("key", "value"), [("rank_after", [7]), ("success", False), ("adversarial", "another text"), ("digest", "0"), ("rank_before", [3])]
)
def test_replay_notices_what_was_changed(key: str, value: object) -> None:
    assert key in replay({**result().to_json(), key: value}, toy.Linear()).differences


def test_replay_on_another_classifier_is_a_transfer() -> None:
    other = toy.Linear(bias=(-9.0, 9.0, 0.0, 0.0), name="other")
    again = replay(result().to_json(), other)
    assert (again.success, again.ranks) == (False, (1,))
    assert {"success", "digest"} <= set(again.differences)
    elsewhere = replay(result().to_json(), toy.Linear(bias=(9.0, -9.0, 0.0, 0.0)))
    assert "already outside" in str(elsewhere.unmet)


def test_a_non_targeted_record_transfers_to_another_top_k() -> None:
    one = run(attack(Disturb(k=1, gamma_of="predicted"), SWAPS), toy.Linear(), DOCUMENT)
    assert replay(one.to_json(), toy.Linear()).differences == ()
    assert replay(one.to_json(), toy.Linear(bias=(9.0, -9.0, 0.0, 0.0))).unmet is None


def test_other_schemas_are_refused() -> None:
    with pytest.raises(InputError, match="schema"):
        replay({**result().to_json(), "schema": 99}, toy.Linear())


def test_the_reference_code_changes_more_than_it_counts() -> None:
    """Its aliasing bug: 'chess' gains nothing by 'library' and yet stays changed, uncounted (methods.md 5.2, bug 1)."""
    swaps = {"editor": ["editors"], "text": ["game"], "chess": ["c++"], "game": ["text"], "a": ["editor"], "with": ["editor"]}
    one = run(attack(Demote((EDITOR,), k=3), swaps, search=ReferenceCode(1.0)), toy.Linear(), DOCUMENT)
    record = one.to_json()
    uncounted = [step for step in record["steps"] if not step["counted"]]
    assert uncounted
    assert record["changed_words"] > record["counted_change_rate"] * len(DOCUMENT)
    assert Document.from_text(record["adversarial"]).words == one.final.document.words


def test_pruning_leaves_a_minimal_set() -> None:
    """Two weak swaps come first; once the strong one is in, neither is needed."""
    text = Document.from_text("text text editor editor chess chess game")  # editor 10.5, games 5.5
    swaps = {"text": ["the"], "editor": ["text"], "chess": ["the"]}
    plain = run(attack(Demote((EDITOR,), k=1), swaps), toy.Linear(), text)
    pruned = run(attack(Demote((EDITOR,), k=1), swaps), toy.Linear(), text, prune=True)
    assert plain.success
    assert pruned.success
    assert len(pruned.swaps) <= len(plain.swaps)
    for swap in pruned.swaps:
        fewer = pruned.final.document.replace({swap.position: swap.old})
        assert not pruned.session.oracle.reached(pruned.session.oracle.known(fewer))
    assert replay(pruned.to_json(), toy.Linear()).differences == ()


@given(st.floats(-1.0000001, 1.0000001))
def test_angular_similarity_is_clamped(cosine: float) -> None:
    assert -2.15 < angular(cosine) <= 1.0


def test_angular_as_in_the_paper_code() -> None:
    assert angular(1.0) == 1.0
    assert angular(0.980) == pytest.approx(0.8, abs=2e-3)  # "similarity 0.8" of the paper's code
    assert angular(0.540302) == pytest.approx(0.0, abs=1e-5)
