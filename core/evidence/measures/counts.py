"""Figures of costs, of synonym copies, of label spaces and of label clusters: most of them counted, not estimated."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from core.evidence import estimates
from core.evidence.estimates import NOTHING, Measured
from core.evidence.measures.base import FRACTION, Measure, One
from core.evidence.records import Item, Record

MEMORY = ("weights", "output layer")
RARE = 20
"""Labels trained on fewer documents are rare."""
METHODS = ("mach", "dense")
COSTS = ("weights", "output layer", "scores of all labels", "scores of five labels", "top-5", "attack step", "explanation")
"""What is timed; "weights" and "output layer" are memory, of all and of what stands for labels."""
STATISTICS = (
    ("training documents", "documents"), ("test documents", "documents"), ("labels", "labels"), ("features", "features"),
    ("documents a label", "documents"), ("labels a document", "labels"), ("label density", FRACTION),
)  # fmt: skip


def _exponent(method: str, what: str, key: str) -> One:
    def found(record: Record) -> Measured:
        items = [item for item in record.items if (item["method"], item["what"]) == (method, what)]
        x = np.log([float(item["labels"]) for item in items])
        y = np.log([float(item[key]) for item in items])
        return estimates.slope(np.asarray(x), np.asarray(y))

    return found


def _slower(what: str) -> One:
    """The dense side's exponent minus MACH's; the half widths of the two intervals add up in squares."""

    def found(record: Record) -> Measured:
        key = "bytes" if what in MEMORY else "seconds"
        dense, mach = (_exponent(method, what, key)(record) for method in ("dense", "mach"))
        half = math.hypot(dense.high - dense.value, mach.high - mach.value)
        value = dense.value - mach.value
        return Measured(value, value - half, value + half, dense.n + mach.n)

    return found


def _largest_memory(method: str) -> One:
    def found(record: Record) -> Measured:
        items = [item for item in record.items if item["method"] == method and item["what"] == "weights"]
        most = max(items, key=lambda item: item["labels"], default=None)
        return NOTHING if most is None else estimates.counted(most["bytes"] / 1e6, 1)

    return found


def _copies(record: Record) -> list[Item]:
    return [item for item in record.items if "changed" in item]


def _growth(record: Record) -> Measured:
    new = {word for item in _copies(record) for word in item["new"]}
    return estimates.counted(len(new) / record.header.settings["vocabulary"], len(_copies(record)))


def _vocabulary(copies: bool) -> One:
    def found(record: Record) -> Measured:
        new = {word for item in _copies(record) for word in item["new"]} if copies else set()
        return estimates.counted(record.header.settings["vocabulary"] + len(new), len(_copies(record)))

    return found


def _kept(record: Record) -> Measured:
    tried = [item for item in _copies(record) if item["changed"]]
    return estimates.share(sum(item["kept"] for item in tried), len(tried))


def _divergence(of: str) -> One:
    def found(record: Record) -> Measured:
        marginals = next((item for item in record.items if item["id"] == of), None)
        if marginals is None:
            return NOTHING
        before, after = (np.asarray(marginals[side], dtype=np.float64) for side in ("before", "after"))
        p, q = (before + 1) / (before + 1).sum(), (after + 1) / (after + 1).sum()
        return estimates.counted(float((p * np.log(p / q)).sum()), int(after.sum()))

    return found


def _setting(name: str) -> One:
    return lambda record: estimates.counted(float(record.header.settings[name]), 1) if name in record.header.settings else NOTHING


def _rare(record: Record) -> Measured:
    few = sum(item["labels"] for item in record.items if 0 < item["count"] < RARE)
    return estimates.counted(few / sum(item["labels"] for item in record.items if item["count"]), len(record.items))


def _cluster_size(record: Record) -> Measured:
    sizes = [len(item["labels"]) for item in record.items]
    return estimates.counted(float(np.mean(sizes)), len(sizes)) if sizes else NOTHING


def _changed(record: Record) -> Measured:
    copies = _copies(record)
    return estimates.mean([item["changed"] for item in copies], [item["row"] for item in copies])


def _copy(unit: str, about: str, of: One) -> Measure:
    return Measure("copies", unit, False, about, of)


MEASURES: Mapping[str, Measure] = {
    **{
        f"{method}: exponent of {what}": Measure(
            "costs", "exponent", False, f"slope of log {what} on log L", _exponent(method, what, "bytes" if what in MEMORY else "seconds")
        )
        for method in METHODS
        for what in COSTS
    },
    **{f"dense minus mach: exponent of {what}": Measure("costs", "exponent", False, "how much slower MACH grows", _slower(what)) for what in COSTS},
    **{f"{one}: largest weights": Measure("costs", "MB", False, "weights and tables at the largest L", _largest_memory(one)) for one in METHODS},
    "vocabulary": _copy("words", "words of the training documents", _vocabulary(False)),
    "vocabulary with copies": _copy("words", "words of documents and copies", _vocabulary(True)),
    "vocabulary growth": _copy(FRACTION, "new words of copies / vocabulary", _growth),
    "words changed": _copy("words", "mean of changed words over all documents", _changed),
    "label consistency": _copy(FRACTION, "copies of which the clean model's top labels stay", _kept),
    "KL, true labels": _copy(FRACTION, "KL of label marginals, documents against kept copies, one added to each count", _divergence("true labels")),
    "KL, predicted labels": _copy(FRACTION, "the same of the clean model's top labels", _divergence("predicted labels")),
    **{name: Measure("labels", unit, False, name, _setting(name)) for name, unit in STATISTICS},
    "rare labels": Measure("labels", FRACTION, False, "labels trained on 1 to 19 documents / labels trained on any", _rare),
    "cluster size": Measure("clusters", "labels", False, "mean number of labels in a cluster", _cluster_size),
}
