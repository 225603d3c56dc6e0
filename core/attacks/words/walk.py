"""A saved attack walked through again, step by step, on any classifier that knows its labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.attacks import goals
from core.attacks.goals import Goal
from core.attacks.oracle import SHOWN, views_of
from core.attacks.result import goal_settings_for
from core.attacks.steps import View
from core.document import Document
from core.ranking import BLOCK, look, ranks, top_k
from core.types import Classifier, IntArray, Scores


@dataclass(frozen=True)
class WordStage:
    """What stands after a step: `position` has `word` now (None at first, and where the original's was put back); `said`: what was done."""

    view: View
    position: int
    word: str | None
    said: str


@dataclass(frozen=True)
class WordWalk:
    """The stages of a saved attack, the original text first; `truth`: its true labels that the classifier knows. The texts of the stages
    are not kept: a long one with many steps would be hundreds of copies of itself."""

    goal: Goal
    truth: tuple[int, ...]
    original: Document
    stages: tuple[WordStage, ...]
    scores: Scores | None
    """Of every stage [s, L], where they are few enough to be kept."""

    def swaps(self, at: int) -> dict[int, str]:
        """Position -> the word that stands there after a stage, where it is another than at first."""
        last = {stage.position: stage.word for stage in self.stages[1 : at + 1]}
        return {position: word for position, word in last.items() if word is not None}

    def documents(self) -> Iterator[Document]:
        """The texts of all stages, each made when its turn comes."""
        document = self.original
        yield document
        for stage in self.stages[1:]:
            document = document.replace({stage.position: stage.word or self.original.words[stage.position]})
            yield document

    def ranks(self, classifier: Classifier, labels: Sequence[int]) -> IntArray:
        """Ranks [s, m] of chosen labels after every stage."""
        chosen = np.asarray(labels, dtype=np.int64)
        if self.scores is not None:
            return ranks(self.scores, chosen)
        return np.concatenate([ranks(classifier.score([document.text]), chosen) for document in self.documents()])


def walk(record: Mapping[str, Any], classifier: Classifier) -> WordWalk:
    """Put the steps of a record (core.attacks.words.record.read has checked it) into its text one by one, and score each text afresh. Steps
    that left their word alone are no stages. InputError where the classifier has no such label."""
    goal = goals.from_json(goal_settings_for(record, classifier))
    known = classifier.labels.ids
    truth = tuple(known[name] for name in record["true_labels"] or () if name in known)
    original = document = Document.from_text(record["text"])
    first = classifier.score([original.text])
    watched = np.asarray(sorted({*goal.targets, *truth, *top_k(first, goal.k)[0].tolist()}), dtype=np.int64)

    def view(scores: Scores) -> View:
        return views_of(look(scores, watched, max(SHOWN, goal.k)), watched)[0]

    stages, swaps = [WordStage(view(first), -1, None, "original")], dict[int, str]()
    keeping = len(record["steps"]) < BLOCK // max(1, len(classifier.labels))
    kept = [first] if keeping else []
    for step in record["steps"]:
        position, word = step["position"], step["to"]
        before = swaps.get(position, original.words[position])
        if word == before:
            continue
        document, swaps[position] = document.replace({position: word}), word
        scores = classifier.score([document.text])
        put = None if word == original.words[position] else word
        stages.append(WordStage(view(scores), position, put, f"{before} \u2192 {word}"))
        kept += [scores] if keeping else []
    return WordWalk(goal, truth, original, tuple(stages), np.concatenate(kept) if keeping else None)
