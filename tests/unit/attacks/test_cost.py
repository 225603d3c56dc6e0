"""The estimate before an attack: counts by hand, and never below what an attack of one candidate a word really asks."""

from __future__ import annotations

import pytest

from core.attacks.goals import Demote
from core.attacks.words.cost import estimate
from core.attacks.words.importance import Gradient, RandomOrder
from core.attacks.words.result import run
from core.attacks.words.session import Budget
from core.document import Document
from tests import toy
from tests.toy_attack import Forbidden, attack

GAMES, EDITOR, LIBRARY, NETWORK = range(4)
DOCUMENT = Document.from_text("a chess game with a text editor")  # 7 words


@pytest.mark.parametrize(
    ("parts", "queries", "most"),
    [
        ({}, 7 + 7 * 3, 7 + 7 * 3),
        ({"budget": Budget(0.3)}, 7 + 2 * 3, 7 + 7 * 3),  # floor(0.3 * 7) = 2 words may change
        ({"importance": RandomOrder()}, 7 * 3, 7 * 3),
        ({"importance": Gradient(recheck=4)}, 2 + 4 + 7 * 3, 2 + 4 + 7 * 3),
        ({"constraints": (Forbidden(source=("a", "with")),)}, 4 + 4 * 3, 4 + 4 * 3),
        ({"constraints": (Forbidden(target=("the",)),)}, 7 + 7 * 2, 7 + 7 * 2),
        ({"budget": Budget(1.0, queries=10)}, 10, 10),
    ],
)
def test_counts(parts: dict[str, object], queries: int, most: int) -> None:
    session = attack(Demote((EDITOR,), k=1), default=["the", "server", "c++"], **parts).begin(toy.Linear(), DOCUMENT)
    before = session.oracle.queries
    cost = estimate(session)
    assert (cost.queries, cost.most) == (queries, most)
    assert cost.seconds > 0 and session.oracle.queries == before


def test_a_whole_attack_asks_at_most_that_much() -> None:
    one = attack(Demote((EDITOR,), k=1), default=["the", "text", "chess"])
    session = one.begin(toy.Linear(), DOCUMENT)
    assert run(one, toy.Linear(), DOCUMENT).final.queries <= estimate(session).most


def test_a_document_without_a_word_to_change() -> None:
    session = attack(Demote((EDITOR,), k=1), constraints=(Forbidden(source=DOCUMENT.words),)).begin(toy.Linear(), DOCUMENT)
    assert (estimate(session).queries, estimate(session).most) == (0, 0)
