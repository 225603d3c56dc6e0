"""Figures of documents, clean and attacked, and of explanations before and after training."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from core.evidence import estimates
from core.evidence.estimates import Measured
from core.evidence.measures.base import DIFFERENCE, FRACTION, Contrast, Measure, One, Two
from core.evidence.records import Item, Record

DEPTHS = (1, 3, 5)
SIDES = ("clean", "attacked")


def _hits(item: Item, side: str, k: int) -> int:
    return str(item[side])[:k].count("1")


def _precision(side: str, k: int) -> One:
    return lambda record: estimates.mean([_hits(item, side, k) / k for item in record.items], [item["row"] for item in record.items])


def _recall(side: str, k: int) -> One:
    return lambda record: estimates.mean([_hits(item, side, k) / item["true"] for item in record.items], [item["row"] for item in record.items])


def _ndcg(side: str) -> One:
    def one(item: Item) -> float:
        discount = [1 / math.log2(i + 2) for i in range(5)]
        best = sum(discount[: min(5, item["true"])])
        return sum(weight for weight, hit in zip(discount, str(item[side]), strict=False) if hit == "1") / best

    return lambda record: estimates.mean([one(item) for item in record.items], [item["row"] for item in record.items])


def _lost(item: Item) -> int:
    """Clean minus attacked at k = 1."""
    return _hits(item, "clean", 1) - _hits(item, "attacked", 1)


def _of_items(value: Callable[[Item], float]) -> One:
    return lambda record: estimates.mean([value(item) for item in record.items], [item["row"] for item in record.items])


def _loss_rise(record: Record) -> Measured:
    rises = [(item["loss"][1] - item["loss"][0], item["row"]) for item in record.items if "loss" in item]
    return estimates.mean([rise for rise, _ in rises], [row for _, row in rises])


def _paired(value: Callable[[Item], float]) -> Two:
    """Of the documents that both records hold."""

    def found(first: Record, second: Record) -> Measured:
        other = {item["row"]: item for item in second.items}
        both = [item for item in first.items if item["row"] in other]
        return estimates.mean([value(item) - value(other[item["row"]]) for item in both], [item["row"] for item in both])

    return found


def _reduction(first: Record, second: Record) -> Measured:
    """(gap of the first - gap of the second) / gap of the first, on the documents of both."""
    other = {item["row"]: item for item in second.items}
    both = [item for item in first.items if item["row"] in other]
    return estimates.ratio([_lost(item) - _lost(other[item["row"]]) for item in both], [_lost(item) for item in both], [item["row"] for item in both])


def _agreement(method: str, other: str, key: str) -> One:
    def found(record: Record) -> Measured:
        chosen = [item for item in record.items if (item["method"], item["other"]) == (method, other) and item["tau"] is not None]
        values = [item["shared"] / item["top"] if key == "overlap" else item["tau"] for item in chosen]
        return estimates.mean(values, [item["row"] for item in chosen])

    return found


def _below_floor(method: str, other: str, floor: str) -> One:
    """How much less two weights' explanations overlap than the floor's do: of the same documents and labels."""

    def found(record: Record) -> Measured:
        by = {(item["row"], item["label"], item["other"]): item["shared"] / item["top"] for item in record.items if item["method"] == method}
        pairs = [(row, by[row, label, floor] - value) for (row, label, kind), value in by.items() if kind == other and (row, label, floor) in by]
        return estimates.mean([value for _, value in pairs], [row for row, _ in pairs])

    return found


def _of(attacked: bool, about: str, of: One, unit: str = FRACTION) -> Measure:
    return Measure("documents", unit, attacked, about, of)


def _predicted(about: str, of: One, unit: str = FRACTION) -> Measure:
    return Measure("predictions", unit, False, about, of)


def _training_time(record: Record) -> Measured:
    return estimates.counted(float(record.header.settings["training seconds"]), 1)


def _explained(about: str, of: One, unit: str = FRACTION) -> Measure:
    return Measure("explanations", unit, False, about, of)


MEASURES: Mapping[str, Measure] = {
    **{f"{side} P@{k}": _of(side == "attacked", f"hits among the {k} best / {k}", _precision(side, k)) for side in SIDES for k in DEPTHS},
    **{f"{side} R@{k}": _of(side == "attacked", f"hits among the {k} best / true labels", _recall(side, k)) for side in SIDES for k in DEPTHS},
    **{f"{side} nDCG@5": _of(side == "attacked", "discounted hits over the best possible", _ndcg(side)) for side in SIDES},
    **{f"P@{k}": _predicted(f"hits among the {k} best / {k}", _precision("hits", k)) for k in DEPTHS},
    **{f"R@{k}": _predicted(f"hits among the {k} best / true labels", _recall("hits", k)) for k in DEPTHS},
    "nDCG@5": _predicted("discounted hits over the best possible", _ndcg("hits")),
    "training time": _predicted("wall-clock seconds of training beside other work of the machine", _training_time, "s"),
    "gap of P@1": _of(True, "clean minus attacked P@1 of the same documents", _of_items(_lost), DIFFERENCE),
    "rise of the loss under attack": _of(True, "mean rise of the cross-entropy summed over labels", _loss_rise, "nats"),
    **{
        f"{method}: {key} of {other}": _explained(f"{key} of the top words with the explanation of {other}", _agreement(method, other, key))
        for method in ("lime", "shap")
        for other in ("robust", "control", "another seed")
        for key in ("overlap", "tau")
    },
    **{
        f"{method}: overlap lost, robust against {floor}": _explained(
            f"overlap with {floor} minus overlap with the robust model", _below_floor(method, "robust", floor), DIFFERENCE
        )
        for method in ("lime", "shap")
        for floor in ("control", "another seed")
    },
    "AOPC minus random": Measure(
        "attributions", "score", False, "loss of score by the top words minus by random words", _of_items(lambda item: item["aopc"] - item["random"])
    ),
    "completeness error": Measure(
        "attributions", FRACTION, False, "relative error of the sum of attributions", _of_items(lambda item: item["completeness"])
    ),
}


def _between(attacked: bool, of: Two, about: str = "of the same documents", unit: str = DIFFERENCE) -> Contrast:
    return Contrast("documents", unit, attacked, about, of)


CONTRASTS: Mapping[str, Contrast] = {
    "difference of clean P@1": _between(False, _paired(lambda item: _hits(item, "clean", 1))),
    "difference of attacked P@1": _between(True, _paired(lambda item: _hits(item, "attacked", 1))),
    "difference of gap": _between(True, _paired(_lost)),
    "reduction of the gap": _between(True, _reduction, "as a share of the first's gap, of the same documents", FRACTION),
}
