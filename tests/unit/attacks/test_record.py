"""A record from outside is checked before it is used: what is wrong comes back as a sentence, what is right replays."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.attacks import record
from core.attacks.goals import Demote, Disturb, Promote
from core.attacks.result import replay, run
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
        ({"text": 5}, "'text' is 5"),
        ({"text": "\ud800"}, "'text' is"),
        ({"goal": "conquer"}, "must be one of positive-targeted"),
        ({"goal_settings": []}, "'goal_settings' is"),
        ({"goal_settings": {"goal": "positive-targeted"}}, "needs its name and k"),
        ({"goal_settings": {**GOOD["goal_settings"], "k": "5"}}, "'k': '5'"),
        ({"goal_settings": {**GOOD["goal_settings"], "k": True}}, "'k': True"),
        ({"goal_settings": {**GOOD["goal_settings"], "__class__": "x"}}, "which no goal has"),
        ({"labels": []}, "does not go with 0 attacked labels"),
        ({"labels": ["a"] * 1_001}, "'labels' is"),
        ({"tracked": []}, "one rank before and one after"),
        ({"rank_after": [1, 2]}, "one rank before and one after"),
        ({"rank_after": [1.5]}, "'rank_after' is"),
        ({"similarity": float("nan")}, "'similarity' is nan"),
        ({"true_labels": "x"}, "'true_labels' is"),
        ({"steps": {}}, "'steps' is"),
        ({"steps": [7]}, "step 1 of this saved attack is 7"),
        ({"steps": step(position=7)}, "changes word 7; the text has 7 words"),
        ({"steps": step(position=-1)}, "changes word -1"),
        ({"steps": step(position="0")}, "'position' is '0'"),
        ({"steps": step(to=None)}, "'to' is None"),
        ({"steps": step(rank=[])}, "a score and a rank for each label"),
    ],
)
def test_what_is_wrong_is_a_sentence(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as raised:
        record.read(content(**changes))
    assert sentence in str(raised.value)


@pytest.mark.parametrize("raw", [b"", b"null", b"\xff", b"[" * 100_000, b'{"schema": 1' + b" " * 30, b"x" * (record.MAX_BYTES + 1)])
def test_what_is_no_record_is_a_sentence(raw: bytes) -> None:
    with pytest.raises(InputError, match=r"no saved attack|has at most"):
        record.read(raw)


@pytest.mark.parametrize("key", sorted(record.FIELDS))
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
