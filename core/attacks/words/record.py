"""A saved attack that comes back from outside: every field that a replay reads is checked before anything is done with it, and so is
the work that a replay would be (LIMITS says how much is taken)."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from msgspec import Meta, Struct

from core.attacks.goals import ALL_GOALS, Demote, Promote
from core.attacks.words.result import SCHEMA
from core.document import MAX_CHARACTERS, Document
from core.errors import InputError
from core.files import Whole, parse_json

MAX_BYTES = 20_000_000
MAX_LABELS = 1_000
"""Labels that a record may name in one list."""
MAX_STEPS = 500
"""Each is a text to score: with the slowest checkpoint a minute or two."""
MAX_WORK = 12_000_000
"""Characters to read again, those of the text for every step: some seconds of a linear model, which reads all of every text."""
LIMITS = f"at most {MAX_BYTES // 10**6} MB and {MAX_STEPS} steps; the text's characters times its steps, at most {MAX_WORK // 10**6} million"
T = TypeVar("T")
NONE = "this is no saved attack of this version"

Text = Annotated[str, Meta(max_length=MAX_CHARACTERS)]
Name = Annotated[str, Meta(max_length=10_000)]
Number = Annotated[float, Meta(gt=-1e308, lt=1e308)]
Names = Annotated[list[Name], Meta(max_length=MAX_LABELS)]
Ranks = Annotated[list[Whole], Meta(max_length=MAX_LABELS)]
Goal = Annotated[str, Meta(pattern=f"^({'|'.join(ALL_GOALS)})$")]


class Head(Struct):
    schema: Any = None


class GoalSettings(Struct, forbid_unknown_fields=True):
    goal: Goal
    k: Whole
    labels: Ranks = []
    margin: Whole = 0
    stealth: bool = False
    tau: Number = 0.0
    gamma_of: Name = ""


class Step(Struct, rename={"old": "from", "new": "to"}):
    position: Whole
    status: Name
    old: Name
    new: Name
    rank: Ranks
    score: Annotated[list[Number], Meta(max_length=MAX_LABELS)]
    queries: Whole


class Saved(Struct):
    """What a replay or a report reads."""

    checkpoint: Name
    digest: Name
    recipe: Name
    goal: Goal
    goal_settings: GoalSettings
    labels: Names
    true_labels: Names | None
    tracked: Names
    text: Text
    adversarial: Text
    success: bool
    rank_before: Ranks
    rank_after: Ranks
    queries: Whole
    model_calls: Whole
    change_rate: Number
    change_rate_read: Number
    similarity: Number
    similarity_angular: Number
    similarity_kind: Text
    reason: Name
    note: Text
    settings: dict[str, Any]
    steps: Annotated[list[Step], Meta(max_length=MAX_STEPS)]


def read(content: bytes) -> dict[str, Any]:
    """The record of a file that `Result.to_json` was saved to (of a study's records: one line). InputError says what is wrong."""
    if len(content) > MAX_BYTES:
        raise InputError(f"the file has {len(content):,} bytes; a saved attack has at most {MAX_BYTES:,}")
    if (schema := _parsed(content, Head).schema) != SCHEMA:
        raise InputError(f"{NONE}: its schema is {_brief(schema)}, this version reads {SCHEMA}")
    saved = _parsed(content, Saved)
    _check_goal(saved)
    _check_steps(saved)
    return _parsed(content, dict[str, Any])


def _parsed(content: bytes, kind: type[T]) -> T:
    try:
        return parse_json(content, kind, "the file")
    except InputError as fault:
        raise InputError(f"{NONE}: {fault}") from fault


def _check_goal(saved: Saved) -> None:
    if saved.goal_settings.goal != saved.goal:
        raise InputError(f"the goal of this saved attack is {saved.goal} by its name and {saved.goal_settings.goal} by its settings")
    if bool(saved.labels) != (saved.goal in (Demote.NAME, Promote.NAME)):
        raise InputError(f"the goal of this saved attack is {saved.goal}, which does not go with {len(saved.labels)} attacked labels")
    if not len(saved.tracked) == len(saved.rank_before) == len(saved.rank_after) >= 1:
        raise InputError("this saved attack does not give one rank before and one after for each label that it follows")


def _check_steps(saved: Saved) -> None:
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


def _brief(value: Any) -> str:
    """At most 60 characters of whatever was found."""
    said = repr(value)
    return said if len(said) <= 60 else said[:59] + "…"
