"""The finished attack, whatever it moved: what every record says, and what every replay reads of one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from core.attacks import goals
from core.attacks.goals import AnyGoal, Goal
from core.attacks.oracle import Oracle
from core.attacks.steps import Step
from core.types import Classifier

S = TypeVar("S", bound=Step[Any])


@dataclass(frozen=True)
class Result(ABC, Generic[S]):
    """All steps of one attack, in order."""

    session: Any
    steps: tuple[S, ...]

    @property
    def final(self) -> S:
        return self.steps[-1]

    @property
    def success(self) -> bool:
        return self.final.status == "reached"

    @property
    def reason(self) -> str:
        """Why the attack ended, in a word: reached, exhausted, budget or refused."""
        return self.final.status

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The stable object of `python -m core attack --json`; with more beside it, one line of a study's records."""

    def asked(self, classifier: Classifier, goal: Goal) -> dict[str, Any]:
        """Of whom, and what, the attack asked: keys of every record."""
        names, truth = classifier.labels.names, self._oracle.start.truth
        return {
            "checkpoint": classifier.name,
            "digest": classifier.digest,
            "goal": goal.NAME,
            "goal_settings": goals.to_json(goal),
            "label": names[goal.targets[0]] if goal.targets else None,
            "labels": [names[label] for label in goal.targets],
            "true_labels": None if truth is None else [names[label] for label in truth],
            "k": goal.k,
            "success": self.success,
            "reason": self.reason,
            "note": self.final.note,
        }

    def outcome(self, classifier: Classifier, goal: Goal) -> dict[str, Any]:
        """What became of the followed labels and of the top k: keys of every record. Seconds since the attack began."""
        names, tracked, first, last = classifier.labels.names, self._oracle.followed, self.steps[0].view, self.final.view
        return {
            "queries": self.final.queries,
            "seconds": round(self.final.seconds, 4),
            "tracked": [names[label] for label in tracked],
            "rank_before": [first.rank(label) for label in tracked],
            "rank_after": [last.rank(label) for label in tracked],
            "score_before": [first.score(label) for label in tracked],
            "score_after": [last.score(label) for label in tracked],
            "top_before": [names[label] for label in first.top[: goal.k]],
            "top_after": [names[label] for label in last.top[: goal.k]],
        }

    @property
    def _oracle(self) -> Oracle[Any]:
        oracle: Oracle[Any] = self.session.oracle
        return oracle


@dataclass(frozen=True)
class RecordedQuestion:
    """What a record asked, in the label ids of a classifier: labels meet by name, true ones that it does not know are left out."""

    goal: AnyGoal
    truth: list[int] | None
    tracked: list[int]

    @classmethod
    def of(cls, record: Mapping[str, Any], classifier: Classifier) -> RecordedQuestion:
        """InputError where the classifier lacks an attacked or a followed label."""
        ids = classifier.labels.ids
        truth = None if record["true_labels"] is None else [ids[name] for name in record["true_labels"] if name in ids]
        tracked = [classifier.labels.find(name) for name in record["tracked"]]
        return cls(goals.from_json(goal_settings_for(record, classifier)), truth, tracked)


def goal_settings_for(record: Mapping[str, Any], classifier: Classifier) -> dict[str, Any]:
    """The goal's settings with label ids of this classifier: labels meet by name."""
    return {**record["goal_settings"], **({"labels": [classifier.labels.find(name) for name in record["labels"]]} if record["labels"] else {})}


def changed(found: Mapping[str, Any], record: Mapping[str, Any]) -> tuple[str, ...]:
    """The keys that did not come out as saved."""
    return tuple(key for key, value in found.items() if record[key] != value)
