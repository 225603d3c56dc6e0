"""The finished attack: one record with everything that is needed to repeat and to check it.

`replay` does check it: from the original text and the saved swaps it rebuilds the adversarial text, scores both afresh,
and says what, if anything, differs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.attacks import goals
from core.attacks.words.oracle import Judge
from core.attacks.words.session import Attack, Session
from core.attacks.words.similarity import angular
from core.attacks.words.steps import Step, Swap
from core.document import Document
from core.errors import InputError
from core.types import Classifier, Progress, silent

SCHEMA = 1


@dataclass(frozen=True)
class Result:
    """All steps of one attack, in order, and the classifier they were made on."""

    session: Session
    steps: tuple[Step, ...]

    @property
    def final(self) -> Step:
        return self.steps[-1]

    @property
    def success(self) -> bool:
        return self.final.status == "reached"

    @property
    def reason(self) -> str:
        """Why the attack ended, in a word: reached, exhausted, budget or refused."""
        return self.final.status

    @property
    def text(self) -> str:
        return self.session.original.text

    @property
    def adversarial(self) -> str:
        return self.final.document.text

    @property
    def swaps(self) -> tuple[Swap, ...]:
        return self.final.trail.swaps

    @property
    def change_rate(self) -> float:
        """Changed words / words of the document."""
        return len(self.swaps) / len(self.session.original)

    @property
    def counted_change_rate(self) -> float:
        """As the released code counts: without the changes that its aliasing bug leaves in the text."""
        return sum(swap.counted for swap in self.swaps) / len(self.session.original)

    @property
    def change_rate_read(self) -> float:
        """Changed words / words that the model reads."""
        return len(self.swaps) / max(1, self.session.words_read)

    def cosine(self) -> float:
        return float(self.session.attack.similarity.cosine(self.session.original, [self.final.document])[0])

    def to_json(self) -> dict[str, Any]:
        """The stable object of `python -m core attack --json`; one line of a study's records."""
        session, attack = self.session, self.session.attack
        space = session.classifier.labels
        first = self.steps[0]
        judge = session.judge
        tracked = attack.goal.targets or judge.start.top
        cosine = self.cosine()
        label = attack.goal.targets[0] if attack.goal.targets else None
        return {
            "schema": SCHEMA,
            "checkpoint": session.classifier.name,
            "digest": session.classifier.digest,
            "recipe": attack.name,
            "settings": attack_settings(attack),
            "seed": attack.seed,
            "goal": attack.goal.NAME,
            "goal_settings": goals.to_json(attack.goal),
            "label": None if label is None else space.names[label],
            "labels": [space.names[target] for target in attack.goal.targets],
            "label_count": None if label is None else int(space.counts[label]),
            "true_labels": None if judge.start.truth is None else [space.names[true] for true in judge.start.truth],
            "k": attack.goal.k,
            "success": self.success,
            "reason": self.reason,
            "note": self.final.note,
            "text": self.text,
            "adversarial": self.adversarial,
            "words": len(session.original),
            "words_read": session.words_read,
            "changed_words": len(self.swaps),
            "change_rate": self.change_rate,
            "change_rate_read": self.change_rate_read,
            "counted_change_rate": self.counted_change_rate,
            "similarity": cosine,
            "similarity_angular": angular(cosine),
            "similarity_kind": f"cosine, {attack.similarity.source}",
            "queries": self.final.queries,
            "model_calls": self.final.model_calls,
            "seconds": round(self.final.seconds, 4),
            "rank_before": [first.view.rank(target) for target in tracked],
            "rank_after": [self.final.view.rank(target) for target in tracked],
            "tracked": [space.names[target] for target in tracked],
            "score_before": [first.view.score(target) for target in tracked],
            "score_after": [self.final.view.score(target) for target in tracked],
            "top_before": [space.names[one] for one in first.view.top[: attack.goal.k]],
            "top_after": [space.names[one] for one in self.final.view.top[: attack.goal.k]],
            "margin_before": _margin(first, tracked, attack.goal.k),
            "steps": [
                self._step(step, before, tracked) for before, step in zip(self.steps, self.steps[1:], strict=False) if step.position is not None
            ],
        }

    def _step(self, step: Step, before: Step, tracked: Sequence[int]) -> dict[str, Any]:
        assert step.position is not None
        return {
            "index": step.index,
            "status": step.status,
            "position": step.position,
            "from": before.document.words[step.position],
            "to": step.document.words[step.position],
            "score": [step.view.score(target) for target in tracked],
            "rank": [step.view.rank(target) for target in tracked],
            "queries": step.queries,
            "candidates": len(step.options),
            "counted": all(swap.counted for swap in step.trail.swaps if swap.position == step.position),
        }


def _margin(step: Step, tracked: Sequence[int], k: int) -> float | None:
    """Score of the first target minus the score of rank k + 1 (of rank k, if the target stands outside): how far it has to go."""
    others = [score for label, score in zip(step.view.top, step.view.top_scores, strict=True) if label != tracked[0]]
    return None if len(others) < k else step.view.score(tracked[0]) - others[k - 1]


def attack_settings(attack: Attack) -> dict[str, Any]:
    """Every component with its settings, by role: what decides the outcome beside the goal, the classifier and the text."""
    from core.attacks.words.components import settings_json
    from core.fields import to_json

    return {
        "importance": settings_json(attack.importance),
        "candidates": [settings_json(part) for part in attack.candidates],
        "constraints": [settings_json(part) for part in attack.constraints],
        "search": {"name": type(attack.search).__name__, **to_json(attack.search)},
        "similarity": settings_json(attack.similarity),
        "budget": to_json(attack.budget),
    }


def run(
    attack: Attack, classifier: Classifier, document: Document, truth: Sequence[int] | None = None, prune: bool = False, progress: Progress = silent
) -> Result:
    """The whole attack. With `prune`, words that a success does not need are put back."""
    session = attack.begin(classifier, document, truth, progress)
    steps = tuple(session.steps())
    if prune and steps[-1].status == "reached":
        steps = (*steps, *session.pruned(steps[-1]))
    return Result(session, steps)


@dataclass(frozen=True)
class Replayed:
    """What a saved attack came to when it was made again; `differences` is empty where everything is as saved;
    `unmet` says why the goal does not fit the original text on this classifier."""

    adversarial: str
    ranks: tuple[int, ...]
    success: bool
    unmet: str | None
    differences: tuple[str, ...]


def replay(record: dict[str, Any], classifier: Classifier) -> Replayed:
    """Put a record's swaps into its original text and score it afresh. On another classifier than the record's (a transfer) only
    the outcome is new; on the same one text, ranks and outcome must be as saved. InputError for a record of another schema."""
    if record.get("schema") != SCHEMA:
        raise InputError(f"this record has schema {record.get('schema')!r}; this version reads {SCHEMA}")
    goal = goals.from_json(goal_settings_for(record, classifier))
    original = Document.from_text(record["text"])
    swaps = {step["position"]: step["to"] for step in record["steps"]}
    document = Document.from_text(original.replace({i: word for i, word in swaps.items() if word != original.words[i]}).text)
    truth = (
        None if record["true_labels"] is None else [classifier.labels.ids[name] for name in record["true_labels"] if name in classifier.labels.ids]
    )
    tracked = [classifier.labels.find(name) for name in record["tracked"]]
    judge = Judge(classifier, goal, original, truth, also=tracked)
    before, view = judge.known(original), judge.known(document)
    unmet = goal.unmet(judge.start)
    success = unmet is None and judge.reached(view)
    after = tuple(view.rank(i) for i in tracked)
    found = {
        "adversarial": document.text, "success": success, "rank_before": [before.rank(i) for i in tracked],
        "rank_after": list(after), "digest": classifier.digest,
    }  # fmt: skip
    return Replayed(document.text, after, success, unmet, tuple(key for key, value in found.items() if record[key] != value))


def goal_settings_for(record: Mapping[str, Any], classifier: Classifier) -> dict[str, Any]:
    """The goal's settings with label ids of this classifier: labels meet by name."""
    return {**record["goal_settings"], **({"labels": [classifier.labels.find(name) for name in record["labels"]]} if record["labels"] else {})}
