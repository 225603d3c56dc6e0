"""How real is a changed vector? From any numbers to a vector that a document could have, to a text (methods.md 6.3).

Whole features (bits, counts): the features are taken in the order in which the attack moved them, the most first, relative to their
range, and so many of them are changed by whole numbers that the goal is reached; where that fails, the nearest whole vector that the search
met is taken. Then each change that is not needed is taken back. Rows of length 1 are scaled to it. Numbers that need be nothing but
numbers stay. Every vector is scored again, and every such query counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np

from core.attacks.features.coordinates import Coordinates
from core.attacks.features.oracle import FeatureOracle
from core.attacks.features.steps import Distance, Realism
from core.document import Document
from core.errors import CapabilityError
from core.types import FloatArray
from core.vector import FeatureVector

MOST = 64
"""Features that are changed by whole numbers, at most."""

SHARE = 10
"""One query in so many is kept for this."""


def reserve(coordinates: Coordinates, whole: bool, queries: int) -> int:
    """Queries of a budget that the search must leave over."""
    return min(2 * min(len(coordinates), MOST) if whole else 1, queries // SHARE)


def realism_levels(oracle: FeatureOracle, coordinates: Coordinates, point: FloatArray, afford: Callable[[], int]) -> tuple[Realism, ...]:
    """What a point [m] that reached the goal comes to. `afford()`: how many queries are left."""
    vector = coordinates.vector(point)
    view = oracle.fresh(vector)
    first = Realism("continuous", oracle.reached(view), vector, view, Distance.of(oracle.original, vector))
    before = oracle.queries
    space = oracle.classifier.space
    if space.whole:
        found, note = _whole(oracle, coordinates, point, afford)
    else:
        found, note = _scaled(oracle, coordinates, point, afford) if space.unit_rows else (vector, "any numbers may stand in these features")
    second = _level(oracle, found, note, oracle.queries - before)
    return first, second, _text(oracle, second)


def _level(oracle: FeatureOracle, vector: FeatureVector | None, note: str, queries: int) -> Realism:
    if vector is None:
        return Realism("feasible", False, None, None, None, note, queries)
    view = oracle.fresh(vector)
    return Realism("feasible", oracle.reached(view), vector, view, Distance.of(oracle.original, vector), note, queries)


def _scaled(oracle: FeatureOracle, coordinates: Coordinates, point: FloatArray, afford: Callable[[], int]) -> tuple[FeatureVector | None, str]:
    """The point without negative values, at length 1."""
    positive = np.maximum(point, 0)
    length = float(np.linalg.norm(positive))
    if not length:
        return None, "nothing is left of the document, which no row of length 1 can be"
    if not afford():
        return None, "no query was left to try it"
    scaled = positive / length
    oracle.decide(coordinates, scaled[None])
    return coordinates.vector(scaled), "scaled to length 1, as all rows of the data are"


def _whole(oracle: FeatureOracle, coordinates: Coordinates, point: FloatArray, afford: Callable[[], int]) -> tuple[FeatureVector | None, str]:
    """As few features as are found changed by whole numbers."""
    change = point - coordinates.origin
    order = np.argsort(-np.abs(change) / np.maximum(coordinates.high - coordinates.low, 1e-12), kind="stable")
    order = order[change[order] != 0][:MOST]
    target = np.clip(np.where(change < 0, np.floor(point), np.ceil(point)), coordinates.low, coordinates.high)
    tried = np.repeat(coordinates.origin[None], len(order), axis=0)
    for number, column in enumerate(order):
        tried[number:, column] = target[column]
    tried = tried[: afford()]
    hit = oracle.first_reaching(coordinates, tried) if len(tried) else None
    if hit is not None:
        kept, removable = tried[hit], [*order[:hit][::-1], order[hit]]  # the one that decided stays longest
    elif oracle.best_whole is not None:
        kept = oracle.best_whole[1]
        removable = list(np.flatnonzero(kept != coordinates.origin))
    else:
        return None, f"changing up to {len(tried)} features by whole numbers, the most moved first, does not reach the goal"
    for column in removable:
        if not afford():
            break
        without = kept.copy()
        without[column] = coordinates.origin[column]
        if oracle.decide(coordinates, without[None])[0]:
            kept = without
    return coordinates.vector(kept), "" if hit is not None else "made of a training document that the search met, cut to the features that may move"


def _text(oracle: FeatureOracle, feasible: Realism) -> Realism:
    """The text of a feasible vector, read by the classifier as any text is."""
    space = oracle.classifier.space
    if not space.words:
        return Realism("text", None, None, None, None, "the features are no words, so no text stands for a vector")
    if feasible.vector is None or not feasible.reached:
        return Realism("text", None, None, None, None, "there is no feasible vector that reaches the goal to write as text")
    text, original = space.text(feasible.vector), space.text(oracle.original)
    read = space.bag(Document.from_text(text))
    before, after = Counter(original.split(" ")), Counter(text.split(" "))
    removed, put_in = (tuple(word for word in (one - other).elements() if word) for one, other in ((before, after), (after, before)))
    note = "the words in the order of the file's columns, which is all that is known of it" if text else "no word is left"
    if read.digest != feasible.vector.digest:
        note += "; some features are no words, so the text does not hold them"
    try:
        view = oracle.read(text)
    except CapabilityError as error:
        return Realism("text", None, None, None, None, str(error))
    return Realism("text", oracle.reached(view), read, view, Distance.of(oracle.original, read), note, 0, text, removed, put_in)
