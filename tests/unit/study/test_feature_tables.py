"""Studies of feature vectors as tables and as points of a figure, worked out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.study.kinds.feature_campaigns import FeatureCampaign
from core.study.kinds.feature_tables import HEAD, record_cells, record_row, same_documents, side_by_side, summary_row, within
from core.study.kinds.features import FeatureStudy
from core.study.tables import Series


def _record(row: int, l2: float | None, text: bool | None = None, size: float = 2.0) -> dict[str, Any]:
    """A document of length `size`; None: refused."""
    own: dict[str, Any] = {"pair": str(row), "row": row, "document": f"d{row}", "true": ["a"], "first": ["a", "b"], "first_after": ["b", "a"]}
    if l2 is None:
        return {**own, "reason": "refused", "success": False, "queries": 0, "levels": [], "first_after": ["a", "b"]}
    distance = {"l2": l2, "l0": 2, "linf": 1.0}
    levels = [
        {"level": "continuous", "reached": True, "distance": distance}, {"level": "feasible", "reached": False, "distance": None},
        {"level": "text", "reached": text, "distance": distance if text else None},
    ]  # fmt: skip
    won = {"reason": "reached", "success": True, "queries": 10 * row, "levels": levels, "vector": [[0, "x", size * 0.6], [3, "y", size * 0.8]]}
    return {**own, **won, "label": "a", "labels": ["a"], "rank_before": [1], "rank_after": [2]}


def campaign(name: str, *found: dict[str, Any]) -> FeatureCampaign:
    return FeatureCampaign(Path("runs") / name, name, FeatureStudy(k=1), "zoo", {}, "aa", "bibtex", "bb", list(found))


def test_points_by_hand() -> None:
    """Lengths 2, 2 and 4, moved by 1.0, 0.5 and 3.0: 0.5, 0.25 and 0.75 of the length. One that is refused is no attempt."""
    one = campaign("one", _record(1, 1.0), _record(2, 0.5, True), _record(3, 3.0, size=4.0), _record(4, None))
    assert within([one], "continuous") == [
        Series("one", (0.0, 0.25, 0.5, 0.75), *[pytest.approx((0, 1 / 3, 2 / 3, 1))] * 3, ("0 of 3", "1 of 3", "2 of 3", "3 of 3"))
    ]  # fmt: skip
    (text,) = within([one], "text")
    assert (text.x, text.notes) == ((0.0, 0.25), ("0 of 3", "1 of 3"))
    old = _record(1, 1.0)
    del old["vector"]
    assert within([campaign("old", old)], "continuous")[0].x == ()


def test_side_by_side_by_hand() -> None:
    """2 of 2 attempts: Wilson's interval ends at 1 and begins at 2 / (2 + z^2) = 34.2 %. P@1: both attempts lose their label, the refused one
    keeps it: 100 -> 33.3."""
    one, two = campaign("one", _record(1, 1.0), _record(2, 0.5), _record(4, None)), campaign("two", _record(1, 1.0))
    rows = {row[HEAD]: (row["one"], row["two"]) for row in side_by_side([one, two])}
    assert rows["success, continuous"] == ("2 of 2, 100.0 % [34.2, 100.0]", "1 of 1, 100.0 % [20.7, 100.0]")
    assert rows["success, feasible"][0] == "0 of 2, 0.0 % [0.0, 65.8]" and rows["success, text"][0] == "does not apply"
    assert rows["median distance, continuous"][0] == "L2 0.75, 2 features" and rows["median distance, feasible"][0] == "–"
    assert [rows[name][0] for name in ("documents", "attempted", "refused", "median queries")] == ["3", "2", "1", "15"]
    assert rows["P@1 % before → after"][0] == "100.0 → 33.3" and rows["R@3 % before → after"][0] == "100.0 → 100.0"
    assert rows["goal"][0] == "Push a label out (positive-targeted), k = 1"
    row = summary_row(one)
    assert (row["continuous: successes"], row["continuous: low %"], row["text: successes"], row["P@1 % after"]) == (2, 34.24, None, 33.33)
    assert not same_documents([one, two]) and same_documents([one, one])


def test_a_record_as_a_row() -> None:
    row = record_row(_record(4, 1.0, True))
    assert (row["document"], row["outcome"], row["rank"], row["length"], row["L2 / length"]) == (5, "success", "1 → 2", 2.0, 0.5)
    assert (row["feasible"], row["feasible: L2"], row["text"], row["text: features"]) == ("not reached", None, "reached", 2)
    cells = record_cells(_record(4, 1.0, True))
    assert (cells["continuous"], cells["feasible"], cells["text"]) == ("L2 1, 2 features", "not reached", "L2 1, 2 features")
    assert record_cells(_record(4, 1.0))["text"] == "does not apply" and record_cells(_record(4, None))["text"] == ""
    refused = record_row(_record(4, None))
    assert (refused["outcome"], refused["rank"], refused["length"], refused["continuous: L2"]) == ("refused", "", None, None)
