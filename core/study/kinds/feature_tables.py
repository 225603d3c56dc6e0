"""Studies of feature vectors as tables and as a figure's points: pure functions of records."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from core.attacks.features.steps import REALISM_LEVELS, RealismLevel
from core.study.kinds.feature_campaigns import FeatureCampaign
from core.study.kinds.features import AT
from core.study.records import Record, attempts
from core.study.tables import Series

OUTCOMES = {"refused": "refused", "error": "error", "reached": "success"}
ROW = (
    "document", "name", "outcome", "label", "rank", "queries", "length", "L2 / length",
    *(f"{name}{what}" for name in REALISM_LEVELS for what in ("", ": L2", ": features")),
)  # fmt: skip
"""Columns of a table of records."""
HEAD = "figure / study"
"""First column of the table with a column a study."""


def side_by_side(shown: Sequence[FeatureCampaign]) -> list[dict[str, str]]:
    """A row a figure, a column a study: what was asked, success with Wilson's interval at each level, medians, P@k and R@k."""
    columns = {one.name: _column(one) for one in shown}
    names = list(next(iter(columns.values()), {}))
    return [{HEAD: name, **{study: column[name] for study, column in columns.items()}} for name in names]


def _column(one: FeatureCampaign) -> dict[str, str]:
    found = one.figures
    asked = {
        "attack": one.recipe, "checkpoint": one.checkpoint, "digest of its weights": one.digest or "not recorded",
        "data": f"{one.data or one.study.dataset}, {one.study.split}", "goal": one.goal, "documents": f"{found['documents']:,}",
        "attempted": f"{found['attempted']:,}", "refused": f"{found['documents'] - found['attempted']:,}",
    }  # fmt: skip
    levels = {f"success, {name}": _success(found["levels"][name], found["attempted"]) for name in REALISM_LEVELS}
    medians = {f"median distance, {name}": _distance(found["levels"][name]) for name in REALISM_LEVELS}
    queries = {"median queries": "–" if found["queries"] is None else f"{found['queries']:,.0f}"}
    names = [f"{measure}@{k}" for measure in ("P", "R") for k in AT]
    metrics = {f"{name} % before → after": f"{found['before'][name]:.1f} → {found['after'][name]:.1f}" for name in names}
    return {**asked, **levels, **medians, **queries, **metrics}


def _success(level: dict[str, Any], attempted: int) -> str:
    """'11 of 12, 91.7 % [64.6, 98.5]'"""
    if not attempted or not level["applies"]:
        return "does not apply" if attempted else "–"
    share, low, high = (100 * value for value in (level["success"] / attempted, level["low"], level["high"]))
    return f"{level['success']:,} of {attempted:,}, {share:.1f} % [{low:.1f}, {high:.1f}]"


def _distance(level: dict[str, Any]) -> str:
    """'L2 2.26, 48 features' of medians or of one vector."""
    return "–" if level["l2"] is None else f"L2 {level['l2']:.3g}, {level['l0']:,.4g} features"


def summary_row(one: FeatureCampaign) -> dict[str, Any]:
    """The same as numbers, a row a study: percent with two digits; None where there is nothing to say."""
    found, study = one.figures, one.study
    row: dict[str, Any] = {
        "study": one.name, "attack": one.recipe, "checkpoint": one.checkpoint, "digest": one.digest, "data": one.data or study.dataset,
        "data digest": one.data_digest, "split": study.split, "goal": study.goal, "k": study.k, "documents": found["documents"],
        "attempted": found["attempted"], "refused": found["documents"] - found["attempted"], "median queries": found["queries"],
    }  # fmt: skip
    for name in REALISM_LEVELS:
        level = found["levels"][name]
        applies = bool(found["attempted"]) and level["applies"]
        row[f"{name}: successes"] = level["success"] if applies else None
        for key, value in {"%": level["success"] / max(found["attempted"], 1), "low %": level["low"], "high %": level["high"]}.items():
            row[f"{name}: {key}"] = round(100 * value, 2) if applies else None
        row |= {f"{name}: median {title}": level[key] for title, key in (("L2", "l2"), ("features", "l0"), ("largest change", "linf"))}
    for when in ("before", "after"):
        row |= {f"{name} % {when}": round(value, 2) for name, value in found[when].items()}
    return row


def record_row(record: Record) -> dict[str, Any]:
    """One document of a study: how far each level lies, in units of the features; the length of the document beside it."""
    labels = bool(record.get("labels"))
    size = length(record)
    found = {each["level"]: each for each in record["levels"]}
    nearest = found["continuous"]["distance"] if "continuous" in found else None
    row: dict[str, Any] = {
        "document": record["row"] + 1, "name": record["document"], "outcome": OUTCOMES.get(record["reason"], "failed"),
        "label": record.get("label") or "", "rank": f"{record['rank_before'][0]} → {record['rank_after'][0]}" if labels else "",
        "queries": record["queries"], "length": None if size is None else round(size, 4),
        "L2 / length": None if size is None or nearest is None else round(nearest["l2"] / size, 4),
    }  # fmt: skip
    for name in REALISM_LEVELS:
        level = found.get(name)
        distance = None if level is None else level["distance"]
        row[name] = "" if level is None else {True: "reached", False: "not reached", None: "does not apply"}[level["reached"]]
        row[f"{name}: L2"] = None if distance is None else round(distance["l2"], 4)
        row[f"{name}: features"] = None if distance is None else distance["l0"]
    return row


def record_cells(record: Record) -> dict[str, Any]:
    """The same in few columns, for a screen: a level in one cell."""
    row, found = record_row(record), {each["level"]: each for each in record["levels"]}
    head = ("document", "outcome", "label", "rank", "queries", "L2 / length")
    return {**{name: row[name] for name in head}, **{name: _cell(found.get(name), row[name]) for name in REALISM_LEVELS}}


def _cell(level: dict[str, Any] | None, state: str) -> str:
    """'L2 2.18, 40 features' where the goal is reached, else why not."""
    return _distance(level["distance"]) if level is not None and level["reached"] else state


def length(record: Record) -> float | None:
    """The Euclidean length of the document; None where the record does not hold its values."""
    values = [value for _, _, value in record.get("vector", ())]
    return math.sqrt(sum(value * value for value in values)) if values else None


def same_documents(shown: Sequence[FeatureCampaign]) -> bool:
    """Whether studies attacked the very same documents so far, so that their figures can be compared row by row."""
    return len({(one.data_digest, one.study.split, frozenset(record["row"] for record in one.records)) for one in shown}) <= 1


def within(shown: Sequence[FeatureCampaign], level: RealismLevel) -> list[Series]:
    """The share of a study's attempts that had reached the goal at a level within a distance, as a share of the document's length: a
    staircase from (0, 0). A study whose records do not hold the documents' values has no points."""
    return [_within(one, level) for one in shown]


def _within(one: FeatureCampaign, level: RealismLevel) -> Series:
    made = attempts(one.records)
    far: list[float] = []
    for record in made:
        size = length(record)
        if size is None:
            return Series(one.name, (), (), (), (), ())
        far += [each["distance"]["l2"] / size for each in record["levels"] if each["level"] == level and each["reached"]]
    if not made:
        return Series(one.name, (), (), (), (), ())
    x = (0.0, *sorted(far))
    y = tuple(number / len(made) for number in range(len(x)))
    return Series(one.name, x, y, y, y, tuple(f"{number} of {len(made)}" for number in range(len(x))))
