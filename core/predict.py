"""The labels of one text, as the page and the command line show them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.document import Document
from core.errors import InputError
from core.labels import LabelSpace
from core.types import Classifier, IntArray


@dataclass(frozen=True)
class Prediction:
    """The k best labels of a document by the model's own retrieval path; places that a beam left empty are dropped."""

    document: Document
    ids: tuple[int, ...]
    scores: tuple[float, ...]
    words_read: int

    @property
    def truncated(self) -> int:
        """Words past the model's window: they cannot change a score."""
        return len(self.document) - self.words_read


def predict(classifier: Classifier, text: str, k: int = 10) -> Prediction:
    """Raises InputError for a text without words or a k below 1."""
    if k < 1:
        raise InputError(f"the number of labels must be at least 1, not {k}")
    document = Document.from_text(text)
    if not len(document):
        raise InputError("the text has no words; paste a sentence or two")
    ids, scores = classifier.retrieve([text], min(k, len(classifier.labels)))
    found = [(int(label), float(score)) for label, score in zip(ids[0], scores[0], strict=True) if label >= 0]
    return Prediction(document, tuple(label for label, _ in found), tuple(score for _, score in found), classifier.words_read(document))


def to_json(prediction: Prediction, classifier: Classifier) -> dict[str, Any]:
    """The stable object of `python -m core predict --json`."""
    labels = classifier.labels
    return {
        "checkpoint": classifier.name,
        "digest": classifier.digest,
        "unit": classifier.unit,
        "words": len(prediction.document),
        "truncated_words": prediction.truncated,
        "labels": [
            {"rank": rank, "id": label, "label": labels.names[label], "score": score, "train_count": int(labels.counts[label])}
            for rank, (label, score) in enumerate(zip(prediction.ids, prediction.scores, strict=True), 1)
        ],
    }


def choose_labels(classifier: Classifier, text: str, wanted: Sequence[str | int]) -> IntArray:
    """Ids [m] of the labels that are wanted of a text; see `chosen`."""
    return chosen(classifier.labels, wanted, lambda count: predict(classifier, text, count).ids)


def chosen(labels: LabelSpace, wanted: Sequence[str | int], best: Callable[[int], Sequence[int]]) -> IntArray:
    """Ids [m], each once, in the order wanted: a number is an id; a text that is a label's name is that label; else 'auto:3' asks `best` for
    the three best, and names separated by semicolons are each meant (a name that holds semicolons goes before its parts). InputError for
    what is no label, and where nothing is left."""
    found: list[int] = []
    for one in wanted:
        if isinstance(one, str) and one not in labels.ids and one.startswith("auto:"):
            found += best(min(_count(one), len(labels)))
        else:
            found += [labels.find(one)] if isinstance(one, int) else labels.named(one)
    if not found:
        raise InputError("no label is named: give a name, an id, or auto:3 for the three best")
    return np.asarray(list(dict.fromkeys(found)), dtype=np.int64)


def _count(wanted: str) -> int:
    """The 3 of auto:3."""
    number = wanted[5:]
    if not (number.isascii() and number.isdecimal() and len(number) <= 18 and int(number)):
        raise InputError(f"'{wanted[:80]}' is not of the form auto:3, the three best, and no label is called so")
    return int(number)
