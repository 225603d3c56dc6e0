"""What an attack will ask and how long it will take, before it is paid: counted from its parts, timed on a few documents."""

from __future__ import annotations

import time
from dataclasses import dataclass

from core.attacks.words.session import WordSession

PROBED = 2
"""Words whose candidates are looked up for the estimate."""
SCORED = 4
"""Of each, so many candidates are scored."""


@dataclass(frozen=True)
class AttackCost:
    """`queries` and `seconds` if every word that is tried is also changed, up to the budget; `most`, the queries if every word
    that may be changed has to be tried."""

    queries: int
    seconds: float
    most: int


def estimate(session: WordSession) -> AttackCost:
    """A word that is tried costs as many queries as candidates pass at the first words. What is looked up for the estimate is
    kept by the session; what is scored for it does not count as the attack's queries."""
    positions = session.proposals.positions
    weighing = session.ranking_queries
    began = time.perf_counter()
    proposed = [session.proposals.propose(session.original, position) for position in positions[:PROBED]]
    looking = (time.perf_counter() - began) / max(1, len(proposed))
    scoring = _scoring(
        session, [session.original.replace({i: w}).text for i, words in zip(positions, proposed, strict=False) for w in words[:SCORED]]
    )
    each = max((len(words) for words in proposed), default=0)
    tried = min(session.limit, len(positions))
    queries = _capped(session, weighing + tried * each)
    return AttackCost(queries, queries * scoring + tried * looking, _capped(session, weighing + len(positions) * each))


def _scoring(session: WordSession, texts: list[str]) -> float:
    """Seconds a document, in a batch of these texts; of the original where there are none."""
    texts = texts or [session.original.text]
    began = time.perf_counter()
    session.classifier.score(texts)
    return (time.perf_counter() - began) / len(texts)


def _capped(session: WordSession, queries: int) -> int:
    return min(queries, session.attack.budget.queries or queries)
