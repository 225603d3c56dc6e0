"""The finished attack: one record with everything that is needed to repeat and to check it.

`replay` does check it: from the original text and the saved swaps it rebuilds the adversarial text, scores both afresh,
and says what, if anything, differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.attacks.result import RecordedQuestion, Result, changed
from core.attacks.words.oracle import WordOracle
from core.attacks.words.session import WordAttack, WordSession
from core.attacks.words.similarity import angular
from core.attacks.words.steps import Swap, WordStep
from core.document import Document
from core.errors import InputError
from core.types import Classifier, Progress, silent

SCHEMA = 1


@dataclass(frozen=True)
class WordResult(Result[WordStep]):
    """All steps of one attack, in order, and the classifier they were made on."""

    session: WordSession

    @property
    def text(self) -> str:
        return self.session.original.text

    @property
    def adversarial(self) -> str:
        return self.final.document.text

    @property
    def swaps(self) -> tuple[Swap, ...]:
        return self.final.edits.swaps

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
        session, attack = self.session, self.session.attack
        classifier, goal, cosine = session.classifier, attack.goal, self.cosine()
        tracked = session.oracle.followed
        return {
            "schema": SCHEMA,
            **self.asked(classifier, goal),
            "recipe": attack.name,
            "settings": attack_settings(attack),
            "seed": attack.seed,
            "label_count": int(classifier.labels.counts[goal.targets[0]]) if goal.targets else None,
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
            "model_calls": self.final.model_calls,
            **self.outcome(classifier, goal),
            "margin_before": _margin(self.steps[0], tracked, goal.k),
            "steps": [
                self._step(step, before, tracked) for before, step in zip(self.steps, self.steps[1:], strict=False) if step.position is not None
            ],
        }

    def _step(self, step: WordStep, before: WordStep, tracked: Sequence[int]) -> dict[str, Any]:
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
            "counted": all(swap.counted for swap in step.edits.swaps if swap.position == step.position),
        }


def _margin(step: WordStep, tracked: Sequence[int], k: int) -> float | None:
    """Score of the first target minus the score of rank k + 1 (of rank k, if the target stands outside): how far it has to go."""
    others = [score for label, score in zip(step.view.top, step.view.top_scores, strict=True) if label != tracked[0]]
    return None if len(others) < k else step.view.score(tracked[0]) - others[k - 1]


def attack_settings(attack: WordAttack) -> dict[str, Any]:
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
    attack: WordAttack,
    classifier: Classifier,
    document: Document,
    truth: Sequence[int] | None = None,
    prune: bool = False,
    progress: Progress = silent,
) -> WordResult:
    """The whole attack. With `prune`, words that a success does not need are put back."""
    session = attack.begin(classifier, document, truth, progress)
    steps = tuple(session.steps())
    if prune and steps[-1].status == "reached":
        steps = (*steps, *session.pruned(steps[-1]))
    return WordResult(session, steps)


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
    asked = RecordedQuestion.of(record, classifier)
    original = Document.from_text(record["text"])
    swaps = {step["position"]: step["to"] for step in record["steps"]}
    document = Document.from_text(original.replace({i: word for i, word in swaps.items() if word != original.words[i]}).text)
    oracle = WordOracle(classifier, asked.goal, original, asked.truth, also=asked.tracked)
    before, view = oracle.known(original), oracle.known(document)
    unmet = asked.goal.unmet(oracle.start)
    success = unmet is None and oracle.reached(view)
    after = tuple(view.rank(i) for i in asked.tracked)
    found = {
        "adversarial": document.text, "success": success, "rank_before": [before.rank(i) for i in asked.tracked],
        "rank_after": list(after), "digest": classifier.digest,
    }  # fmt: skip
    return Replayed(document.text, after, success, unmet, changed(found, record))
