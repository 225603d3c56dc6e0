"""An attack that may change no word says so, and why; and it changes none."""

from __future__ import annotations

import pytest

from core.attacks.goals import Demote
from core.attacks.words.components import Constraint
from core.attacks.words.constraints import StopWords
from core.attacks.words.session import Budget
from core.document import Document
from tests.toy import Linear
from tests.toy_attack import Forbidden, attack

CASES: dict[str, tuple[str, float, tuple[Constraint, ...], str, str]] = {
    "stop words only": ("the of and", 1.0, (StopWords(),), "exhausted", "No word may be changed, because 3 are kept as a stop word."),
    "one stop word": ("The", 0.1, (StopWords(),), "exhausted", "No word may be changed, because 1 is kept as a stop word."),
    "two reasons": (
        "chess and the", 1.0, (StopWords(), Forbidden(source=("chess",))), "exhausted",
        "No word may be changed, because 2 are kept as a stop word, 1 is kept as forbidden.",
    ),
    "a rate of nothing": (
        "chess game", 0.0, (), "budget", "No word may be changed, because the share of words that may be changed is 0.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "rate", "constraints", "status", "note"), CASES.values(), ids=CASES)
def test_no_word_may_be_changed(text: str, rate: float, constraints: tuple[Constraint, ...], status: str, note: str) -> None:
    made = attack(Demote((0,), k=1), default=("editor", "library"), budget=Budget(change_rate=rate), constraints=constraints)
    last = list(made.steps(Linear(), Document.from_text(text)))[-1]
    assert (last.status, last.note, last.document.text) == (status, note, text)


@pytest.mark.parametrize(("rate", "words", "most"), [(0.0, 100, 0), (0.001, 100, 1), (0.1, 5, 1), (0.1, 30, 3), (1.0, 7, 7)])
def test_how_many_words_may_be_changed(rate: float, words: int, most: int) -> None:
    assert Budget(change_rate=rate).words(words) == most
