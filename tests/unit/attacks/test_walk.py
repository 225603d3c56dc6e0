"""A saved attack walked through again: the texts, ranks and words of its steps."""

from __future__ import annotations

import json
from dataclasses import replace

from core.attacks.goals import Demote
from core.attacks.words import record
from core.attacks.words.result import run
from core.attacks.words.walk import walk
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
    texts = [document.text for document in walked.documents()]
    assert texts == [DOCUMENT.text, *(step.document.text for step in changed)]
    assert [stage.view.rank(EDITOR) for stage in walked.stages[1:]] == [step.view.rank(EDITOR) for step in changed]
    assert texts[-1] == saved["adversarial"]
    (position,) = walked.swaps(1)
    assert walked.stages[1].said == f"{DOCUMENT.words[position]} \u2192 {walked.swaps(1)[position]}" and walked.swaps(0) == {}


def test_a_word_put_back_is_no_swap_any_more() -> None:
    """Whatever order a record has: a step that changes nothing is left out, a restored word is as at first."""
    saved = run(attack(Demote((EDITOR,), k=1), SWAPS), toy.Linear(), DOCUMENT).to_json()
    base = {**saved["steps"][0], "position": 1}
    steps = [{**base, "to": "library"}, {**base, "from": "library", "to": "library"}, {**base, "from": "library", "to": "chess"}]
    walked = walk({**saved, "steps": steps}, toy.Linear())
    assert [stage.said for stage in walked.stages] == ["original", "chess \u2192 library", "library \u2192 chess"]
    assert [walked.swaps(at) for at in range(3)] == [{}, {1: "library"}, {}] and list(walked.documents())[2].text == DOCUMENT.text


def test_the_ranks_are_the_same_whether_the_scores_were_kept_or_not() -> None:
    """By hand: EDITOR is first with its words, and below GAMES once "editor" and "text" are gone."""
    saved = run(attack(Demote((EDITOR,), k=1), SWAPS), toy.Linear(), DOCUMENT, (EDITOR, GAMES)).to_json()
    walked = walk(saved, toy.Linear())
    assert walked.scores is not None and walked.scores.shape == (len(walked.stages), 4)
    kept = walked.ranks(toy.Linear(), (EDITOR, GAMES))
    assert kept[:, 0].tolist() == [stage.view.rank(EDITOR) for stage in walked.stages] and kept[0, 0] == 1 and kept[-1, 0] > 1
    assert replace(walked, scores=None).ranks(toy.Linear(), (EDITOR, GAMES)).tolist() == kept.tolist()
