"""A saved attack walked through again, step by step, on any classifier that knows its labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.attacks import goals
from core.attacks.goals import Goal
from core.attacks.judge import Judge
from core.attacks.result import goal_settings_for
from core.attacks.steps import View
from core.document import Document
from core.types import Classifier


@dataclass(frozen=True)
class Stage:
    """The text after a step. `swaps`: position -> the word that stands there, where it is another than at first; `said`: what was done."""

    document: Document
    view: View
    swaps: Mapping[int, str]
    said: str


@dataclass(frozen=True)
class Walk:
    """The stages of a saved attack, the original text first; `truth`: its true labels that the classifier knows."""

    goal: Goal
    truth: tuple[int, ...]
    stages: tuple[Stage, ...]


def walk(record: Mapping[str, Any], classifier: Classifier) -> Walk:
    """Put the steps of a record (core.attacks.record.read has checked it) into its text one by one, and score each text afresh. Steps
    that left their word alone are no stages. InputError where the classifier has no such label."""
    goal = goals.from_json(goal_settings_for(record, classifier))
    known = classifier.labels.ids
    truth = tuple(known[name] for name in record["true_labels"] or () if name in known)
    original = Document.from_text(record["text"])
    judge = Judge(classifier, goal, original, truth)
    texts: list[tuple[Document, dict[int, str], str]] = [(original, {}, "original")]
    for step in record["steps"]:
        before, swaps, _ = texts[-1]
        position, word = step["position"], step["to"]
        if word == before.words[position]:
            continue
        swaps = {**swaps, position: word}
        if word == original.words[position]:
            del swaps[position]
        texts.append((before.replace({position: word}), swaps, f"{before.words[position]} \u2192 {word}"))
    return Walk(goal, truth, tuple(Stage(document, judge.known(document), swaps, said) for document, swaps, said in texts))
