"""A record from outside is checked before it is used: what is wrong comes back as a sentence, what is right replays."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.attacks.goals import Demote, Disturb, Promote
from core.attacks.words import record
from core.attacks.words.result import replay, run
from core.document import Document
from core.errors import CoreError, InputError
from tests import toy
from tests.toy_attack import attack

GAMES, EDITOR, LIBRARY, NETWORK = range(4)
DOCUMENT = Document.from_text("a chess game with a text editor")
SWAPS = {"chess": ["library"], "game": ["server"], "editor": ["c++"], "text": ["the"]}
GOOD: dict[str, Any] = run(attack(Demote((EDITOR,), k=1), SWAPS), toy.Linear(), DOCUMENT, (EDITOR,)).to_json()


def content(**changes: Any) -> bytes:
    return json.dumps({**GOOD, **changes}).encode()


def step(**changes: Any) -> list[dict[str, Any]]:
    return [{**GOOD["steps"][0], **changes}]


@pytest.mark.parametrize("goal", [Demote((EDITOR,), 1), Demote((EDITOR, GAMES), 2, 1, True), Promote((NETWORK,), 1), Disturb(2, "predicted")])
def test_what_was_saved_is_read_and_replays(goal: Any) -> None:
    saved = run(attack(goal, SWAPS), toy.Linear(), DOCUMENT).to_json()
    found = record.read(json.dumps(saved).encode())
    assert found == json.loads(json.dumps(saved))
    assert replay(found, toy.Linear()).differences == ()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"schema": 2}, "its schema is 2, this version reads 1"),
        ({"schema": {"a": 1}}, "this version reads 1"),
        ({"text": 5}, "field 'text': Expected `str`, got `int`"),
        ({"text": "\ud800"}, "cannot be read as JSON"),
        ({"goal": "conquer"}, "field 'goal': Expected `str` matching regex '^(positive-targeted|"),
        ({"goal_settings": []}, "field 'goal_settings': Expected `object`, got `array`"),
        ({"goal_settings": {"goal": "positive-targeted"}}, "field 'goal_settings': Object missing required field `k`"),
        ({"goal_settings": {**GOOD["goal_settings"], "k": "5"}}, "field 'goal_settings.k': Expected `int`, got `str`"),
        ({"goal_settings": {**GOOD["goal_settings"], "k": True}}, "field 'goal_settings.k': Expected `int`, got `bool`"),
        ({"goal_settings": {**GOOD["goal_settings"], "__class__": "x"}}, "field 'goal_settings': Object contains unknown field `__class__`"),
        ({"labels": []}, "does not go with 0 attacked labels"),
        ({"labels": ["a"] * 1_001}, "field 'labels': Expected `array` of length <= 1000"),
        ({"tracked": []}, "one rank before and one after"),
        ({"rank_after": [1, 2]}, "one rank before and one after"),
        ({"rank_after": [1.5]}, "field 'rank_after[0]': Expected `int`, got `float`"),
        ({"similarity": float("nan")}, "cannot be read as JSON"),
        ({"true_labels": "x"}, "field 'true_labels': Expected `array | null`, got `str`"),
        ({"steps": {}}, "field 'steps': Expected `array`, got `object`"),
        ({"steps": [7]}, "field 'steps[0]': Expected `object`, got `int`"),
        ({"steps": step(position=7)}, "changes word 7; the text has 7 words"),
        ({"steps": step(position=-1)}, "changes word -1"),
        ({"steps": step(position="0")}, "field 'steps[0].position': Expected `int`, got `str`"),
        ({"steps": step(to=None)}, "field 'steps[0].to': Expected `str`, got `null`"),
        ({"steps": step(rank=[])}, "a score and a rank for each label"),
        ({"queries": 2**53 + 1}, "field 'queries': Expected `int` <= 9007199254740992"),
        ({"goal_settings": {**GOOD["goal_settings"], "goal": "non-targeted"}}, "by its name and non-targeted by its settings"),
        ({"text": "a" * 5_000_001}, "field 'text': Expected `str` of length <= 5000000"),
        ({"steps": step(to="a" * 10_001)}, "field 'steps[0].to': Expected `str` of length <= 10000"),
        ({"steps": step() * 501}, "field 'steps': Expected `array` of length <= 500"),
        # 31 characters and 7 of "library": 38 for each of 500 steps are few; with 24,001 in the text it is more than 12 million.
        ({"text": "a" * 24_001, "steps": step(position=0) * 500}, "characters to read again; at most 12,000,000 are read"),
    ],
)
def test_what_is_wrong_is_a_sentence(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as raised:
        record.read(content(**changes))
    assert sentence in str(raised.value)


def test_a_number_of_five_thousand_digits_is_a_sentence() -> None:
    """Python refuses to spell it: what the sentence says must not come from its digits."""
    for name in (b"queries", b"seconds", b"schema"):
        raw = content().replace(b'"%s": ' % name, b'"%s": %s' % (name, b"1" * 5_000))
        with pytest.raises(InputError, match=r"out of range|more than 300 digits"):
            record.read(raw)


@pytest.mark.parametrize("raw", [b"", b"null", b"\xff", b"[" * 100_000, b'{"schema": 1' + b" " * 30, b"x" * (record.MAX_BYTES + 1)])
def test_what_is_no_record_is_a_sentence(raw: bytes) -> None:
    with pytest.raises(InputError, match=r"no saved attack|has at most"):
        record.read(raw)


@pytest.mark.parametrize("key", sorted(field.encode_name for field in msgspec.structs.fields(record.Saved)))
def test_every_field_is_needed(key: str) -> None:
    with pytest.raises(InputError, match=key):
        record.read(json.dumps({name: value for name, value in GOOD.items() if name != key}).encode())


def test_a_swap_of_two_words_is_refused_by_the_replay() -> None:
    with pytest.raises(InputError, match="is not one word"):
        replay(record.read(content(steps=step(to="<script>alert(1)</script>"))), toy.Linear())


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.slow
@given(st.sampled_from(sorted(GOOD)), _json)
def test_any_field_of_any_kind_is_read_or_refused(key: str, value: Any) -> None:
    """Whatever stands in a field: either it is refused, or the whole replay comes to an end in an answer or a sentence."""
    try:
        replay(record.read(content(**{key: value})), toy.Linear())
    except CoreError as error:
        assert str(error)


@given(st.sampled_from(sorted(GOOD["steps"][0])), _json)
def test_any_step_of_any_kind_is_read_or_refused(key: str, value: Any) -> None:
    try:
        replay(record.read(content(steps=step(**{key: value}))), toy.Linear())
    except CoreError as error:
        assert str(error)
