"""A saved attack walked through again: the texts, ranks and words of its steps."""

from __future__ import annotations

import json

from core.attacks import record
from core.attacks.goals import Demote
from core.attacks.result import run
from core.attacks.walk import walk
from core.document import Document
from tests import toy
from tests.toy_attack import attack

GAMES, EDITOR = 0, 1
DOCUMENT = Document.from_text("a chess game with a text editor, an editor for text")
SWAPS = {"editor": ["c++"], "text": ["the"], "chess": ["library"], "game": ["server"]}


def test_each_stage_is_the_text_after_its_step() -> None:
    result = run(attack(Demote((EDITOR,), k=1), SWAPS), toy.Linear(), DOCUMENT, (EDITOR, GAMES))
    saved = record.read(json.dumps(result.to_json()).encode())
    walked = walk(saved, toy.Linear())
    changed = [step for step in result.steps[1:] if step.chosen is not None]
    assert walked.goal == Demote((EDITOR,), k=1) and walked.truth == (EDITOR, GAMES)
    assert [stage.document.text for stage in walked.stages] == [DOCUMENT.text, *(step.document.text for step in changed)]
    assert [stage.view.rank(EDITOR) for stage in walked.stages[1:]] == [step.view.rank(EDITOR) for step in changed]
    assert walked.stages[-1].document.text == saved["adversarial"]
    first = walked.stages[1]
    (position,) = first.swaps
    assert first.said == f"{DOCUMENT.words[position]} \u2192 {first.swaps[position]}" and walked.stages[0].swaps == {}


def test_a_word_put_back_is_no_swap_any_more() -> None:
    """Whatever order a record has: a step that changes nothing is left out, a restored word is as at first."""
    saved = run(attack(Demote((EDITOR,), k=1), SWAPS), toy.Linear(), DOCUMENT).to_json()
    base = {**saved["steps"][0], "position": 1}
    steps = [{**base, "to": "library"}, {**base, "from": "library", "to": "library"}, {**base, "from": "library", "to": "chess"}]
    stages = walk({**saved, "steps": steps}, toy.Linear()).stages
    assert [stage.said for stage in stages] == ["original", "chess \u2192 library", "library \u2192 chess"]
    assert [dict(stage.swaps) for stage in stages] == [{}, {1: "library"}, {}] and stages[2].document.text == DOCUMENT.text
