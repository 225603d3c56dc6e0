"""A saved attack on features that comes back from outside: every field that a replay reads is checked before anything is done with it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from core.attacks.features.result import SCHEMA
from core.attacks.goals import Demote, Promote
from core.attacks.record import MAX_LABELS, MAX_STEPS, NONE, AttackRecord, Name, Names, Number, Ranks, Text, brief, check_goal, parsed, schema_of
from core.errors import InputError
from core.files import Whole

MAX_VALUES = 100_000
"""Values that one vector may have that are not 0."""
MAX_CHANGES = 1_000_000
"""Changed values in all steps together."""

Values = Annotated[list[tuple[Whole, Name, Number]], Meta(max_length=MAX_VALUES)]


class RecordedDistance(Struct):
    l2: Number
    l0: Whole
    linf: Number


class RecordedRealism(Struct):
    level: Literal["continuous", "feasible", "text"]
    reached: bool | None
    vector: Values | None
    distance: RecordedDistance | None
    note: Text = ""
    text: Text = ""
    removed: Names = []
    put_in: Names = []


class RecordedStep(Struct):
    """`changes`: the values that stand otherwise there than in the document; a record of a study has none."""

    index: Whole
    status: Name
    note: Text
    rank: Ranks
    score: Annotated[list[Number], Meta(max_length=MAX_LABELS)]
    queries: Whole
    distance: Number
    changes: Values | None = None


class FeatureRecord(AttackRecord):
    """What a replay reads."""

    features: Whole
    feature_kind: Name
    vector: Values
    levels: Annotated[list[RecordedRealism], Meta(max_length=3)]
    steps: Annotated[list[RecordedStep], Meta(max_length=MAX_STEPS)]


def read(content: bytes) -> dict[str, Any]:
    """The record of a file that `FeatureResult.to_json` was saved to (of a study's records: one line). InputError says what is wrong."""
    if (schema := schema_of(content)) != SCHEMA:
        raise InputError(f"{NONE}: its schema is {brief(schema)}, this version reads {SCHEMA!r}")
    saved = parsed(content, FeatureRecord)
    check_goal(saved, (Demote.NAME, Promote.NAME))
    if (changes := sum(len(step.changes or ()) for step in saved.steps)) > MAX_CHANGES:
        raise InputError(f"this saved attack has {changes:,} changed values in its steps; at most {MAX_CHANGES:,} are read")
    for number, step in enumerate(saved.steps, 1):
        if len(step.rank) != len(saved.tracked) or len(step.score) != len(saved.tracked):
            raise InputError(f"step {number} of this saved attack does not give a score and a rank for each label that it follows")
    return parsed(content, dict[str, Any])
