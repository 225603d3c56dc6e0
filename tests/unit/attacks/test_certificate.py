"""The one-word certificate on a linear bag of words, where every single substitution can be worked out by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from core.attacks.goals import Demote, Disturb, Goal, Promote
from core.attacks.words import certificate
from core.attacks.words.certificate import certify
from core.attacks.words.components import Constraint, Scene
from core.attacks.words.session import WordSession
from core.document import Document
from core.errors import Cancelled, InputError
from core.types import Scores
from tests import toy
from tests.toy_attack import Canned, Forbidden, attack

GAMES, EDITOR, LIBRARY, NETWORK = range(4)
DOCUMENT = Document.from_text("a chess game with a text editor")  # games 4.5, editor 5, library -1, network -1.5
SWAPS = {"chess": ["library", "the"], "game": ["server"], "editor": ["the", "game"], "text": ["the"], "a": ["the"]}
TRIED = 2 + 1 + 2 + 1 + 2


def session(goal: Goal, classifier: toy.Linear | None = None, **parts: object) -> WordSession:
    return attack(goal, SWAPS, **parts).begin(classifier or toy.Linear(), DOCUMENT)


def test_what_removes_a_label_is_listed_best_first() -> None:
    """Editor leads games by 0.5. Without editor (4.0) or text (1.5) it falls behind; game for editor takes -0.5 more."""
    found = certify(session(Demote((EDITOR,), k=1)))
    assert [(one.position, one.old, one.new, one.ranks) for one in found.found] == [
        (6, "editor", "game", (2,)),
        (6, "editor", "the", (2,)),
        (5, "text", "the", (2,)),
    ]
    assert [one.gain for one in found.found] == pytest.approx([4.5, 4.0, 1.5])
    assert (found.substitutions, found.queries, found.holds) == (TRIED, TRIED, False)
    assert found.summary == "3 of 8 single substitutions at 7 of 7 words remove 'editor' from the top 1; the best puts 'game' for 'editor'."
    assert found.nearest is not None
    assert found.nearest.gain <= 1.5


def test_where_none_does_the_certificate_holds() -> None:
    found = certify(session(Demote((EDITOR,), k=1), constraints=(Forbidden(source=("editor", "text")),)))
    assert found.holds
    assert found.found == ()
    assert found.positions == (0, 1, 2, 3, 4)
    assert found.nearest is not None
    assert found.summary == "No single substitution among 5 at 5 of 7 words removes 'editor' from the top 1."


def test_it_equals_trying_them_one_by_one() -> None:
    """For each goal: the same list as scoring every edited text by itself."""
    for goal in (Demote((EDITOR,), k=1), Promote((LIBRARY,), k=2), Disturb(k=2, gamma_of="predicted"), Demote((GAMES,), k=2, margin=1)):
        found = {(one.position, one.new) for one in certify(session(goal)).found}
        one_by_one = session(goal)
        wanted = set()
        for position, word in enumerate(DOCUMENT.words):
            for new in SWAPS.get(word, ()):
                view = one_by_one.oracle.known(Document.from_text(DOCUMENT.replace({position: new}).text))
                if one_by_one.oracle.reached(view):
                    wanted.add((position, new))
        assert found == wanted


@dataclass(frozen=True)
class NoGame(Constraint):
    """Refuses documents in which 'game' stands twice."""

    NAME = "no-game"
    late = True

    def documents(self, scene: Scene, documents: Sequence[Document]) -> list[str | None]:
        return ["game twice" if one.words.count("game") > 1 else None for one in documents]


def test_what_a_document_constraint_refuses_is_counted_not_listed() -> None:
    found = certify(session(Demote((EDITOR,), k=1), constraints=(NoGame(),)))
    assert [one.new for one in found.found] == ["the", "the"]
    assert (found.refused, found.unconfirmed) == (1, 0)


class Shaky(toy.Linear):
    """Scores batches of substitutions a little lower than texts read afresh: near ties are not confirmed."""

    def score_substituted(self, document: Document, position: int, words: Sequence[str]) -> Scores:
        scores = self.score([document.replace({position: word}).text for word in words])
        scores[:, EDITOR] -= np.where(np.array(words) == "the", 0.75, 0).astype(np.float32)
        return scores


def test_successes_are_scored_again_from_their_text() -> None:
    """'the' for the first 'a' leaves editor at 5.0 against 4.5, but seems to bring it to 4.25."""
    found = certify(session(Demote((EDITOR,), k=1), Shaky()))
    assert {(one.position, one.new) for one in found.found} == {(6, "game"), (6, "the"), (5, "the")}
    assert found.unconfirmed == 2


def test_a_goal_that_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="already outside"):
        certify(session(Demote((NETWORK,), k=1)))


def test_progress_counts_words_and_can_stop_it() -> None:
    seen: list[tuple[int, int, str]] = []
    certify(session(Demote((EDITOR,), k=1)), lambda *said: seen.append(said))
    assert seen == [(i, 7, "words tried") for i in range(1, 8)]

    def stop(done: int, total: int, what: str) -> None:
        if done == 3:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        certify(session(Demote((EDITOR,), k=1)), stop)


def test_the_estimate_costs_no_query() -> None:
    one = session(Demote((EDITOR,), k=1))
    before = one.oracle.queries
    cost = certificate.estimate(one)
    assert one.oracle.queries == before
    assert (cost.queries, cost.most) == (7, 7)  # the first word is not counted; "game" and the second "a" have one candidate each
    assert cost.seconds > 0


@dataclass(frozen=True)
class ManyAtOnce(Canned):
    """Counts nothing, but answers many words together only."""

    def propose(self, scene: Scene, document: Document, position: int) -> Sequence[str]:
        raise AssertionError("asked one by one")

    def propose_all(self, scene: Scene, document: Document, positions: Sequence[int]) -> list[Sequence[str]]:
        return [super(ManyAtOnce, self).propose(scene, document, position) for position in positions]


def test_candidates_are_looked_up_together() -> None:
    goal = Demote((EDITOR,), k=1)
    together = replace(attack(goal), candidates=(ManyAtOnce(SWAPS),)).begin(toy.Linear(), DOCUMENT)
    assert certify(together).found == certify(session(goal)).found


def test_it_is_json() -> None:
    found = json.loads(json.dumps(certify(session(Demote((EDITOR,), k=1))).to_json()))
    assert found["labels"] == found["tracked"] == ["editor"]
    assert found["found"][0] == {"position": 6, "from": "editor", "to": "game", "gain": 4.5, "rank": [2], "score": [0.5]}
    assert (found["substitutions"], found["holds"], found["rank_before"]) == (TRIED, False, [1])
    assert found["settings"]["candidates"][0]["name"] == "canned"


def test_a_judge_forgets_all_but_the_original() -> None:
    one, classifier = session(Demote((EDITOR,), k=1)), toy.Linear()
    one.oracle.classifier = classifier
    changed = DOCUMENT.replace({0: "the"})
    one.oracle.seen([changed])
    asked = classifier.queries
    one.oracle.seen([changed, DOCUMENT])
    assert classifier.queries == asked
    one.oracle.forget([changed, DOCUMENT])
    one.oracle.seen([changed, DOCUMENT])
    assert classifier.queries == asked + 1


def test_what_was_foreseen_is_what_would_be_proposed() -> None:
    """Also where one of two generators answers one word at a time."""
    parts = (ManyAtOnce({"chess": ["library"]}), Canned(SWAPS))
    foreseen, plain = (
        attack(Demote((EDITOR,), k=1), candidates=one).begin(toy.Linear(), DOCUMENT) for one in (parts, (Canned({"chess": ["library"]}), parts[1]))
    )
    foreseen.proposals.foresee(DOCUMENT, range(7))
    assert [foreseen.proposals.propose(DOCUMENT, i) for i in range(7)] == [plain.proposals.propose(DOCUMENT, i) for i in range(7)]
