"""Asking a classifier what moved a score, and being told that it cannot say."""

from __future__ import annotations

import pytest

from core.attacks import contributions
from core.attacks.goals import Demote
from core.document import Document
from core.errors import CapabilityError
from core.types import Contribution, Contributions
from tests import toy
from tests.toy_attack import attack

EDITOR = 1
DOCUMENT = Document.from_text("a chess game with a text editor")


class Telling(toy.Linear):
    """Says how many words the two texts have."""

    def contributions(self, before: Document, after: Document, label: int) -> Contributions:
        return Contributions(self.labels.names[label], len(before), len(after), after.text, (Contribution("words", "all", len(before), len(after)),))


def test_a_step_is_asked_for_by_its_two_texts() -> None:
    steps = list(attack(Demote((EDITOR,), k=1), {"editor": ["the"]}).steps(Telling(), DOCUMENT))
    found = contributions.of_step(Telling(), steps[0], steps[-1], EDITOR)
    assert (found.label, found.score_before, found.summary) == ("editor", 7, "a chess game with a text the")
    assert contributions.refusal(Telling()) is None


def test_who_cannot_say_is_refused_with_a_sentence() -> None:
    classifier = toy.Linear()
    said = contributions.refusal(classifier)
    assert said is not None
    assert "toy-linear" in said
    with pytest.raises(CapabilityError, match="does not say which of its parts"):
        contributions.of_documents(classifier, DOCUMENT, DOCUMENT, EDITOR)
