"""A saved attack that comes back from outside: every field that a replay reads is checked before anything is done with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from core.attacks.goals import ALL_GOALS, Demote, Promote
from core.attacks.result import SCHEMA
from core.document import MAX_CHARACTERS, Document
from core.errors import InputError

MAX_BYTES = 20_000_000
MAX_LABELS = 1_000
"""Labels that a record may name in one list."""


def read(content: bytes) -> dict[str, Any]:
    """The record of a file that `Result.to_json` was saved to (of a study's records: one line). InputError says what is wrong."""
    if len(content) > MAX_BYTES:
        raise InputError(f"the file has {len(content):,} bytes; a saved attack has at most {MAX_BYTES:,}")
    try:
        found = json.loads(content.decode("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"this file is no saved attack: it cannot be read as JSON ({_brief(error)})") from error
    if not isinstance(found, dict):
        raise InputError(f"this file is no saved attack: it holds a {type(found).__name__} where an object is expected")
    if found.get("schema") != SCHEMA:
        raise InputError(f"this file is no saved attack of this version: its schema is {_brief(found.get('schema'))}, this version reads {SCHEMA}")
    for name, (fits, kind) in FIELDS.items():
        if name not in found:
            raise InputError(f"this saved attack lacks '{name}'")
        if not fits(found[name]):
            raise InputError(f"in this saved attack '{name}' is {_brief(found[name])}; it must be {kind}")
    _check_goal(found)
    _check_steps(found)
    return found


def _text(value: Any) -> bool:
    """A text that a document can be made of and a file can hold (no lone surrogates, which JSON can spell)."""
    return isinstance(value, str) and len(value) <= MAX_CHARACTERS and not any("\ud800" <= c <= "\udfff" for c in value)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e308


def _list_of(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and len(value) <= MAX_LABELS and all(fits(item) for item in value)


_NAMES, _RANKS = (_list_of(_text), "a list of label names"), (_list_of(_whole), "a list of ranks")
FIELDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "checkpoint": (_text, "a name"),
    "digest": (_text, "a digest"),
    "recipe": (_text, "a name"),
    "goal": (lambda value: isinstance(value, str) and value in ALL_GOALS, f"one of {', '.join(ALL_GOALS)}"),
    "goal_settings": (lambda value: isinstance(value, dict), "an object"),
    "labels": _NAMES,
    "true_labels": (lambda value: value is None or _list_of(_text)(value), "a list of label names, or null"),
    "tracked": _NAMES,
    "text": (_text, f"text of at most {MAX_CHARACTERS:,} characters"),
    "adversarial": (_text, f"text of at most {MAX_CHARACTERS:,} characters"),
    "success": (lambda value: isinstance(value, bool), "true or false"),
    "rank_before": _RANKS,
    "rank_after": _RANKS,
    "queries": (_whole, "a number"),
    "model_calls": (_whole, "a number"),
    "change_rate": (_number, "a number"),
    "change_rate_read": (_number, "a number"),
    "similarity": (_number, "a number"),
    "similarity_angular": (_number, "a number"),
    "similarity_kind": (_text, "text"),
    "reason": (_text, "a word"),
    "note": (_text, "text"),
    "settings": (lambda value: isinstance(value, dict), "an object"),
    "steps": (lambda value: isinstance(value, list), "a list of steps"),
}
"""What a replay or a report reads: its check, and what it must be."""

GOAL_FIELDS: dict[str, Callable[[Any], bool]] = {
    "goal": lambda value: isinstance(value, str),
    "labels": _list_of(_whole),
    "k": _whole,
    "margin": _whole,
    "stealth": lambda value: isinstance(value, bool),
    "tau": _number,
    "gamma_of": lambda value: isinstance(value, str),
}

STEP_FIELDS: dict[str, Callable[[Any], bool]] = {
    "position": _whole,
    "status": _text,
    "from": _text,
    "to": _text,
    "rank": _list_of(_whole),
    "score": _list_of(_number),
    "queries": _whole,
}


def _check_goal(found: dict[str, Any]) -> None:
    settings = found["goal_settings"]
    if "k" not in settings or settings.get("goal") != found["goal"]:
        raise InputError("the goal of this saved attack is not complete: it needs its name and k")
    for name, value in settings.items():
        if name not in GOAL_FIELDS or not GOAL_FIELDS[name](value):
            raise InputError(f"the goal of this saved attack has {_brief(name)}: {_brief(value)}, which no goal has")
    if bool(found["labels"]) != (found["goal"] in (Demote.NAME, Promote.NAME)):
        raise InputError(f"the goal of this saved attack is {found['goal']}, which does not go with {len(found['labels'])} attacked labels")
    if not len(found["tracked"]) == len(found["rank_before"]) == len(found["rank_after"]) >= 1:
        raise InputError("this saved attack does not give one rank before and one after for each label that it follows")


def _check_steps(found: dict[str, Any]) -> None:
    words = len(Document.from_text(found["text"]))
    for number, step in enumerate(found["steps"], 1):
        if not isinstance(step, dict):
            raise InputError(f"step {number} of this saved attack is {_brief(step)}; it must be an object")
        for name, fits in STEP_FIELDS.items():
            if name not in step or not fits(step[name]):
                raise InputError(f"in step {number} of this saved attack '{name}' is {_brief(step.get(name))}")
        if not 0 <= step["position"] < words:
            raise InputError(f"step {number} of this saved attack changes word {step['position']}; the text has {words} words")
        if len(step["rank"]) != len(found["tracked"]) or len(step["score"]) != len(found["tracked"]):
            raise InputError(f"step {number} of this saved attack does not give a score and a rank for each label that it follows")


def _brief(value: Any) -> str:
    """At most 60 characters of whatever was found."""
    said = repr(value) if not isinstance(value, Exception) else str(value) or type(value).__name__
    return said if len(said) <= 60 else said[:59] + "…"
