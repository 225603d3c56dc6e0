"""The labels of one text, as the page and the command line show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.document import Document
from core.errors import InputError
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


def choose_labels(classifier: Classifier, text: str, wanted: str) -> IntArray:
    """Label ids from 'auto:3' (the three best) or from names and ids separated by semicolons. Raises InputError."""
    import numpy as np

    if wanted.startswith("auto:"):
        if not wanted[5:].isdecimal() or len(wanted) > 5 + 18:
            raise InputError(f"'{wanted}' is not of the form auto:3")
        return np.asarray(predict(classifier, text, int(wanted[5:])).ids, dtype=np.int64)
    return np.asarray([classifier.labels.find(part.strip()) for part in wanted.split(";") if part.strip()], dtype=np.int64)
