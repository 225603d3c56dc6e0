"""Which words matter for a label over many documents: SHAP's global view, for any explainer.

The importance of a word is its mean |value| per occurrence. A plain sum, as in shap's bar plot, is won by whatever word is
frequent (methods.md, 1.6), so sums are divided by the word's frequency and the frequency is shown beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.document import Document
from core.errors import InputError
from core.explainers import explain
from core.explainers.attribution import Explainer
from core.types import Classifier, FloatArray, IntArray, Progress, silent


@dataclass(frozen=True)
class GlobalImportance:
    """For V case-folded words and m labels: importance [m, V], mean |value| per occurrence; direction [m, V], mean signed
    value; occurrences [V] and documents [V] in which the word stood. `sampled` documents were explained by `method`."""

    words: tuple[str, ...]
    labels: IntArray
    label_names: tuple[str, ...]
    importance: FloatArray
    direction: FloatArray
    occurrences: IntArray
    documents: IntArray
    sampled: int
    method: str
    digest: str

    def top(self, row: int, count: int = 20, minimum: int = 2) -> list[int]:
        """Positions in `words` of the most important words for label number `row` (of m) among those in at least `minimum`
        documents; ties alphabetically."""
        known = np.flatnonzero(self.documents >= minimum)
        order = np.lexsort((known, -self.importance[row, known]))
        return [int(i) for i in known[order[:count]]]


def global_importance(
    explainer: Explainer, classifier: Classifier, documents: Sequence[Document], labels: Sequence[int] | IntArray, progress: Progress = silent
) -> GlobalImportance:
    """Explain every document that has words for the same labels, and gather by word. Words past the model's window do not
    count as occurrences. `progress` counts documents; a Cancelled from it stops between them."""
    chosen = [document for document in documents if len(document) and classifier.words_read(document)]
    if not chosen:
        raise InputError("none of the documents has a word that the model reads, so there is nothing to gather")
    place: dict[str, int] = {}
    columns, values, present = [], [], []
    for number, document in enumerate(chosen):
        progress(number, len(chosen), "documents")
        attribution = explain(explainer, classifier, document, labels)
        read = [word.casefold() for word in document.words[: attribution.words_read]]
        columns += [place.setdefault(word, len(place)) for word in read]
        present += [place[word] for word in sorted(set(read))]
        values.append(attribution.values[:, : attribution.words_read])
    progress(len(chosen), len(chosen), "documents")
    occurrences = np.bincount(columns, minlength=len(place))
    every = np.concatenate(values, axis=1)
    order = np.array(sorted(range(len(place)), key=list(place).__getitem__))
    return GlobalImportance(
        words=tuple(sorted(place)),
        labels=attribution.labels,
        label_names=attribution.label_names,
        importance=_mean_by_word(np.abs(every), columns, occurrences)[:, order],
        direction=_mean_by_word(every, columns, occurrences)[:, order],
        occurrences=occurrences[order],
        documents=np.bincount(present, minlength=len(place))[order],
        sampled=len(chosen),
        method=attribution.method,
        digest=attribution.digest,
    )


def _mean_by_word(values: FloatArray, columns: list[int], occurrences: IntArray) -> FloatArray:
    """values [m, occurrences of all words] -> means [m, V]."""
    sums = np.array([np.bincount(columns, weights=row, minlength=len(occurrences)) for row in values])
    return np.asarray(sums / occurrences)
