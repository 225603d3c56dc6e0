"""Which words and pairs of words moved a label's margin: exact, since a margin is a sum over TF-IDF features.

A share is value times weight. Replacing one word also changes the vector's norm, so all other features move a little too; they
are added up as "others".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from core.document import Document
from core.models.parts.columns import Columns
from core.models.parts.contributions import SHOWN, compare, finished, folded
from core.models.parts.one_vs_rest import dense_rows
from core.models.parts.tfidf import TfIdf
from core.types import Contribution, Contributions

if TYPE_CHECKING:
    from core.models.linear.model import LinearModel
    from core.models.linear.part import LinearPart


def feature_shares(
    tfidf: TfIdf | Columns, weights: sparse.csr_array, before: Document, after: Document, label: int, factor: float = 1.0, shown: int | None = None
) -> list[Contribution]:
    """What each feature adds to `factor` times the margin of weights [F, L], by falling change; with `shown` the smaller ones as one."""
    sides, words = [], tfidf.singles
    for document in (before, after):
        vector = tfidf.transform([document.text])
        columns = vector.indices.astype(np.int64)
        values = factor * vector.data * dense_rows(weights, columns, np.asarray([label]))[:, 0]
        named = {("word" if c < words else "pair", tfidf.name(int(c))): float(v) for c, v in zip(columns, values, strict=True) if v}
        sides.append(named)
    found = compare(sides[0], sides[1])
    return found if shown is None else folded(found, "words and pairs", shown)


def linear_contributions(model: LinearModel, before: Document, after: Document, label: int) -> Contributions:
    label = model.labels.find(label)
    scores = model.score([before.text, after.text], np.asarray([label]))[:, 0]
    bias = float(model.bias[label])
    shares = [*feature_shares(model.tfidf, model.weights, before, after, label, shown=SHOWN), Contribution("bias", "of the label", bias, bias)]
    return finished(model.labels, label, float(scores[0]), float(scores[1]), shares)


def part_share(part: LinearPart, before: Document, after: Document, label: int) -> Contribution:
    """What a linear part adds to another model's score; its detail names the features that moved most."""
    factor = part.scale * part.share
    margins = factor * part.model.score([before.text, after.text], np.asarray([label]))[:, 0]
    detail = said_of(feature_shares(part.model.tfidf, part.model.weights, before, after, label, factor))
    return Contribution("linear part", "words and pairs of words", float(margins[0]), float(margins[1]), detail)


def said_of(shares: Sequence[Contribution], count: int = 4) -> str:
    """The features that moved most, in a few words: what stands beside a linear part's share."""
    moved = [share for share in shares if abs(share.after - share.before) >= 0.005][:count]
    return ", ".join(f"{share.name} {share.after - share.before:+.2f}" for share in moved)
