"""A saved attack that comes back from outside, whatever it moved: what every kind of record has, and which kind a file holds."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from msgspec import Meta, Struct

from core.attacks.goals import ALL_GOALS
from core.document import MAX_CHARACTERS
from core.errors import InputError
from core.files import Whole, parse_json

MAX_BYTES = 20_000_000
MAX_LABELS = 1_000
"""Labels that a record may name in one list."""
MAX_STEPS = 500
"""Each is a document to score: with the slowest checkpoint a minute or two."""
T = TypeVar("T")
NONE = "this is no saved attack of this version"

Text = Annotated[str, Meta(max_length=MAX_CHARACTERS)]
Name = Annotated[str, Meta(max_length=10_000)]
Number = Annotated[float, Meta(gt=-1e308, lt=1e308)]
Names = Annotated[list[Name], Meta(max_length=MAX_LABELS)]
Ranks = Annotated[list[Whole], Meta(max_length=MAX_LABELS)]
Goal = Annotated[str, Meta(pattern=f"^({'|'.join(ALL_GOALS)})$")]


class SchemaHead(Struct):
    schema: Any = None


class GoalSettings(Struct, forbid_unknown_fields=True):
    goal: Goal
    k: Whole
    labels: Ranks = []
    margin: Whole = 0
    stealth: bool = False
    tau: Number = 0.0
    gamma_of: Name = ""


class AttackRecord(Struct):
    """What every record has."""

    checkpoint: Name
    digest: Name
    recipe: Name
    goal: Goal
    goal_settings: GoalSettings
    labels: Names
    true_labels: Names | None
    tracked: Names
    success: bool
    rank_before: Ranks
    rank_after: Ranks
    queries: Whole
    reason: Name
    note: Text


def schema_of(content: bytes) -> Any:
    """What a file says of its own kind. InputError for one that is too large or no JSON."""
    if len(content) > MAX_BYTES:
        raise InputError(f"the file has {len(content):,} bytes; a saved attack has at most {MAX_BYTES:,}")
    return parsed(content, SchemaHead).schema


def parsed(content: bytes, kind: type[T]) -> T:
    try:
        return parse_json(content, kind, "the file")
    except InputError as fault:
        raise InputError(f"{NONE}: {fault}") from fault


def check_goal(saved: AttackRecord, named: tuple[str, ...]) -> None:
    """`named`: the goals that name labels."""
    if saved.goal_settings.goal != saved.goal:
        raise InputError(f"the goal of this saved attack is {saved.goal} by its name and {saved.goal_settings.goal} by its settings")
    if bool(saved.labels) != (saved.goal in named):
        raise InputError(f"the goal of this saved attack is {saved.goal}, which does not go with {len(saved.labels)} attacked labels")
    if not len(saved.tracked) == len(saved.rank_before) == len(saved.rank_after) >= 1:
        raise InputError("this saved attack does not give one rank before and one after for each label that it follows")


def brief(value: Any) -> str:
    """At most 60 characters of whatever was found."""
    said = repr(value)
    return said if len(said) <= 60 else said[:59] + "…"
