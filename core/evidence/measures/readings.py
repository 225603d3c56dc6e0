"""Figures of long documents read by their first window alone and in windows: all of the same documents, differences in pairs."""

from __future__ import annotations

from collections.abc import Mapping

from core.evidence import estimates
from core.evidence.estimates import Measured
from core.evidence.measures.base import DIFFERENCE, FRACTION, Measure, One
from core.evidence.measures.documents import DEPTHS
from core.evidence.records import Item, Record

WAYS = {"first": "first window", "maximum": "maximum over windows", "mean": "mean over windows"}
"""Ways of reading: the items' key -> as it is said."""
PAIRS = (("maximum", "first"), ("mean", "first"), ("maximum", "mean"))


def _precision(item: Item, way: str, k: int) -> float:
    return str(item[way])[:k].count("1") / k


def _at(way: str, k: int) -> One:
    return lambda record: estimates.mean([_precision(item, way, k) for item in record.items], [item["row"] for item in record.items])


def _difference(one: str, other: str, k: int) -> One:
    def found(record: Record) -> Measured:
        values = [_precision(item, one, k) - _precision(item, other, k) for item in record.items]
        return estimates.mean(values, [item["row"] for item in record.items])

    return found


def _mean_of(key: str) -> One:
    return lambda record: estimates.mean([item[key] for item in record.items], [item["row"] for item in record.items])


def _share_read(record: Record) -> Measured:
    rows = [item["row"] for item in record.items]
    return estimates.ratio([item["read"] for item in record.items], [item["words"] for item in record.items], rows)


def _of(unit: str, about: str, of: One) -> Measure:
    return Measure("readings", unit, False, about, of)


MEASURES: Mapping[str, Measure] = {
    **{f"{said}: P@{k}": _of(FRACTION, f"hits among the {k} best / {k}", _at(way, k)) for way, said in WAYS.items() for k in DEPTHS},
    **{
        f"{WAYS[one]} minus {WAYS[other]}: P@{k}": _of(DIFFERENCE, "of the same documents", _difference(one, other, k))
        for one, other in PAIRS
        for k in DEPTHS
    },
    "words": _of("words", "mean of the words of a document", _mean_of("words")),
    "words in the first window": _of("words", "mean of the words that the model reads by itself", _mean_of("read")),
    "share of words in the first window": _of(FRACTION, "words of all first windows / words of all documents", _share_read),
    "windows": _of("windows", "mean of windows of a document", _mean_of("windows")),
}
