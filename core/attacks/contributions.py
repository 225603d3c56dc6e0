"""Why a step worked: what the classifier itself says of it. Attacks know no model; they ask the protocol."""

from __future__ import annotations

from core.attacks.words.steps import WordStep
from core.document import Document
from core.errors import CapabilityError
from core.types import Classifier, Contributions, Decomposable


def refusal(classifier: Classifier) -> str | None:
    """Why this classifier cannot be asked, as a sentence; None if it can."""
    if isinstance(classifier, Decomposable):
        return None
    return f"'{classifier.name}' does not say which of its parts moved a score; compare explanations of the two texts instead."


def of_documents(classifier: Classifier, before: Document, after: Document, label: int) -> Contributions:
    """Which parts of the classifier moved the label's score from one text to the other. CapabilityError with the refusal's
    sentence, InputError for an unknown label."""
    if not isinstance(classifier, Decomposable):
        raise CapabilityError(str(refusal(classifier)))
    return classifier.contributions(before, after, label)


def of_step(classifier: Classifier, before: WordStep, after: WordStep, label: int) -> Contributions:
    """The same of a step: what its decision did. Give the first step as `before` for what the whole attack did so far."""
    return of_documents(classifier, before.document, after.document, label)
