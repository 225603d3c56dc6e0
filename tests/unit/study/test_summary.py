"""What is said of saved records: rates, filters, both denominators, tables, curves. Every number is worked by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from core.study import tables
from core.study.campaigns import Campaign
from core.study.drawing import Bin
from core.study.plan import Plan
from core.study.records import Record
from core.study.settings import Request, Study
from core.study.summary import PAPER_FILTERS, Filter, by_bin, gap, query_area, row, summarise
from tests.unit.study.conftest import record, records

TAIL, HEAD = Bin("[1, 5)", 1, 5, 30, 20), Bin("5 and more", 5, None, 30, 20)


def campaign(saved: list[Record], name: str = "one", **study: object) -> Campaign:
    request = Request(Study("/somewhere/debtags-linear", **study))  # type: ignore[arg-type] # by name
    return Campaign(Path("runs") / name, request, Plan((), (TAIL, HEAD), ()), saved, "debtags", "0" * 16)


def test_means_are_over_successes_and_the_papers_over_all() -> None:
    saved = [
        record("a", change_rate=0.02, similarity=0.98, similarity_angular=0.8, queries=50, changed_words=1),
        record("b", change_rate=0.06, similarity=0.90, similarity_angular=0.6, queries=150, changed_words=3),
        record("c", success=False, change_rate=0.10, queries=900),
        record("d", success=False, reason="exhausted"),
        record("e", success=False, reason="refused"),
        {"pair": "f", "bin": "[1, 5)", "reason": "error", "success": False, "note": "", "count": 3},
    ]
    found = row("all", saved)
    assert (found.n, found.success, found.refused, found.errors, found.exhausted) == (4, 2, 1, 1, 1)
    assert (found.rate.value, found.rate_without_exhausted.value) == (0.5, pytest.approx(2 / 3))
    assert (found.change_rate, found.similarity, found.queries, found.changed_words) == (0.04, pytest.approx(0.94), 100, 2)
    assert found.paper_similarity == pytest.approx((0.8 + 0.6) / 4)


def test_nothing_attempted_is_no_rate() -> None:
    found = row("all", [record("a", success=False, reason="refused")]).to_json()
    assert (found["n"], found["rate"], found["similarity"]) == (0, None, None)
    json.dumps(found, allow_nan=False)


class TestFilter:
    EDGE = record("edge", change_rate=0.1, counted_change_rate=0.05, similarity=0.8, similarity_angular=0.357)

    def test_limits_are_sharp(self) -> None:
        assert Filter(0.1).passes(self.EDGE) and not Filter(0.1, strict=True).passes(self.EDGE)
        assert not Filter(similarity=0.8).passes(self.EDGE) and Filter(similarity=0.79).passes(self.EDGE)
        assert not Filter(similarity=0.79, kind="angular").passes(self.EDGE)

    def test_the_released_code_counts_fewer_changes(self) -> None:
        assert Filter(0.05, counted=True).passes(self.EDGE) and not Filter(0.05).passes(self.EDGE)

    def test_a_failure_never_passes(self) -> None:
        assert not Filter().passes({**self.EDGE, "success": False})

    def test_the_papers_filters_differ_as_its_scripts_do(self) -> None:
        at_limit = record("x", counted_change_rate=0.1, similarity=0.9, similarity_angular=1 - math.acos(0.9))
        assert [chosen.passes(at_limit) for chosen in PAPER_FILTERS.values()] == [False, True, False, True]


def test_bins_are_the_plans_also_where_nothing_is_recorded_yet() -> None:
    found = by_bin(records(3, 4, TAIL.name), (TAIL, HEAD))
    assert [(one.bin, one.success, one.n) for one in found] == [("[1, 5)", 3, 4), ("5 and more", 0, 0)]


class TestGap:
    def test_the_tail_against_the_head(self) -> None:
        saved = [*records(14, 20, TAIL.name), *records(8, 20, HEAD.name, first=100)]
        found = gap(saved, (TAIL, HEAD))
        assert found is not None
        assert (found.tail, found.head, found.tail_n, found.head_n) == ("[1, 5)", "5 and more", 20, 20)
        assert found.plain.value == found.by_document.value == pytest.approx(0.3)
        assert found.rank.value == pytest.approx(0.3)  # all start at rank 1: one stratum

    def test_matched_on_start_rank_only_equals_are_compared(self) -> None:
        """Tail pairs start low and fall, head pairs start high and stay; where both start at rank 3 they fare alike."""
        saved = [
            *records(10, 10, TAIL.name, start_rank=5), *records(5, 10, TAIL.name, first=20, start_rank=3),
            *records(0, 10, HEAD.name, first=40, start_rank=1), *records(5, 10, HEAD.name, first=60, start_rank=3),
        ]  # fmt: skip
        found = gap(saved, (TAIL, HEAD))
        assert found is not None
        assert (found.plain.value, found.rank.value) == (pytest.approx(0.5), pytest.approx(0))
        assert found.rank_pairs == 20  # those that start at rank 3

    def test_one_bin_has_no_gap(self) -> None:
        assert gap(records(3, 4, TAIL.name), (TAIL, HEAD)) is None

    def test_non_targeted_attacks_have_no_start_to_match(self) -> None:
        saved = [*records(3, 4, TAIL.name, start_rank=None, margin=None), *records(1, 4, HEAD.name, first=9, start_rank=None, margin=None)]
        found = gap(saved, (TAIL, HEAD))
        assert found is not None and found.plain.value == pytest.approx(0.5)
        assert math.isnan(found.rank.value) and found.to_json()["margin"] == {"value": None, "low": None, "high": None}


def test_the_summary_is_json_also_of_nothing() -> None:
    for saved in ([], records(2, 3, TAIL.name)):
        found = summarise(saved, (TAIL, HEAD), Request(Study()).to_json())
        json.dumps(found, allow_nan=False)
        assert (found["goal"], found["all"]["n"]) == ("positive-targeted", len(saved))


def test_query_area_at_one_horizon() -> None:
    saved = [record("a", queries=50), record("b", queries=100), record("c", success=False, queries=200)]
    assert query_area(saved) == pytest.approx((0.75 + 0.5) / 3)
    assert query_area(saved, 100) == pytest.approx(0.5 / 3)


class TestTables:
    def test_table_3_has_our_positive_studies_and_the_papers_rows(self) -> None:
        ours = campaign([record("a"), record("b", change_rate=0.2), record("c", success=False)])
        other = campaign([record("a")], "two", goal="negative-targeted")
        found = tables.table_3([ours, other])
        assert [one["study"] for one in found] == ["one", "", "", "", ""]
        first = found[0]
        assert (first["model"], first["data"], first["n"], first["success %"]) == ("debtags-linear", "debtags", 3, 33.33)  # b is past 10 %
        assert [one["success %"] for one in found[1:]] == [89.94, 85.12, 96.66, 84.40]
        assert {one["source"] for one in found[1:]} == {tables.PAPER}

    def test_table_5_says_whether_clusters_were_used(self) -> None:
        found = tables.table_5([campaign([record("a")], str(i), goal="negative-targeted", targets=t) for i, t in enumerate(("naive", "cluster"))])
        assert [(one["study"], one["clusters"]) for one in found[:2]] == [("0", "no"), ("1", "yes")]
        assert len(found) == 10 and list(found[0])[:4] == ["source", "model", "data", "clusters"]

    def test_figure_2_stands_at_the_geometric_mean_of_counts(self) -> None:
        saved = [record("a", count=1), record("b", count=4, success=False), record("c", HEAD.name, count=100)]
        (found,) = tables.figure_2([campaign(saved)])
        assert found.x == (pytest.approx(2.0), pytest.approx(100.0))
        assert found.y == (0.5, 1.0) and found.notes == ("[1, 5): 1 of 2", "5 and more: 1 of 1")
        assert all(low <= y <= high for low, y, high in zip(found.low, found.y, found.high, strict=True))

    def test_figure_2_of_nothing(self) -> None:
        assert tables.figure_2([campaign([])])[0].x == ()
        assert tables.anytime([campaign([])], "queries")[0].y == (0.0,)

    def test_anytime_is_a_staircase(self) -> None:
        saved = [record("a", queries=30), record("b", queries=10), record("c", success=False, queries=80), record("d", reason="refused")]
        (found,) = tables.anytime([campaign(saved)], "queries")
        assert list(zip(found.x, found.y, strict=True)) == [
            (0, 0),
            (10, pytest.approx(1 / 3)),
            (30, pytest.approx(2 / 3)),
            (80, pytest.approx(2 / 3)),
        ]

    def test_transfer(self) -> None:
        one, two = campaign([record("a")]), campaign([record("b", success=False)], "two")
        read = [{"to": "debtags-mach", "share": 0.25, "eligible": 8, "transferred": 2}]
        found = tables.transfer_matrix([one, two], [read, []])
        assert found.checkpoints == ("debtags-linear", "debtags-mach")
        assert found.share == ((1.0, 0.25), (1.0, None)) and found.texts == ((1, 8), (0, 0))

    def test_fragility(self) -> None:
        """a: 1 and 3 words; b: lost once of three, so not by half of the attacks; c is another goal's."""
        goal = {"goal": "positive-targeted"}
        saved = [
            record("1", label="a", changed_words=1, **goal), record("2", label="a", changed_words=3, **goal),
            record("3", label="b", changed_words=1, **goal), *(record(f"b{i}", label="b", success=False, **goal) for i in range(2)),
            record("4", label="c", goal="negative-targeted"),
        ]  # fmt: skip
        found = tables.fragility(saved)
        assert [(one.label, one.attacks, one.lost, one.median_words) for one in found] == [("a", 2, 2, 2.0), ("b", 3, 1, math.inf)]

    def test_one_attack_of_one_stands_behind_many(self) -> None:
        """9 of 10 (at least 59.6 %), 3 of 4 (30.1 %) and 1 of 1 (20.7 %); two checkpoints' attacks on one label are not added up."""
        goal = {"goal": "positive-targeted", "changed_words": 1}
        many = [record(f"m{i}", label="often", success=i < 9, checkpoint="debtags-linear", **goal) for i in range(10)]
        some = [record(f"s{i}", label="once", success=i < 3, checkpoint="debtags-mach", **goal) for i in range(4)]
        found = tables.fragility([record("1", label="once", checkpoint="debtags-linear", **goal), *some, *many])
        assert [(one.label, one.checkpoint, one.lost, one.attacks) for one in found] == [
            ("often", "debtags-linear", 9, 10), ("once", "debtags-mach", 3, 4), ("once", "debtags-linear", 1, 1),
        ]  # fmt: skip
        assert [round(one.share.low, 3) for one in found] == [0.596, 0.301, 0.207]
