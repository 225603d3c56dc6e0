"""Studies of attacks on words: pairs of document and label, drawn equally over label frequencies (core.study.plan)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from core import fields
from core.attacking import prepare as prepare_attack
from core.attacks.words.cost import estimate
from core.attacks.words.result import SCHEMA as ATTACK_SCHEMA
from core.attacks.words.result import run as run_attack
from core.attacks.words.session import WordAttack
from core.data.dataset import Dataset
from core.document import Document
from core.errors import InputError
from core.study import plan as drawing
from core.study.kind import PairCost, PairTask
from core.study.kinds import read_kind
from core.study.plan import Pair, Plan
from core.study.records import SCHEMA, Record
from core.study.settings import Prepare, Request
from core.types import Classifier, Progress


@dataclass(frozen=True)
class WordKind:
    """A request, and how its recipe is made ready."""

    request: Request
    prepare: Prepare = prepare_attack

    NAME: ClassVar[str] = "study"

    @property
    def study(self) -> Any:
        return self.request.study

    @property
    def seed(self) -> int:
        return self.request.switches.seed

    def to_json(self) -> dict[str, Any]:
        return self.request.to_json()

    def to_flags(self) -> list[str]:
        recipe, _, fidelity = self.request.recipe.partition(":")
        head = ["--recipe", recipe, "--fidelity", fidelity or "fixed"]
        return [*head, *fields.to_flags(self.request.study), *fields.to_flags(self.request.switches)]

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> WordKind:
        return cls(Request.from_json(found))

    def attack_for(self, label: int | None) -> WordAttack:
        """The attack of one pair."""
        return self.prepare(self.request.switches, self.request.study.goal_for(label), self.request.recipe)

    def refusal(self, classifier: Classifier) -> str | None:
        return self.attack_for(len(classifier.labels) - 1).refusal(classifier)  # which label is attacked does not matter for it

    def load_dataset(self) -> Dataset:
        from core.data import load_completed

        return load_completed(self.request.study.dataset)

    def draw(self, classifier: Classifier, dataset: Dataset, progress: Progress) -> Plan:
        return drawing.plan(self.request.study, classifier, dataset, self.seed, progress)

    def tasks(self, plan: Plan, dataset: Dataset) -> list[PairTask]:
        split = self.request.study.split
        texts = dataset.split(split).texts
        if texts is None:
            raise InputError(f"data set '{dataset.name}' holds vectors, no text; words cannot be attacked")
        if wrong := next((pair for pair in plan.pairs if not 0 <= pair.row < len(texts)), None):
            raise InputError(f"the plan names document {wrong.row} of split '{split}', which has {len(texts):,}; begin in a new folder")
        return [PairTask(pair, texts[pair.row]) for pair in plan.pairs]

    def bench(self, classifier: Classifier, dataset: Dataset | None = None) -> WordBench:
        return WordBench(self, classifier)

    def bench_of_worker(self) -> WordBench:
        from core.models import load

        return WordBench(self, load(self.request.study.checkpoint))

    def sample(self, pairs: int, documents: int) -> WordKind:
        small = replace(self.request.study, documents=documents, pairs=min(pairs, self.request.study.pairs))
        return replace(self, request=replace(self.request, study=small))

    def size(self, dataset: Dataset) -> int:
        return self.request.study.pairs

    def on(self, checkpoint: str, pairs_from: Path) -> WordKind:
        return replace(self, request=replace(self.request, study=replace(self.request.study, checkpoint=checkpoint, pairs_from=str(pairs_from))))


@dataclass(frozen=True)
class WordBench:
    """A classifier whose words are attacked."""

    kind: WordKind
    classifier: Classifier

    def attack(self, task: PairTask, progress: Progress) -> Record:
        attack, document = self.kind.attack_for(task.pair.label), Document.from_text(task.text)
        result = run_attack(attack, self.classifier, document, task.pair.truth, self.kind.request.switches.prune, progress)
        return beside(task.pair, result.to_json())

    def failed(self, task: PairTask, note: str) -> Record:
        request, pair, classifier = self.kind.request, task.pair, self.classifier
        label = pair.unknown or (None if pair.label is None else classifier.labels.names[pair.label])
        return {
            "schema": ATTACK_SCHEMA, "checkpoint": classifier.name, "digest": classifier.digest, "recipe": request.recipe,
            "goal": request.study.goal, "label": label, "k": request.study.k, "success": False, "reason": "error", "note": note,
            "text": task.text, "seconds": 0.0, "study": SCHEMA, "pair": pair.id, "document": pair.document, "row": pair.row, "bin": pair.bin,
            "count": pair.count,
        }  # fmt: skip

    def cost(self, task: PairTask) -> PairCost | None:
        session = self.kind.attack_for(task.pair.label).begin(self.classifier, Document.from_text(task.text), task.pair.truth)
        if session.unmet is not None:
            return None
        found = estimate(session)
        return PairCost(found.queries, found.seconds)


def beside(pair: Pair, record: dict[str, Any]) -> Record:
    """An attack's record with what the study knows of the pair."""
    return {
        **record, "study": SCHEMA, "pair": pair.id, "document": pair.document, "row": pair.row, "bin": pair.bin, "count": pair.count,
        "start_rank": record["rank_before"][0] if record["labels"] else None, "margin": record["margin_before"] if record["labels"] else None,
    }  # fmt: skip


def read_request(folder: Path) -> Request:
    """What a study of words was asked. InputError for another folder."""
    kind, _ = read_kind(folder)
    if not isinstance(kind, WordKind):
        raise InputError(f"{folder} attacked feature vectors; its pairs are none of a study of words")
    return kind.request
