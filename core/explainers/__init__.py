"""Why does a classifier give a label its score? The table of explainers, and the one function that asks them.

    explainer = preset("lime", "normal")
    attribution = explain(explainer, classifier, Document.from_text(text), labels)

An explainer is a frozen dataclass of settings with an `attribute` method; `explain` does what all share: it checks the
input, cuts the document to what the model reads, and builds the `Attribution`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from core.document import Document
from core.errors import CapabilityError, InputError, SettingsError
from core.explainers.attribution import Attribution, Explainer, Question
from core.explainers.masking import read_part
from core.fields import from_json, to_json
from core.types import Classifier, IntArray, Progress, silent

EXPLAINERS: dict[str, str] = {
    "lime": "core.explainers.lime:Lime",
    "shap": "core.explainers.shap:Shap",
    "integrated-gradients": "core.explainers.integrated_gradients:IntegratedGradients",
    "occlusion": "core.explainers.occlusion:Occlusion",
    "attention": "core.explainers.attention:Attention",
}
"""Every explainer: its name on the command line and in links -> its class."""

LEVELS = ("quick", "normal", "thorough")

__all__ = ["EXPLAINERS", "LEVELS", "Attribution", "Explainer", "ExplanationCost", "estimate", "explain", "explainer_class", "preset", "refusal"]


@cache
def explainer_class(name: str) -> Any:
    """The class behind a name of the table. SettingsError lists the names."""
    if name not in EXPLAINERS:
        raise SettingsError(f"there is no explainer '{name}'; there are {', '.join(EXPLAINERS)}")
    module, attribute = EXPLAINERS[name].split(":")
    return getattr(import_module(module), attribute)


def preset(name: str, level: str = "normal") -> Explainer:
    """An explainer with its settings at 'quick', 'normal' or 'thorough'."""
    if level not in LEVELS:
        raise SettingsError(f"there is no preset '{level}'; there are {', '.join(LEVELS)}")
    kind = explainer_class(name)
    explainer: Explainer = from_json(kind, kind.PRESETS[level])
    return explainer


def refusal(explainer: str | Explainer, classifier: Classifier) -> str | None:
    """Why this classifier cannot be explained so, as a sentence; None if it can."""
    kind: type[Explainer] = explainer_class(explainer) if isinstance(explainer, str) else type(explainer)
    return kind.refusal(classifier)


def explain(
    explainer: Explainer, classifier: Classifier, document: Document, labels: Sequence[int] | IntArray, progress: Progress = silent
) -> Attribution:
    """Values of the document's words for each of the labels, all in one pass.

    Raises InputError for a document without words and for labels that do not exist, CapabilityError with the refusal's
    sentence, and lets a Cancelled from `progress` through between batches."""
    question = _question(explainer, classifier, document, labels, progress)
    answer = explainer.attribute(question)
    read = len(question.document)
    values = np.zeros((len(question.labels), len(document)))
    values[:, :read] = answer.values
    settings = to_json(explainer)
    return Attribution(
        document=document,
        labels=question.labels,
        label_names=tuple(classifier.labels.names[label] for label in question.labels),
        unit=classifier.unit,
        values=values,
        base=answer.base,
        total=answer.total,
        residual=answer.total - answer.base - answer.values.sum(axis=1) if answer.additive else None,
        method=explainer.NAME,
        settings=settings,
        seed=settings.get("seed"),
        queries=answer.queries,
        checkpoint=classifier.name,
        digest=classifier.digest,
        words_read=read,
        fidelity=dict(answer.fidelity),
        notes=(*_truncation(read, len(document)), *answer.notes),
    )


@dataclass(frozen=True)
class ExplanationCost:
    """What an explanation will take: model evaluations (at most; duplicates are scored once) and seconds on this machine."""

    queries: int
    seconds: float


def estimate(explainer: Explainer, classifier: Classifier, document: Document, labels: Sequence[int] | IntArray) -> ExplanationCost:
    """The cost before it is paid: queries counted from the settings, seconds from a timed probe of a few of them."""
    question = _question(explainer, classifier, document, labels, silent)
    queries = explainer.queries(len(question.document), len(question.labels))
    return ExplanationCost(queries, queries * explainer.probe(question))


def _question(explainer: Explainer, classifier: Classifier, document: Document, labels: Sequence[int] | IntArray, progress: Progress) -> Question:
    if problem := explainer.refusal(classifier):
        raise CapabilityError(problem)
    if not len(document):
        raise InputError("The document has no words, so there is nothing to explain: give at least one word.")
    part = read_part(classifier, document)
    if not len(part):
        raise InputError(f"'{classifier.name}' reads none of the document's {len(document):,} words, so there is nothing to explain.")
    return Question(classifier, part, _validated_labels(labels, len(classifier.labels)), progress)


def _validated_labels(labels: Sequence[int] | IntArray, count: int) -> IntArray:
    found = np.asarray(labels, dtype=np.int64).reshape(-1)
    if not len(found):
        raise InputError("Choose at least one label to explain.")
    if found.min() < 0 or found.max() >= count:
        wrong = found[(found < 0) | (found >= count)][0]
        raise InputError(f"there is no label {wrong}: ids go from 0 to {count - 1}")
    return found


def _truncation(read: int, words: int) -> tuple[str, ...]:
    if read == words:
        return ()
    return (f"The model reads the first {read:,} of {words:,} words; the others cannot change a score and have the value 0.",)
