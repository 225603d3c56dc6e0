"""A saved attack on words that comes back from outside: every field that a replay reads is checked before anything is done with it, and so
is the work that a replay would be (LIMITS says how much is taken)."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from core.attacks.goals import Demote, Promote
from core.attacks.record import MAX_BYTES, MAX_LABELS, MAX_STEPS, NONE, AttackRecord, Name, Number, Ranks, Text, brief, check_goal, parsed, schema_of
from core.attacks.words.result import SCHEMA
from core.document import Document
from core.errors import InputError
from core.files import Whole

MAX_WORK = 12_000_000
"""Characters to read again, those of the text for every step: some seconds of a linear model, which reads all of every text."""
LIMITS = f"at most {MAX_BYTES // 10**6} MB and {MAX_STEPS} steps; the text's characters times its steps, at most {MAX_WORK // 10**6} million"


class RecordedSwap(Struct, rename={"old": "from", "new": "to"}):
    position: Whole
    status: Name
    old: Name
    new: Name
    rank: Ranks
    score: Annotated[list[Number], Meta(max_length=MAX_LABELS)]
    queries: Whole


class WordRecord(AttackRecord):
    """What a replay or a report reads."""

    text: Text
    adversarial: Text
    model_calls: Whole
    change_rate: Number
    change_rate_read: Number
    similarity: Number
    similarity_angular: Number
    similarity_kind: Text
    settings: dict[str, Any]
    steps: Annotated[list[RecordedSwap], Meta(max_length=MAX_STEPS)]


def read(content: bytes) -> dict[str, Any]:
    """The record of a file that `WordResult.to_json` was saved to (of a study's records: one line). InputError says what is wrong."""
    if (schema := schema_of(content)) != SCHEMA:
        raise InputError(f"{NONE}: its schema is {brief(schema)}, this version reads {SCHEMA}")
    saved = parsed(content, WordRecord)
    check_goal(saved, (Demote.NAME, Promote.NAME))
    _check_steps(saved)
    return parsed(content, dict[str, Any])


def _check_steps(saved: WordRecord) -> None:
    length = len(saved.text) + sum(len(step.new) for step in saved.steps)
    if (work := length * len(saved.steps)) > MAX_WORK:
        raise InputError(
            f"this saved attack has {len(saved.steps):,} steps on {len(saved.text):,} characters: {work:,} characters to read again; "
            f"at most {MAX_WORK:,} are read"
        )
    words = len(Document.from_text(saved.text))
    for number, step in enumerate(saved.steps, 1):
        if not 0 <= step.position < words:
            raise InputError(f"step {number} of this saved attack changes word {step.position}; the text has {words} words")
        if len(step.rank) != len(saved.tracked) or len(step.score) != len(saved.tracked):
            raise InputError(f"step {number} of this saved attack does not give a score and a rank for each label that it follows")
