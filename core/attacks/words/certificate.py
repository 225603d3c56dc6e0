"""Can one word do it? All single-word substitutions of an attack's candidates, at every word that may be attacked, scored.

The certificate is exhaustive over the candidates that the attack's generators propose for the original text and its constraints
let through, and over nothing else: another generator may know a word that this one does not.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from core.attacks import goals
from core.attacks.goals import Goal
from core.attacks.steps import View
from core.attacks.words.cost import AttackCost
from core.attacks.words.oracle import WordOracle
from core.attacks.words.result import attack_settings
from core.attacks.words.session import WordSession
from core.document import Document
from core.errors import InputError
from core.types import Progress, Substitutable, silent

SCHEMA = 1

AT_ONCE = 16
"""Words whose candidates are looked up together."""

PROBED = 2
"""Words that the estimate looks at."""


@dataclass(frozen=True)
class Single:
    """Word `position`, `old`, replaced by `new`: the rise of the goal's progress, and ranks and scores of the goal's labels (of a
    goal without any, of the original top k)."""

    position: int
    old: str
    new: str
    gain: float
    ranks: tuple[int, ...]
    scores: tuple[float, ...]


@dataclass(frozen=True)
class Certificate:
    """`found`: the single substitutions that reach the goal, best first, each scored again from its text; `nearest`: the best of all
    others; `refused`: how many would reach the goal, but not through the constraints on whole documents; `unconfirmed`: how many
    reached it by a margin that a second scoring did not confirm."""

    session: WordSession
    positions: tuple[int, ...]
    tracked: tuple[int, ...]
    substitutions: int
    found: tuple[Single, ...]
    nearest: Single | None
    refused: int
    unconfirmed: int
    queries: int
    model_calls: int
    seconds: float

    @property
    def holds(self) -> bool:
        """Whether no single substitution reaches the goal."""
        return not self.found

    @property
    def summary(self) -> str:
        """The result as a sentence."""
        session = self.session
        where = f"at {len(self.positions):,} of {len(session.original):,} words"
        what = _effect(session.attack.goal, session.classifier.labels.names)
        if self.holds:
            return f"No single substitution among {self.substitutions:,} {where} {what[0]}."
        best, count = self.found[0], len(self.found)
        return f"{count:,} of {self.substitutions:,} single substitutions {where} {what[count > 1]}; the best puts '{best.new}' for '{best.old}'."

    def to_json(self) -> dict[str, Any]:
        """Everything that is needed to check it; labels by name."""
        session = self.session
        names = session.classifier.labels.names
        return {
            "schema": SCHEMA,
            "classifier": session.classifier.name,
            "digest": session.classifier.digest,
            "attack": session.attack.name,
            "settings": attack_settings(session.attack),
            "goal_settings": goals.to_json(session.attack.goal),
            "labels": [names[label] for label in session.attack.goal.targets],
            "tracked": [names[label] for label in self.tracked],
            "text": session.original.text,
            "words": len(session.original),
            "positions": list(self.positions),
            "substitutions": self.substitutions,
            "holds": self.holds,
            "summary": self.summary,
            "rank_before": [session.oracle.known(session.original).rank(label) for label in self.tracked],
            "found": [_json(one) for one in self.found],
            "nearest": None if self.nearest is None else _json(self.nearest),
            "refused": self.refused,
            "unconfirmed": self.unconfirmed,
            "queries": self.queries,
            "model_calls": self.model_calls,
            "seconds": round(self.seconds, 4),
        }


def _json(one: Single) -> dict[str, Any]:
    return {"position": one.position, "from": one.old, "to": one.new, "gain": one.gain, "rank": list(one.ranks), "score": list(one.scores)}


def _effect(goal: Goal, names: Sequence[str]) -> tuple[str, str]:
    """What one substitution does and what several do, in words."""
    said = " and ".join(f"'{names[label]}'" for label in goal.targets)
    kept = ", with the other labels in place" if getattr(goal, "stealth", False) else ""
    if isinstance(goal, goals.Demote):
        from_ = f"{said} from the top {goal.k}{kept}"
        return f"removes {from_}", f"remove {from_}"
    if isinstance(goal, goals.Promote):
        into = f"{said} into the top {goal.k}{kept}"
        return f"brings {into}", f"bring {into}"
    return f"drives a label out of the top {goal.k}{kept}", f"drive a label out of the top {goal.k}{kept}"


def estimate(session: WordSession) -> AttackCost:
    """What `certify` will ask and how long it takes, from the first words' candidates; `most`, as if every word had as many as the
    richest of these. What is looked up is kept by the session; nothing counts as a query."""
    positions = session.proposals.positions
    probed = positions[:: max(1, len(positions) // (PROBED + 1))][: PROBED + 1]
    if not probed:
        return AttackCost(0, 0.0, 0)
    _probe(session, probed[:1])  # not timed if others are: it may load the language model
    began = time.perf_counter()
    words = _probe(session, probed[1:] or probed)
    each = (time.perf_counter() - began) / len(words)
    return AttackCost(round(sum(words) / len(words) * len(positions)), each * len(positions), max(words) * len(positions))


def _probe(session: WordSession, positions: Sequence[int]) -> list[int]:
    """How many candidates these words have, which are scored on the way, past the oracle's books."""
    session.proposals.foresee(session.original, positions)
    words = [session.proposals.propose(session.original, position) for position in positions]
    for position, own in zip(positions, words, strict=True):
        _score(session, position, own)
    return [len(own) for own in words]


def _score(session: WordSession, position: int, words: Sequence[str]) -> None:
    """As the oracle would."""
    classifier, original = session.classifier, session.original
    if words and isinstance(classifier, Substitutable):
        classifier.score_substituted(original, position, words)
    elif words:
        classifier.score([original.replace({position: word}).text for word in words])


def certify(session: WordSession, progress: Progress = silent) -> Certificate:
    """Score every single substitution of the session's original text. `progress(words done, words, what)` is called after each word
    and may raise Cancelled. The attack's budget does not bind. InputError where the goal does not fit the document."""
    if session.unmet:
        raise InputError(session.unmet)
    began, queries, calls = time.monotonic(), session.oracle.queries, session.oracle.model_calls
    tracked = session.attack.goal.targets or session.oracle.start.top
    positions = session.proposals.positions
    reaching: list[Single] = []
    nearest: Single | None = None
    total = 0
    for done, (position, words) in enumerate(_candidates(session, positions), 1):
        for one, reached in _tried(session, position, words, tracked):
            total += 1
            if reached:
                reaching.append(one)
            elif nearest is None or one.gain > nearest.gain:
                nearest = one
        progress(done, len(positions), "words tried")
    found, refused, unconfirmed = _confirmed(session, reaching, tracked)
    spent = time.monotonic() - began
    return Certificate(
        session, positions, tuple(tracked), total, found, nearest, refused, unconfirmed, session.oracle.queries - queries,
        session.oracle.model_calls - calls, spent,
    )  # fmt: skip


def _candidates(session: WordSession, positions: Sequence[int]) -> Iterator[tuple[int, list[str]]]:
    """Each position with its candidates; looked up AT_ONCE words at a time."""
    for start in range(0, len(positions), AT_ONCE):
        part = positions[start : start + AT_ONCE]
        session.proposals.foresee(session.original, part)
        yield from ((position, session.proposals.propose(session.original, position)) for position in part)


def _tried(session: WordSession, position: int, words: Sequence[str], tracked: Sequence[int]) -> list[tuple[Single, bool]]:
    """All candidates of one word, scored, with whether they reach the goal. Their views are not kept: a long text has too many."""
    if not words:
        return []
    original, oracle = session.original, session.oracle
    documents = [original.replace({position: word}) for word in words]
    assessed = oracle.assess(documents, original, base=(original, position))
    oracle.forget(documents)
    return [
        (_single(original, position, word, float(assessed.progress[i] - assessed.now), assessed.views[i], tracked), bool(assessed.reached[i]))
        for i, word in enumerate(words)
    ]


def _single(original: Document, position: int, word: str, gain: float, view: View, tracked: Sequence[int]) -> Single:
    ranks, scores = tuple(view.rank(label) for label in tracked), tuple(view.score(label) for label in tracked)
    return Single(position, original.words[position], word, gain, ranks, scores)


def _confirmed(session: WordSession, reaching: Sequence[Single], tracked: Sequence[int]) -> tuple[tuple[Single, ...], int, int]:
    """Those that the constraints on whole documents let through and that reach the goal again when their text is read and scored
    afresh, best first; how many were refused; how many were not confirmed."""
    original = session.original
    texts = [original.replace({one.position: one.new}).text for one in reaching]
    documents = [Document.from_text(text) for text in texts]
    reasons = session.proposals.violations(documents) if documents else []
    fresh = WordOracle(session.classifier, session.attack.goal, Document.from_text(original.text), session.oracle.start.truth, session.oracle.pause)
    fresh.seen([document for document, reason in zip(documents, reasons, strict=True) if reason is None])
    found = []
    for one, document, reason in zip(reaching, documents, reasons, strict=True):
        view = fresh.known(document) if reason is None else None
        if view is not None and fresh.reached(view):
            found.append(_single(original, one.position, one.new, one.gain, view, tracked))
    refused = sum(reason is not None for reason in reasons)
    best_first = sorted(found, key=lambda one: -one.gain)
    return tuple(best_first), refused, len(reaching) - refused - len(found)
